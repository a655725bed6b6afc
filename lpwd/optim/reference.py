"""Plain reference of every method, written as in its paper, on one flat float64 vector of all parameters.

Tests compare `lpwd.optim` with it. theta, eta and lambda are vectors of one length (eta_i and lambda_i of the layer of
each entry), f is the gradient function of the step and U the optimizer's direction.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from lpwd.methods import get_method

Gradient = Callable[[Tensor], Tensor]


class AdamDirection:
    """U_t = m_hat / (sqrt(v_hat) + eps), Kingma & Ba, algorithm 1."""

    def __init__(self, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> None:
        self.betas, self.eps = betas, eps
        self.t, self.m, self.v, self.v_hat = 0, torch.zeros(()), torch.zeros(()), torch.zeros(())

    def __call__(self, g: Tensor) -> Tensor:
        beta1, beta2 = self.betas
        self.t += 1
        self.m = beta1 * self.m + (1 - beta1) * g
        self.v = beta2 * self.v + (1 - beta2) * g**2
        self.v_hat = self.v / (1 - beta2**self.t)
        return self.m / (1 - beta1**self.t) / (self.v_hat.sqrt() + self.eps)


class SGDDirection:
    """U_t = b_t = momentum b_{t-1} + g_t, or g_t + momentum b_t with Nesterov's momentum."""

    def __init__(self, momentum: float = 0.9, nesterov: bool = False) -> None:
        self.momentum, self.nesterov, self.b = momentum, nesterov, torch.zeros(())

    def __call__(self, g: Tensor) -> Tensor:
        self.b = self.momentum * self.b + g
        return g + self.momentum * self.b if self.nesterov else self.b


Direction = AdamDirection | SGDDirection
Step = Callable[[Tensor, Tensor, Tensor, Gradient, Direction], Tensor]  # theta, eta, lambda, f, U -> next theta


def baseline(theta: Tensor, eta: Tensor, lam: Tensor, f: Gradient, U: Direction) -> Tensor:
    return theta - eta * U(f(theta))


def l2(theta: Tensor, eta: Tensor, lam: Tensor, f: Gradient, U: Direction) -> Tensor:
    return theta - eta * U(f(theta) + lam * theta)


def wd(theta: Tensor, eta: Tensor, lam: Tensor, f: Gradient, U: Direction) -> Tensor:
    """Eq. (1), with the penalty multiplied by eta (section 4.4)."""
    return theta - eta * U(f(theta)) - eta * lam * theta


def rwd(theta: Tensor, eta: Tensor, lam: Tensor, f: Gradient, U: Direction) -> Tensor:
    """Eq. (7); the last line of algorithm 1, which decays theta instead of theta_hat, is a misprint."""
    theta_hat = theta - eta * U(f(theta))
    return theta_hat - eta * lam * theta_hat


def pwd(theta: Tensor, eta: Tensor, lam: Tensor, f: Gradient, U: Direction) -> Tensor:
    """Algorithms 2 and 3: the gradient is taken at the decayed weights."""
    theta = theta - eta * lam * theta
    return theta - eta * U(f(theta))


def cautious(theta: Tensor, eta: Tensor, lam: Tensor, f: Gradient, U: Direction) -> Tensor:
    """arXiv 2510.12402, algorithm 1: decay if the update moves the weight towards 0 or not at all."""
    u = U(f(theta))
    return theta - eta * (u + lam * torch.where(u * theta >= 0, theta, 0.0))


def adams(theta: Tensor, eta: Tensor, lam: Tensor, f: Gradient, U: Direction) -> Tensor:
    """AdamS, arXiv 2011.11152, with the bias-corrected v_hat of this step, averaged over all parameters."""
    assert isinstance(U, AdamDirection)  # noqa: S101  for the type checker: METHODS pairs them
    u = U(f(theta))
    return theta - eta * u - eta * lam / math.sqrt(U.v_hat.mean()) * theta


class L2SP:
    """arXiv 1802.01483: penalize theta - theta_0, or theta if `head` is 1 (new)."""

    def __init__(self, theta: Tensor, head: Tensor) -> None:
        self.target = theta * (1 - head)

    def __call__(self, theta: Tensor, eta: Tensor, lam: Tensor, f: Gradient, U: Direction) -> Tensor:
        return theta - eta * U(f(theta)) - eta * lam * (theta - self.target)


class Hyperball:
    """arXiv 2606.16899: W <- R W' / |W'| with W' = W - eta R u / |u| for each matrix, plain Adam elsewhere.

    `matrices` are the slices of the flat vector with one matrix each; R is the initial norm.
    """

    def __init__(self, theta: Tensor, matrices: Sequence[slice]) -> None:
        self.radii = [(where, math.sqrt((theta[where] ** 2).sum())) for where in matrices]

    def __call__(self, theta: Tensor, eta: Tensor, lam: Tensor, f: Gradient, U: Direction) -> Tensor:
        u = U(f(theta))
        after = theta - eta * u
        for where, radius in self.radii:
            moved = theta[where] - eta[where] * radius * u[where] / math.sqrt((u[where] ** 2).sum())
            after[where] = radius * moved / math.sqrt((moved**2).sum())
        return after


class SPD:
    """arXiv 2411.01713, as in its authors' code: after the update, pull back each tensor that moved away from its start
    against the gradient, by lambda times the relative growth of its distance.

    `tensors` are the slices of the flat vector with one tensor each.
    """

    def __init__(self, theta: Tensor, tensors: Sequence[slice]) -> None:
        self.start, self.tensors = theta, tensors

    def __call__(self, theta: Tensor, eta: Tensor, lam: Tensor, f: Gradient, U: Direction) -> Tensor:
        g = f(theta)
        after = theta - eta * U(g)
        for where in self.tensors:
            before, now = theta[where] - self.start[where], after[where] - self.start[where]
            if -(g[where] @ before) < 0:
                ratio = (math.sqrt(now @ now) - math.sqrt(before @ before)) / math.sqrt(now @ now)
                after[where] = after[where] - lam[where] * min(max(ratio, 0.0), 1.0) * now
        return after


class SODA:
    """arXiv 2605.11172: theta_0 / (k + 2) + (1 - 1 / (k + 2)) theta + the update of an optimizer without decay."""

    def __init__(self, theta: Tensor) -> None:
        self.start, self.k = theta, 0

    def __call__(self, theta: Tensor, eta: Tensor, lam: Tensor, f: Gradient, U: Direction) -> Tensor:
        share = 1 / (self.k + 2)
        self.k += 1
        return share * self.start + (1 - share) * theta - eta * U(f(theta))


RATES = {  # method -> kind of lambda_i, if not lambda; deliberately not read from METHODS
    "lpwd": "layerwise",
    "custom": "layerwise",
    "lwd": "layerwise",
    "lrwd": "layerwise",
    "lpwd_matched": "matched",
    "lpwd_reversed": "reversed",
    "lpwd_shuffled": "shuffled",
    "wd15": "uniform at 1.5",
}


def formula(method: str) -> Any:
    """Return the reference step of a row of METHODS. Raises ValueError if it has none."""
    module, _, name = get_method(method).reference.partition(":")
    if not name:
        raise ValueError(f"method {method} has no reference formula")
    return getattr(import_module(module), name)


def matched(rates: Tensor, weight_decay: float) -> Tensor:
    """Scale the rates so that their mean over parameters is lambda."""
    return rates * weight_decay / rates.mean()


def trajectory(
    method: str,
    direction: Direction,
    theta: Tensor,
    gradients: Sequence[Gradient],
    learning_rates: Sequence[float],
    weight_decay: float,
    layers: Tensor,
    head: Tensor | None = None,
    matrices: Sequence[slice] = (),
    tensors: Sequence[slice] = (),
    permutation: Sequence[int] = (),
    independent: bool = False,
) -> Iterator[Tensor]:
    """Yield theta_1, theta_2, ... after each step.

    `theta` and `layers` (the layer i = 1..n of each entry) are vectors of one length; step t uses `gradients[t]` and
    `learning_rates[t]`. Layer-wise methods use lambda_i = 2 lambda i / n. `head` is 1 for entries of a new head (l2sp,
    adamc), `matrices` are the slices of matrices (adamh, adamc), `tensors` those of parameters (spd), `permutation` the
    shuffled places of layers 1..n. Raises ValueError if the method has no reference.
    """
    step, rates = formula(method), RATES.get(method, "uniform")
    i, n = layers.double(), int(layers.max())
    uniform = weight_decay * torch.ones_like(i)
    lam = {
        "uniform": lambda: uniform,
        "uniform at 1.5": lambda: 1.5 * uniform,
        "layerwise": lambda: uniform * 2 * i / n,
        "matched": lambda: matched(2 * i / n, weight_decay),
        "reversed": lambda: matched(2 * (n + 1 - i) / n, weight_decay),
        "shuffled": lambda: matched(2 * torch.tensor(permutation).double()[layers - 1] / n, weight_decay),
    }[rates]()
    theta = theta.double()
    new = torch.zeros_like(theta) if head is None else head
    squared = torch.zeros_like(theta) if method != "wdlr2" else torch.ones_like(theta)
    if method == "adamc":
        for where in matrices:
            squared[where] = 1 - new[where]
    arguments: dict[Any, Any] = {L2SP: (new,), Hyperball: (matrices,), SPD: (tensors,), SODA: ()}
    if step in arguments:
        step = step(theta, *arguments[step])
    for f, lr in zip(gradients, learning_rates, strict=True):
        eta = lr * (0.75 ** (n - i) if method == "llrd" else torch.ones_like(i))
        decay = torch.where(squared > 0, lam * lr / learning_rates[0], lam)
        theta = step(theta, eta, decay / eta if independent else decay, f, direction)
        yield theta
