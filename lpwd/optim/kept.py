"""Weights as they were before a measured step, and how two such tensors are read together."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

CHUNK = {"cpu": 2**16}  # weights at a time, so that what is read again lies in the cache
CHUNK_ELSEWHERE = 2**24  # as many as float32 counts exactly


def kept(optimizer: torch.optim.Optimizer) -> dict[Tensor, Tensor]:
    """theta before the measured step, by parameter: memory that stays with the optimizer, no part of its state."""
    copies: dict[Tensor, Tensor] = optimizer.__dict__.setdefault("_theta_before", {})
    return copies


@torch.no_grad()
def keep(optimizer: torch.optim.Optimizer, params: Sequence[Tensor]) -> None:
    """Copy the parameters, into the memory of earlier copies where there are some."""
    copies = kept(optimizer)
    for p in params:
        old_copy = copies.get(p)
        if old_copy is None or (old_copy.shape, old_copy.dtype, old_copy.device) != (p.shape, p.dtype, p.device):
            copies[p] = torch.empty_like(p, requires_grad=False)
        copies[p].copy_(p)


def chunks(theta: Tensor, *others: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The tensors cut alike into one-dimensional pieces, views wherever they lie in memory as theta does."""
    alike = all(type(t) is Tensor and t.stride() == theta.stride() for t in (theta, *others))
    flat = [t.as_strided((t.numel(),), (1,)) if alike else t.reshape(-1) for t in (theta, *others)]
    size = CHUNK.get(theta.device.type, CHUNK_ELSEWHERE)
    return zip(*(t.split(size) for t in flat), strict=True)
