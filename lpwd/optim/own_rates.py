"""Decay rates of layers computed by a plug-in's function, once or every few steps."""

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lpwd.methods import RatesFunction
from lpwd.optim.layers import Layer, decays

if TYPE_CHECKING:
    from lpwd.optim.timing import Decaying

STEPS = "steps_taken"  # key of a parameter group, so that resumed runs call the function at the same steps


def rates_of(
    function: RatesFunction,
    layers: Sequence[Layer],
    weight_decay: float,
    state: Mapping[Tensor, Any] | None = None,
    step: int = 0,
) -> list[float]:
    """Call the function (see `lpwd.register_method`). Raises ValueError unless it returns one rate >= 0 per layer."""
    offered = {"state": state or {}, "step": step}
    wanted = inspect.signature(function).parameters
    with torch.no_grad():
        values = function(layers, weight_decay, **{name: offered[name] for name in offered if name in wanted})
    rates = [float(value) for value in values]
    called = getattr(function, "__name__", "the function")
    if len(rates) != len(layers):
        raise ValueError(f"{called} returned {len(rates)} rates for {len(layers)} layers")
    if bad := [rate for rate in rates if not 0 <= rate < float("inf")]:
        raise ValueError(f"{called} returned the rate {bad[0]}: each must be at least 0 and finite")
    return rates


class RatesOverTime:
    """Update lambda_i of an optimizer's groups every few steps; the step count is stored in the groups."""

    def __init__(
        self, function: RatesFunction, every: int, layers: Sequence[Layer], weight_decay: float, exclude_1d: bool
    ) -> None:
        self.function, self.every, self.layers = function, every, layers
        self.weight_decay, self.exclude_1d = weight_decay, exclude_1d
        self.latest = 0  # step of the last update

    def before_step(self, optimizer: "Decaying") -> None:
        """Update the rates if due, at most once per step."""
        groups = [group for group in optimizer.param_groups if "layer" in group]
        step = groups[0].get(STEPS, 0)
        if step == self.latest or step % self.every:
            return
        self.latest = step
        rates = rates_of(self.function, self.layers, self.weight_decay, optimizer.state, step)
        for group in groups:
            if any(decays(p, self.exclude_1d) for p in group["params"]):
                group["weight_decay"] = rates[group["layer"] - 1]

    def after_step(self, optimizer: "Decaying") -> None:
        for group in optimizer.param_groups:
            group[STEPS] = group.get(STEPS, 0) + 1
