"""Compute a batch in parts, one per thread, so that one model keeps several CPU cores busy.

At small maps most operations are too short to be split between threads (convnext_atto in bf16 gained nothing from a
second one), but a whole forward and backward pass is not. The model must compute images independently, as all models
that `small_maps` covers do. Then the parts' gradients sum to those of the batch, up to rounding. Their order is fixed,
and stochastic depth draws for the whole batch, so the result is a function of batch, model, seed and threads.
"""

import functools
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from lpwd.training.machine import use_threads
from lpwd.training.small_maps.blocks import Draws

T = TypeVar("T")
SMALLEST_PART = 16  # images

Gradients = list[Tensor | None]  # None: the loss does not depend on that parameter


class Forward(Protocol):
    """Function that returns logits [B, classes] of pixels [B, 3, H, W], with these draws in training mode."""

    def __call__(self, pixels: Tensor, draws: Draws | None = None) -> Tensor: ...


class BatchParts:
    """Threads that each compute one part of a batch, with one torch thread."""

    def __init__(self, model: nn.Module) -> None:
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.pool: ThreadPoolExecutor | None = None
        self.generators: list[torch.Generator] = []

    def parts(self, images: int) -> int:
        """Return the number of parts of a batch, which depends on the calling thread's number of torch threads."""
        return max(1, min(torch.get_num_threads(), images // SMALLEST_PART))

    def backward(self, forward: Forward, pixels: Tensor, labels: Tensor, seed: int) -> Tensor:
        """Set the gradients of the mean cross-entropy over the batch, and return the loss.

        Hooks of the model run once per part, concurrently, so they must not change weights.
        """

        def part(generator: torch.Generator, first: int, pixels: Tensor, targets: Tensor) -> tuple[Tensor, Gradients]:
            draws = Draws(generator.manual_seed(seed), first, len(labels))
            loss = functional.cross_entropy(forward(pixels, draws=draws), targets, reduction="sum") / len(labels)
            return loss.detach(), list(torch.autograd.grad(loss, self.parameters, allow_unused=True))

        parts = self.parts(len(labels))
        images = math.ceil(len(labels) / parts)
        threads, generators = self._threads(), self.generators
        outcomes = threads.map(part, generators, count(0, images), pixels.split(images), labels.split(images))
        return self.alone(self._gather, list(outcomes))

    def _gather(self, outcomes: list[tuple[Tensor, Gradients]]) -> Tensor:
        gradients = functools.reduce(_sum, (gradients for _, gradients in outcomes))
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = None if gradient is None else _as_laid_out(parameter, gradient)
        return torch.stack([loss for loss, _ in outcomes]).sum()

    def alone(self, work: Callable[..., T], *arguments: object) -> T:
        """Run `work` in one of the threads: many short operations are slower with two torch threads than with one."""
        return self._threads().submit(work, *arguments).result()

    def logits(self, forward: Forward, pixels: Tensor) -> Tensor:
        """Return the model's output for the batch, without a graph."""
        parts = pixels.chunk(self.parts(len(pixels)))
        return torch.cat(list(self._threads().map(torch.no_grad()(forward), parts)))

    def _threads(self) -> ThreadPoolExecutor:
        """Return the pool, with as many threads as the first caller's torch threads."""
        if self.pool is None:
            own = torch.get_num_threads()
            self.generators = [torch.Generator() for _ in range(own)]
            self.pool = ThreadPoolExecutor(own, "lpwd-part", use_threads, (1,))
            together = Barrier(own)
            list(self.pool.map(lambda _: together.wait(), range(own)))  # start all threads now
            torch.set_num_threads(own)  # the default of later threads is process-wide
        return self.pool


def _sum(ours: Gradients, theirs: Gradients) -> Gradients:
    return [None if a is None or b is None else a + b for a, b in zip(ours, theirs, strict=True)]


def _as_laid_out(parameter: Tensor, gradient: Tensor) -> Tensor:
    """Return the gradient with the parameter's strides, which torch's fused optimizers need."""
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)
