"""Train one or several runs in lock step in this process, and record their events in the run store.

On a CPU a step of a small model keeps one core busy but not two, so two lanes with one thread each are faster than one
after the other with two threads. Torch releases the interpreter while it computes, and its number of threads belongs to
the calling thread.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, Literal

import torch

from lpwd.cgroups import usable_cores
from lpwd.config import RunConfig
from lpwd.events import Checkpoint, Event, Stopped
from lpwd.jobs.claim import claimed
from lpwd.jobs.costs import Parallelism, parallelism
from lpwd.jobs.lane import Lane, OnEvent
from lpwd.store import ACTIVE, ENDED, RunStore, State
from lpwd.training import checkpoints, starts
from lpwd.training.data.datasets import Datasets
from lpwd.training.data.feed import Feeds
from lpwd.training.machine import resolve_device, use_threads
from lpwd.training.memory import freed_memory_kept
from lpwd.training.train import train

WATCH_SECONDS = 0.2  # between checks for a request to stop
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
    """Train the runs in lock step, each from its checkpoint if it has one, and return their states.

    A lane that fails or diverges is marked, and the others continue. Stops after a step once `should_stop` returns True
    or the state of a run is set to `stopping`. `threads` is torch's number of CPU threads per lane; it changes the last
    bits of sums, so it is recorded. `costs.parallelism` chooses its default and how many lanes compute at once. A run
    started by older code continues with the current kernels, unless its `kernels` are "timm". `datasets` keeps data
    between calls. Raises ConfigError for a run that another process is training.
    """
    waiting = [run_id for run_id in run_ids if store.status(run_id).state not in ENDED]
    datasets, feeds = datasets or Datasets(), Feeds()  # shared by the lanes of a race
    with claimed(store, waiting) as claims, watching(store, waiting) as stopping:

        def source(config: RunConfig, checkpoint: dict[str, Any] | None) -> Iterator[Event]:
            stop = lambda: stopping.is_set() or should_stop()  # noqa: E731
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
        threads = threads or recorded_threads(store, waiting)
        with freed_memory_kept():
            advance(lanes, parallelism(len(lanes), threads, cores=cores, on_cpu=on_cpu))
        del lanes
    datasets.forget_large()
    return {run_id: _state(store, run_id) for run_id in run_ids}


def advance(lanes: Sequence[Lane], chosen: Parallelism) -> None:
    """Run the lanes to their ends, at most one step apart.

    This thread records everything except checkpoints, in the order of the lanes, so that files do not depend on timing.
    Lanes start one after the other, because they share most of that work. All threads have ended on return.
    """
    with lane_threads(chosen) as pool:
        for lane in lanes:
            lane.record(pool.submit(lane.compute).result())
        while running := [lane for lane in lanes if not lane.ended]:
            least = min(lane.step for lane in running)
            abreast = [lane for lane in running if lane.step == least]
            outcomes = list(pool.map(Lane.compute, abreast))
            if all(isinstance(outcome, Checkpoint) for outcome in outcomes):  # one file each, and slow
                list(pool.map(Lane.record, abreast, outcomes))
                continue
            for lane, outcome in zip(abreast, outcomes, strict=True):
                lane.record(outcome)


@contextmanager
def lane_threads(chosen: Parallelism) -> Iterator[ThreadPoolExecutor]:
    """Provide threads with their own number of torch threads each; that of the calling thread is restored."""
    before = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(chosen.at_once, "lpwd-lane", use_threads, (chosen.threads,)) as pool:
            yield pool
    finally:
        torch.set_num_threads(before)  # the default of later threads is process-wide


def _state(store: RunStore, run_id: str) -> State:
    """Return the run's state, or `interrupted` if its folder was removed or damaged during training."""
    try:
        return store.status(run_id).state
    except (OSError, ValueError):
        return "interrupted"


@contextmanager
def watching(store: RunStore, run_ids: Sequence[str]) -> Iterator[threading.Event]:
    """Update the heartbeats of the runs in a thread. The event is set when one of them is asked to stop."""
    stopping, done = threading.Event(), threading.Event()

    def loop() -> None:
        beat = 0.0
        while not done.wait(WATCH_SECONDS):
            due = time.monotonic() - beat > HEARTBEAT_SECONDS
            beat = time.monotonic() if due else beat
            for run_id in run_ids:
                with suppress(OSError, ValueError):  # removed, damaged or on a full disk: its lane reports it
                    if store.status(run_id).state == "stopping":
                        stopping.set()
                    if due:
                        store.update_if(run_id, lambda status: status.state in ACTIVE, heartbeat=time.time())

    thread = threading.Thread(target=loop, name="lpwd-watch", daemon=True)
    thread.start()
    try:
        yield stopping
    finally:
        done.set()
        thread.join()


def recorded_threads(store: RunStore, run_ids: Sequence[str]) -> int | None:
    """Return the number of threads of runs that have started, so that they continue bit for bit; None without any."""
    begun = [run_id for run_id in run_ids if checkpoints.is_there(store.paths(run_id))]
    return max((store.status(run_id).threads for run_id in begun), default=0) or None


def initial_weights(store: RunStore, config: RunConfig) -> dict[str, torch.Tensor] | None:
    """Return the weights named by `config.init_from`. Raises ConfigError if they are not available."""
    return starts.load(store, config.init_from) if config.init_from else None


def warm_up() -> None:
    """Train one step on the bundled digits, so that everything is initialised before the first real step."""
    config = RunConfig(
        dataset="digits", model="test_convnext", epochs=1, batch_size=8, train_samples=10, test_samples=10
    )
    for _ in train(config, device="cpu"):
        pass
