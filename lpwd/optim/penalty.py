"""The paper's two findings as measurements: the opposing penalty rate R_op, and zero-shot decay."""

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

    A weight theta goes to theta - update - P, where `update` is eta U, learning rate included, and `penalty` is P,
    eta lambda theta for WD. P is opposing if (theta - update - P)^2 > (theta - update)^2, which means
    P (P - 2 (theta - update)) > 0. Tensors, or lists of tensors, of equal shapes; weights without a penalty (P = 0)
    count as not opposing. Waits for the device once. Raises ValueError if the shapes differ.
    """
    lists = [[x] if isinstance(x, Tensor) else list(x) for x in (theta, update, penalty)]
    if len({tuple(x.shape for x in tensors) for tensors in lists}) > 1:
        raise ValueError("theta, update and penalty must hold tensors of equal shapes")
    return _rates([_sums(*lists)], sum(x.numel() for x in lists[0]))


class OpposingMeter:
    """R_op of the step taken inside the context, by count and by magnitude (each 0..1), in `rates`:

        loss.backward()
        with OpposingMeter(optimizer) as meter:
            optimizer.step()
        count_rate, magnitude_rate = meter.rates

    It reads the step itself: with theta before it, theta' after it and P = c theta, eq. (10)'s theta - eta U is
    theta' + P. Counted are the weights with a gradient in the groups that decay as WD does (wd, cautious, adams, and
    l2sp with the distance to theta_0 in theta's place) with a lambda above 0. `rates` is (0.0, 0.0) if all decay is
    rwd or pwd, which cannot oppose, and None without a weight-decay penalty (none, l2, adamh, an optimizer of another
    library). Keeps one copy of the weights with the optimizer, does not change the step, and waits for the device once,
    on exit.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer
        self.rates: tuple[float, float] | None = None
        self._measured: list[tuple[Group, list[Tensor]]] = []  # the groups that count and their weights with a gradient

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
        opposing = p.sign() * (p - 2 * (t - u)).sign() > 0  # signs: a product of small numbers would underflow
        magnitude = p.abs()
        parts = (opposing.sum(), (magnitude * opposing).sum(dtype=torch.float64), magnitude.sum(dtype=torch.float64))
        totals += torch.stack([part.double() for part in parts]).to(totals.device)
    return totals


def _rates(sums: Sequence[Tensor], weights: int) -> tuple[float, float]:
    if weights == 0:
        return 0.0, 0.0
    total = torch.stack([s.to(sums[0].device) for s in sums]).sum(0)
    opposing, opposing_magnitude, magnitude = total.tolist()  # the one wait for the device
    return opposing / weights, opposing_magnitude / magnitude if magnitude else 0.0


@torch.no_grad()
def _step_sums(optimizer: Decaying, group: Group, p: Tensor) -> Tensor:
    """As `_sums`, of one parameter's step, from theta kept before it and theta' now.

    P = c theta opposes where P (P - 2 (theta - eta U)) = -P (2 theta' + P) > 0, that is where theta and
    m = theta' + c theta / 2 differ in sign. A cautious P is c theta where U theta >= 0, which is where
    theta' / theta <= 1 - c, and 0 where theta' / theta >= 1: there m has the sign of theta, and half-way between,
    at |theta| = m sign(theta), the two are told apart.
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
        against = m.sign_().mul_(theta).clamp_(max=0)  # -|theta| where it is opposing
        for part, summed in zip(parts, (against.sum(), against.sign_().sum(), decayed.abs_().sum()), strict=True):
            part.append(summed)
    magnitude, opposing, total = (torch.stack(part).double().sum() for part in parts)
    return torch.stack([-opposing, -magnitude * like(p, fraction), total * like(p, fraction)])


@contextmanager
def zero_shot_decay(model: nn.Module, s: float, steps: int = 100) -> Iterator[nn.Module]:
    """Eq. (12): inside the context each parameter is theta_s = (1 - s / steps) theta_0, afterwards theta_0 bit for bit.

        for s in range(101):
            with zero_shot_decay(model, s):
                accuracy[s] = evaluate(model)

    Scales parameters, not buffers; shared ones once. Needs memory for one copy of them. Also restores them after an
    exception. Raises ValueError if s is not in 0..steps, RuntimeError inside another such context of the model: decays
    never compound.
    """
    if steps < 1 or not 0 <= s <= steps:
        raise ValueError(f"s is {s}: it must lie in 0..{steps}, and steps must be at least 1")
    if getattr(model, "_lpwd_zero_shot", False):
        raise RuntimeError("zero_shot_decay is active on this model already: decays never compound")
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
