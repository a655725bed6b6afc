"""Runs with invented numbers, written through RunStore with real events: reports are tested without training."""

import math
from collections.abc import Callable

from lpwd.config import RunConfig
from lpwd.events import Diverged, Epoch, Event, Started, Step, ZeroShot, select
from lpwd.jobs.queue import Jobs
from lpwd.jobs.worker import Machine
from lpwd.paper.presets import Cell
from lpwd.store import RunStore

Top1 = Callable[[RunConfig, int], float]  # configuration, epoch -> percent
DEVICE = "CPU, 2 cores, 4 GiB"
LAYERS = ["stem", "stages.0", "head"]


def ramp(config: RunConfig, epoch: int) -> float:
    """Rises with the epoch; seeds differ by a tenth of a point."""
    return 10 + epoch / 10 + config.seed / 10


def write_run(
    store: RunStore, cell: Cell, top1: Top1 = ramp, *, diverged: bool = False, device: str = DEVICE, steps: bool = False
) -> str:
    """A finished or diverged run of `cell` as the worker would leave it."""
    config = cell.config
    run_id = store.create(config)
    events: list[Event] = [_started(config, device)]
    epochs = [_epoch(config, epoch, top1(config, epoch)) for epoch in range(1, config.epochs + 1)]
    if steps:
        events += [_step(config, step) for step in range(1, 6)]
    if diverged:
        store.append(run_id, [*events, *epochs[:2], Diverged(3, 3)])
        store.update(run_id, state="diverged", device=device, step=3, versions={"torch": "2.14.1"}, commit="abc123")
        return run_id
    result = select(epochs)
    events += [*epochs, result]
    if cell.config.zero_shot:
        events += [ZeroShot(result.step, float(s), 10 * (1 - s / 100), 4 + s / 100) for s in range(101)]
    store.append(run_id, events)
    facts = {"mean_decay_rate": config.weight_decay * 1.5, "parameter_count": 1000}
    summary = result.summary | facts
    store.update(run_id, state="finished", device=device, summary=summary, seconds=12.0, versions={"torch": "2.14.1"})
    store.update(run_id, commit="abc123", epoch=config.epochs, step=result.step, total_steps=20 * config.epochs)
    return run_id


def _started(config: RunConfig, device: str) -> Started:
    rates = [config.weight_decay] * 3
    return Started(
        device, config.model, 1000, LAYERS, rates, [10, 90, 900], rates[0], 1200, 2000, 200, 20, 280, [1.0, 2.0, 3.0]
    )


def opposing(config: RunConfig) -> float:
    """The rate of opposing penalties, which grows with eta and lambda as the paper says."""
    return min(1.0, 0.03 * math.sqrt(config.lr * (1 + config.weight_decay)))


def _step(config: RunConfig, step: int) -> Step:
    rate = opposing(config) * step / 3  # of 5 steps
    return Step(step, 1, 1.0, config.lr, 0.1 * step, 100.0, rate, rate / 2)


def _epoch(config: RunConfig, epoch: int, top1: float) -> Epoch:
    norms = [1.0 - 0.01 * epoch, 2.0 - 0.02 * epoch, 3.0 - 0.1 * epoch]
    angles = [0.01, 0.02, 0.03 / epoch]
    loss, rate = 4 - epoch / 10, opposing(config)
    measured = [config.lr, norms, rate, rate / 2, epoch, 1000.0, angles, angles, angles]
    return Epoch(20 * epoch, epoch, loss, 4.1, top1, top1 - 1, *measured)


class StillJobs:
    """A queue that does nothing."""

    def __init__(self, *jobs):
        self.jobs = list(jobs)

    def queue(self):
        return self.jobs

    def machine(self):
        return Machine("cpu", "CPU, 2 cores", ["convnext_atto"], "fp32")


class IdleJobs(Jobs):
    """A queue that was never started: it has no worker, and whoever asks is told of a usual machine."""

    def machine(self, timeout: float = 60) -> Machine:
        return Machine("cpu", "CPU, 2 cores", ["convnext_atto", "test_convnext"], "fp32")
