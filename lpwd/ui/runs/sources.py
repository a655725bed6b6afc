"""Own runs and published ones side by side, never mixed: a published run's name begins with `published.`.

The same run may stand in both; a group of one is no group of the other. No gradio here; pandas comes with the results.
"""

import datetime
import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lpwd.analysis.settings import group_key
from lpwd.config import ConfigError
from lpwd.history import History
from lpwd.store import Record, RunStore
from lpwd.ui.published import READING, Cached

if TYPE_CHECKING:
    from lpwd.hub.pull import Results

PUBLISHED = "published."
KEPT_HISTORIES = 256  # of published runs; the least recently wanted are dropped


def is_published(item: str) -> bool:
    """Whether a run's name, or a group's key, is of a published one."""
    return item.startswith(PUBLISHED)


class Sources:
    """One object an app. A record carries the name that it has here."""

    def __init__(self, store: RunStore, cached: Cached | None = None) -> None:
        self.store, self.cached = store, cached
        self._keys: dict[tuple[str, str, str], str] = {}  # run, scale, device -> key; a run's name has its settings
        self._version = ""  # of what is published, as `Cached` counts it
        self._results: Results | None = None
        self._published: dict[str, Record] = {}
        self._histories: OrderedDict[str, History] = OrderedDict()
        self._lock = threading.Lock()

    def published(self) -> dict[str, Record]:
        """By name; empty before they are read, and the same object until there are others."""
        if self.cached is None:
            return self._published
        version, results = self.cached.version, self.cached.results
        with self._lock:
            if version != self._version:
                records = results.checked.records if results else {}
                names = {f"{PUBLISHED}{run_id}": record for run_id, record in records.items()}
                self._published = {i: record.model_copy(update={"run_id": i}) for i, record in names.items()}
                self._version, self._results = version, results
                self._histories.clear()
            return self._published

    @property
    def reading(self) -> bool:
        """Whether the published results are still to come."""
        return self.cached is not None and self.cached.results is None

    def line(self) -> str:
        """Which published results these are, from where, of when."""
        return str(self.cached.view()["line"]) if self.cached else ""

    def origin(self, record: Record) -> str:
        """`snapshot, 2026-11-20` of a published run, empty for an own one."""
        if not is_published(record.run_id) or self._results is None:
            return ""
        day = datetime.datetime.fromtimestamp(record.status.created, datetime.UTC).strftime("%Y-%m-%d")
        return f"{'snapshot' if self._results.source == 'snapshot' else self._results.repo}, {day}"

    def record(self, item: str) -> Record:
        """Raises ConfigError where there is no such run."""
        if not is_published(item):
            return self.store.record(item)
        try:
            return self.published()[item]
        except KeyError:
            why = READING if self.reading else f"there is no {item.removeprefix(PUBLISHED)!r} among the published runs"
            raise ConfigError(why) from None

    def history(self, item: str) -> History:
        """What the run recorded; of a published one all but its steps. Raises ConfigError where there is none."""
        if not is_published(item):
            return self.store.history(item)
        self.record(item)
        with self._lock:
            if item not in self._histories:
                self._read([item])
            self._histories.move_to_end(item)
            return self._histories[item]

    def _read(self, items: Iterable[str]) -> None:
        from lpwd.hub.checked import events_of

        if self._results is None:
            return
        run_ids = [item.removeprefix(PUBLISHED) for item in items]
        for run_id, events in events_of(self._results.checked, run_ids).items():
            self._histories[f"{PUBLISHED}{run_id}"] = History(events)
        while len(self._histories) > KEPT_HISTORIES:
            self._histories.popitem(last=False)

    def key(self, record: Record) -> str:
        """The key of the run's group, which differs in the seed alone."""
        known = (record.run_id, record.config.scale, record.status.device)
        if known not in self._keys:
            self._keys[known] = (PUBLISHED if is_published(record.run_id) else "") + group_key(record)
        return self._keys[known]

    def members(self, keys: Iterable[str]) -> dict[str, list[Record]]:
        """The runs of each group. Raises ConfigError for a group without one."""
        wanted: dict[str, list[Record]] = {key: [] for key in keys}
        own = self.store.records() if any(not is_published(key) for key in wanted) else []
        others = self.published().values() if any(map(is_published, wanted)) else []
        for record in (*own, *others):
            if (key := self.key(record)) in wanted:
                wanted[key].append(record)
        if missing := [key for key, records in wanted.items() if not records]:
            why = READING if self.reading else f"there are no runs of the group {missing[0]!r} here"
            raise ConfigError(why)
        return wanted

    def chosen(self, items: Iterable[str]) -> list[Record]:
        """The runs of these names and keys, each once. Raises ConfigError for one that is unknown."""
        items = list(items)
        records = {item: self.record(item) for item in items if "*" not in item}
        groups = [item for item in items if "*" in item]
        for members in self.members(groups).values() if groups else ():
            records |= {record.run_id: record for record in members}
        return list(records.values())
