"""Own and published runs as one source, by one rule.

A cell is a configuration, hence a run id. A run of one's own that has a result fills its cell; a published run fills a
cell that has no own result. No cell is filled twice, so that no mean holds a run twice, and whoever shows a mean says
how many of its runs are published.
"""

import math
from collections.abc import Iterable

from lpwd.history import History
from lpwd.store import ENDED, Record, RunSource


class Together:
    """A look at both sources at one moment."""

    def __init__(self, own: RunSource | None, published: RunSource | None) -> None:
        self._own, self._published = own, published
        mine = {record.run_id: record for record in own.records()} if own else {}
        theirs = {record.run_id: record for record in published.records()} if published else {}
        kept = {run_id for run_id, record in mine.items() if record.status.state in ENDED}
        self.published_ids = frozenset(theirs.keys() - kept)
        self._twice = [(mine[run_id], theirs[run_id]) for run_id in theirs.keys() & kept]
        self._records = [*(r for i, r in mine.items() if i not in self.published_ids)]
        self._records += [theirs[run_id] for run_id in theirs if run_id in self.published_ids]

    def records(self) -> list[Record]:
        """Every run of both sources once."""
        return self._records

    def history(self, run_id: str) -> History:
        """What the run recorded; the steps of published runs are not published."""
        source = self._published if run_id in self.published_ids else self._own
        if source is None:
            raise KeyError(run_id)
        return source.history(run_id)

    def count_published(self, run_ids: Iterable[str]) -> int:
        """How many of these runs are published ones."""
        return len(self.published_ids.intersection(run_ids))

    def said(self, run_ids: Iterable[str]) -> str:
        """Where the results of these cells come from."""
        ids = set(run_ids)
        published = self.count_published(ids)
        return f"{len(ids) - published:,} own and {published:,} published runs" if ids else ""

    def repeated(self, run_ids: Iterable[str]) -> str:
        """How far results that are there twice lie apart; empty where none is."""
        ids = set(run_ids)
        twice = [pair for pair in self._twice if pair[0].run_id in ids]
        if not twice:
            return ""
        apart = max(map(_apart, twice))
        same = "with the same numbers" if apart == 0 else f"at most {apart:.2g} points of best-10 top-1 apart"
        return (
            f"{len(twice):,} cells have a published run too, {same if apart == apart else 'some diverged'}: yours count"
        )


def _apart(pair: tuple[Record, Record]) -> float:
    """Points of best-10 test top-1; nan where one diverged."""
    left, right = (record.status.summary.get("best10_mean") for record in pair)
    return math.nan if left is None or right is None else abs(float(left) - float(right))
