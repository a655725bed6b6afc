"""The rates of layers by their depth: lambda_i of a rule or of a profile of multipliers, from shallow to deep."""

import random
from collections.abc import Sequence
from typing import Literal, get_args

LayerRule = Literal["2i/n", "2i/(n+1)", "2(i-1)/(n-1)"]
LayerOrder = Literal["deep", "reversed", "shuffled"]

LAYER_RULES: tuple[LayerRule, ...] = get_args(LayerRule)
LAYER_ORDERS: tuple[LayerOrder, ...] = get_args(LayerOrder)
MAX_PROFILE = 64  # multipliers


def layer_rates(
    layer_count: int, weight_decay: float, rule: LayerRule = "2i/n", order: LayerOrder = "deep"
) -> list[float]:
    """Eq. (9): lambda_i for i = 1..n, dimensionless; the maximum is 2 lambda as section 4 of the paper sets it.

    `"2i/n"` is the paper's literal rule (mean lambda (n+1)/n), `"2i/(n+1)"` has mean exactly lambda, and
    `"2(i-1)/(n-1)"` has mean lambda and maximum 2 lambda. A single layer gets lambda under the last two rules. The
    order is the paper's (`"deep"`: deep layers decay most), `"reversed"`, or `"shuffled"`: `shuffled_layers`.
    """
    n = layer_count
    if n < 1:
        raise ValueError(f"layer_count is {n}: a model needs at least one layer")
    if rule not in LAYER_RULES:
        raise ValueError(f"rule is {rule!r}: allowed are {', '.join(LAYER_RULES)}")
    if order not in LAYER_ORDERS:
        raise ValueError(f"order is {order!r}: allowed are {', '.join(LAYER_ORDERS)}")
    places = layer_places(n, order)
    match rule:
        case "2i/n":
            return [weight_decay * 2 * i / n for i in places]
        case "2i/(n+1)":
            return [weight_decay * 2 * i / (n + 1) for i in places]
        case _:
            return [weight_decay * 2 * (i - 1) / (n - 1) if n > 1 else weight_decay for i in places]


def layer_places(n: int, order: LayerOrder = "deep") -> list[int]:
    """Return the place in 1..n whose rate each of n layers gets, shallow to deep."""
    return {"deep": [*range(1, n + 1)], "reversed": [*range(n, 0, -1)], "shuffled": shuffled_layers(n)}[order]


def profile_rates(
    layer_count: int,
    weight_decay: float,
    profile: Sequence[float],
    order: LayerOrder = "deep",
    *,
    rescaled: bool = True,
) -> list[float]:
    """lambda_i for i = 1..n from multipliers of lambda, shallow to deep, at equal distances.

    Layer i of n lies at (i - 1) / (n - 1) of the way from the first multiplier to the last, and between two of them
    the rate is linear; a single layer gets the first. `rescaled` by one factor, the mean over layers is lambda, so
    that a single layer gets lambda; else the multipliers stand as they are. Raises ValueError on a profile that
    `check_profile` refuses, and if it gives every layer the rate 0.
    """
    check_profile(profile)
    n, last = layer_count, len(profile) - 1
    values = []
    for place in layer_places(n, order):
        at = last * (place - 1) / (n - 1) if n > 1 else 0.0
        i = min(int(at), max(last - 1, 0))
        values.append(profile[i] + (at - i) * (profile[min(i + 1, last)] - profile[i]))
    total = sum(values)
    if n > 1 and total == 0:
        raise ValueError(f"profile gives each of the {n} layers the rate 0")
    if not rescaled:
        return [weight_decay * value for value in values]
    return [weight_decay * n * value / total for value in values] if n > 1 else [weight_decay] * n


def check_profile(profile: Sequence[float]) -> None:
    """Raise ValueError on a profile of no or too many multipliers, a negative or infinite one, or only zeros."""
    if not 1 <= len(profile) <= MAX_PROFILE:
        raise ValueError(f"profile has {len(profile)} multipliers: it must have 1 to {MAX_PROFILE}")
    if bad := [value for value in profile if not 0 <= value <= 1e6]:
        raise ValueError(f"profile holds {bad[0]}: a multiplier must be at least 0 and at most a million")
    if not any(profile):
        raise ValueError("profile is all zeros: at least one multiplier must be greater than 0")


def shuffled_layers(n: int) -> list[int]:
    """Return a fixed permutation of 1..n: the one least correlated with depth of a hundred drawn with the seed n.

    It depends on n alone, on every machine and Python version (`Random.random` is what Python guarantees to keep).
    """
    generator = random.Random(n)  # noqa: S311  to be the same everywhere, not secret
    permutations = [sorted(range(1, n + 1), key=lambda _: generator.random()) for _ in range(100)]
    uncorrelated = n * (n + 1) ** 2 / 4  # the sum of i times place that independence of the two would give
    return min(permutations, key=lambda places: abs(sum(i * p for i, p in enumerate(places, 1)) - uncorrelated))
