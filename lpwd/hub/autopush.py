"""Each finished run goes to the Hub as it ends, and a store without any takes its runs back. Training knows nothing."""

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from lpwd.config import ConfigError
from lpwd.store import ENDED, RunStore

START_AFTER_SECONDS = 5.0  # of the app's start: pandas takes seconds to load
EVERY_SECONDS = 3.0  # between looks for runs that have ended
RETRY_SECONDS, LONGEST_RETRY_SECONDS = 60.0, 900.0  # doubled with each failure in a row
SWITCH = "LPWD_PUSH_RESULTS"


class AutoPush:
    """A thread of its own; `line` tells people what happened last."""

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
        self.line = "Finished runs will be sent as they end."
        self.on_sent: Callable[[str], None] = lambda repo: None  # called with the repository that has new runs
        self._sent: set[tuple[str, float | None]] = set()  # run and when it ended: trained again, it is sent again
        self._wants_back = False
        self._due: dict[str, float] = {}  # what failed -> when to try again, on the monotonic clock
        self._delays: dict[str, float] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="lpwd-autopush", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Begin nothing more; what is under way ends with the process, and the next start looks again."""
        self._closing.set()

    def _work(self) -> None:
        if self._closing.wait(self.start_after):
            return
        if problem := self.problem():
            return self._say(problem)
        self._wants_back = not self._ended()
        while not self._closing.is_set():
            if self._wants_back:
                self._attempt("Not taken back", self._restore)
            if new := self._ended() - self._sent:
                self._attempt("Not sent", lambda: self._send(new))
            self._closing.wait(self.every)

    def problem(self) -> str:
        """Return why nothing can be sent, in one sentence, or an empty text."""
        from huggingface_hub import get_token

        if not self.repo:
            return f"{SWITCH} is set, but no results repository: set LPWD_RESULTS_REPO=owner/name."
        if not get_token():
            return f"{SWITCH} is set, but there is no access token: set HF_TOKEN to one that may write to {self.repo}."
        return ""

    def _ended(self) -> set[tuple[str, float | None]]:
        return {(r.run_id, r.status.ended) for r in self.store.records() if r.status.state in ENDED}

    def _attempt(self, failed: str, act: Callable[[], None]) -> None:
        """Do it where it is due, or say why it `failed` and come back later."""
        if time.monotonic() < self._due.get(failed, 0):
            return
        try:
            act()
            self._delays.pop(failed, None)
        except (ConfigError, OSError, ValueError) as error:
            delay = self._delays.get(failed, self.retry)
            self._say(f"{failed}, tried again in {delay:g} s. {' '.join(str(error).split())}")
            self._due[failed] = time.monotonic() + delay
            self._delays[failed] = min(2 * delay, LONGEST_RETRY_SECONDS)

    def _restore(self) -> None:
        line = self.take_back()
        self._wants_back = False
        self._say(line)

    def _send(self, new: set[tuple[str, float | None]]) -> None:
        line = self.push(sorted(run_id for run_id, _ in new))
        self._sent |= new
        self._say(line)

    def take_back(self) -> str:
        """Make the sent runs that the store lacks; return a line about them. Raises ConfigError and OSError."""
        from lpwd.hub import push

        taken = push.take_back(self.store, self.repo)
        if taken.results.source not in ("hub", "copy"):
            raise ConfigError(taken.results.reason)
        return taken.line

    def push(self, run_ids: list[str]) -> str:
        """Send these runs; return a line about them. Raises ConfigError and OSError."""
        from lpwd.hub import push

        report = push.push(self.store, self.repo, run_ids=run_ids)
        if report.added:
            self.on_sent(self.repo)
        return report.line

    def _say(self, line: str) -> None:
        """Once to the log, and to whoever looks at `line`."""
        if line != self.line:
            self.line = line
            with suppress(OSError, ValueError):  # nobody reads the log
                print(f"lpwd: {line}", file=sys.stderr, flush=True)


def from_environment(store: RunStore, environment: Mapping[str, str] = os.environ) -> AutoPush | None:
    """None unless LPWD_PUSH_RESULTS is 1."""
    is_on = environment.get(SWITCH, "").lower() in ("1", "true", "yes")
    return AutoPush(store, environment.get("LPWD_RESULTS_REPO", "")) if is_on else None
