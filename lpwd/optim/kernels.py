"""Choose torch's kernel for an update: fused if torch has one, in as few calls as the options allow."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import _default_to_fused_or_foreach

from lpwd.optim.formulas import Group

State = Mapping[Tensor, Mapping[str, Any]]  # of torch.optim.Optimizer
MOMENTS = ("exp_avg", "exp_avg_sq", "momentum_buffer")


def with_gradient(group: Group) -> list[Tensor]:
    """Return the parameters of a group that have a gradient; torch updates these."""
    return [p for p in group["params"] if p.grad is not None]


def is_automatic(group: Group) -> bool:
    """Whether we choose the kernel: neither `foreach` nor `fused` was given."""
    return group["foreach"] is None and group["fused"] is None


def runs_fused(group: Group, state: State) -> bool:
    """Whether the next update of a group runs in torch's fused kernel: as given, else if torch has one for it.

    torch has one for floating-point parameters on the devices it lists, with dense gradients of the same type.
    """
    if not is_automatic(group):
        return bool(group["fused"])
    params = with_gradient(group)
    fused, _ = _default_to_fused_or_foreach(params, False, use_fused=True)
    return fused and all(_lie_alike(p, state.get(p, {})) for p in params)


def _lie_alike(p: Tensor, state: Mapping[str, Any]) -> bool:
    """The fused kernels for CPUs ignore strides: a weight must be dense, and its gradient and moments (perhaps loaded
    in another memory format) must have the same strides."""
    others = (p.grad, *(state[name] for name in MOMENTS if state.get(name) is not None))
    if any(other.layout != torch.strided or other.dtype != p.dtype for other in others):
        return False
    if p.is_contiguous() and all(other.is_contiguous() for other in others):
        return True  # strides of dimensions of size 1 may differ
    return _is_dense(p) and all(other.stride() == p.stride() for other in others)


def _is_dense(p: Tensor) -> bool:
    """Whether the elements fill their memory without gap or overlap, in any order of the dimensions."""
    expected = 1
    for stride, size in sorted((stride, size) for stride, size in zip(p.stride(), p.shape, strict=True) if size > 1):
        if stride != expected:
            return False
        expected *= size
    return True


def settle_steps(groups: Iterable[Group], state: Mapping[Tensor, dict[str, Any]]) -> None:
    """Move loaded step counts to the device of the parameter, as the fused kernel expects."""
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
    """Merge groups with equal options: calling the kernel costs more than updating the few parameters of a layer."""
    together: dict[tuple[Any, ...], Group] = {}
    for group in groups:
        options = tuple(tuple(v) if isinstance(v, list) else v for name, v in group.items() if name != "params")
        merged_group = together.setdefault(options, {**group, "params": []})
        merged_group["params"] = merged_group["params"] + group["params"]
    return list(together.values())
