"""Push each run to the Hub when it ends, and restore the runs of an empty store. Training is not involved."""

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from lpwd.config import ConfigError
from lpwd.store import ENDED, RunStore

START_AFTER_SECONDS = 5.0  # after the app's start, because pandas takes seconds to load
EVERY_SECONDS = 3.0  # between checks for ended runs
RETRY_SECONDS, LONGEST_RETRY_SECONDS = 60.0, 900.0  # doubled after each consecutive failure
SWITCH = "LPWD_PUSH_RESULTS"


class AutoPush:
    """A background thread that pushes ended runs; `line` describes the last result."""

    def __init__(
        self,
        store: RunStore,
        repo: str,
        *,
        start_after: float = START_AFTER_SECONDS,
        every: float = EVERY_SECONDS,
        retry: float = RETRY_SECONDS,
    ) -> None:
        self.store, self.repo = store, repo
        self.start_after, self.every, self.retry = start_after, every, retry
        self.line = "Runs are sent when they finish."
        self.on_sent: Callable[[str], None] = lambda repo: None  # called with the repository that has new runs
        self._sent: set[tuple[str, float | None]] = set()  # run id and end time: a retrained run is sent again
        self._restore_due = False
        self._due: dict[str, float] = {}  # failed action -> time of the next attempt, on the monotonic clock
        self._delays: dict[str, float] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="lpwd-autopush", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Start no further transfers. A running one ends with the process, and is repeated after the next start."""
        self._closing.set()

    def _work(self) -> None:
        if self._closing.wait(self.start_after):
            return
        if problem := self.problem():
            return self._say(problem)
        self._restore_due = not self._ended()
        while not self._closing.is_set():
            if self._restore_due:
                self._attempt("Not restored", self._restore)
            if new := self._ended() - self._sent:
                self._attempt("Not sent", lambda: self._send(new))
            self._closing.wait(self.every)

    def problem(self) -> str:
        """Return one sentence on why nothing can be sent, or ""."""
        from huggingface_hub import get_token

        if not self.repo:
            return f"{SWITCH} needs a results repository: set LPWD_RESULTS_REPO=owner/name."
        if not get_token():
            return f"{SWITCH} needs an access token: set HF_TOKEN to one with write access to {self.repo}."
        return ""

    def _ended(self) -> set[tuple[str, float | None]]:
        return {(r.run_id, r.status.ended) for r in self.store.records() if r.status.state in ENDED}

    def _attempt(self, failed: str, act: Callable[[], None]) -> None:
        """Call `act` if it is due. On failure, report `failed` with the reason and schedule a retry."""
        if time.monotonic() < self._due.get(failed, 0):
            return
        try:
            act()
            self._delays.pop(failed, None)
        except (ConfigError, OSError, ValueError) as error:
            delay = self._delays.get(failed, self.retry)
            self._say(f"{failed}; next attempt in {delay:g} s. {' '.join(str(error).split())}")
            self._due[failed] = time.monotonic() + delay
            self._delays[failed] = min(2 * delay, LONGEST_RETRY_SECONDS)

    def _restore(self) -> None:
        line = self.restore_missing()
        self._restore_due = False
        self._say(line)

    def _send(self, new: set[tuple[str, float | None]]) -> None:
        line = self.push(sorted(run_id for run_id, _ in new))
        self._sent |= new
        self._say(line)

    def restore_missing(self) -> str:
        """Restore pushed runs that are missing in the store, and return a summary. Raises ConfigError and OSError."""
        from lpwd.hub import push

        taken = push.restore_missing(self.store, self.repo)
        if taken.results.source not in ("hub", "copy"):
            raise ConfigError(taken.results.reason)
        return taken.line

    def push(self, run_ids: list[str]) -> str:
        """Push these runs and return a summary. Raises ConfigError and OSError."""
        from lpwd.hub import push

        report = push.push(self.store, self.repo, run_ids=run_ids)
        if report.added:
            self.on_sent(self.repo)
        return report.line

    def _say(self, line: str) -> None:
        """Set `line`, and print it to the log if it changed."""
        if line != self.line:
            self.line = line
            with suppress(OSError, ValueError):  # the log may be closed
                print(f"lpwd: {line}", file=sys.stderr, flush=True)


def from_environment(store: RunStore, environment: Mapping[str, str] = os.environ) -> AutoPush | None:
    """Return an AutoPush if LPWD_PUSH_RESULTS is 1, else None."""
    is_on = environment.get(SWITCH, "").lower() in ("1", "true", "yes")
    return AutoPush(store, environment.get("LPWD_RESULTS_REPO", "")) if is_on else None
