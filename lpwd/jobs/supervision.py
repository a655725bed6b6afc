"""Workers keeps one worker process; Supervision is of the job that it trains: stops, limits, what is said of its end.

It survives what can happen to a run's folder: removed, damaged, or on a disk that is full.
"""

import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lpwd.config import ConfigError
from lpwd.jobs.worker import Machine
from lpwd.jobs.worker_process import WorkerProcess
from lpwd.store import RunStore, Status

LOOK_SECONDS = 0.2
TERMINATE_AFTER_SECONDS = 20.0  # from a request to stop to SIGTERM: a step of a large model takes its time
KILL_AFTER_SECONDS = 30.0
RESTART_SECONDS = 2.0
SHORT_LIFE_SECONDS, SHORT_LIVES = 60.0, 2  # so many idle workers in a row that died so young: none can start

DAMAGED = "status.json was damaged while this run trained; resume continues from the last checkpoint."
UNSAID = (
    "This run ended without a word, its disk full or its folder damaged; resume continues from the last checkpoint."
)
UNWILLING = "The worker process did not stop in time and was killed; resume continues from the last checkpoint."


@dataclass(frozen=True)
class Job:
    """Runs that train together in lock step; one run is a race of one."""

    id: str
    run_ids: list[str]
    active: bool = False
    owner: str = ""  # of its first run


def queued_on_disk(store: RunStore) -> list[Job]:
    """The queue as the run folders remember it."""
    lanes: dict[str, list[tuple[float, str, str]]] = {}
    for record in store.records():
        status = record.status
        if status.state == "queued":
            lanes.setdefault(status.job, []).append((status.queued, record.run_id, status.owner))
    ordered = sorted(lanes.items(), key=lambda item: min(item[1]))
    return [Job(job, [run_id for _, run_id, _ in sorted(of)], owner=min(of)[2]) for job, of in ordered]


@dataclass
class Supervision:
    """Use `until_over`, then `settle`."""

    store: RunStore
    worker: WorkerProcess
    job: Job
    minutes: int | None  # that it may train
    memory: int  # bytes that the worker may take
    taken: int = 0  # bytes that it had when it was ended for taking more
    over: bool = False  # its minutes are
    known: dict[str, Status] = field(default_factory=dict)  # the last status of each run that could be read

    def until_over(self, stopping: Callable[[], bool], closing: Callable[[], bool]) -> None:
        """Until the job has ended: flag, then SIGTERM, then SIGKILL for one that does not stop."""
        asked: float | None = None
        begun = time.monotonic()
        while not self.worker.wait_job(LOOK_SECONDS):
            if closing():
                self.worker.hang_up()
            self.over = bool(self.minutes and time.monotonic() - begun > 60 * self.minutes)
            if self.over or stopping():
                ask_to_stop(self.store, self.job.run_ids)
            self._watch_memory()
            states = {status.state for run_id in self.job.run_ids if (status := self._status(run_id))}
            asked = (asked or time.monotonic()) if closing() or "stopping" in states else None
            if asked and time.monotonic() - asked > KILL_AFTER_SECONDS:
                self.worker.kill()
            elif asked and time.monotonic() - asked > TERMINATE_AFTER_SECONDS:
                self.worker.terminate()

    def settle(self) -> bool:
        """Write of each run what the worker could not say itself; False where some of it has to be tried again."""
        settled = [self._settle(run_id) for run_id in self.job.run_ids]
        return all(settled)

    def _watch_memory(self) -> None:
        taken = self.worker.resident_bytes()
        if taken > self.memory and not self.taken:
            self.taken = taken
            self.worker.kill()

    def _status(self, run_id: str) -> Status | None:
        """None where it cannot be read."""
        try:
            self.known[run_id] = self.store.status(run_id)
        except (OSError, ValueError):
            return None
        return self.known[run_id]

    def _settle(self, run_id: str) -> bool:
        try:
            if not self.store.exists(run_id) or self.store.is_claimed(run_id):
                return True  # removed, so that there is nothing to say it in; or another process trains it
            if self._status(run_id) is None:
                known = self.known.get(run_id, Status(job=self.job.id))
                self.store.repair(run_id, known, state="interrupted", ended=time.time(), message=DAMAGED)
            else:
                self._explain(run_id)
        except (OSError, ValueError) as problem:
            print(f"run {run_id}: {problem}", file=sys.stderr)
            return False
        return True

    def _explain(self, run_id: str) -> None:
        def mark(states: Sequence[str], **changes: Any) -> None:
            here = lambda s: s.state in states and s.job == self.job.id  # noqa: E731
            self.store.update_if(run_id, here, ended=time.time(), **changes)

        if self.taken:
            message = (
                f"Training took {self.taken / 1e9:.1f} GB of memory, of {self.memory / 1e9:.1f} GB that were free when "
                "it began: choose a smaller batch_size, image_size or model."
            )
            mark(("running", "queued", "stopping"), state="failed", message=message)
        mark(("stopping",), state="stopped", message=UNWILLING)
        mark(("running", "queued"), state="interrupted", message=self._why())
        if self.over:
            message = f"Stopped after {self.minutes} minutes, the limit of a race here; resume goes on."
            self.store.update_if(run_id, lambda s: s.state == "stopped" and s.job == self.job.id, message=message)

    def _why(self) -> str:
        if problem := self.worker.problem():
            return f"It was not trained: {problem}."
        if self.worker.alive():
            return UNSAID
        return f"The worker process ended ({self.worker.exit_text()}); resume continues from the last checkpoint."


def ask_to_stop(store: RunStore, run_ids: Sequence[str]) -> None:
    """Set the flag that the trainings of these runs look at after every step."""
    asked: dict[str, Any] = {"state": "stopping", "message": "Stopping after this step."}
    for run_id in run_ids:
        try:
            store.update_if(run_id, lambda s: s.state == "running", **asked)
        except (OSError, ValueError) as problem:  # the run ends by itself where its folder is removed or damaged
            print(f"run {run_id}: {problem}", file=sys.stderr)


class Workers:
    """The worker process of a queue, then the next one: `begin` and `end` are for its thread, the rest for all."""

    def __init__(self, store: RunStore, device: str) -> None:
        self._store, self._device = store, device
        self._changed = threading.Condition()
        self._present: WorkerProcess | None = None
        self._machine: Machine | None = None
        self._since = 0.0  # on the monotonic clock
        self._short_lives = 0
        self._closing = False

    def begin(self) -> WorkerProcess | None:
        """None where no process can be started at present: the disk is full, or the machine has no room for one."""
        try:
            worker = WorkerProcess(self._store, self._device)
        except OSError as error:
            print(f"no worker process can be started: {error}", file=sys.stderr)
            worker = None
        with self._changed:
            self._present, self._since = worker, time.monotonic()
            self._changed.notify_all()
        return worker

    def can_serve_again(self, worker: WorkerProcess) -> bool:
        """Whether the next job may have the same process: not on a GPU, whose memory returns when the process ends."""
        self._short_lives = 0
        return worker.alive() and not worker.terminated and self._machine is not None and self._machine.device == "cpu"

    def end(self, idle: bool) -> None:
        """Close the process; where it has ended `idle`, wait: one that cannot start must not keep the machine busy."""
        with self._changed:
            worker, self._present = self._present, None
            self._changed.notify_all()
        if worker:
            worker.close()
        if idle and not self._closing:
            died_young = time.monotonic() - self._since < SHORT_LIFE_SECONDS
            self._short_lives = self._short_lives + 1 if died_young else 1
            time.sleep(RESTART_SECONDS)

    def close(self) -> None:
        """No further one will begin."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def machine(self, timeout: float) -> Machine:
        """The machine as its first worker described it. Raises ConfigError where the worker cannot start."""
        if self._machine is None:
            with self._changed:
                self._changed.wait_for(lambda: self._present is not None or self._closing, timeout)
                worker = self._present
            if not worker:
                log = self._store.worker_log_path
                raise ConfigError(f"no worker process came up within {timeout:.0f} s; see {log}")
            self._machine = worker.hello(timeout)
        return self._machine

    def state(self) -> Literal["alive", "starting", "dead"]:
        """`dead` where no worker can start; `starting` for the moments between two."""
        worker = self._present
        lives = worker is not None and worker.alive()
        old = time.monotonic() - self._since > SHORT_LIFE_SECONDS
        if self._short_lives >= SHORT_LIVES and not (lives and old):
            return "dead"
        return "alive" if lives else "starting"

    def resident_bytes(self) -> int:
        """What the present one has of the memory."""
        worker = self._present
        return worker.resident_bytes() if worker else 0
