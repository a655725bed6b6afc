"""Lane: an iterator of events, and the run folder that records them."""

import sys
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from lpwd.config import ConfigError, RunConfig
from lpwd.events import Checkpoint, Diverged, Epoch, Event, Finished, Started, Step, Stopped
from lpwd.jobs.claim import Claim, ClaimLost
from lpwd.paths import DiskFull
from lpwd.store import ENDED, State
from lpwd.training import checkpoints
from lpwd.training.machine import gpu_memory

FLUSH_SECONDS = 0.2  # maximal delay before an event is written
STATUS_SECONDS = 0.5  # between progress updates of status.json
# Time between checkpoints of finished epochs, which a killed process may lose. A tiny run finishes five epochs per
# second, and the file of a large model takes long to write.
SAVE_SECONDS = 5.0
SAVE_TIMES = 10  # multiple of the time that the last checkpoint took

EventSource = Callable[[RunConfig, dict[str, Any] | None], Iterator[Event]]  # (config, state to resume from) -> events
OnEvent = Callable[[str, Event], None]


class Lane:
    """One run: `compute` produces the next event of `source`, `record` writes it; `ended` is set after the last one.

    Any thread may compute, one at a time. One thread records, so that a race's events are written in a fixed order.
    """

    def __init__(
        self,
        claim: Claim,
        source: EventSource,
        *,
        stopped_state: Callable[[], State] = lambda: "stopped",
        on_event: OnEvent = lambda run_id, event: None,
    ) -> None:
        self.claim, self.store, self.run_id, self.source = claim, claim.store, claim.run_id, source
        self.stopped_state, self.on_event = stopped_state, on_event
        self.step, self.ended, self.resumed = 0, False, False
        self.warning = ""  # about a damaged checkpoint
        self.facts: dict[str, Any] = self.store.status(self.run_id).summary  # those of Started if resumed
        self.buffer: list[Event] = []
        self.flushed = self.reported = self.save_due = 0.0
        self.progress: dict[str, Any] = {}  # not yet written to status.json
        self.events = self._generate()

    def _generate(self) -> Iterator[Event]:
        """Prepare the run and yield its events. Runs in `compute`, so that a failure affects only this lane."""
        checkpoint, self.warning = checkpoints.take(self.store.paths(self.run_id))
        if self.warning:
            self.store.log(self.run_id, self.warning)
        position = checkpoint["position"] if checkpoint else {"step": -1, "epoch": 0}
        self.store.rewind_metrics(self.run_id, position["step"], position["epoch"])
        self.resumed = checkpoint is not None
        self.step = max(position["step"], 0)
        self.store.update(self.run_id, message="Loading data set and model.")
        yield from self.source(self.store.config(self.run_id), checkpoint)

    def advance(self) -> None:
        """Compute the next event and record it."""
        self.record(self.compute())

    def compute(self) -> Event | Exception | None:
        """Return the next event, None after the last one, or the error that ends the run."""
        try:
            return next(self.events, None)
        except Exception as error:  # the job boundary: one lane fails, and the others continue
            return error

    def record(self, outcome: Event | Exception | None) -> None:
        """Record the outcome of `compute` before its next call. Every run ends here."""
        if outcome is None:
            self.ended = True
        elif isinstance(outcome, Exception):
            self._fail(outcome)
        else:
            try:
                self._record(outcome)
                self.on_event(self.run_id, outcome)
            except Exception as error:  # a full disk, a damaged folder
                self._fail(error)

    def _fail(self, error: Exception) -> None:
        if isinstance(error, DiskFull):
            self.buffer.clear()  # a resumed run records them again
            self.end("interrupted", str(error))
            return
        if isinstance(error, ConfigError):
            self.end("failed", str(error), error=str(error))
            return
        first_line = next(iter(str(error).splitlines()), "")
        text = "".join(traceback.format_exception(error))
        self.end("failed", f"{type(error).__name__}: {first_line}", error=text)

    def _record(self, event: Event) -> None:
        self.claim.check()
        self.step = max(self.step, event.step)
        if isinstance(event, Checkpoint):
            self._save(event)
            return
        if not (isinstance(event, Started) and self.resumed):
            self.buffer.append(event)
        if not isinstance(event, Step) or time.monotonic() - self.flushed > FLUSH_SECONDS:
            self._flush()
        match event:
            case Started():
                self._started(event)
            case Step():
                self._report(event, "step", "epoch", "images_per_second", "seconds")
            case Epoch():
                numbers = f"training loss {event.train_loss:.4f}, test top-1 {event.test_top1:.2f}%"
                self.store.log(self.run_id, f"epoch {event.epoch}: {numbers}")
                self._report(event, "step", "epoch", "seconds")
            case Diverged():
                self.end("diverged", f"The loss was not finite in step {event.step}.", summary=self.facts)
            case Stopped():
                self.end(self.stopped_state(), f"Stopped after step {event.step}. Resume to continue from there.")
            case Finished():
                self.end("finished", "", summary=self.facts | event.summary)

    def _started(self, event: Started) -> None:
        names = ("mean_decay_rate", "parameter_count", "train_samples", "test_samples", "validation_samples")
        self.facts = {name: getattr(event, name) for name in names}
        where = {name: getattr(event, name) for name in ("device", "threads", "versions", "kernels")}
        if event.start_digest:  # a resumed run has it already
            where["start_digest"] = event.start_digest
        self.store.update(self.run_id, total_steps=event.total_steps, message=self.warning, summary=self.facts, **where)
        self.store.log(self.run_id, f"started on {event.device}: {event.parameter_count:,} parameters")

    def _report(self, event: Step | Epoch, *names: str) -> None:
        """Collect progress for status.json, which is updated every STATUS_SECONDS and at the end."""
        self.progress |= {name: getattr(event, name) for name in names}
        if time.monotonic() - self.reported > STATUS_SECONDS:
            self.reported = time.monotonic()
            self.store.update(self.run_id, **self.progress, gpu_memory=gpu_memory())
            self.progress.clear()

    def _save(self, event: Checkpoint) -> None:
        """Write the checkpoint, unless the run continues and the last one is recent."""
        position, state = event.state["position"], event.state
        trained = position["epoch"] > self.store.config(self.run_id).epochs
        begun = time.monotonic()
        if position["batch"] == 0 and not trained and begun < self.save_due:
            return
        if trained:  # the moments, two thirds of the file, are no longer needed
            state = state | {"optimizer": state["optimizer"] | {"state": {}}}
        checkpoints.save(self.store.paths(self.run_id), state)
        ended = time.monotonic()
        self.save_due = ended + max(SAVE_SECONDS, SAVE_TIMES * (ended - begun))

    def _flush(self) -> None:
        self.store.append(self.run_id, self.buffer)
        self.buffer.clear()
        self.flushed = time.monotonic()

    def end(self, state: State, message: str, *, error: str = "", **changes: Any) -> None:
        """Close the lane with this state, and release model and optimizer.

        Errors in writing (a full disk, a damaged folder) are printed, and left to the supervisor of the worker.
        """
        now = self.progress | {"state": state, "step": self.step, "ended": time.time(), "message": message}
        parts: list[Callable[[], object]] = [
            self.claim.check,
            self._flush,
            *([lambda: self.store.save_error(self.run_id, error)] if error else []),
            lambda: self.store.log(self.run_id, f"{state}. {message}"),
            lambda: self.store.update(self.run_id, **now | changes),
            *([lambda: self.store.paths(self.run_id).previous.unlink(missing_ok=True)] if state in ENDED else []),
        ]
        self.ended, self.events = True, iter(())
        for part in parts:
            try:
                part()
            except ClaimLost as lost:  # the folder belongs to another process: write nothing
                return print(lost, file=sys.stderr)
            except (OSError, ValueError) as problem:
                print(f"run {self.run_id}: {problem}", file=sys.stderr)
