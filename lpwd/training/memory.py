"""Memory: the needs of a model, and the free memory of the machine, its control group or a GPU. No torch here."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil

from lpwd import cgroups

if TYPE_CHECKING:
    from torch import Tensor, UntypedStorage, nn

BATCH = 2  # a norm over the batch has no variance in one image


@dataclass(frozen=True)
class Footprint:
    """Memory needs of a model."""

    parameters: int
    buffer_bytes: int
    activation_bytes: int  # per image in fp32, saved by the forward pass for the backward pass
    layers: int  # that layer-wise methods distinguish


def footprint_of(model: "nn.Module", image_size: int, refusals: tuple[type[Exception], ...]) -> Footprint:
    """Return the needs of a model on the meta device; no activations if a training step raises one of `refusals`."""
    try:
        kept = kept_bytes(model, image_size)
    except refusals:
        kept = 0
    parameters = sum(parameter.numel() for parameter in model.parameters())
    from lpwd.optim.layers import layers_of

    return Footprint(parameters, sum(buffer.nbytes for buffer in model.buffers()), kept, len(layers_of(model)))


def kept_bytes(model: "nn.Module", image_size: int) -> int:
    """Return the bytes per image that autograd saves for the backward pass, with each storage counted once."""
    import torch

    weights = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
    kept: dict[int, UntypedStorage] = {}

    def keep(tensor: "Tensor") -> "Tensor":
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage
        return tensor

    model.train()
    with torch.device("meta"), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(torch.zeros(BATCH, 3, image_size, image_size))
    return sum(storage.nbytes() for storage in kept.values()) // BATCH


# Options of glibc's mallopt(3), and the default of both thresholds.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MOST_ARENAS, _USUAL_THRESHOLD = -1, -3, -8, 128 * 1024
_NEVER = 2**31 - 1


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Make the C library keep freed memory in this block, because every training step allocates the same sizes.

    All of it is released at the end. Threads that start in this block share the main heap, because glibc releases
    memory of other heaps whatever the thresholds. Without glibc (other systems, musl) this does nothing. Do not nest.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is None or not hasattr(libc, "mallopt") or not hasattr(libc, "malloc_trim"):
        yield
        return
    libc.mallopt(_MOST_ARENAS, 1)
    libc.mallopt(_MMAP_THRESHOLD, 1 << 30)
    libc.mallopt(_TRIM_THRESHOLD, _NEVER)
    try:
        yield
    finally:
        libc.mallopt(_MMAP_THRESHOLD, _USUAL_THRESHOLD)
        libc.mallopt(_TRIM_THRESHOLD, _USUAL_THRESHOLD)
        libc.malloc_trim(0)


def free_bytes(device: Any = "cpu") -> int:
    """Return the free bytes of a GPU, or of the machine within the limits of the control group."""
    if str(device).startswith("cuda"):
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    return min(psutil.virtual_memory().available, cgroups.free_bytes())
