"""The table of runs: a row a run, own and published, and what is new since a page last asked. No gradio here."""

import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lpwd.analysis.words import short
from lpwd.facts import DATASETS, OPTIMIZER_LABELS
from lpwd.jobs.rights import HOST, User, may_change
from lpwd.methods import METHODS
from lpwd.store import ACTIVE, Record
from lpwd.ui.curves import count_in, extremes
from lpwd.ui.runs.sources import Sources, is_published

COLUMNS = (
    *("id", "key", "origin", "name", "note", "state", "method", "model", "dataset", "optimizer", "lr", "weightDecay"),
    *("seed", "epoch", "epochs", "top1", "last", "loss", "parameters", "images", "speed", "seconds", "created", "job"),
)
NAMED = 3  # damaged runs in one sentence
SPARK_POINTS, MAX_SPARKS = 24, 200


@dataclass(frozen=True)
class Entry:
    """A row as it was last sent; unchanged as long as the record's status is the same object."""

    version: int
    record: Record
    row: list[Any]


class RunList:
    """One object an app. A row goes out again only when its run changed; only what trains is read beyond its status."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self._boot = secrets.token_hex(3)  # a cursor of an earlier process is worth nothing
        self._version = 0
        self._entries: dict[str, Entry] = {}
        self._gone: dict[str, int] = {}  # run -> version that no longer had it
        self._published: dict[str, Record] = {}
        self._lock = threading.Lock()
        if sources.cached:
            sources.cached.when_read(self.since)  # the first time all rows are made

    def since(self, cursor: str = "", user: User = HOST) -> dict[str, Any]:
        """Rows that are new or changed since `cursor`, and names that are gone; everything without a known cursor.

        A row holds the values of COLUMNS and whether it is the user's to change.
        """
        boot, _, version = cursor.partition(".")
        with self._lock:
            seen = count_in(version) if boot == self._boot else None
            if seen is None or seen > self._version:
                seen = 0
            damaged = self._look()
            news = [entry for entry in self._entries.values() if entry.version > seen]
            return {
                "cursor": f"{self._boot}.{self._version}",
                "reset": not seen,
                "rows": [[*entry.row, _may_change(user, entry.record)] for entry in news],
                "gone": [run_id for run_id, left in self._gone.items() if left > seen] if seen else [],
                "damaged": damaged,
                "published": self.sources.line(),
                "reading": self.sources.reading,
            }

    def _look(self) -> str:
        """Compare the sources with what is known; returns what there is to say of damaged runs.

        An unchanged file is the same Status object.
        """
        self._version += 1
        own, damaged = self.sources.store.scan()
        published = self.sources.published()
        for record in own if published is self._published else (*own, *published.values()):
            entry = self._entries.get(record.run_id)
            if entry is None or entry.record.status is not record.status:
                self._entries[record.run_id] = Entry(self._version, record, row(record, self.sources))
                self._gone.pop(record.run_id, None)
        self._published = published
        for run_id in self._entries.keys() - {record.run_id for record in own} - published.keys():
            del self._entries[run_id]
            self._gone[run_id] = self._version
        more = f"; and {len(damaged) - NAMED:,} more" if len(damaged) > NAMED else ""
        return "; ".join(list(damaged.values())[:NAMED]) + more


def _may_change(user: User, record: Record) -> bool:
    return not is_published(record.run_id) and may_change(user, record.status.owner)


def labels() -> dict[str, Any]:
    """What the rows' keys are called and drawn with."""
    methods = {key: {"label": method.label, "color": METHODS[key].color} for key, method in METHODS.items()}
    return {
        "columns": (*COLUMNS, "mine"),
        "methods": methods,
        "datasets": {name: facts.label for name, facts in DATASETS.items()},
        "optimizers": dict(OPTIMIZER_LABELS),
    }


def row(record: Record, sources: Sources) -> list[Any]:
    """The values of COLUMNS; of a run that trains, `last` and `loss` are those of its newest epoch."""
    config, status = record.config, record.status
    result = {**_now(record, sources), **{name: value for name, value in status.summary.items() if value is not None}}
    return [
        *(record.run_id, sources.key(record), sources.origin(record), status.name, status.note, status.state),
        *(config.method, config.model, config.dataset, config.optimizer, config.lr, config.weight_decay, config.seed),
        *(status.epoch, config.epochs),
        *(short(result.get(name)) for name in ("best10_mean", "last_top1", "train_loss")),
        *(result.get("parameter_count"), result.get("train_samples", config.train_samples)),
        short(result.get("images_per_second", status.images_per_second) or None),
        *(round(status.seconds, 1), round(status.created, 1), status.job),
    ]


def _now(record: Record, sources: Sources) -> dict[str, Any]:
    """The numbers of a run that trains, named as a summary names them."""
    if record.status.state not in ACTIVE:
        return {}
    history = sources.history(record.run_id)
    started, count = history.started, len(history.epochs)
    facts = {"parameter_count": started.parameter_count, "train_samples": started.train_samples} if started else {}
    if not count:
        return facts
    last = history.epochs.numbers(("test_top1", "train_loss"), count - 1, count)
    return facts | {"last_top1": last["test_top1"][0], "train_loss": last["train_loss"][0]}


def sparks(sources: Sources, run_ids: Sequence[str]) -> dict[str, list[float | None]]:
    """Test top-1 (%) by epoch of each of these runs, at SPARK_POINTS places; nothing of one that is gone."""
    there = [item for item in run_ids[:MAX_SPARKS] if item in sources.published() or _exists(sources, item)]
    curves = {item: sources.history(item).epochs.numbers(("test_top1",))["test_top1"] for item in there}
    kept = {item: [values[i] for i in extremes(values, SPARK_POINTS)] for item, values in curves.items()}
    return {item: [short(value) for value in values] for item, values in kept.items()}


def _exists(sources: Sources, item: str) -> bool:
    return not is_published(item) and sources.store.exists(item)
