"""Delegate the update, and the decays that torch supports, to torch's Adam and SGD."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from lpwd.methods import Timing
from lpwd.optim.formulas import Group, Scalar, decay_fraction, decay_rate
from lpwd.optim.kernels import merged, runs_fused, with_gradient

OURS = frozenset({"decay", "independent"})  # options that torch's update does not take


class TorchUpdate(torch.optim.Optimizer):
    """Pass each group to torch's Adam or SGD with the options for its `decay`."""

    decouples = False  # whether torch's update supports wd

    @contextmanager
    def _as_torch_sees_it(self) -> Iterator[None]:
        """Merge the groups and set the decays that torch supports (l2; wd and rwd if decoupled)."""
        own = self.param_groups
        self.param_groups = merged(view for group in own for view in self._views(group))
        try:
            yield
        finally:
            self.param_groups = own

    def _views(self, group: Group) -> Iterator[Group]:
        view = {name: value for name, value in group.items() if name in self.defaults and name not in OURS}
        view |= {"params": with_gradient(group), "weight_decay": 0.0}
        if runs_fused(group, self.state):
            view["fused"] = True
        if self.decouples:
            view["decoupled_weight_decay"] = self._torch_decays(group)
        if group["decay"] == "l2":
            view["weight_decay"] = group["weight_decay"]
        elif self._torch_decays(group):
            view["weight_decay"] = float(decay_rate(group))  # synchronizes only for a tensor lr with lr_0
            if group["decay"] == "rwd":  # one step of AdamW with eta (1 - c) and lambda / (1 - c)
                kept = 1 - group["lr"] * view["weight_decay"]
                view |= {"lr": group["lr"] * kept, "weight_decay": view["weight_decay"] / kept}
        elif group["decay"] == "adamh":  # lr 0: only the moments of matrices
            yield view | {"params": [p for p in view["params"] if p.ndim >= 2], "lr": 0.0}
            view["params"] = [p for p in view["params"] if p.ndim < 2]
        yield view

    def _torch_decays(self, group: Group) -> bool:
        """Return whether torch's decoupled update does the decay: wd, and rwd with a float lr and c < 1."""
        if not self.decouples or group["independent"]:
            return False
        if group["decay"] == "rwd":
            return not isinstance(group["lr"], Tensor) and bool(decay_fraction(group) < 1)
        return bool(group["decay"] == "wd")

    @property
    def _step_supports_amp_scaling(self) -> bool:
        """Whether GradScaler passes its scale to the step; fused updates unscale and skip without synchronization."""
        return all(runs_fused(group, self.state) for group in self.param_groups)

    @_step_supports_amp_scaling.setter
    def _step_supports_amp_scaling(self, value: bool) -> None:
        """Ignore the value that torch sets if `fused` is given; the groups decide."""

    def _skipped(self) -> Tensor | None:
        """Return whether GradScaler skips this fused step, a 0-dim bool tensor on the device; None without a scaler."""
        found_inf = getattr(self, "found_inf", None)
        return None if found_inf is None else (found_inf != 0).reshape(())

    def _gradients(self, group: Group, params: list[Tensor]) -> list[Tensor]:
        """Return the gradients used by the update: unscaled, and negated with maximize."""
        grads = [p.grad for p in params if p.grad is not None]
        if any(g.is_sparse for g in grads):
            raise ValueError(f"decay {group['decay']!r} needs the update itself and does not support sparse gradients")
        if (scale := getattr(self, "grad_scale", None)) is not None:
            grads = [g / like(g, scale) for g in grads]
        return list(torch._foreach_neg(grads)) if group.get("maximize") else grads

    def _update(self) -> None:
        """Run torch's step without its profiling wrapper, which would run the step hooks a second time."""
        raise NotImplementedError


def like(tensor: Tensor, scalar: Scalar) -> Scalar:
    """Return the scalar on the device and in the dtype of the tensor; a Python float as it is."""
    return scalar.to(tensor.device, tensor.dtype) if isinstance(scalar, Tensor) else scalar


def own_groups(params: Any, decay: Timing, independent: bool) -> Any:
    """Return `params` as groups with their decay; a single tensor is passed on to torch, which rejects it."""
    if isinstance(params, Tensor):
        return params
    members = list(params)
    own = {"decay": decay, "independent": independent}
    if members and not isinstance(members[0], dict):
        return [{"params": members, **own}]
    return [{**own, **group} for group in members if isinstance(group, dict)]


def unprofiled(optimizer: type[torch.optim.Optimizer]) -> Callable[..., Any]:
    """Return the class's step without torch's profiling wrapper, which would run the step hooks a second time."""
    step: Any = optimizer.step
    return step.__wrapped__ if getattr(step, "hooked", False) else step
