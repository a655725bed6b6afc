"""Measure the opposing penalty rate R_op and zero-shot decay."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from lpwd.optim.formulas import Group
from lpwd.optim.kept import chunks, keep, kept
from lpwd.optim.kernels import with_gradient
from lpwd.optim.timing import DECAYED_BEFORE, Decaying
from lpwd.optim.update import like

Tensors = Tensor | Sequence[Tensor]
PENALISED = (*DECAYED_BEFORE, "rwd", "pwd")


def opposing_penalty(theta: Tensors, update: Tensors, penalty: Tensors) -> tuple[float, float]:
    """Eq. (10), (11): return the share of penalties that push weights away from 0, by count and by magnitude, 0..1.

    A weight theta moves to theta - update - P, where `update` is eta U (including the learning rate) and `penalty` is
    P, which is eta lambda theta for WD. P is opposing if (theta - update - P)^2 > (theta - update)^2, that is
    P (P - 2 (theta - update)) > 0. Weights with P = 0 are not opposing. Takes tensors, or lists of tensors, of equal
    shapes. Synchronizes with the device once. Raises ValueError if the shapes differ.
    """
    lists = [[x] if isinstance(x, Tensor) else list(x) for x in (theta, update, penalty)]
    if len({tuple(x.shape for x in tensors) for tensors in lists}) > 1:
        raise ValueError("theta, update and penalty must hold tensors of equal shapes")
    return _rates([_sums(*lists)], sum(x.numel() for x in lists[0]))


class OpposingMeter:
    """Measure R_op of the step in the context, by count and by magnitude (each 0..1):

        loss.backward()
        with OpposingMeter(optimizer) as meter:
            optimizer.step()
        count_rate, magnitude_rate = meter.rates

    With theta before the step, theta' after it and P = c theta, theta - eta U of eq. (10) is theta' + P. The rate
    covers weights with a gradient in groups with lambda > 0 and decay wd, cautious, adams or l2sp (with theta - theta_0
    in place of theta). `rates` is (0.0, 0.0) for rwd and pwd, which cannot oppose, and None without a weight-decay
    penalty (none, l2, adamh, optimizers of other libraries). Keeps one copy of the weights, does not change the step,
    and synchronizes with the device once on exit.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer
        self.rates: tuple[float, float] | None = None
        self._measured: list[tuple[Group, list[Tensor]]] = []  # measured groups and their weights with a gradient

    @torch.no_grad()
    def __enter__(self) -> "OpposingMeter":
        self._measured = []
        if isinstance(self.optimizer, Decaying):
            for group in self.optimizer.param_groups:
                if group["decay"] in DECAYED_BEFORE and group["weight_decay"] != 0:
                    self._measured.append((group, with_gradient(group)))
            keep(self.optimizer, [p for _, params in self._measured for p in params])
        return self

    def __exit__(self, *exception: object) -> None:
        optimizer = self.optimizer
        if isinstance(optimizer, Decaying) and any(group["decay"] in PENALISED for group in optimizer.param_groups):
            sums = [_step_sums(optimizer, group, p) for group, params in self._measured for p in params]
            self.rates = _rates(sums, sum(p.numel() for _, params in self._measured for p in params))


@torch.no_grad()
def _sums(theta: Sequence[Tensor], update: Sequence[Tensor], penalty: Sequence[Tensor]) -> Tensor:
    """Return count and magnitude of the opposing penalties and the magnitude of all, float64 of shape (3,)."""
    totals = torch.zeros(3, dtype=torch.float64, device=theta[0].device if theta else None)
    for t, u, p in zip(theta, update, penalty, strict=True):
        opposing = p.sign() * (p - 2 * (t - u)).sign() > 0  # signs, because products of small numbers underflow
        magnitude = p.abs()
        parts = (opposing.sum(), (magnitude * opposing).sum(dtype=torch.float64), magnitude.sum(dtype=torch.float64))
        totals += torch.stack([part.double() for part in parts]).to(totals.device)
    return totals


def _rates(sums: Sequence[Tensor], weights: int) -> tuple[float, float]:
    if weights == 0:
        return 0.0, 0.0
    total = torch.stack([s.to(sums[0].device) for s in sums]).sum(0)
    opposing, opposing_magnitude, magnitude = total.tolist()  # synchronizes with the device
    return opposing / weights, opposing_magnitude / magnitude if magnitude else 0.0


@torch.no_grad()
def _step_sums(optimizer: Decaying, group: Group, p: Tensor) -> Tensor:
    """Return the sums of one parameter's step, from theta kept before the step and theta' after it.

    P = c theta opposes if P (P - 2 (theta - eta U)) = -P (2 theta' + P) > 0, that is if theta and
    m = theta' + c theta / 2 differ in sign. A cautious P is c theta if U theta >= 0 (theta' / theta <= 1 - c) and
    0 otherwise (theta' / theta >= 1, so that m has the sign of theta). The threshold is |theta| = m sign(theta).
    """
    fraction = optimizer.fraction(group)
    starts = (optimizer.state[p]["theta_0"],) if group["decay"] == "l2sp" else ()
    parts: list[list[Tensor]] = [[], [], []]
    for theta, after, *start in chunks(kept(optimizer)[p], p.detach(), *starts):
        for theta_0 in start:
            theta.sub_(theta_0)
        if isinstance(fraction, Tensor):
            m = after + theta * (fraction / 2).to(p.device, p.dtype)
        else:
            m = torch.add(after, theta, alpha=fraction / 2)
        for theta_0 in start:
            m.sub_(theta_0)
        decayed = theta * ((theta - m).sign_() * theta.sign() > 0) if group["decay"] == "cautious" else theta
        against = m.sign_().mul_(theta).clamp_(max=0)  # -|theta| if opposing, else 0
        for part, summed in zip(parts, (against.sum(), against.sign_().sum(), decayed.abs_().sum()), strict=True):
            part.append(summed)
    magnitude, opposing, total = (torch.stack(part).double().sum() for part in parts)
    return torch.stack([-opposing, -magnitude * like(p, fraction), total * like(p, fraction)])


@contextmanager
def zero_shot_decay(model: nn.Module, s: float, steps: int = 100) -> Iterator[nn.Module]:
    """Eq. (12): set each parameter to theta_s = (1 - s / steps) theta_0 in the context, and restore theta_0 exactly.

        for s in range(101):
            with zero_shot_decay(model, s):
                accuracy[s] = evaluate(model)

    Scales parameters (shared ones once), not buffers. Keeps one copy of the parameters and restores them after
    exceptions too. Raises ValueError if s is not in 0..steps, and RuntimeError if contexts of one model are nested.
    """
    if steps < 1 or not 0 <= s <= steps:
        raise ValueError(f"s is {s}: it must lie in 0..{steps}, and steps must be at least 1")
    if getattr(model, "_lpwd_zero_shot", False):
        raise RuntimeError("zero_shot_decay is already active on this model: contexts cannot be nested")
    params = [p.detach() for p in model.parameters()]
    originals = [p.clone() for p in params]
    model._lpwd_zero_shot = True  # type: ignore[assignment]
    try:
        for p in params:
            p.mul_(1 - s / steps)
        yield model
    finally:
        for p, original in zip(params, originals, strict=True):
            p.copy_(original)
        del model._lpwd_zero_shot
