"""Published runs with their source, and one line that describes their source and age."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lpwd.runs import Run
from lpwd.sentences import counted

Source = Literal["hub", "copy", "snapshot", "none"]


@dataclass(frozen=True)
class Results:
    """Published runs by run id, and their source. Texts in them are untrusted: never render them as HTML."""

    repo: str
    runs: Mapping[str, Run] = field(default_factory=dict)
    bad_count: int = 0  # number of invalid rows, which were skipped
    bad: tuple[str, ...] = ()  # the first of them, with the reason
    source: Source = "none"
    commit: str = ""
    confirmed_at: float | None = None  # when the Hub last confirmed this as its newest commit; seconds since the epoch
    reason: str = ""  # one sentence on why these are not the Hub's newest results

    @property
    def line(self) -> str:
        """Sentences on the source and age of these results, why they are not newer, and what was skipped."""
        runs = counted(len(self.runs), "published run")
        commit = f"commit {self.commit[:7]}, checked {_ago(self.confirmed_at)}"
        what = {
            "hub": f"{runs} from {self.repo} on the Hub, {commit}.",
            "copy": f"{runs} from the last good copy of {self.repo}, {commit}.",
            "snapshot": f"{runs} from the snapshot bundled with lpwd, the newest of {self._newest()}.",
            "none": "No published results: no earlier copy and no bundled snapshot found.",
        }[self.source]
        return " ".join(part for part in (what, self.reason, self.note) if part)

    @property
    def note(self) -> str:
        """One sentence on skipped rows; empty if there are none."""
        if not self.bad_count:
            return ""
        rest = self.bad_count - len(self.bad)
        named = "; ".join(self.bad) + (f"; and {rest} more" if rest else "")
        return f"{counted(self.bad_count, 'row')} skipped: {named}."

    def _newest(self) -> str:
        return max((run.day for run in self.runs.values()), default="1970-01-01")


def _ago(moment: float | None) -> str:
    """Return `just now`, `5 minutes ago`, `3 days ago`."""
    seconds = time.time() - (moment or 0)
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return f"{counted(int(seconds // size), unit)} ago"
    return "just now"
