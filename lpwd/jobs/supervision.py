"""Supervise the worker process of a queue (Workers) and the job that it trains (Supervision).

Handles run folders that are removed, damaged, or on a full disk.
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
TERMINATE_AFTER_SECONDS = 20.0  # from a request to stop to SIGTERM: a step of a large model takes long
KILL_AFTER_SECONDS = 30.0
RESTART_SECONDS = 2.0
SHORT_LIFE_SECONDS, SHORT_LIVES = 60.0, 2  # if so many idle workers in a row die so early, none can start

RESUME = "Resume to continue from the last checkpoint."
DAMAGED = f"status.json was damaged during training. {RESUME}"
NO_STATUS = f"The run exited without a status because its disk was full or its folder damaged. {RESUME}"
KILLED = f"The worker process did not stop in time and was killed. {RESUME}"


@dataclass(frozen=True)
class Job:
    """Runs that train together in lock step; one run is a race of one."""

    id: str
    run_ids: list[str]
    active: bool = False
    owner: str = ""  # of its first run


def queued_on_disk(store: RunStore) -> list[Job]:
    """Return the queue as recorded in the run folders."""
    lanes: dict[str, list[tuple[float, str, str]]] = {}
    for record in store.records():
        status = record.status
        if status.state == "queued":
            lanes.setdefault(status.job, []).append((status.queued, record.run_id, status.owner))
    ordered = sorted(lanes.items(), key=lambda item: min(item[1]))
    return [Job(job, [run_id for _, run_id, _ in sorted(of)], owner=min(of)[2]) for job, of in ordered]


@dataclass
class Supervision:
    """Supervision of one job: call `until_over`, then `settle`."""

    store: RunStore
    worker: WorkerProcess
    job: Job
    minutes: int | None  # time limit
    memory: int  # memory limit of the worker, in bytes
    taken: int = 0  # bytes that the worker had when it was killed for exceeding the limit
    over: bool = False  # whether the time limit was reached
    known: dict[str, Status] = field(default_factory=dict)  # last readable status of each run

    def until_over(self, stopping: Callable[[], bool], closing: Callable[[], bool]) -> None:
        """Wait until the job has ended. A job that does not stop gets a flag, then SIGTERM, then SIGKILL."""
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
        """Write the end of runs that the worker could not write; return False if some of it must be retried."""
        settled = [self._settle(run_id) for run_id in self.job.run_ids]
        return all(settled)

    def _watch_memory(self) -> None:
        taken = self.worker.resident_bytes()
        if taken > self.memory and not self.taken:
            self.taken = taken
            self.worker.kill()

    def _status(self, run_id: str) -> Status | None:
        """Return the status of a run, or None if it cannot be read."""
        try:
            self.known[run_id] = self.store.status(run_id)
        except (OSError, ValueError):
            return None
        return self.known[run_id]

    def _settle(self, run_id: str) -> bool:
        try:
            if not self.store.exists(run_id) or self.store.is_claimed(run_id):
                return True  # removed, or trained by another process
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
            used = f"{self.taken / 1e9:.1f} GB of memory, but only {self.memory / 1e9:.1f} GB were free at its start"
            message = f"Training used {used}: choose a smaller batch_size, image_size or model."
            mark(("running", "queued", "stopping"), state="failed", message=message)
        mark(("stopping",), state="stopped", message=KILLED)
        mark(("running", "queued"), state="interrupted", message=self._why())
        if self.over:
            message = f"Stopped after {self.minutes} minutes, the time limit of a race here. Resume to continue."
            self.store.update_if(run_id, lambda s: s.state == "stopped" and s.job == self.job.id, message=message)

    def _why(self) -> str:
        if problem := self.worker.problem():
            return f"Not trained: {problem}."
        if self.worker.alive():
            return NO_STATUS
        return f"The worker process ended ({self.worker.exit_text()}). {RESUME}"


def ask_to_stop(store: RunStore, run_ids: Sequence[str]) -> None:
    """Set the flag that training checks after every step."""
    asked: dict[str, Any] = {"state": "stopping", "message": "Stopping after this step."}
    for run_id in run_ids:
        try:
            store.update_if(run_id, lambda s: s.state == "running", **asked)
        except (OSError, ValueError) as problem:  # a run whose folder is removed or damaged ends by itself
            print(f"run {run_id}: {problem}", file=sys.stderr)


class Workers:
    """The current worker process of a queue. Only the queue's thread calls `begin` and `end`."""

    def __init__(self, store: RunStore, device: str) -> None:
        self._store, self._device = store, device
        self._changed = threading.Condition()
        self._present: WorkerProcess | None = None
        self._machine: Machine | None = None
        self._since = 0.0  # on the monotonic clock
        self._short_lives = 0
        self._closing = False

    def begin(self) -> WorkerProcess | None:
        """Start a worker, or return None if no process can be started (a full disk, no memory)."""
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
        """Return whether the process can train the next job: not on a GPU, whose memory is freed when it ends."""
        self._short_lives = 0
        return worker.alive() and not worker.terminated and self._machine is not None and self._machine.device == "cpu"

    def end(self, idle: bool) -> None:
        """Close the process. If it was `idle`, wait before the next start, so that a failing one costs little."""
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
        """Let no further worker start."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def machine(self, timeout: float) -> Machine:
        """Return the machine as described by its first worker. Raises ConfigError if the worker cannot start."""
        if self._machine is None:
            with self._changed:
                self._changed.wait_for(lambda: self._present is not None or self._closing, timeout)
                worker = self._present
            if not worker:
                log = self._store.worker_log_path
                raise ConfigError(f"the worker process did not start within {timeout:.0f} s: see {log}")
            self._machine = worker.hello(timeout)
        return self._machine

    def state(self) -> Literal["alive", "starting", "dead"]:
        """Return `dead` if no worker can start, `starting` between two workers."""
        worker = self._present
        lives = worker is not None and worker.alive()
        old = time.monotonic() - self._since > SHORT_LIFE_SECONDS
        if self._short_lives >= SHORT_LIVES and not (lives and old):
            return "dead"
        return "alive" if lives else "starting"

    def resident_bytes(self) -> int:
        """Return the resident memory of the current worker."""
        worker = self._present
        return worker.resident_bytes() if worker else 0
