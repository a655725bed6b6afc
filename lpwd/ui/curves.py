"""Curves of runs for the page: thinned, cached for all pages, and sent incrementally."""

import itertools
import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from lpwd.analysis.words import short
from lpwd.columns import Columns
from lpwd.store import RunStore

MAX_POINTS = 1000  # per curve in a first answer
KEPT_ANSWERS = 1024
MAX_DIGITS = 15  # of a count in a cursor
EPOCH_FIELDS = (
    *("epoch", "train_loss", "test_top1", "validation_top1", "test_loss", "seconds", "opposing_count_rate"),
)


def extremes(values: Sequence[float | None], limit: int = MAX_POINTS) -> list[int]:
    """Return at most `limit` indices: first, last, and the minimum and maximum of each bucket between them."""
    count = len(values)
    if count <= limit:
        return list(range(count))
    y = np.array(values, dtype=float)
    finite = np.isfinite(y)
    y[~finite] = y[finite].mean() if finite.any() else 0.0
    edges = np.linspace(1, count - 1, (limit - 2) // 2 + 1).astype(int)
    kept = {0, count - 1}
    for start, stop in itertools.pairwise(edges):
        kept |= {start + int(y[start:stop].argmin()), start + int(y[start:stop].argmax())}
    return sorted(kept)


def points(events: Columns, names: Sequence[str], start: int, stop: int, *, gaps: bool) -> dict[str, list[Any]]:
    """Return columns of the events, thinned to MAX_POINTS by the extremes of the second column.

    Events without a value in it are dropped unless `gaps`.
    """
    columns = events.numbers(names, start, stop)
    decisive = columns[names[1]]
    there = [i for i, value in enumerate(decisive) if gaps or not math.isnan(value)]
    kept = [there[i] for i in extremes([decisive[i] for i in there])]
    return {
        name: [values[i] if values.typecode == "q" else short(values[i]) for i in kept]
        for name, values in columns.items()
    }


def count_in(cursor: str) -> int | None:
    """Return the count in a part of a cursor, or None if it is not valid."""
    return int(cursor) if cursor.isascii() and cursor.isdecimal() and len(cursor) <= MAX_DIGITS else None


class CurveCache:
    """New points of runs, cached for all pages that show the same run."""

    def __init__(self, store: RunStore) -> None:
        self.store = store
        self._answers: OrderedDict[tuple[Any, ...], dict[str, Any]] = OrderedDict()

    def since(self, run_id: str, cursor: str = "") -> dict[str, Any]:
        """Return the points after `cursor`, or all points if it does not belong to this run; and the next `cursor`."""
        history = self.store.history(run_id)
        generation, steps, epochs = history.stamp
        given, *seen = cursor.split(":")
        counts = [count_in(part) for part in seen] if given == generation else []
        match counts:
            case [int(step), int(epoch)] if step <= steps and epoch <= epochs:
                reset = False
            case _:
                reset, step, epoch = True, 0, 0
        key = (generation, steps, epochs, reset, step, epoch)
        if key not in self._answers:
            while len(self._answers) >= KEPT_ANSWERS:
                self._answers.popitem(last=False)
            self._answers[key] = {
                "reset": reset,
                "cursor": f"{generation}:{steps}:{epochs}",
                "losses": points(history.steps, ("step", "loss"), step, steps, gaps=False),
                "epochs": points(history.epochs, EPOCH_FIELDS, epoch, epochs, gaps=True),
            }
        return self._answers[key]
