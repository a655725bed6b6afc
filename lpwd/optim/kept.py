"""Copies of the weights before a measured step, and iteration over chunks of them."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

CHUNK = {"cpu": 2**16}  # weights per chunk; fits in the cache
CHUNK_ELSEWHERE = 2**24  # the largest count that is exact in float32


def kept(optimizer: torch.optim.Optimizer) -> dict[Tensor, Tensor]:
    """Return theta before the measured step by parameter; stored in the optimizer, but not in its state."""
    copies: dict[Tensor, Tensor] = optimizer.__dict__.setdefault("_theta_before", {})
    return copies


@torch.no_grad()
def keep(optimizer: torch.optim.Optimizer, params: Sequence[Tensor]) -> None:
    """Copy the parameters, reusing the memory of earlier copies."""
    copies = kept(optimizer)
    for p in params:
        old_copy = copies.get(p)
        if old_copy is None or (old_copy.shape, old_copy.dtype, old_copy.device) != (p.shape, p.dtype, p.device):
            copies[p] = torch.empty_like(p, requires_grad=False)
        copies[p].copy_(p)


def chunks(theta: Tensor, *others: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yield matching one-dimensional chunks of the tensors; views if all tensors have the strides of theta."""
    alike = all(type(t) is Tensor and t.stride() == theta.stride() for t in (theta, *others))
    flat = [t.as_strided((t.numel(),), (1,)) if alike else t.reshape(-1) for t in (theta, *others)]
    size = CHUNK.get(theta.device.type, CHUNK_ELSEWHERE)
    return zip(*(t.split(size) for t in flat), strict=True)
