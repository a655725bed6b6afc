"""Memory: what a model needs, and what may still be taken of the machine, its control group or a GPU. No torch."""

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
    """What a model needs: parameters, bytes of its buffers, and bytes that a training step keeps for each image.

    `layers` is how many of them the decay rates of layer-wise methods tell apart.
    """

    parameters: int
    buffer_bytes: int
    activation_bytes: int  # in fp32, from the forward pass to the backward pass
    layers: int


def footprint_of(model: "nn.Module", image_size: int, refusals: tuple[type[Exception], ...]) -> Footprint:
    """What a model on the meta device needs; no activations where a step in training mode raises one of `refusals`."""
    try:
        kept = kept_bytes(model, image_size)
    except refusals:
        kept = 0
    parameters = sum(parameter.numel() for parameter in model.parameters())
    from lpwd.optim.layers import layers_of

    return Footprint(parameters, sum(buffer.nbytes for buffer in model.buffers()), kept, len(layers_of(model)))


def kept_bytes(model: "nn.Module", image_size: int) -> int:
    """Bytes that autograd keeps for each image of a training step: tensors saved for backward, each storage once."""
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


# Of glibc's mallopt(3), and what they are where nobody has set them.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MOST_ARENAS, _USUAL_THRESHOLD = -1, -3, -8, 128 * 1024
_NEVER = 2**31 - 1


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Within it the C library keeps what is freed, as a training step takes the same sizes again and again; at the end
    all of it goes back. Threads that begin within it share the main heap, for glibc gives those of their own back
    whatever the thresholds are. Without glibc (other systems, musl) nothing happens. Not for nested use.
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
    """What a process may still take: on a GPU its free memory, else the machine's within the limits of the group."""
    if str(device).startswith("cuda"):
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    return min(psutil.virtual_memory().available, cgroups.free_bytes())
