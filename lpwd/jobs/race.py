"""Train one run or several in lock step inside this process, and write all that happens to the run store."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Literal

import torch

from lpwd.cgroups import usable_cores
from lpwd.config import RunConfig
from lpwd.events import Event, Stopped
from lpwd.jobs.claim import claimed
from lpwd.jobs.costs import plan
from lpwd.jobs.lane import Lane, OnEvent
from lpwd.jobs.side_by_side import advance
from lpwd.store import ACTIVE, ENDED, RunStore, State
from lpwd.training import checkpoints, starts
from lpwd.training.data.datasets import Datasets
from lpwd.training.data.feed import Feeds
from lpwd.training.machine import resolve_device
from lpwd.training.memory import freed_memory_kept
from lpwd.training.train import train

WATCH_SECONDS = 0.2  # between looks at a request to stop
HEARTBEAT_SECONDS = 2.0


def run_lanes(
    store: RunStore,
    run_ids: Sequence[str],
    *,
    device: str = "auto",
    threads: int | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    stopped_state: Callable[[], Literal["stopped", "interrupted"]] = lambda: "stopped",
    on_event: OnEvent = lambda run_id, event: None,
    datasets: Datasets | None = None,
) -> dict[str, State]:
    """Train the runs in lock step, each from its checkpoint where it has one; returns the state of each.

    A lane that fails or diverges is marked and the others go on. Stops at the end of a step once `should_stop` says so
    or any run's state is set to `stopping`. `threads` is torch's number of CPU threads for each lane; sums depend on it
    in their last bits, so it is recorded. `costs.plan` says what it is by default and how many lanes compute at
    once. A run that older code began goes on with this code's kernels, unless its `kernels` are timm's. `datasets`
    keeps data from one call to the next. Raises ConfigError for a run that another process is training.
    """
    waiting = [run_id for run_id in run_ids if store.status(run_id).state not in ENDED]
    datasets, feeds = datasets or Datasets(), Feeds()  # what lanes of a race share
    with claimed(store, waiting) as claims, Watch(store, waiting) as watch:

        def source(config: RunConfig, checkpoint: dict[str, Any] | None) -> Iterator[Event]:
            stop = lambda: watch.stopping.is_set() or should_stop()  # noqa: E731
            if stop():
                yield Stopped(checkpoint["position"]["step"] if checkpoint else 0)
                return
            weights = None if checkpoint else initial_weights(store, config)
            yield from train(
                config,
                device=device,
                should_stop=stop,
                resume_from=checkpoint,
                initial_weights=weights,
                data=datasets.load(config, resolve_device(device)),
                feeds=feeds,
            )

        lanes = [Lane(claim, source, stopped_state=stopped_state, on_event=on_event) for claim in claims.values()]
        on_cpu, cores = resolve_device(device).type == "cpu", min(torch.get_num_threads(), usable_cores())
        chosen = plan(len(lanes), threads or recorded_threads(store, waiting), cores=cores, on_cpu=on_cpu)
        with freed_memory_kept():
            advance(lanes, chosen)
        del lanes
    datasets.forget_large()
    return {run_id: _state(store, run_id) for run_id in run_ids}


def _state(store: RunStore, run_id: str) -> State:
    """The run's state; `interrupted` where its folder was removed or damaged while it trained."""
    try:
        return store.status(run_id).state
    except (OSError, ValueError):
        return "interrupted"


class Watch:
    """A thread that keeps the runs' heartbeat and notices when one is asked to stop."""

    def __init__(self, store: RunStore, run_ids: Sequence[str]) -> None:
        self.store, self.run_ids = store, run_ids
        self.stopping = threading.Event()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="lpwd-watch", daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _loop(self) -> None:
        beat = 0.0
        while not self._done.wait(WATCH_SECONDS):
            due = time.monotonic() - beat > HEARTBEAT_SECONDS
            beat = time.monotonic() if due else beat
            for run_id in self.run_ids:
                with suppress(OSError, ValueError):  # removed, damaged or on a full disk: its lane finds out
                    self._look(run_id, due)

    def _look(self, run_id: str, due: bool) -> None:
        if self.store.status(run_id).state == "stopping":
            self.stopping.set()
        if due:
            self.store.update_if(run_id, lambda status: status.state in ACTIVE, heartbeat=time.time())


def recorded_threads(store: RunStore, run_ids: Sequence[str]) -> int | None:
    """What the runs that have begun were trained with, so that they go on bit for bit; None where none has."""
    begun = [run_id for run_id in run_ids if checkpoints.is_there(store.paths(run_id))]
    return max((store.status(run_id).threads for run_id in begun), default=0) or None


def initial_weights(store: RunStore, config: RunConfig) -> dict[str, torch.Tensor] | None:
    """The weights that `config.init_from` names. Raises ConfigError where they cannot be had."""
    return starts.load(store, config.init_from) if config.init_from else None


def warm_up() -> None:
    """One step on the embedded digits, so that a first real step finds everything imported and initialised."""
    config = RunConfig(
        dataset="digits", model="test_convnext", epochs=1, batch_size=8, train_samples=10, test_samples=10
    )
    for _ in train(config, device="cpu"):
        pass
