"""Exclusive use of torch's process-wide random state, which the lanes of a race share."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_one_at_a_time = threading.RLock()


@contextmanager
def seeded(seed: int | None, device: torch.device | None = None) -> Iterator[None]:
    """Seed the default generators of the CPU and of `device` in this block, and restore their state afterwards.

    With `seed` None the state is only restored. Every use of the default generators, and every construction of a model,
    must be in such a block; otherwise the numbers of one thread depend on other threads.
    """
    gpu = device if device is not None and device.type == "cuda" else None
    with _one_at_a_time, torch.random.fork_rng([gpu] if gpu else []):
        if seed is not None:
            torch.default_generator.manual_seed(seed)
            if gpu:
                torch.cuda.default_generators[gpu.index or 0].manual_seed(seed)
        yield
