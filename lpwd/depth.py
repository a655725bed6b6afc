"""Decay rates of layers by depth: lambda_i from a rule or from a profile of multipliers, shallow to deep."""

import random
from collections.abc import Sequence
from typing import Literal, get_args

from lpwd.errors import ConfigError

LayerRule = Literal["2i/n", "2i/(n+1)", "2(i-1)/(n-1)"]
LayerOrder = Literal["deep", "reversed", "shuffled"]

LAYER_RULES: tuple[LayerRule, ...] = get_args(LayerRule)
LAYER_ORDERS: tuple[LayerOrder, ...] = get_args(LayerOrder)
MAX_PROFILE = 64  # multipliers


def layer_rates(
    layer_count: int, weight_decay: float, rule: LayerRule = "2i/n", order: LayerOrder = "deep"
) -> list[float]:
    """Return lambda_i of eq. (9) for i = 1..n, dimensionless; the maximum is 2 lambda as in section 4 of the paper.

    `"2i/n"` is the paper's literal rule (mean lambda (n+1)/n), `"2i/(n+1)"` has mean exactly lambda, and
    `"2(i-1)/(n-1)"` has mean lambda and maximum 2 lambda. A single layer gets lambda under the last two rules. The
    order is the paper's (`"deep"`: deep layers decay most), `"reversed"`, or `"shuffled"`: `shuffled_layers`.
    """
    n = layer_count
    if n < 1:
        raise ValueError(f"layer_count is {n}: it must be at least 1")
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
    """Return, for each of n layers from shallow to deep, the place in 1..n whose rate it gets."""
    return {"deep": [*range(1, n + 1)], "reversed": [*range(n, 0, -1)], "shuffled": shuffled_layers(n)}[order]


def profile_rates(
    layer_count: int,
    weight_decay: float,
    profile: Sequence[float],
    order: LayerOrder = "deep",
    *,
    rescaled: bool = True,
) -> list[float]:
    """Return lambda_i for i = 1..n, interpolated from equally spaced multipliers of lambda, shallow to deep.

    Layer i of n lies at (i - 1) / (n - 1) of the way from the first multiplier to the last, with linear interpolation;
    a single layer gets the first. If `rescaled`, one factor makes the mean over layers lambda, so that a single layer
    gets lambda; otherwise the multipliers are used unchanged. Raises ConfigError for an invalid profile, and ValueError
    if every layer gets the rate 0.
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
        raise ValueError(f"profile gives all {n} layers the rate 0: at least one rate must be greater than 0")
    if not rescaled:
        return [weight_decay * value for value in values]
    return [weight_decay * n * value / total for value in values] if n > 1 else [weight_decay] * n


def check_profile(profile: Sequence[float]) -> None:
    """Raise ConfigError if a profile is empty, too long, all zeros, or has a negative or infinite multiplier."""
    if not 1 <= len(profile) <= MAX_PROFILE:
        raise ConfigError.of("profile", f"has {len(profile)} multipliers: it must have 1 to {MAX_PROFILE}")
    if bad := [value for value in profile if not 0 <= value <= 1e6]:
        raise ConfigError.of("profile", f"contains {bad[0]}: a multiplier must be at least 0 and at most a million")
    if not any(profile):
        raise ConfigError.of("profile", "is all zeros: at least one multiplier must be greater than 0")


def shuffled_layers(n: int) -> list[int]:
    """Return a fixed permutation of 1..n: of a hundred drawn with the seed n, the one least correlated with depth.

    It depends only on n, on every machine and Python version (Python guarantees that `Random.random` is stable).
    """
    generator = random.Random(n)  # noqa: S311  to be the same everywhere, not secret
    permutations = [sorted(range(1, n + 1), key=lambda _: generator.random()) for _ in range(100)]
    uncorrelated = n * (n + 1) ** 2 / 4  # the sum of i times place that independence of the two would give
    return min(permutations, key=lambda places: abs(sum(i * p for i, p in enumerate(places, 1)) - uncorrelated))
