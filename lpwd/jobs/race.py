"""Train one run or several in lock step inside this process, and write all that happens to the run store."""

import functools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Literal

import torch

from lpwd.config import ConfigError, RunConfig
from lpwd.events import Event, Stopped
from lpwd.jobs.claim import claimed
from lpwd.jobs.lane import Lane, OnEvent, load_checkpoint
from lpwd.store import ACTIVE, ENDED, RunStore, State
from lpwd.training import batches
from lpwd.training.machine import resolve_device
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
) -> dict[str, State]:
    """Train the runs in lock step, each from its checkpoint where it has one; returns the state of each.

    A lane that fails or diverges is marked and the others go on. Stops at the end of a step once `should_stop` says so
    or any run's state is set to `stopping`. `threads` is torch's number of CPU threads, process-wide; sums depend on it
    in their last bits, so it is recorded. Raises ConfigError for a run that another process is training.
    """
    if threads:
        torch.set_num_threads(threads)
    waiting = [run_id for run_id in run_ids if store.status(run_id).state not in ENDED]
    load = functools.lru_cache(maxsize=None)(load_data)  # lanes of a race share one copy
    with claimed(store, waiting) as claims, Watch(store, waiting) as watch:

        def source(config: RunConfig, checkpoint: dict[str, Any] | None) -> Iterator[Event]:
            stop = lambda: watch.stopping.is_set() or should_stop()  # noqa: E731
            if stop():
                yield Stopped(checkpoint["position"]["step"] if checkpoint else 0)
                return
            weights = None if checkpoint else initial_weights(store, config)
            data = load(data_key(config), device)
            yield from train(
                config, device=device, should_stop=stop, resume_from=checkpoint, initial_weights=weights, data=data
            )

        lanes = [Lane(claim, source, stopped_state=stopped_state, on_event=on_event) for claim in claims.values()]
        while running := [lane for lane in lanes if not lane.ended]:
            min(running, key=lambda lane: lane.step).advance()  # the first of equals: lanes take turns
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


def initial_weights(store: RunStore, config: RunConfig) -> dict[str, torch.Tensor] | None:
    """The final weights of `config.init_from`. Raises ConfigError where that run has not finished."""
    if config.init_from is None:
        return None
    if store.status(config.init_from).state != "finished":
        raise ConfigError(f"init_from is {config.init_from!r}: that run has to be finished first")
    checkpoint = load_checkpoint(store.paths(config.init_from).checkpoint)
    if checkpoint is None:
        raise ConfigError(f"init_from is {config.init_from!r}: that run has no checkpoint")
    return checkpoint["model"]


def data_key(config: RunConfig) -> str:
    """The part of a configuration that the data set depends on, as JSON of a RunConfig."""
    fields = ("dataset", "seed", "image_size", "train_samples", "test_samples", "validation_samples")
    return RunConfig(**{name: getattr(config, name) for name in fields}).model_dump_json()


def load_data(key: str, device: str) -> batches.Dataset:
    return batches.load(RunConfig.model_validate_json(key), resolve_device(device))


def warm_up() -> None:
    """One step on the embedded digits, so that a first real step finds everything imported and initialised."""
    config = RunConfig(
        dataset="digits", model="test_convnext", epochs=1, batch_size=8, train_samples=10, test_samples=10
    )
    for _ in train(config, device="cpu"):
        pass
