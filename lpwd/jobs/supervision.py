"""Supervision of one job while it trains: requests to stop, limits of time and memory, and what is said of its end.

It survives what can happen to a run's folder: removed, damaged, or on a disk that is full.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lpwd.jobs.worker_process import WorkerProcess
from lpwd.store import RunStore, Status

LOOK_SECONDS = 0.2
TERMINATE_AFTER_SECONDS = 20.0  # from a request to stop to SIGTERM: a step of a large model takes its time
KILL_AFTER_SECONDS = 30.0

DAMAGED = "status.json was damaged while this run trained; resume continues from the last checkpoint."
UNSAID = (
    "This run ended without a word, its disk full or its folder damaged; resume continues from the last checkpoint."
)
UNWILLING = "The worker process did not stop in time and was killed; resume continues from the last checkpoint."


@dataclass
class Supervision:
    """Use `until_over`, then `settle`."""

    store: RunStore
    worker: WorkerProcess
    job: str
    run_ids: Sequence[str]
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
                ask_to_stop(self.store, self.run_ids)
            self._watch_memory()
            states = {status.state for run_id in self.run_ids if (status := self._status(run_id))}
            asked = (asked or time.monotonic()) if closing() or "stopping" in states else None
            if asked and time.monotonic() - asked > KILL_AFTER_SECONDS:
                self.worker.kill()
            elif asked and time.monotonic() - asked > TERMINATE_AFTER_SECONDS:
                self.worker.terminate()

    def settle(self) -> bool:
        """Write of each run what the worker could not say itself; False where some of it has to be tried again."""
        settled = [self._settle(run_id) for run_id in self.run_ids]
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
            if not self.store.exists(run_id):
                return True  # removed: there is nothing to say it in
            if self._status(run_id) is None:
                known = self.known.get(run_id, Status(job=self.job))
                self.store.repair(run_id, known, state="interrupted", ended=time.time(), message=DAMAGED)
            else:
                self._explain(run_id)
        except (OSError, ValueError) as problem:
            print(f"run {run_id}: {problem}", file=sys.stderr)
            return False
        return True

    def _explain(self, run_id: str) -> None:
        def mark(states: Sequence[str], **changes: Any) -> None:
            here = lambda s: s.state in states and s.job == self.job  # noqa: E731
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
            self.store.update_if(run_id, lambda s: s.state == "stopped" and s.job == self.job, message=message)

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
