"""The table of runs, own and published, and its changes since the last poll. Imports no gradio."""

import secrets
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lpwd.analysis.words import short
from lpwd.config import ConfigError
from lpwd.facts import DATASETS
from lpwd.jobs.rights import HOST, User, may_change
from lpwd.methods import METHODS
from lpwd.optimizers import OPTIMIZERS
from lpwd.runs import Run, Runs
from lpwd.store import ACTIVE
from lpwd.ui.curves import count_in, extremes
from lpwd.ui.published import Cached

COLUMNS = (
    *("id", "key", "origin", "name", "note", "state", "method", "model", "dataset", "optimizer", "lr", "weightDecay"),
    *("seed", "epoch", "epochs", "top1", "last", "loss", "parameters", "images", "speed", "seconds", "created", "job"),
)
NAMED = 3  # damaged runs that are named
SPARK_POINTS, MAX_SPARKS = 24, 200


@dataclass(frozen=True)
class Row:
    """The values of a run in the table. They change only when the run's status object changes."""

    version: int
    run: Run
    values: list[Any]


class RunList:
    """Tracks the rows of an app. Rows are rebuilt when their run changes; metrics are read only for active runs."""

    def __init__(self, runs: Runs, cached: Cached | None = None) -> None:
        self.runs, self.cached = runs, cached
        self._boot = secrets.token_hex(3)  # invalidates cursors of earlier processes
        self._version = 0
        self._rows: dict[str, Row] = {}
        self._gone: dict[str, int] = {}  # run -> version in which it was removed
        self._published: Mapping[str, Run] = {}
        self._refs: set[str] = set()  # references of the published runs
        self._lock = threading.Lock()
        if cached:
            cached.when_read(self.since)  # builds all rows once

    def since(self, cursor: str = "", user: User = HOST) -> dict[str, Any]:
        """Return rows that are new or changed since `cursor`, and removed names; all rows without a valid cursor.

        A row holds the values of COLUMNS and whether the user may change the run.
        """
        boot, _, version = cursor.partition(".")
        with self._lock:
            seen = count_in(version) if boot == self._boot else None
            if seen is None or seen > self._version:
                seen = 0
            damaged = self._update()
            news = [row for row in self._rows.values() if row.version > seen]
            return {
                "cursor": f"{self._boot}.{self._version}",
                "reset": not seen,
                "rows": [[*row.values, _may_change(user, row.run)] for row in news],
                "gone": [run_id for run_id, left in self._gone.items() if left > seen] if seen else [],
                "damaged": damaged,
                "published": str(self.cached.view()["line"]) if self.cached else "",
                "reading": self.cached is not None and self.cached.results is None,
            }

    def _update(self) -> str:
        """Update the rows from the store and return a sentence on damaged runs.

        The Status object stays the same while its file is unchanged.
        """
        self._version += 1
        own, damaged = self.runs.store.scan()
        published = self.runs.published()
        for run in own if published is self._published else (*own, *published.values()):
            row = self._rows.get(run.ref)
            if row is None or row.run.status is not run.status:
                self._rows[run.ref] = Row(self._version, run, values_of(run, self.runs))
                self._gone.pop(run.ref, None)
        if published is not self._published:
            self._refs = {run.ref for run in published.values()}
        self._published = published
        for ref in self._rows.keys() - {run.ref for run in own} - self._refs:
            del self._rows[ref]
            self._gone[ref] = self._version
        more = f"; and {len(damaged) - NAMED:,} more" if len(damaged) > NAMED else ""
        return "; ".join(list(damaged.values())[:NAMED]) + more


def _may_change(user: User, run: Run) -> bool:
    return not run.is_published and may_change(user, run.status.owner)


def labels() -> dict[str, Any]:
    """Return labels and colours of the keys in the rows."""
    methods = {key: {"label": method.label, "color": METHODS[key].color} for key, method in METHODS.items()}
    return {
        "columns": (*COLUMNS, "mine"),
        "methods": methods,
        "datasets": {name: facts.label for name, facts in DATASETS.items()},
        "optimizers": {name: row.label for name, row in OPTIMIZERS.items()},
    }


def values_of(run: Run, runs: Runs) -> list[Any]:
    """Return the values of COLUMNS; for an active run, `last` and `loss` are those of its newest epoch."""
    config, status = run.config, run.status
    result = {**_now(run), **{name: value for name, value in status.summary.items() if value is not None}}
    return [
        *(run.ref, runs.key(run), run.origin_text, status.name, status.note, status.state),
        *(config.method, config.model, config.dataset, config.optimizer, config.lr, config.weight_decay, config.seed),
        *(status.epoch, config.epochs),
        *(short(result.get(name)) for name in ("best10_mean", "last_top1", "train_loss")),
        *(result.get("parameter_count"), result.get("train_samples", config.train_samples)),
        short(result.get("images_per_second", status.images_per_second) or None),
        *(round(status.seconds, 1), round(status.created, 1), status.job),
    ]


def _now(run: Run) -> dict[str, Any]:
    """Return the current numbers of an active run, under their names in a summary."""
    if run.status.state not in ACTIVE:
        return {}
    history = run.history
    started, count = history.started, len(history.epochs)
    facts = {"parameter_count": started.parameter_count, "train_samples": started.train_samples} if started else {}
    if not count:
        return facts
    last = history.epochs.numbers(("test_top1", "train_loss"), count - 1, count)
    return facts | {"last_top1": last["test_top1"][0], "train_loss": last["train_loss"][0]}


def sparks(runs: Runs, refs: Sequence[str]) -> dict[str, list[float | None]]:
    """Return test top-1 (%) by epoch of these runs, thinned to SPARK_POINTS; removed runs are left out."""
    curves = {}
    for ref in refs[:MAX_SPARKS]:
        with suppress(ConfigError):
            values = runs.record(ref).history.epochs.numbers(("test_top1",))["test_top1"]
            curves[ref] = [short(values[i]) for i in extremes(values, SPARK_POINTS)]
    return curves
