"""Black-box trials of an optimizer: a few steps from fixed weights with fixed gradients, in float64.

Trials rebuild the optimizer and repeat its steps instead of copying it, because a copy may lose attributes.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

LR, RATE, STEP = 0.02, 0.25, 4  # eta, lambda, and the step (counted from 1) that is measured
SHAPES = ((6, 5), (12,))  # a matrix and a vector
MATRICES = ((6, 5), (4, 7))  # for classes that do not support vectors
SECOND_ORDER = ("Adahessian", "AdaHessian", "SophiaH")  # classes that differentiate p.grad
Gradients = Callable[[int, int, Tensor], Tensor | None]  # step, index, weights -> gradient


@dataclass(frozen=True)
class Target:
    """An optimizer class with its options; `name` is the name given on the command line."""

    name: str
    cls: type[torch.optim.Optimizer]
    options: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""  # reason why the class is unavailable

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        return inspect.signature(self.cls).parameters


@dataclass(frozen=True)
class Trial:
    """Settings of one trial. `last_rate` and `last_lr` replace lambda and eta in the last step, `penalty` times the
    weights is added to the last gradient, and `after` is the number of further steps without decay."""

    lr: float = LR
    rate: float = RATE
    steps: int = STEP
    last_rate: float | None = None
    last_lr: float | None = None
    penalty: float = 0.0
    after: int = 0
    gradients: "Gradients | None" = None
    kernel: Mapping[str, Any] = field(default_factory=dict)
    dtypes: Sequence[torch.dtype] = (torch.float64, torch.float64)
    shapes: Sequence[tuple[int, ...]] = SHAPES
    size: float = 1.0  # standard deviation of the weights
    reload_rate: float | None = None  # reload the state before the last step, with this lambda

    def without(self, **changes: Any) -> "Trial":
        """Return the same trial without decay in the last step."""
        return replace(self, last_rate=0.0, **changes)


@dataclass(frozen=True)
class Weights:
    """The weights at the start, before the last step and after it."""

    start: list[Tensor]
    before: list[Tensor]
    after: list[Tensor]


def random_gradients(step: int, index: int, theta: Tensor) -> Tensor:
    """Return normal numbers that depend on step and index only."""
    generator = torch.Generator().manual_seed(1000 * step + index)
    return torch.randn(theta.shape, generator=generator, dtype=torch.float64).to(theta.dtype)


def orthogonal_gradients(step: int, index: int, theta: Tensor) -> Tensor:
    """Return random gradients orthogonal to each row of the weights, like those of normalized weights."""
    g, rows = random_gradients(step, index, theta), theta.reshape(len(theta), -1) if theta.ndim > 1 else theta[None]
    flat = g.reshape(rows.shape)
    along = (flat * rows).sum(1, keepdim=True) / rows.square().sum(1, keepdim=True)
    return (flat - along * rows).reshape(theta.shape)


def aligned_gradients(step: int, index: int, theta: Tensor) -> Tensor:
    """Return random gradients with a large component along the weights."""
    return random_gradients(step, index, theta) + 3 * theta


def run(target: Target, trial: Trial) -> Weights:
    """Build the optimizer and run the steps of a trial."""
    torch.manual_seed(0)
    params = _parameters(trial)
    start = _copies(params)
    optimizer = build(target, params, trial.lr, trial.rate, trial.kernel)
    gradients = trial.gradients or random_gradients
    for step in range(1, trial.steps):
        _step(optimizer, params, step, gradients)
    if trial.reload_rate is not None:
        state = optimizer.state_dict()
        optimizer = build(target, params, trial.lr, trial.reload_rate, trial.kernel)
        optimizer.load_state_dict(state)
    before = _copies(params)
    _set(optimizer, "weight_decay", trial.last_rate)
    _set(optimizer, "lr", trial.last_lr)
    _step(optimizer, params, trial.steps, gradients, trial.penalty)
    _set(optimizer, "weight_decay", 0.0 if trial.after else None)
    for step in range(trial.steps + 1, trial.steps + 1 + trial.after):
        _step(optimizer, params, step, random_gradients)
    return Weights(start, before, _copies(params))


def build(
    target: Target, params: list[nn.Parameter], lr: float, rate: float, kernel: Mapping[str, Any]
) -> torch.optim.Optimizer:
    """Build an optimizer, in training mode if it has modes."""
    given: dict[str, Any] = {"weight_decay": rate, **target.options, **kernel}
    if "lr" in target.parameters:
        given["lr"] = lr
    optimizer = target.cls(params, **given)
    if callable(train := getattr(optimizer, "train", None)):
        train()
    return optimizer


def _parameters(trial: Trial) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(1)
    drawn = [trial.size * torch.randn(shape, generator=generator, dtype=torch.float64) for shape in trial.shapes]
    return [nn.Parameter(theta.to(dtype)) for theta, dtype in zip(drawn, trial.dtypes, strict=True)]


def _copies(params: Sequence[Tensor]) -> list[Tensor]:
    return [p.detach().clone() for p in params]


def _set(optimizer: torch.optim.Optimizer, key: str, value: float | None) -> None:
    for group in optimizer.param_groups:
        if value is not None:
            group[key] = value


def _step(
    optimizer: torch.optim.Optimizer,
    params: list[nn.Parameter],
    step: int,
    gradients: Gradients,
    penalty: float = 0.0,
) -> None:
    for index, p in enumerate(params):
        grad = gradients(step, index, p.detach())
        grad = None if grad is None else grad + penalty * p.detach()
        if grad is not None and type(optimizer).__name__ in SECOND_ORDER:
            grad = grad + (p - p.detach())  # equal values with a graph whose second derivative is 1
        p.grad = grad
    optimizer.step()
