"""Angle (angular update, arXiv 2305.17212) and relative length of a step for each layer."""

import torch
from torch import Tensor

from lpwd.optim.kept import chunks, keep, kept
from lpwd.optim.layer_stats import layers


class AngleMeter:
    """Measure the angle between each layer's weights before and after the step in the context:

        loss.backward()
        with AngleMeter(optimizer) as meter:
            optimizer.step()
        angles = meter.angles.tolist()

    `angles` (radians, 0..pi) is a float64 tensor of shape (layers,) on the device, shallow to deep.
    `relative_updates` and `relative_gradients` have the same shape: the norm of the update, and of the gradient,
    divided by the norm of the weights before the step. All are 0 if the weights of a layer are 0. A layer is one vector
    of all its parameters. With pwd the decay has already happened, which does not rotate a layer. Keeps one copy of the
    weights, shared with OpposingMeter. Neither changes the step nor synchronizes with the device.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer
        self.angles: Tensor | None = None
        self.motion: Tensor | None = None  # angles, relative updates and relative gradients, (3, layers)
        self.relative_updates: Tensor | None = None
        self.relative_gradients: Tensor | None = None

    def __enter__(self) -> "AngleMeter":
        keep(self.optimizer, [p for layer in layers(self.optimizer).values() for p in layer])
        self._gradients = [_gradient_norm(layer) for layer in layers(self.optimizer).values()]
        return self

    @torch.no_grad()
    def __exit__(self, *exception: object) -> None:
        before = kept(self.optimizer)
        device = next(iter(before)).device
        sums = [
            torch.stack([_sums(before[p], p.detach()).to(device) for p in layer]).sum(0)
            for layer in layers(self.optimizer).values()
        ]
        moved = torch.stack(sums)
        self.angles = _angles(moved)
        lengths = moved[:, 0].sqrt()
        self.relative_updates = _over(moved[:, 2].sqrt(), lengths)
        self.relative_gradients = _over(torch.stack([norm.to(device) for norm in self._gradients]), lengths)
        self.motion = torch.stack([self.angles, self.relative_updates, self.relative_gradients])


@torch.no_grad()
def _gradient_norm(layer: list[Tensor]) -> Tensor:
    """Return the norm of the gradient of a layer, 0-dim float64; 0 without gradients."""
    grads = [p.grad for p in layer if p.grad is not None]
    return torch.stack(torch._foreach_norm(grads)).double().norm() if grads else torch.zeros((), dtype=torch.float64)


def _over(lengths: Tensor, of: Tensor) -> Tensor:
    return torch.where(of > 0, lengths / of, 0.0)


def _sums(theta: Tensor, after: Tensor) -> Tensor:
    """Return theta theta, theta d and d d with d = theta' - theta, float64 of shape (3,)."""
    total = torch.zeros(3, dtype=torch.float64, device=theta.device)
    for old, new in chunks(theta, after):
        t = old.double()
        d = new.double() - t
        total += torch.stack([t.dot(t), t.dot(d), d.dot(d)])
    return total


def _angles(sums: Tensor) -> Tensor:
    """Return angles of shape (layers,) from sums of shape (layers, 3).

    The sine is proportional to the component of d orthogonal to theta, the cosine to theta (theta + d). This is exact
    for the small angles of a step, for which the arc cosine would lose half of the digits.
    """
    theta, along, moved = sums.unbind(1)
    across = (theta * moved - along * along).clamp_(min=0).sqrt_()
    return torch.atan2(across, theta + along)
