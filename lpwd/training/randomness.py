"""Torch's process-wide random numbers, lent to one thread at a time: the lanes of a race share a process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_one_at_a_time = threading.RLock()


@contextmanager
def seeded(seed: int | None, device: torch.device | None = None) -> Iterator[None]:
    """Inside, draws without a generator follow from `seed` (None: go on as they are); afterwards all is as before.

    Covers the CPU's generator and that of `device`. Whoever draws from them, or builds a model, does it in here, or the
    numbers of one thread would depend on what another one does.
    """
    gpu = device if device is not None and device.type == "cuda" else None
    with _one_at_a_time, torch.random.fork_rng([gpu] if gpu else []):
        if seed is not None:
            torch.default_generator.manual_seed(seed)
            if gpu:
                torch.cuda.default_generators[gpu.index or 0].manual_seed(seed)
        yield
