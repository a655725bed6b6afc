"""Engine `ray`: the cells of a sweep as Ray tasks. Results come back to the driver's run store as events.

The nodes need this project's dependencies but no shared file system, no data set and no code: the driver sends them.
A cell whose node is lost is sent again with its last returned checkpoint.
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
from lpwd.jobs.race import Watch, initial_weights
from lpwd.jobs.sweep import POLL_SECONDS, OnChange, Sweep, next_ready
from lpwd.sentences import first_line
from lpwd.training.data import batches
from lpwd.training.data.datasets import data_key
from lpwd.training.machine import resolve_device
from lpwd.training.train import train

CHUNK_SECONDS = 1.0  # events travel this often
CHECKPOINT_SECONDS = 30.0  # a state travels after the first epoch, then at most this often, and at the end
ATTEMPTS = 5  # of a cell whose nodes get lost
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

    `cpus` and `gpus` are what a cell reserves, fractions allowed. Raises ConfigError without Ray or without a cluster.
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
        raise ConfigError(f"no Ray cluster answers at {address!r}: {first_line(error)}") from None


def _knock(address: str) -> None:
    """OSError where nothing listens at `host:port`: Ray itself would wait for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=5).close()


class Driver:
    """Sends cells to the cluster and records what comes back, each in its run folder."""

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
        # max_retries=0: Ray would begin a cell anew, we go on from its last checkpoint
        self.task = ray.remote(max_retries=0, num_returns="streaming", **resources)(remote_events)
        self._plugins = [(plugin.name, plugin.source, plugin.path) for plugin in plugins.loaded() if plugin.is_file]
        self._data: dict[str, Any] = {}
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    def work(self, todo: list[str]) -> None:
        """Take cells from `todo`, which all threads share, until there are none: one thread a cell in flight."""
        while todo and not self.should_stop():
            with self._lock:
                run_id = next_ready(self.sweep, todo, self._busy)
                if run_id:
                    self._busy.add(run_id)
            if run_id is None:  # the rest waits for weights that are still being trained
                time.sleep(POLL_SECONDS)
                continue
            try:
                self.train(run_id)
            except ConfigError as error:  # another process has the run: it is not ours to mark
                self.sweep.store.log(run_id, f"left out of this sweep: {error}")
            self._busy.discard(run_id)
            self.on_change()

    def train(self, run_id: str) -> None:
        """One cell from wherever it stands to its end."""
        self.sweep.prepare(run_id)
        with claimed(self.sweep.store, [run_id]) as claims, Watch(self.sweep.store, [run_id]) as watch:
            source = self.source(lambda: self.should_stop() or watch.stopping.is_set())
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
        """Events of one try on some node; ends with Stopped where `stop` came first."""
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
        """The data set as an object of the cluster, sent once however many cells use it."""
        key = data_key(config)
        with self._lock:
            if key not in self._data:
                self._data[key] = self.ray.put(batches.load(config, resolve_device("cpu")))
            return self._data[key]

    def lost_errors(self) -> tuple[type[Exception], ...]:
        """What Ray raises when the machine or the process under a task is gone."""
        names = ("NodeDiedError", "WorkerCrashedError", "ObjectLostError", "OwnerDiedError", "OutOfMemoryError")
        errors = self.ray.exceptions
        return (*(getattr(errors, name) for name in names), errors.LocalRayletDiedError, errors.ActorDiedError)


class Seen:
    """What has come back of a cell so far: a second attempt repeats some events, which are dropped here."""

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
    """Runs on a node: the events of `train` in chunks, few checkpoints among them."""
    import torch

    torch.set_num_threads(threads)
    for plugin in plugin_files:  # of the driver: a node has no plug-in of its own
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
