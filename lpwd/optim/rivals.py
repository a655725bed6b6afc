"""Rival methods, each as the formula that distinguishes it from weight decay.

| method | paper | formula |
|---|---|---|
| cwd | Cautious Weight Decay, arXiv 2510.12402 | theta <- theta - eta (U + lambda [U theta >= 0] theta) |
| adams | AdamS, arXiv 2011.11152 | theta <- theta - eta U - eta lambda / sqrt(mean v_hat) theta |
| llrd | layer-wise learning-rate decay | eta_i = eta 0.75^(n-i), in the update and in the decay |
| wdlr2 | AdamC, arXiv 2506.02285 | c = lambda eta_t^2 / eta_0: `formulas.decay_rate` with the group's `lr_0` |
| l2sp | L2-SP, arXiv 1802.01483 | theta <- theta - eta U - eta lambda (theta - theta_0) |
| adamh | Hyperball, arXiv 2606.16899 | W <- R norm(W - eta R U / norm(U)), R the initial norm of the matrix |
| adamc | AdamC, arXiv 2506.02285 | wdlr2 for matrices except the head, wd for vectors and the head |
| spd | Selective Projection Decay, arXiv 2411.01713 | theta' - lambda r (theta' - theta_0), theta' = theta - eta U |
| soda | SODA's wrapper, arXiv 2605.11172 | theta <- theta - eta U - (theta - theta_0) / (k + 2), k = steps taken |

spd acts per tensor, as in its authors' code, if g (theta - theta_0) > 0, that is if the loss decreases towards theta_0;
r = max(0, 1 - |theta - theta_0| / |theta' - theta_0|), so that lambda = 1 restores the previous distance.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lpwd.methods import LAYER_LR_DECAY
from lpwd.optim.formulas import Group, Scalar, as_real


@torch.no_grad()
def cautious_mask(params: Sequence[Tensor], directions: Sequence[Tensor]) -> list[Tensor]:
    """Return 1 if U theta >= 0, else 0, as new tensors; uses signs, because products may underflow."""
    mask = list(torch._foreach_sign(list(params)))
    torch._foreach_mul_(mask, torch._foreach_sign(list(directions)))
    torch._foreach_add_(mask, 1)
    torch._foreach_clamp_max_(mask, 1)
    return mask


@torch.no_grad()
def cautious_shrink(params: Sequence[Tensor], directions: Sequence[Tensor], fraction: Scalar) -> None:
    """Apply theta <- (1 - c [U theta >= 0]) theta in place, to each element (each part of complex numbers)."""
    params, directions = as_real(params), as_real(directions)
    factors = cautious_mask(params, directions)
    if isinstance(fraction, Tensor):
        for factor in factors:
            factor.mul_(fraction.to(factor.device))
    else:
        torch._foreach_mul_(factors, fraction)
    torch._foreach_neg_(factors)
    torch._foreach_add_(factors, 1)
    torch._foreach_mul_(params, factors)


@torch.no_grad()
def second_moment_sums(
    grads: Sequence[Tensor], exp_avg_sqs: Sequence[Tensor | None], steps: Sequence[Scalar], beta2: float
) -> list[Tensor]:
    """Return the sum of v_hat_t = (beta2 v_{t-1} + (1 - beta2) g_t^2) / (1 - beta2^t) of each tensor, 0-dim float64.

    v_hat is bias-corrected and includes the current gradient, as in AdamS's algorithm and its authors' code.
    """
    squares = torch._foreach_norm(as_real(grads))  # v >= 0: its sum is its 1-norm, without a copy
    moments = as_real(v for v in exp_avg_sqs if v is not None)
    sums = iter(torch._foreach_norm(moments, 1) if moments else ())
    totals: list[Tensor] = []
    for square, v, t in zip(squares, exp_avg_sqs, steps, strict=True):
        before: Scalar = 0.0 if v is None else next(sums).double()
        totals.append((beta2 * before + (1 - beta2) * square.double() ** 2) / (1 - beta2**t))
    return totals


def stable_rate(weight_decay: Scalar, second_moment_mean: Tensor) -> Tensor:
    """AdamS: return lambda / sqrt(mean of v_hat over all parameters), 0-dim; 0 if all gradients were zero."""
    return torch.where(second_moment_mean > 0, weight_decay / second_moment_mean.sqrt(), 0.0)


@torch.no_grad()
def pull(params: Sequence[Tensor], starts: Sequence[Tensor], fraction: Scalar) -> None:
    """L2-SP: apply theta <- theta + c (theta_0 - theta) in place."""
    params, starts = as_real(params), as_real(starts)
    if not isinstance(fraction, Tensor):
        torch._foreach_lerp_(params, starts, fraction)
        return
    for p, start in zip(params, starts, strict=True):
        p.lerp_(start, fraction.to(p.device, p.dtype))


@dataclass(frozen=True)
class Progress:
    """SPD's state before the update: distances |theta - theta_0| and the tensors to pull back."""

    params: list[Tensor]
    starts: list[Tensor]
    distances: list[Tensor]  # 0-dim
    returning: list[Tensor]  # 0-dim bool: the loss decreases towards theta_0
    weight_decay: float


@torch.no_grad()
def progress(
    params: Sequence[Tensor], grads: Sequence[Tensor], starts: Sequence[Tensor], weight_decay: float
) -> Progress:
    """Measure the distances from theta_0; does not synchronize with the device."""
    params, starts = as_real(params), as_real(starts)
    moved = list(torch._foreach_sub(params, starts))
    distances = list(torch._foreach_norm(moved))
    torch._foreach_mul_(moved, as_real(grads))
    return Progress(params, starts, distances, [product.sum() > 0 for product in moved], weight_decay)


@torch.no_grad()
def pull_back(before: Progress) -> None:
    """SPD: apply theta' <- theta' - lambda r (theta' - theta_0) in place to the tensors that moved away."""
    moved = list(torch._foreach_sub(before.params, before.starts))
    shares = [
        torch.where(returning & (now > was), before.weight_decay * (now - was) / now, 0.0)
        for now, was, returning in zip(torch._foreach_norm(moved), before.distances, before.returning, strict=True)
    ]
    torch._foreach_mul_(moved, shares)
    torch._foreach_sub_(before.params, moved)


@torch.no_grad()
def project(
    matrices: Sequence[Tensor],
    directions: Sequence[Tensor],
    radii: Sequence[Tensor],
    lr: Scalar,
    skipped: Tensor | None = None,
) -> None:
    """Hyperball: apply W <- R W' / |W'| with W' = W - eta R u / |u| in place, unless `skipped` is true or R is 0."""
    for matrix, u, radius in zip(as_real(matrices), as_real(directions), radii, strict=True):
        length = torch.linalg.vector_norm(u)
        distance = torch.where(length > 0, lr * radius / length, 0.0)
        if skipped is not None:
            distance = torch.where(skipped.to(u.device), 0.0, distance)
        matrix.sub_(u.mul_(distance))
        norm = torch.linalg.vector_norm(matrix)
        factor = torch.where(norm > 0, radius / norm, 1.0)
        if skipped is not None:
            factor = torch.where(skipped.to(u.device), 1.0, factor)
        matrix.mul_(factor)


def layer_lr_scales(layer_count: int) -> list[float]:
    """llrd: return eta_i / eta = 0.75^(n-i) for i = 1..n; the deepest layer has eta itself."""
    return [LAYER_LR_DECAY ** (layer_count - i) for i in range(1, layer_count + 1)]


def follow_lr_scales(groups: Iterable[Group]) -> None:
    """llrd: set the learning rate of each layer to its `lr_scale` times the learning rate of the deepest layer.

    Most schedulers of torch multiply the rates; OneCycleLR, CyclicLR and SWALR set one rate for all groups; timm's
    multiply by `lr_scale` again. All of them are correct for the deepest layer, whose scale is 1. If that layer is
    frozen, raises RuntimeError unless the rates already follow the scales.
    """
    scaled = [group for group in groups if "layer" in group and "lr_scale" in group]
    if all(group["lr_scale"] == 1 for group in scaled):
        return
    deepest = max(scaled, key=lambda group: group["lr_scale"])
    eta = deepest["lr"] / deepest["lr_scale"]
    for group in scaled:
        rate = eta * group["lr_scale"]
        if deepest["lr_scale"] != 1 and not math.isclose(group["lr"], rate, rel_tol=1e-5):
            raise RuntimeError(
                f"the learning rate of layer {group['layer']} is {float(group['lr']):g}, not lr_scale * lr = "
                f"{float(rate):g}: with the deepest layer frozen, give the scheduler one rate per group, in proportion "
                "to lr_scale"
            )
        if not isinstance(group["lr"], Tensor):
            group["lr"] = rate
        elif group["lr_scale"] != deepest["lr_scale"]:
            group["lr"].copy_(rate)  # stays on the device
