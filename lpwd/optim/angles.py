"""How a step moves each layer's weights: its angle (the angular update of arXiv 2305.17212) and relative length."""

import torch
from torch import Tensor

from lpwd.optim.kept import chunks, keep, kept
from lpwd.optim.layer_stats import layers


class AngleMeter:
    """The angle in radians between each layer's weights before and after the step taken inside the context:

        loss.backward()
        with AngleMeter(optimizer) as meter:
            optimizer.step()
        angles = meter.angles.tolist()

    `angles` has shape (layers,), float64, on the device, shallow to deep, 0..pi; 0 if all weights of a layer are 0.
    `relative_updates` and `relative_gradients` have the same shape: the length of the step's change, and of the
    gradient, over the length of the weights before it; 0 if these are 0. A layer is one vector of all its
    parameters. pwd decays before the forward pass, so "before" is after its decay, which does not turn a layer that
    it shrinks as a whole. Keeps one copy of the weights with the optimizer, shared with an OpposingMeter. Does not
    change the step and does not wait for the device.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer
        self.angles: Tensor | None = None
        self.motion: Tensor | None = None  # the three below each other, (3, layers)
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
    """The length of the gradient of all parameters of a layer, 0-dim float64; 0 if none has one."""
    grads = [p.grad for p in layer if p.grad is not None]
    return torch.stack(torch._foreach_norm(grads)).double().norm() if grads else torch.zeros((), dtype=torch.float64)


def _over(lengths: Tensor, of: Tensor) -> Tensor:
    return torch.where(of > 0, lengths / of, 0.0)


def _sums(theta: Tensor, after: Tensor) -> Tensor:
    """With d = theta' - theta: theta theta, theta d and d d, a float64 tensor of shape (3,)."""
    total = torch.zeros(3, dtype=torch.float64, device=theta.device)
    for old, new in chunks(theta, after):
        t = old.double()
        d = new.double() - t
        total += torch.stack([t.dot(t), t.dot(d), d.dot(d)])
    return total


def _angles(sums: Tensor) -> Tensor:
    """Angles of shape (layers,) from sums of shape (layers, 3).

    Of theta and theta' the sine is in proportion to the part of d across theta, the cosine to theta (theta + d): exact
    at the small angles of a step, where the arc cosine would lose half of the digits.
    """
    theta, along, moved = sums.unbind(1)
    across = (theta * moved - along * along).clamp_(min=0).sqrt_()
    return torch.atan2(across, theta + along)
