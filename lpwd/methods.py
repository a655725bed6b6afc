"""Timing x rates: every decay method is one choice of when the decay acts and one of which rate each layer gets.

Notation: c = eta * lambda_i is the decay fraction of a parameter in layer i, U the optimizer's update direction and
D the shrink theta <- (1 - c) theta. Equation and algorithm numbers are those of *Layer-wise Pre-weight Decay*.
"""

import random
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

Timing = Literal["none", "l2", "wd", "rwd", "pwd", "cautious", "adams", "l2sp", "adamh"]
Rates = Literal["none", "uniform", "layerwise", "lr_decay", "lr_squared"]
LayerRule = Literal["2i/n", "2i/(n+1)", "2(i-1)/(n-1)"]
LayerOrder = Literal["deep", "reversed", "shuffled"]
Mean = Literal["layers", "parameters"]

TIMINGS: tuple[Timing, ...] = get_args(Timing)
LAYER_RULES: tuple[LayerRule, ...] = get_args(LayerRule)
LAYER_ORDERS: tuple[LayerOrder, ...] = get_args(LayerOrder)
MEANS: tuple[Mean, ...] = get_args(Mean)
LAYER_LR_DECAY = 0.75  # llrd: layer i of n learns with eta * 0.75^(n - i)


@dataclass(frozen=True)
class Method:
    """One row of the table: `timing` of the decay, `rates` over the layers, and where it comes from."""

    timing: Timing
    rates: Rates
    label: str
    source: str
    scale: float = 1.0  # multiplies lambda
    optimizers: tuple[str, ...] = ("adam", "sgd")
    order: LayerOrder = "deep"  # of layer-wise rates
    mean: Mean = "layers"  # what of layer-wise rates the rule's mean is: over layers, or exactly lambda over parameters


PAPER = "Layer-wise Pre-weight Decay"
METHODS: MappingProxyType[str, Method] = MappingProxyType(
    {
        "baseline": Method("none", "none", "Baseline", f"{PAPER}, Table 1"),
        "l2": Method("l2", "uniform", "L2", f"{PAPER}, Table 1"),
        "wd": Method("wd", "uniform", "WD", f"{PAPER}, eq. 1; AdamW, arXiv 1711.05101"),
        "rwd": Method("rwd", "uniform", "RWD", f"{PAPER}, eq. 7"),
        "pwd": Method("pwd", "uniform", "PWD", f"{PAPER}, algorithm 2"),
        "lpwd": Method("pwd", "layerwise", "LPWD", f"{PAPER}, algorithm 3 and eq. 9"),
        "lwd": Method("wd", "layerwise", "LWD", "control: the layer rule without the timing"),
        "lrwd": Method("rwd", "layerwise", "LRWD", "control: the layer rule with eq. 7"),
        "lpwd_matched": Method(
            "pwd", "layerwise", "LPWD matched", "control: LPWD at WD's total decay", mean="parameters"
        ),
        "lpwd_reversed": Method(
            "pwd",
            "layerwise",
            "LPWD reversed",
            "control: shallow layers decay most, at WD's total decay",
            order="reversed",
            mean="parameters",
        ),
        "lpwd_shuffled": Method(
            "pwd",
            "layerwise",
            "LPWD shuffled",
            "control: layers in a fixed other order, at WD's total decay",
            order="shuffled",
            mean="parameters",
        ),
        "l2sp": Method("l2sp", "uniform", "L2-SP", "decay towards the starting weights, arXiv 1802.01483"),
        "adamh": Method("adamh", "none", "AdamH", "Hyperball: a fixed norm, arXiv 2606.16899", optimizers=("adam",)),
        "wd15": Method("wd", "uniform", "WD at 1.5λ", "control: WD at LPWD's parameter-weighted mean rate", scale=1.5),
        "cwd": Method("cautious", "uniform", "CWD", "Cautious Weight Decay, arXiv 2510.12402"),
        "adams": Method("adams", "uniform", "AdamS", "AdamS, arXiv 2011.11152", optimizers=("adam",)),
        "llrd": Method("wd", "lr_decay", "LLRD", "layer-wise learning-rate decay 0.75^(n-i), decay follows it"),
        "wdlr2": Method("wd", "lr_squared", "WD ∝ η²", "rival: decay proportional to the squared learning rate"),
    }
)


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
    places = {"deep": range(1, n + 1), "reversed": range(n, 0, -1), "shuffled": shuffled_layers(n)}[order]
    match rule:
        case "2i/n":
            return [weight_decay * 2 * i / n for i in places]
        case "2i/(n+1)":
            return [weight_decay * 2 * i / (n + 1) for i in places]
        case _:
            return [weight_decay * 2 * (i - 1) / (n - 1) if n > 1 else weight_decay for i in places]


def shuffled_layers(n: int) -> list[int]:
    """A fixed permutation of 1..n: of a hundred drawn with n as the seed, the one least correlated with depth.

    It depends on n alone, on every machine and Python version (`Random.random` is what Python guarantees to keep).
    """
    generator = random.Random(n)  # noqa: S311  to be the same everywhere, not secret
    permutations = [sorted(range(1, n + 1), key=lambda _: generator.random()) for _ in range(100)]
    uncorrelated = n * (n + 1) ** 2 / 4  # the sum of i times place that independence of the two would give
    return min(permutations, key=lambda places: abs(sum(i * p for i, p in enumerate(places, 1)) - uncorrelated))


def decay_rates(
    method: Method, layer_count: int, weight_decay: float, rule: LayerRule = "2i/n", order: LayerOrder = "deep"
) -> list[float]:
    """lambda_i of a method for i = 1..n, dimensionless; llrd and wdlr2 decay at lambda times a learning-rate factor."""
    match method.rates:
        case "none":
            return [0.0] * layer_count
        case "layerwise":
            return layer_rates(layer_count, weight_decay * method.scale, rule, order)
    return [weight_decay * method.scale] * layer_count


def order_and_mean(name: str, order: LayerOrder = "deep", mean: Mean = "layers") -> tuple[LayerOrder, Mean]:
    """What a method's layer-wise rates follow: the options, where they are not the default, or else its own row.

    Raises ValueError on an unknown value and on an order other than the one that the method stands for.
    """
    if order not in LAYER_ORDERS:
        raise ValueError(f"order is {order!r}: allowed are {', '.join(LAYER_ORDERS)}")
    if mean not in MEANS:
        raise ValueError(f"mean is {mean!r}: allowed are {', '.join(MEANS)}")
    row = get_method(name)
    if "deep" not in (row.order, order) and row.order != order:
        raise ValueError(f"order is {order}: method {name} has its own, {row.order}")
    return (row.order if order == "deep" else order), (row.mean if mean == "layers" else mean)


def get_method(name: str) -> Method:
    """The row of `METHODS` called `name`; a ValueError names the allowed ones."""
    if name not in METHODS:
        raise ValueError(f"method is {name!r}: allowed are {', '.join(METHODS)}")
    return METHODS[name]
