"""Compare a registered method with its own formula: a small model, 20 steps in float64, Adam and SGD."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.func import functional_call

from lpwd.methods import get_method
from lpwd.optim.optimizers import build_optimizer
from lpwd.optim.reference import AdamDirection, Gradient, SGDDirection, formula

STEPS, LR, DECAY = 20, 0.01, 0.5
DIRECTIONS = {"adam": AdamDirection, "sgd": SGDDirection}
OPTIONS = {"adam": {}, "sgd": {"momentum": 0.9}}


def reference_errors(method: str) -> dict[str, float]:
    """Return the largest relative difference between the weights and the method's reference, by optimizer.

    The reference is a function as in `lpwd.optim.reference`: (theta, eta, lambda, gradient, U) -> next theta, for
    vectors with one entry per weight. Raises ValueError if the method has no reference, or as its
    functions do.
    """
    step = formula(method)
    if isinstance(step, type):
        raise ValueError(f"method {method}: its reference must be a function, not a class")
    return {name: _error(method, name, step) for name in get_method(method).optimizers}


def _error(method: str, name: str, step: object) -> float:
    model = _small_model()
    optimizer = build_optimizer(model, name, method, LR, DECAY, **OPTIONS[name])  # type: ignore[arg-type]
    direction, theta, largest = DIRECTIONS[name](), _flat(model), 0.0
    for inputs in _inputs():
        optimizer.zero_grad()
        optimizer.decay_()
        rates = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
        lam = torch.cat([torch.full((p.numel(),), rates[id(p)], dtype=p.dtype) for p in model.parameters()])
        eta = torch.full_like(lam, LR)
        theta = step(theta, eta, lam, _gradient(model, inputs), direction)  # type: ignore[operator]
        _loss(model(inputs)).backward()
        optimizer.step()
        largest = max(largest, float((_flat(model) - theta).norm() / theta.norm()))
    return largest


def _small_model() -> nn.Module:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.LayerNorm(5), nn.Linear(5, 2)).double()


def _inputs() -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return (torch.randn(8, 3, generator=generator, dtype=torch.float64) for _ in range(STEPS))


def _loss(output: Tensor) -> Tensor:
    return (output - 1).square().mean()


def _flat(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def _gradient(model: nn.Module, inputs: Tensor) -> Gradient:
    """Return the gradient of the loss as a function of the flat weights."""
    shapes = {name: p.shape for name, p in model.named_parameters()}

    def gradient(theta: Tensor) -> Tensor:
        theta = theta.detach().requires_grad_()
        parts = theta.split([shape.numel() for shape in shapes.values()])
        weights = {name: part.view(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}
        return torch.autograd.grad(_loss(functional_call(model, weights, (inputs,))), theta)[0]

    return gradient
