"""Sweeps: run the cells of a preset without a result, on worker processes of this machine or on Ray."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from lpwd.cgroups import usable_cores
from lpwd.config import ConfigError, RunConfig
from lpwd.hub.fetch import start_weights
from lpwd.jobs.costs import published_work
from lpwd.jobs.supervision import RESUME
from lpwd.jobs.worker_process import WorkerProcess
from lpwd.paper.presets import Cell
from lpwd.starts import published_start, split
from lpwd.store import ENDED, RunStore

POLL_SECONDS = 0.2  # between checks of progress and of a request to stop; the end of a cell is noticed immediately
KILL_AFTER_SECONDS = 60.0  # time for the current step after a request to stop

OnChange = Callable[[], None]


@dataclass(frozen=True)
class Sweep:
    """The configurations of a sweep in order; a run that starts from another's weights comes after it."""

    store: RunStore
    configs: Sequence[RunConfig]

    @cached_property
    def by_id(self) -> dict[str, RunConfig]:
        return {config.run_id: config for config in self.configs}

    def missing(self) -> list[str]:
        """Return Ids of the cells without a result."""
        return [run_id for run_id in self.by_id if not self.has_ended(run_id)]

    def has_ended(self, run_id: str) -> bool:
        return self.store.exists(run_id) and self.store.status(run_id).state in ENDED

    def images(self) -> int:
        """Return the training images of all cells, the length of the progress bar."""
        return sum(published_work(config).trained for config in self.configs)

    def images_done(self) -> float:
        """Return the training images seen so far, in finished and unfinished cells."""
        done = 0.0
        for run_id, config in self.by_id.items():
            if not self.store.exists(run_id):
                continue
            status = self.store.status(run_id)
            share = 1.0 if status.state in ENDED else status.step / status.total_steps if status.total_steps else 0.0
            done += share * published_work(config).trained
        return done

    def prepare(self, run_id: str) -> None:
        """Create the run's folder, or reset a failed run. Raises ConfigError if its plug-in is not loaded."""
        if reason := self.by_id[run_id].read_only:
            raise ConfigError(reason)
        self.store.create(self.by_id[run_id], state="stopped")
        if self.store.status(run_id).state == "failed":
            self.store.restart(run_id)


def run_local(
    sweep: Sweep,
    *,
    device: str = "auto",
    workers: int | None = None,
    threads: int | None = None,
    should_stop: Callable[[], bool],
    on_change: OnChange = lambda: None,
) -> None:
    """Run the missing cells on `workers` processes with `threads` torch threads each.

    By default there is one worker per usable core, with one thread. Returns when all cells have ended, or after
    `should_stop` returns True and the current steps are recorded.
    """
    sweep.store.recover()
    todo = sweep.missing()
    threads = threads or 1
    workers = min(workers or max(1, usable_cores() // threads), len(todo))
    news = threading.Event()
    pool = [WorkerProcess(sweep.store, device, threads, news) for _ in range(workers)]
    busy: dict[int, str] = {}
    try:
        while (todo or busy) and not should_stop():
            news.clear()
            for number in range(len(pool)):
                if number in busy and pool[number].wait_job(0):
                    _explain(sweep.store, busy.pop(number), pool[number])
                    on_change()
                if number not in busy and (run_id := next_ready(sweep, todo, busy.values())):
                    if not pool[number].alive():
                        pool[number] = WorkerProcess(sweep.store, device, threads, news)
                    sweep.prepare(run_id)
                    pool[number].run([run_id])
                    busy[number] = run_id
            if busy:
                news.wait(POLL_SECONDS)
            on_change()
    finally:
        _close(pool)
        for number, run_id in busy.items():
            _explain(sweep.store, run_id, pool[number])


def next_ready(sweep: Sweep, todo: list[str], busy: Collection[str]) -> str | None:
    """Take the first cell that does not wait for the weights of another one."""
    for run_id in todo:
        source = sweep.by_id[run_id].init_from
        if source is None or (source not in todo and source not in busy):
            todo.remove(run_id)
            return run_id
    return None


def _close(pool: Sequence[WorkerProcess]) -> None:
    for worker in pool:
        worker.hang_up()
    deadline = time.monotonic() + KILL_AFTER_SECONDS
    for worker in pool:
        if not worker.wait(max(0.0, deadline - time.monotonic())):
            worker.kill()
        worker.close()


def _explain(store: RunStore, run_id: str, worker: WorkerProcess) -> None:
    """Mark a run that is still `running` as interrupted, unless another process trains it."""
    if store.is_claimed(run_id):
        return
    message = f"The worker process ended ({worker.exit_text()}). {RESUME}"
    store.update_if(run_id, lambda s: s.state == "running", state="interrupted", ended=time.time(), message=message)


def states(sweep: Sweep) -> dict[str, int]:
    """Return the number of cells in each state; "missing" for those never started."""
    store = sweep.store
    return dict(Counter(store.status(i).state if store.exists(i) else "missing" for i in sweep.by_id))


# ---- missing starts


@dataclass(frozen=True)
class Plan:
    """The runs of a sweep: first `starts`, then `configs`. `reasons` says by run id why each start is trained."""

    configs: list[RunConfig]
    starts: list[RunConfig]
    reasons: dict[str, str]


def with_starts(store: RunStore | None, cells: Sequence[Cell]) -> Plan:
    """Return the runs of these cells, and the starts to train first because they are neither here nor on the Hub.

    Asks the Hub once per start. If a published start is not available, its cells use the same start trained here, with
    another run id: `Cell.from_own_start`.
    """
    reasons: dict[str, str] = {}
    starts: dict[str, RunConfig] = {}
    configs = []
    asked: dict[str, str] = {}  # name -> why it is not available, or ""
    for cell in cells:
        config, name = cell.config, cell.config.init_from
        ended = store is not None and store.exists(config.run_id) and store.status(config.run_id).state in ENDED
        if name is None or cell.start is None or ended:
            configs.append(config)
            continue
        if name not in asked:
            asked[name] = _missing(store, name)
        if asked[name]:
            config = cell.from_own_start.config
            if _missing(store, cell.start.run_id):
                starts[cell.start.run_id] = cell.start
                reasons[cell.start.run_id] = asked[name]
        configs.append(config)
    return Plan(configs, list(starts.values()), reasons)


def _missing(store: RunStore | None, name: str) -> str:
    """Return why the weights are not available, or ""."""
    run_id, digest8 = split(name)
    if not digest8:
        finished = store is not None and store.exists(run_id) and store.status(run_id).state == "finished"
        available = finished and store and store.paths(run_id).checkpoint.exists()
        return "" if available else f"run {run_id} is not finished here"
    try:
        start_weights(published_start(name))
    except ConfigError as error:
        return str(error)
    return ""
