"""A run's curves: read once from metrics.jsonl, shared by every page, sent in pieces that a page has not seen yet."""

import itertools
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lpwd.store import RunStore

MAX_POINTS = 1000  # a curve, as a page first receives it
MAX_CURSOR = 80  # characters; a longer one is not ours, and would be kept
MAX_DIGITS = 18  # of a number in a cursor
KEPT_RUNS = 64  # runs whose curves stay in memory
EPOCH_FIELDS = ("epoch", "train_loss", "test_top1", "validation_top1", "test_loss", "seconds")

_boot = secrets.token_hex(3)  # cursors of an earlier process are worth nothing
_generations = itertools.count()


def extremes(values: list[float | None], limit: int = MAX_POINTS) -> list[int]:
    """Indices of at most `limit` values: first, last, and the minimum and maximum of every bucket between them."""
    count = len(values)
    if count <= limit:
        return list(range(count))
    y = np.asarray(values, dtype=float)
    y[np.isnan(y)] = np.nanmean(y)
    edges = np.linspace(1, count - 1, (limit - 2) // 2 + 1).astype(int)
    kept = {0, count - 1}
    for start, stop in itertools.pairwise(edges):
        kept |= {start + int(y[start:stop].argmin()), start + int(y[start:stop].argmax())}
    return sorted(kept)


@dataclass
class Points:
    """Columns of equal length; the first one is x, the second one decides which points are extreme."""

    columns: dict[str, list[Any]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def add(self, record: dict[str, Any]) -> None:
        for name, values in self.columns.items():
            values.append(_short(record.get(name)))

    def since(self, index: int) -> dict[str, list[Any]]:
        """The columns from `index` on, thinned to MAX_POINTS with extremes kept."""
        key = list(self.columns)[1]
        kept = [index + i for i in extremes(self.columns[key][index:])]
        return {name: [values[i] for i in kept] for name, values in self.columns.items()}


def is_count(text: str) -> bool:
    """Whether a part of a cursor is a number that `int` reads; who sends one may have made it up."""
    return text.isdecimal() and len(text) <= MAX_DIGITS


def _short(value: Any) -> Any:
    """Six significant digits: more than a screen can show, a third of the bytes."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


@dataclass
class Curves:
    """One run's points and where to read on."""

    generation: str = ""
    identity: tuple[Any, ...] = ()  # changes when the file was written anew
    offset: int = 0  # bytes read
    losses: Points = field(default_factory=lambda: Points({"step": [], "loss": []}))
    epochs: Points = field(default_factory=lambda: Points({name: [] for name in EPOCH_FIELDS}))
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)

    def refresh(self, store: RunStore, run_id: str) -> None:
        """Read what was appended; begin anew where the file is another or shorter than before."""
        path = store.metrics_path(run_id)
        size, inode = (path.stat().st_size, path.stat().st_ino) if path.exists() else (0, 0)
        identity = (inode, store.status(run_id).started)
        if identity != self.identity or size < self.offset:
            self.__init__(f"{_boot}{next(_generations)}", identity, lock=self.lock)  # type: ignore[misc]
        if size > self.offset:
            records, self.offset = store.read_metrics(run_id, self.offset)
            self.answers.clear()
            for record in records:
                self._add(record)

    def _add(self, record: dict[str, Any]) -> None:
        if record["event"] == "step" and record["loss"] is not None:
            self.losses.add(record)
        elif record["event"] == "epoch":
            self.epochs.add(record)

    def since(self, cursor: str) -> dict[str, Any]:
        """The points after `cursor`, or all of them where the cursor is not one of this generation."""
        if len(cursor) > MAX_CURSOR:
            cursor = ""
        if cursor not in self.answers:
            if len(self.answers) > 32:
                self.answers.clear()
            self.answers[cursor] = self._since(cursor)
        return self.answers[cursor]

    def _since(self, cursor: str) -> dict[str, Any]:
        generation, _, rest = cursor.partition(":")
        losses, _, epochs = rest.partition(":")
        known = generation == self.generation and is_count(losses) and is_count(epochs)
        return {
            "reset": not known,
            "cursor": f"{self.generation}:{len(self.losses)}:{len(self.epochs)}",
            "losses": self.losses.since(int(losses) if known else 0),
            "epochs": self.epochs.since(int(epochs) if known else 0),
        }


class CurveCache:
    """The curves of the runs that pages look at; the least recently wanted ones are dropped."""

    def __init__(self, store: RunStore) -> None:
        self.store = store
        self._curves: OrderedDict[str, Curves] = OrderedDict()
        self._lock = threading.Lock()

    def since(self, run_id: str, cursor: str = "") -> dict[str, Any]:
        """What a page with `cursor` has not seen of the run yet; it sends the answer's cursor the next time."""
        with self._lock:
            curves = self._curves.setdefault(run_id, Curves())
            self._curves.move_to_end(run_id)
            if len(self._curves) > KEPT_RUNS:
                self._curves.popitem(last=False)
        with curves.lock:
            curves.refresh(self.store, run_id)
            return curves.since(cursor)
