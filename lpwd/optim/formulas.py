"""Formulas of decay on lists of tensors: rate, fraction, shrink, and directions of updates.

theta is a list of parameters, eta the learning rate, lambda the decay rate and c = eta * lambda the decay fraction.
Scalars are Python floats, or 0-dim tensors for values on the device (a tensor learning rate, AdamS, a step that
GradScaler skips). No function synchronizes with the device.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

Scalar = float | Tensor
Group = dict[str, Any]  # a parameter group of torch.optim


def decay_rate(group: Mapping[str, Any]) -> Scalar:
    """Return lambda of a group, or lambda * eta_t / eta_0 if the group has `lr_0` (decay with eta squared)."""
    if group["lr_0"] is None:
        return group["weight_decay"]
    return group["weight_decay"] * (group["lr"] / group["lr_0"])


def decay_fraction(group: Mapping[str, Any]) -> Scalar:
    """Return c of the next step, dimensionless: eta * lambda, or lambda if the decay is `independent`."""
    return decay_rate(group) if group["independent"] else group["lr"] * decay_rate(group)


def unless_skipped(skipped: Tensor | None, fraction: Scalar) -> Scalar:
    """Return c, or 0 if the 0-dim bool tensor `skipped` is true; stays on the device."""
    if skipped is None:
        return fraction
    if not isinstance(fraction, Tensor):  # float64, so that 1 - c rounds once, as with a Python float
        fraction = skipped.new_full((), fraction, dtype=torch.float64)
    return torch.where(skipped, 0.0, fraction.to(skipped.device))


@torch.no_grad()
def shrink(pairs: Iterable[tuple[Sequence[Tensor], Scalar]]) -> None:
    """Apply theta <- (1 - c) theta in place for each pair (parameters, c), with one foreach call for all float c."""
    plain: list[Tensor] = []
    factors: list[float] = []
    for params, fraction in pairs:
        if isinstance(fraction, Tensor):
            for members, factor in _per_device(params, 1 - fraction):
                torch._foreach_mul_(members, factor)
        elif fraction != 0:
            plain.extend(params)
            factors.extend([1 - fraction] * len(params))
    if plain:
        torch._foreach_mul_(plain, factors)


def _per_device(params: Sequence[Tensor], factor: Tensor) -> list[tuple[list[Tensor], Tensor]]:
    """Group tensors by device and dtype, each with the factor as a 0-dim tensor of that device and dtype."""
    kinds: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
    for p in params:
        kinds.setdefault((p.device, p.dtype), []).append(p)
    return [(members, factor.reshape(()).to(device, dtype)) for (device, dtype), members in kinds.items()]


def as_real(tensors: Iterable[Tensor]) -> list[Tensor]:
    """Return views with complex numbers as pairs of real numbers, [..., 2], as in torch's updates."""
    return [torch.view_as_real(t) if t.is_complex() else t for t in tensors]


def entry_count(tensors: Iterable[Tensor]) -> int:
    """Return the number of real numbers in the tensors."""
    return sum(2 * t.numel() if t.is_complex() else t.numel() for t in tensors)


def adam_momentum(grads: Sequence[Tensor], exp_avgs: Sequence[Tensor | None], beta1: float) -> list[Tensor]:
    """Return m_t = beta1 m_{t-1} + (1 - beta1) g_t as new tensors, with the sign of U_t; None stands for m_0 = 0."""
    momenta = [torch.zeros_like(g) if m is None else m.clone() for g, m in zip(grads, exp_avgs, strict=True)]
    torch._foreach_lerp_(momenta, list(grads), 1 - beta1)
    return momenta


def adam_heading(states: Sequence[Mapping[str, Any]], beta2: float, eps: float) -> list[Tensor]:
    """Return U_t = m_hat / (sqrt(v_hat) + eps) up to a positive factor per tensor, as new tensors (`as_real`).

    Call it after the update, when the states contain g_t.
    """
    roots = list(torch._foreach_sqrt(as_real(state["exp_avg_sq"] for state in states)))
    for root, state in zip(roots, states, strict=True):
        step = state["step"]
        t = (
            max(step.item(), 1.0) if step.is_cpu else step.double().clamp(min=1)
        )  # 0 if GradScaler skipped the first step
        root.add_(eps * (1 - beta2**t) ** 0.5)
    return list(torch._foreach_div(as_real(state["exp_avg"] for state in states), roots))


def next_step(state: Mapping[str, Any]) -> Scalar:
    """Return t of the next step, starting at 1; stays on the device for fused optimizers."""
    step = state.get("step", 0.0)
    if not isinstance(step, Tensor):
        return step + 1.0
    return step.item() + 1.0 if step.is_cpu else step.double() + 1.0  # float32 would lose 1 - beta^t


def sgd_direction(
    grads: Sequence[Tensor],
    buffers: Sequence[Tensor | None],
    momentum: float,
    dampening: float = 0.0,
    nesterov: bool = False,
) -> list[Tensor]:
    """Return U_t = b_t = momentum b_{t-1} + (1 - dampening) g_t, b_1 = g_1, or g_t + momentum b_t with Nesterov."""
    if momentum == 0:
        return list(grads)
    kept = [g.clone() if b is None else b * momentum + g * (1 - dampening) for g, b in zip(grads, buffers, strict=True)]
    return list(torch._foreach_add(list(grads), kept, alpha=momentum)) if nesterov else kept
