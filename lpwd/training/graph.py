"""A training step as one CUDA graph: its kernels are launched together, on buffers that stay where they are.

A step of a small model is hundreds of short kernels, which a GPU can finish faster than Python launches them. On a CPU
a StepGraph makes the same step without a graph, which is how tests compare it; `benchmarks/gpu.py` compares and times
the graph itself. It is an option, `kernels="graph"`, because no card was at hand to measure it on.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from lpwd.config import ConfigError, RunConfig

WARM_UP = 3  # steps before the capture, on a stream of their own: torch's rule
Step = Callable[[Tensor, Tensor], Tensor]  # (pixels, labels) -> loss, with the update made


def check(config: RunConfig, device: torch.device) -> None:
    """Raises ConfigError where the run asks for a graph that its device cannot have."""
    if config.kernels == "graph" and device.type != "cuda":
        raise ConfigError.of(
            "kernels", f"is 'graph': a CUDA graph needs a CUDA device, and this run would train on {device}."
        )


def rates_as_tensors(optimizer: torch.optim.Optimizer, device: torch.device) -> None:
    """Put each group's learning rate in a tensor, which a graph reads when it runs; groups of one scale share one."""
    shared: dict[float, Tensor] = {}
    for group in optimizer.param_groups:
        rate = torch.tensor(float(group["lr"]), device=device)
        group["lr"] = shared.setdefault(group.get("lr_scale", 1.0), rate)


class StepGraph:
    """`step` on batches of one shape: the first ones as they are, then captured once and replayed."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.graph: torch.cuda.CUDAGraph | None = None
        self.warm = 0  # steps made
        self.pixels = self.labels = self.loss = torch.empty(0)

    def __call__(self, pixels: Tensor, labels: Tensor) -> Tensor | None:
        """The loss of the step on this batch; None, with nothing done, for a batch of another shape than the first's.

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
            with torch.cuda.graph(self.graph, capture_error_mode="thread_local"):  # other lanes' threads go on
                self._once()
            self.graph.replay()  # capturing computes nothing
        self.warm += 1

    def _once(self) -> None:
        self.loss = self.step(self.pixels, self.labels)
