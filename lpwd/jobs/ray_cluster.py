"""Engine `ray`: run the cells of a sweep as Ray tasks, whose events the driver records in its run store.

Nodes need this project's dependencies, but no shared file system, data set or code: the driver sends data and code. If
a node is lost, its cell is sent again with its last returned checkpoint.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lpwd import plugins
from lpwd.config import ConfigError, RunConfig
from lpwd.events import Checkpoint, Epoch, Event, Started, Step, Stopped
from lpwd.jobs.claim import claimed
from lpwd.jobs.lane import Lane
from lpwd.jobs.race import initial_weights, watching
from lpwd.jobs.sweep import POLL_SECONDS, OnChange, Sweep, next_ready
from lpwd.sentences import first_line
from lpwd.training.data import batches
from lpwd.training.data.datasets import data_key
from lpwd.training.machine import resolve_device
from lpwd.training.train import train

CHUNK_SECONDS = 1.0  # between transfers of events
CHECKPOINT_SECONDS = 30.0  # minimal time between transfers of checkpoints, except the first and the last one
ATTEMPTS = 5  # for a cell whose nodes are lost
CELLS_IN_FLIGHT = 64


def run_on_ray(
    sweep: Sweep,
    *,
    address: str | None = None,
    device: str = "auto",
    threads: int | None = None,
    cpus: float = 1,
    gpus: float = 0,
    should_stop: Callable[[], bool],
    on_change: OnChange = lambda: None,
) -> None:
    """Run the missing cells on a Ray cluster: a new local one, or the one at `address` (`auto`, `host:port`).

    Each cell reserves `cpus` and `gpus`, which may be fractions. Raises ConfigError if Ray or the cluster is missing.
    """
    ray = _import_ray()
    _connect(ray, address)
    try:
        sweep.store.recover()
        todo = sweep.missing()
        slots = min(len(todo), CELLS_IN_FLIGHT, max(1, int(2 * ray.cluster_resources().get("CPU", 1) / (cpus or 1))))
        driver = Driver(ray, sweep, device, threads or 1, {"num_cpus": cpus, "num_gpus": gpus}, should_stop, on_change)
        lines = [threading.Thread(target=driver.work, args=(todo,), name="lpwd-ray") for _ in range(slots)]
        for line in lines:
            line.start()
        for line in lines:
            line.join()
    finally:
        ray.shutdown()


def _import_ray() -> Any:
    try:
        import ray
    except ImportError:
        raise ConfigError('engine ray needs Ray: pip install "lpwd[ray]" (or pip install ray)') from None
    return ray


def _connect(ray: Any, address: str | None) -> None:
    quiet = {"logging_level": "warning", "log_to_driver": False}
    if address is None:
        ray.init(include_dashboard=False, **quiet)
        return
    package = str(Path(__file__).parent.parent)
    try:
        _knock(address)
        ray.init(address=address, runtime_env={"py_modules": [package]}, **quiet)
    except OSError as error:
        raise ConfigError(f"Ray cluster {address!r} is not reachable: {first_line(error)}") from None


def _knock(address: str) -> None:
    """Raise OSError if nothing listens at `host:port`; Ray itself would wait for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=5).close()


class Driver:
    """Sends cells to the cluster and records the returned events in run folders."""

    def __init__(
        self,
        ray: Any,
        sweep: Sweep,
        device: str,
        threads: int,
        resources: Mapping[str, float],
        should_stop: Callable[[], bool],
        on_change: OnChange,
    ) -> None:
        self.ray, self.sweep, self.device, self.threads = ray, sweep, device, threads
        self.should_stop, self.on_change = should_stop, on_change
        # max_retries=0: Ray would restart a cell from scratch, we resume from its last checkpoint
        self.task = ray.remote(max_retries=0, num_returns="streaming", **resources)(remote_events)
        self._plugins = [(plugin.name, plugin.source, plugin.path) for plugin in plugins.loaded() if plugin.is_file]
        self._data: dict[str, Any] = {}
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    def work(self, todo: list[str]) -> None:
        """Take cells from `todo`, which all threads share, until it is empty; one thread per cell in flight."""
        while todo and not self.should_stop():
            with self._lock:
                run_id = next_ready(self.sweep, todo, self._busy)
                if run_id:
                    self._busy.add(run_id)
            if run_id is None:  # the rest needs weights that are still being trained
                time.sleep(POLL_SECONDS)
                continue
            try:
                self.train(run_id)
            except ConfigError as error:  # another process has the run
                self.sweep.store.log(run_id, f"skipped in this sweep: {error}")
            self._busy.discard(run_id)
            self.on_change()

    def train(self, run_id: str) -> None:
        """Train one cell, from its checkpoint if it has one, to its end."""
        self.sweep.prepare(run_id)
        with claimed(self.sweep.store, [run_id]) as claims, watching(self.sweep.store, [run_id]) as stopping:
            source = self.source(lambda: self.should_stop() or stopping.is_set())
            lane = Lane(claims[run_id], source, stopped_state=lambda: "interrupted")
            while not lane.ended:
                lane.advance()

    def source(self, stop: Callable[[], bool]) -> Callable[[RunConfig, dict[str, Any] | None], Iterator[Event]]:
        def events(config: RunConfig, checkpoint: dict[str, Any] | None) -> Iterator[Event]:
            seen = Seen(checkpoint)
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    yield from seen.new(self.attempt(config, seen.state, stop))
                    return
                except self.lost_errors() as error:
                    if attempt == ATTEMPTS:
                        raise
                    self.sweep.store.log(config.run_id, f"lost its node ({type(error).__name__}); sent again")

        return events

    def attempt(self, config: RunConfig, state: dict[str, Any] | None, stop: Callable[[], bool]) -> Iterator[Event]:
        """Yield the events of one attempt on a node; the last one is Stopped if `stop` returned True."""
        weights = None if state else initial_weights(self.sweep.store, config)
        generator = self.task.remote(
            config.model_dump_json(), state, weights, self.data(config), self.device, self.threads, self._plugins
        )
        while True:
            ready, _ = self.ray.wait([generator], timeout=0.5)
            if stop():
                self.ray.cancel(generator, force=False)
                yield Stopped(state["position"]["step"] if state else 0)
                return
            if not ready:
                continue
            try:
                yield from self.ray.get(next(generator))
            except StopIteration:
                return

    def data(self, config: RunConfig) -> Any:
        """Return the data set as an object of the cluster, which is sent once for all cells."""
        key = data_key(config)
        with self._lock:
            if key not in self._data:
                self._data[key] = self.ray.put(batches.load(config, resolve_device("cpu")))
            return self._data[key]

    def lost_errors(self) -> tuple[type[Exception], ...]:
        """Return the errors that Ray raises when the machine or the process of a task is gone."""
        names = ("NodeDiedError", "WorkerCrashedError", "ObjectLostError", "OwnerDiedError", "OutOfMemoryError")
        errors = self.ray.exceptions
        return (*(getattr(errors, name) for name in names), errors.LocalRayletDiedError, errors.ActorDiedError)


class Seen:
    """Position of a cell's returned events: a second attempt repeats some of them, which are dropped here."""

    def __init__(self, state: dict[str, Any] | None) -> None:
        self.state = state
        self.step = state["position"]["step"] if state else 0
        self.epoch = state["position"]["epoch"] - 1 if state else 0
        self.started = False

    def new(self, events: Iterator[Event]) -> Iterator[Event]:
        for event in events:
            match event:
                case Started():
                    if self.started:
                        continue
                    self.started = True
                case Step():
                    if event.step <= self.step:
                        continue
                    self.step = event.step
                case Epoch():
                    if event.epoch <= self.epoch:
                        continue
                    self.epoch = event.epoch
                case Checkpoint():
                    self.state = event.state
            yield event


def remote_events(
    config_json: str,
    state: dict[str, Any] | None,
    weights: Any,
    data: Any,
    device: str,
    threads: int,
    plugin_files: Sequence[tuple[str, bytes, str]] = (),
) -> Iterator[list[Event]]:
    """Yield the events of `train` in chunks, with few of its checkpoints. Runs on a node."""
    import torch

    torch.set_num_threads(threads)
    for plugin in plugin_files:  # of the driver, because nodes have none
        plugins.load_source(*plugin)
    config = RunConfig.model_validate_json(config_json)
    place = resolve_device(device)
    chunk: list[Event] = []
    sent = time.monotonic()
    saved = sent - CHECKPOINT_SECONDS
    for event in train(
        config, device=place, resume_from=state, initial_weights=weights, data=batches.to_device(data, place)
    ):
        now = time.monotonic()
        if isinstance(event, Checkpoint):
            if now - saved < CHECKPOINT_SECONDS and event.state["position"]["epoch"] <= config.epochs:
                continue
            saved = now
        chunk.append(event)
        if now - sent > CHUNK_SECONDS or isinstance(event, Checkpoint):
            yield chunk
            chunk, sent = [], now
    yield chunk
