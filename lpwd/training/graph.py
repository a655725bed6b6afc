"""Run a training step as one CUDA graph, which launches all kernels together on fixed buffers.

A step of a small model has hundreds of short kernels, which a GPU can finish faster than Python launches them. On a CPU
a StepGraph makes the same step without a graph, so that tests can compare it; `benchmarks/gpu.py` compares and times
the graph itself. It is the option `kernels="graph"`, and off by default.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from lpwd.config import ConfigError, RunConfig

WARM_UP = 3  # steps on a separate stream before the capture, as torch requires
Step = Callable[[Tensor, Tensor], Tensor]  # (pixels, labels) -> loss, after the update


def check(config: RunConfig, device: torch.device) -> None:
    """Raise ConfigError if the run asks for a graph without a CUDA device."""
    if config.kernels == "graph" and device.type != "cuda":
        raise ConfigError.of("kernels", f"is 'graph': this needs a CUDA device, but the device is {device}.")


def rates_as_tensors(optimizer: torch.optim.Optimizer, device: torch.device) -> None:
    """Store learning rates in tensors, which a graph reads when it runs; groups with the same scale share a tensor."""
    shared: dict[float, Tensor] = {}
    for group in optimizer.param_groups:
        rate = torch.tensor(float(group["lr"]), device=device)
        group["lr"] = shared.setdefault(group.get("lr_scale", 1.0), rate)


class StepGraph:
    """`step` for batches of one shape: run normally at first, then captured once and replayed."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.graph: torch.cuda.CUDAGraph | None = None
        self.warm = 0  # number of steps
        self.pixels = self.labels = self.loss = torch.empty(0)

    def __call__(self, pixels: Tensor, labels: Tensor) -> Tensor | None:
        """Make a step and return its loss, or do nothing and return None if the shape differs from the first batch's.

        Does not wait for the device.
        """
        if not self.warm:
            self.pixels, self.labels = torch.empty_like(pixels), torch.empty_like(labels)
        if pixels.shape != self.pixels.shape:
            return None
        self.pixels.copy_(pixels)
        self.labels.copy_(labels)
        self._run()
        return self.loss.clone()

    def _run(self) -> None:
        if self.pixels.device.type != "cuda":
            self._once()
        elif self.graph is not None:
            self.graph.replay()
        elif self.warm < WARM_UP:
            aside, here = torch.cuda.Stream(), torch.cuda.current_stream()
            aside.wait_stream(here)
            with torch.cuda.stream(aside):
                self._once()
            here.wait_stream(aside)
        else:
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph, capture_error_mode="thread_local"):  # threads of other lanes continue
                self._once()
            self.graph.replay()  # capturing computes nothing
        self.warm += 1

    def _once(self) -> None:
        self.loss = self.step(self.pixels, self.labels)
