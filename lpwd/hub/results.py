"""Published runs with their source, and one line that says what they are, how old, and why not newer."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lpwd.runs import Run
from lpwd.sentences import counted

Source = Literal["hub", "copy", "snapshot", "none"]


@dataclass(frozen=True)
class Results:
    """Published runs by run id, and where they come from. Texts in them come from others: show them as text."""

    repo: str
    runs: Mapping[str, Run] = field(default_factory=dict)
    bad_count: int = 0  # rows that cannot be right and were left out
    bad: tuple[str, ...] = ()  # the first of them, with the reason
    source: Source = "none"
    commit: str = ""
    confirmed_at: float | None = None  # when the Hub last said that this is its newest commit; seconds since the epoch
    reason: str = ""  # why this is not the Hub's newest; one sentence

    @property
    def line(self) -> str:
        """For people: which results these are, how old, why not newer, and what was left out of them."""
        runs = counted(len(self.runs), "published run")
        commit = f"commit {self.commit[:7]}, checked {_ago(self.confirmed_at)}"
        what = {
            "hub": f"{runs} from {self.repo} on the Hub, {commit}.",
            "copy": f"{runs} from the last good copy of {self.repo}, {commit}.",
            "snapshot": f"{runs} from the snapshot bundled with lpwd, the newest of {self._newest()}.",
            "none": "No published results: there is no earlier copy and no bundled snapshot.",
        }[self.source]
        return " ".join(part for part in (what, self.reason, self.note) if part)

    @property
    def note(self) -> str:
        """One sentence on what was left out; empty if nothing was."""
        if not self.bad_count:
            return ""
        rest = self.bad_count - len(self.bad)
        named = "; ".join(self.bad) + (f"; and {rest} more" if rest else "")
        return f"{self.bad_count} row{'s were' if self.bad_count > 1 else ' was'} left out: {named}."

    def _newest(self) -> str:
        return max((run.day for run in self.runs.values()), default="1970-01-01")


def _ago(moment: float | None) -> str:
    """`just now`, `5 minutes ago`, `3 days ago`."""
    seconds = time.time() - (moment or 0)
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return f"{counted(int(seconds // size), unit)} ago"
    return "just now"
