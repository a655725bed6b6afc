"""Choose torch's kernel for an update: fused if available, with as few calls as possible."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import _default_to_fused_or_foreach

from lpwd.optim.formulas import Group

State = Mapping[Tensor, Mapping[str, Any]]  # of torch.optim.Optimizer
MOMENTS = ("exp_avg", "exp_avg_sq", "momentum_buffer")


def with_gradient(group: Group) -> list[Tensor]:
    """Return the parameters of a group that have a gradient."""
    return [p for p in group["params"] if p.grad is not None]


def is_automatic(group: Group) -> bool:
    """Return whether neither `foreach` nor `fused` was given."""
    return group["foreach"] is None and group["fused"] is None


def runs_fused(group: Group, state: State) -> bool:
    """Return whether the next update of a group runs in torch's fused kernel.

    The option `fused` decides if given. Otherwise the kernel is used for floating-point parameters on supported devices
    with dense gradients of the same type.
    """
    if not is_automatic(group):
        return bool(group["fused"])
    params = with_gradient(group)
    fused, _ = _default_to_fused_or_foreach(params, False, use_fused=True)
    return fused and all(_same_layout(p, state.get(p, {})) for p in params)


def _same_layout(p: Tensor, state: Mapping[str, Any]) -> bool:
    """Return whether a dense weight, its gradient and its moments have equal strides, as fused CPU kernels assume."""
    others = (p.grad, *(state[name] for name in MOMENTS if state.get(name) is not None))
    if any(other.layout != torch.strided or other.dtype != p.dtype for other in others):
        return False
    if p.is_contiguous() and all(other.is_contiguous() for other in others):
        return True  # strides of dimensions of size 1 are irrelevant
    return _is_dense(p) and all(other.stride() == p.stride() for other in others)


def _is_dense(p: Tensor) -> bool:
    """Return whether the elements fill their memory without gaps or overlap, in any order of dimensions."""
    expected = 1
    for stride, size in sorted((stride, size) for stride, size in zip(p.stride(), p.shape, strict=True) if size > 1):
        if stride != expected:
            return False
        expected *= size
    return True


def settle_steps(groups: Iterable[Group], state: Mapping[Tensor, dict[str, Any]]) -> None:
    """Move loaded step counts to the device of the parameter, as required by the fused kernel."""
    for group in filter(is_automatic, groups):
        for p in group["params"]:
            step = state.get(p, {}).get("step")
            if (
                isinstance(step, Tensor)
                and step.device != p.device
                and _default_to_fused_or_foreach([p], False, True)[0]
            ):
                state[p]["step"] = step.to(p.device, torch.float32)


def merged(groups: Iterable[Group]) -> list[Group]:
    """Merge groups with equal options, because a kernel call costs more than updating one layer."""
    together: dict[tuple[Any, ...], Group] = {}
    for group in groups:
        options = tuple(tuple(v) if isinstance(v, list) else v for name, v in group.items() if name != "params")
        merged_group = together.setdefault(options, {**group, "params": []})
        merged_group["params"] = merged_group["params"] + group["params"]
    return list(together.values())
