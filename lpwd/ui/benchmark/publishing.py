"""Publish runs from the page: one preview or transfer at a time, in the background. Imports no gradio."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from lpwd.config import ConfigError
from lpwd.store import RunStore
from lpwd.ui.live import in_background

if TYPE_CHECKING:  # imports pandas
    from lpwd.hub.push import Report

NAMED = 200  # run ids that the page lists
Phase = Literal["idle", "looking", "looked", "sending", "sent", "failed"]


@dataclass(frozen=True)
class State:
    """The state of publishing. `plan` numbers the previews: only the newest preview can be sent."""

    phase: Phase = "idle"
    plan: int = 0
    repo: str = ""
    replaces: bool = False
    run_ids: tuple[str, ...] = ()
    line: str = ""
    problem: str = ""
    since: float = 0.0  # on the monotonic clock


class Publishing:
    """Publishes runs of an app. Callers check permissions."""

    def __init__(self, store: RunStore, on_sent: Callable[[str], None] = lambda repo: None) -> None:
        self.store, self.on_sent = store, on_sent
        self.state = State()
        self._lock = threading.Lock()

    def look(self, repo: str, replaces: bool = False) -> None:
        """Start a preview of what would be sent. Raises ConfigError for an invalid name, or while another task runs."""
        from lpwd.hub.client import check_name

        check_name(repo)
        self._begin(lambda state: State("looking", state.plan + 1, repo, replaces))

    def send(self, plan: int) -> None:
        """Start to send the runs of preview `plan`. Raises ConfigError if it is empty or not the newest."""

        def sending(state: State) -> State:
            if state.phase != "looked" or state.plan != plan or not state.run_ids:
                raise ConfigError("Press Preview first: this list is empty or outdated.")
            return replace(state, phase="sending")

        self._begin(sending)

    def view(self) -> dict[str, Any]:
        state = self.state
        busy = state.phase in ("looking", "sending")
        return {
            "phase": state.phase,
            "busy": busy,
            "plan": state.plan,
            "repo": state.repo,
            "line": state.line,
            "problem": state.problem,
            "count": len(state.run_ids),
            "runs": state.run_ids[:NAMED],
            "seconds": int(time.monotonic() - state.since) if busy else 0,
        }

    def _begin(self, change: Callable[[State], State]) -> None:
        with self._lock:
            if self.state.phase in ("looking", "sending"):
                raise ConfigError(f"A request to {self.state.repo} is already running: wait until it ends.")
            self.state = replace(change(self.state), since=time.monotonic())
        in_background(self._work)

    def _work(self) -> None:
        from lpwd.hub import push

        state = self.state
        dry_run = state.phase == "looking"
        try:
            chosen = None if dry_run else state.run_ids
            report = push.push(self.store, state.repo, dry_run=dry_run, run_ids=chosen, replace=state.replaces)
            self.state = _done(state, report)
        except (ConfigError, OSError, ValueError) as error:
            self.state = replace(state, phase="failed", problem=" ".join(str(error).split()), run_ids=())
        if self.state.phase == "sent":
            self.on_sent(state.repo)


def _done(state: State, report: "Report") -> State:
    listed = report.added + report.replaced
    return replace(state, phase="looked" if report.dry_run else "sent", line=report.line, run_ids=listed)
