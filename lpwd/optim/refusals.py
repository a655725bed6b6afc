"""Validation of parameter groups."""

import sys
from types import FrameType

from torch.nn.parameter import is_lazy

from lpwd.methods import TIMINGS
from lpwd.optim.formulas import Group

REFUSED = {  # (class of the outer optimizer, decay) -> reason why this does not work
    ("ZeroRedundancyOptimizer", "pwd"): "each process would decay its own shard only, and run the forward pass with "
    "the other shards not decayed; use decay='rwd' with it, or FSDP2 (torch.distributed.fsdp.fully_shard)",
    ("ZeroRedundancyOptimizer", "adams"): "each process would divide by the mean over its own shard, not over all "
    "parameters",
    ("ScheduleFreeWrapper", "pwd"): "it keeps its own copy of the weights, which a decay before the forward pass does "
    "not reach; use decay='wd' or 'rwd' with it",
}


def refuse(
    group: Group, optimizer: str, forbidden: tuple[str, ...], options: tuple[str, ...] = ("amsgrad", "differentiable")
) -> None:
    """Raise ValueError if a group is invalid for the class `optimizer`, which lacks these decays and options."""
    decay = group["decay"]
    if decay not in TIMINGS or decay in forbidden:
        allowed = ", ".join(timing for timing in TIMINGS if timing not in forbidden)
        raise ValueError(f"decay is {decay!r}: {optimizer} allows {allowed}")
    if group["weight_decay"] < 0:
        raise ValueError(f"weight_decay is {group['weight_decay']}: it must be at least 0")
    if group["independent"] and decay == "l2":
        raise ValueError("independent is True: l2 adds to the gradient and has no fraction that could be independent")
    if unsupported := [name for name in options if group.get(name)]:
        raise ValueError(f"{unsupported[0]} is not supported by {optimizer}")
    refuse_low_precision(group)
    if decay in ("pwd", "adams"):
        refuse_wrapper(decay)
    if decay == "pwd" and any(is_lazy(p) for p in group["params"]):
        raise ValueError(
            "decay='pwd' acts before the forward pass, and a lazy module has no weights before its first one: "
            "run a forward pass before you build the optimizer"
        )


def refuse_low_precision(group: Group) -> None:
    """Raise ValueError for bfloat16 and float16 parameters, for which 1 - c rounds to 1 at usual values of c."""
    for dtype in {p.dtype for p in group["params"]}:
        if dtype.is_floating_point and dtype.itemsize < 4:
            raise ValueError(
                f"parameters of type {dtype} would lose decays smaller than their rounding: "
                "keep them in float32 and train under torch.autocast"
            )


def refuse_wrapper(decay: str) -> None:
    """Raise ValueError if the caller runs inside an optimizer with which this decay does not work."""
    frame: FrameType | None = sys._getframe(1)
    while frame:
        name = type(frame.f_locals.get("self")).__name__.removesuffix(
            "Reference"
        )  # schedulefree has two variants of each class
        if reason := REFUSED.get((name, decay)):
            raise ValueError(f"decay={decay!r} does not work in {name}: {reason}")
        frame = frame.f_back
