"""The table of decay methods. Each combines a timing (when the decay acts) with rates (how much each layer decays).

Notation: c = eta * lambda_i is the decay fraction of a parameter in layer i, U the optimizer's update direction and
D the shrink theta <- (1 - c) theta. Equation and algorithm numbers refer to *Layer-wise Pre-weight Decay*.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Literal, get_args

from lpwd.depth import LAYER_ORDERS, LayerOrder
from lpwd.errors import ConfigError
from lpwd.optimizers import OWN
from lpwd.registry import check_new_name

Timing = Literal["none", "l2", "wd", "rwd", "pwd", "cautious", "adams", "l2sp", "adamh", "spd", "soda"]
Rates = Literal["none", "uniform", "layerwise", "lr_decay", "lr_squared", "lr_squared_matrices"]
Mean = Literal["layers", "parameters", "drawn"]

RatesFunction = Callable[..., Sequence[float]]  # (layers, weight_decay) -> lambda_i: see `register_method`

TIMINGS: tuple[Timing, ...] = get_args(Timing)
MEANS: tuple[Mean, ...] = get_args(Mean)
DASHES = ("solid", "dot", "dash", "longdash", "dashdot", "longdashdot")  # Plotly's line styles
REFERENCES = {  # timing -> name of its formula, if different
    "none": "baseline",
    "l2sp": "L2SP",
    "adamh": "Hyperball",
    "spd": "SPD",
    "soda": "SODA",
}
NO_TOTAL_DECAY = ("adamh", "spd", "soda")  # timings that do not shrink weights by eta lambda per step
PLUGIN_COLORS = ("#1B7837", "#762A83", "#B35806", "#2166AC", "#C51B7D", "#4D4D4D")  # for methods without a color
LAYER_LR_DECAY = 0.75  # llrd: layer i of n learns with eta * 0.75^(n - i)


@dataclass(frozen=True)
class Method:
    """One row of METHODS: everything the project knows about a decay method. Raises ValueError for an invalid value.

    `timing` is when the decay acts. `rates` sets the rate of each layer: a name, or a function that is called before
    the first step and then again after each `every` steps. `source` says where the method comes from. Charts and
    tables use `label`, `color` (#RRGGBB, colour-blind safe, readable on white and on near-black), `dash` and `marker`
    (Plotly's names); `summary` explains the method in one line. `reference` names its plain formula as
    "module:function" (`lpwd.optim.reference`). `scale` multiplies lambda. `order` and `mean` configure layer-wise rates
    (`layer_rates`; whether lambda is the mean over layers or over parameters). In a race, a profile is given to the
    method with `own_profile` (`profile_rates`), which equals LPWD without one. `needs` is the only optimizer that the
    method works with, or "" if it works with all.
    """

    timing: Timing
    rates: Rates | RatesFunction
    label: str
    source: str
    summary: str = ""
    color: str = "#767676"
    dash: str = "solid"
    marker: str | None = None
    reference: str = ""
    scale: float = 1.0
    needs: str = ""
    order: LayerOrder = "deep"
    mean: Mean = "layers"
    every: int = 0
    own_profile: bool = False

    @property
    def optimizers(self) -> tuple[str, ...]:
        """Those of the project's own optimizers that the method works with."""
        return (self.needs,) if self.needs else OWN

    @property
    def has_total_decay(self) -> bool:
        """Whether the sum of eta lambda over the steps is the method's total decay."""
        return self.timing not in NO_TOTAL_DECAY

    @property
    def follows_squared_rate(self) -> bool:
        """Whether a decay is proportional to the square of the learning rate."""
        return self.rates in ("lr_squared", "lr_squared_matrices")

    @property
    def takes_profile(self) -> bool:
        """Whether `profile` can give the layers their rates."""
        return self.rates == "layerwise"

    def __post_init__(self) -> None:
        allowed = {"timing": TIMINGS, "rates": get_args(Rates), "order": LAYER_ORDERS, "mean": MEANS, "dash": DASHES}
        if callable(self.rates):
            allowed.pop("rates")
        elif self.every:
            raise self._error("every", "it needs a function of rates")
        if self.every < 0:
            raise self._error("every", "it must be at least 0 steps")
        for field, values in allowed.items():
            if getattr(self, field) not in values:
                raise self._error(field, f"allowed are {', '.join(values)}")
        if not re.fullmatch("#[0-9A-F]{6}", self.color):
            raise self._error("color", "it must look like #0072B2")
        if not re.fullmatch(r"([\w.]+:\w+)?", self.reference):
            raise self._error("reference", "it must look like module:function")

    def _error(self, field: str, allowed: str) -> ValueError:
        return ValueError(f"method {self.label!r}: {field} is {getattr(self, field)!r}: {allowed}")


def _row(timing: Timing, *columns: Any, **more: Any) -> Method:
    """Return a row of this project's own methods, whose formula is in lpwd.optim.reference."""
    row = Method(timing, *columns, **more)
    return replace(row, reference=f"lpwd.optim.reference:{REFERENCES.get(timing, timing)}")


PAPER = "Layer-wise Pre-weight Decay"
_METHODS: dict[str, Method] = {
    "baseline": _row("none", "none", "Baseline", f"{PAPER}, Table 1", "no decay at all", "#7F7F7F", "dot"),
    "l2": _row(
        "l2", "uniform", "L2", f"{PAPER}, Table 1", "λθ joins the gradient, and Adam rescales it", "#E69F00", "dash"
    ),
    "wd": _row(
        "wd",
        "uniform",
        "WD",
        f"{PAPER}, eq. 1; AdamW, arXiv 1711.05101",
        "AdamW: every layer shrinks alike, with the update",
        "#D55E00",
        "solid",
        "circle",
    ),
    "rwd": _row(
        "rwd",
        "uniform",
        "RWD",
        f"{PAPER}, eq. 7",
        "shrinks what the update gave; never away from 0",
        "#CC79A7",
        "dashdot",
    ),
    "pwd": _row("pwd", "uniform", "PWD", f"{PAPER}, algorithm 2", "shrinks before the forward pass", "#56B4E9", "dash"),
    "lpwd": _row(
        "pwd",
        "layerwise",
        "LPWD",
        f"{PAPER}, algorithm 3 and eq. 9",
        "PWD, and deep layers shrink more than shallow ones",
        "#0072B2",
        "solid",
        "square",
    ),
    "custom": _row(
        "pwd",
        "layerwise",
        "Custom",
        "the user's own profile of lambda over the layers",
        "LPWD’s timing with your own λ for each layer",
        "#7C5CFF",
        "longdashdot",
        "triangle-up",
        own_profile=True,
    ),
    "lwd": _row(
        "wd",
        "layerwise",
        "LWD",
        "control: the layer rule without the timing",
        "LPWD’s layers with WD’s timing: is it the timing?",
        "#009E73",
        "solid",
        "diamond",
    ),
    "lrwd": _row(
        "rwd",
        "layerwise",
        "LRWD",
        "control: the layer rule with eq. 7",
        "LPWD’s layers with RWD’s timing",
        "#009E73",
        "dot",
    ),
    "lpwd_matched": _row(
        "pwd",
        "layerwise",
        "LPWD matched",
        "control: LPWD at WD's total decay",
        "LPWD at WD’s total decay: is it only more decay?",
        "#0072B2",
        "dash",
        "pentagon",
        mean="parameters",
    ),
    "lpwd_reversed": _row(
        "pwd",
        "layerwise",
        "LPWD reversed",
        "control: shallow layers decay most, at WD's total decay",
        "shallow layers shrink more, at WD’s total decay",
        "#AA4499",
        "solid",
        "triangle-down",
        order="reversed",
        mean="parameters",
    ),
    "lpwd_shuffled": _row(
        "pwd",
        "layerwise",
        "LPWD shuffled",
        "control: layers in a fixed other order, at WD's total decay",
        "layers in no order of depth, at WD’s total decay",
        "#AA4499",
        "dot",
        "triangle-up",
        order="shuffled",
        mean="parameters",
    ),
    "l2sp": _row(
        "l2sp",
        "uniform",
        "L2-SP",
        "decay towards the starting weights, arXiv 1802.01483",
        "shrinks towards the starting weights, not to 0",
        "#3B9C8C",
        "dashdot",
        "cross",
    ),
    "adamh": _row(
        "adamh",
        "none",
        "AdamH",
        "Hyperball: a fixed norm, arXiv 2606.16899",
        "no decay: each matrix keeps its starting norm",
        "#8A8A1F",
        "solid",
        "x",
        needs="adam",
    ),
    "wd15": _row(
        "wd",
        "uniform",
        "WD at 1.5λ",
        "control: WD at LPWD's parameter-weighted mean rate",
        "WD at about LPWD’s total decay",
        "#D55E00",
        "dot",
        scale=1.5,
    ),
    "cwd": _row(
        "cautious",
        "uniform",
        "CWD",
        "Cautious Weight Decay, arXiv 2510.12402",
        "WD only where it agrees with the update",
        "#B8860B",
        "dash",
    ),
    "adams": _row(
        "adams",
        "uniform",
        "AdamS",
        "AdamS, arXiv 2011.11152",
        "WD, weaker where gradients are large",
        "#8C564B",
        "dash",
        needs="adam",
    ),
    "llrd": _row(
        "wd",
        "lr_decay",
        "LLRD",
        "layer-wise learning-rate decay 0.75^(n-i), decay follows it",
        "shallow layers learn, and so decay, more slowly",
        "#5B5EA6",
        "dash",
    ),
    "wdlr2": _row(
        "wd",
        "lr_squared",
        "WD ∝ η² (AdamC)",
        "AdamC's rule, arXiv 2506.02285: decay proportional to the squared learning rate",
        "decay falls with the square of η (cosine only)",
        "#5B5EA6",
        "dot",
    ),
    "adamc": _row(
        "wd",
        "lr_squared_matrices",
        "AdamC, matrices",
        "AdamC as published, arXiv 2506.02285: matrices but the head count as normalised",
        "AdamC for matrices, WD for vectors and the head",
        "#5B5EA6",
        "dashdot",
    ),
    "spd": _row(
        "spd",
        "uniform",
        "SPD",
        "Selective Projection Decay, arXiv 2411.01713",
        "pulls a tensor back that the gradient would send back",
        "#3B9C8C",
        "solid",
        "cross",
    ),
    "soda": _row(
        "soda",
        "none",
        "SODA",
        "SODA's wrapper, arXiv 2605.11172",
        "pulls towards the start by 1/(k+2) in step k; no λ",
        "#3B9C8C",
        "dot",
        "cross",
    ),
}
METHODS: Mapping[str, Method] = MappingProxyType(_METHODS)  # the one table; `register_method` adds to it


def register_method(
    key: str,
    *,
    timing: Timing = "wd",
    rates: Rates | RatesFunction = "uniform",
    label: str = "",
    source: str = "a plug-in",
    **columns: Any,
) -> None:
    """Add a method to METHODS, for the command line, the page and reports.

        def steep(layers, weight_decay):
            return [weight_decay * i**2 / len(layers) for i in range(len(layers))]

        lpwd.register_method("steep", timing="pwd", rates=steep, label="Steep")

    A function for `rates` is called with the layers from shallow to deep, each a mapping from names to parameters, and
    lambda; it returns lambda_i >= 0 of each layer. If it has a parameter `state` or `step`, it also gets the
    optimizer's state by parameter, or the number of steps taken; `every=100` calls it again every hundred steps.
    `columns` are further fields of `Method`. Raises ValueError for a name that is taken or that cannot be part of a run
    id, and for an invalid value.
    """
    check_new_name("method", key, _METHODS, 40)
    known = {field.name for field in fields(Method)}
    if unknown := columns.keys() - known:
        raise ValueError(f"method {key!r}: unknown column {min(unknown)!r}: allowed are {', '.join(sorted(known))}")
    color = PLUGIN_COLORS[len(_METHODS) % len(PLUGIN_COLORS)]
    _METHODS[key] = Method(timing, rates, label or key, source, **({"color": color} | columns))


def shown_method(name: str) -> Method:
    """Return the row to display a method by: its own, or a grey one if its plug-in is not loaded."""
    return METHODS.get(name) or Method("none", "none", name, "a plug-in that is not loaded here")


def get_method(name: str) -> Method:
    """Return the row of METHODS called `name`. Raises ConfigError with the allowed names."""
    if name not in METHODS:
        raise ConfigError.of("method", f"is {name!r}: allowed are {', '.join(METHODS)}")
    return METHODS[name]
