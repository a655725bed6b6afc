"""How torch's own update is called: its fused kernel wherever it has one, in as few calls as the options allow."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import _default_to_fused_or_foreach

from lpwd.optim.formulas import Group

State = Mapping[Tensor, Mapping[str, Any]]  # of torch.optim.Optimizer
MOMENTS = ("exp_avg", "exp_avg_sq", "momentum_buffer")


def with_gradient(group: Group) -> list[Tensor]:
    """The parameters of a group that have a gradient, those that torch updates."""
    return [p for p in group["params"] if p.grad is not None]


def is_automatic(group: Group) -> bool:
    """Whether the choice of the kernel is left to us: neither `foreach` nor `fused` was given."""
    return group["foreach"] is None and group["fused"] is None


def runs_fused(group: Group, state: State) -> bool:
    """Whether the coming update of a group runs in torch's fused kernel: as given, else where torch has one for it.

    That is for floating-point parameters on a device that torch names, with dense gradients of the same type.
    """
    if not is_automatic(group):
        return bool(group["fused"])
    params = with_gradient(group)
    fused, _ = _default_to_fused_or_foreach(params, False, use_fused=True)
    return fused and all(_lie_alike(p, state.get(p, {})) for p in params)


def _lie_alike(p: Tensor, state: Mapping[str, Any]) -> bool:
    """The fused kernels walk through memory, on a CPU without a look at the strides: a weight must be dense, and its
    gradient and moments (of a checkpoint, perhaps in another memory format) must lie as it does."""
    others = (p.grad, *(state[name] for name in MOMENTS if state.get(name) is not None))
    if any(other.layout != torch.strided or other.dtype != p.dtype for other in others):
        return False
    if p.is_contiguous() and all(other.is_contiguous() for other in others):
        return True  # strides of dimensions of size 1 may differ
    return _is_dense(p) and all(other.stride() == p.stride() for other in others)


def _is_dense(p: Tensor) -> bool:
    """Whether the elements fill their memory without gap or overlap, in whatever order of the dimensions."""
    expected = 1
    for stride, size in sorted((stride, size) for stride, size in zip(p.stride(), p.shape, strict=True) if size > 1):
        if stride != expected:
            return False
        expected *= size
    return True


def settle_steps(groups: Iterable[Group], state: Mapping[Tensor, dict[str, Any]]) -> None:
    """Move loaded step counts to where the fused kernel reads them: beside the parameter."""
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
    """Groups of equal options as one: a call of the kernel costs more than a layer's small parameters do."""
    together: dict[tuple[Any, ...], Group] = {}
    for group in groups:
        options = tuple(tuple(v) if isinstance(v, list) else v for name, v in group.items() if name != "params")
        merged_group = together.setdefault(options, {**group, "params": []})
        merged_group["params"] = merged_group["params"] + group["params"]
    return list(together.values())
