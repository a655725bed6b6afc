"""Store the steps or epochs of a run as columns of numbers: 64 bytes per step, a quarter of the size of events."""

import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

from lpwd.events import Count, Epoch, Step


class Columns:
    """Recorded events of one kind as columns: eight bytes per number, NaN for a missing value.

    One thread may add while others read: every column has at least `len` values.
    """

    def __init__(self, kind: type[Step] | type[Epoch]) -> None:
        types = {field.name: field.type for field in fields(kind)}
        self._optional = {name for name, of in types.items() if of == float | None}
        self._numbers: dict[str, Any] = {
            name: array("q" if of is Count else "d") for name, of in types.items() if of != list[float]
        }
        self._lists: dict[str, list[array[float]]] = {n: [] for n, of in types.items() if of == list[float]}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, event: Step | Epoch) -> None:
        for name, column in self._numbers.items():
            value = getattr(event, name)
            column.append(math.nan if value is None else value)
        for name, rows in self._lists.items():
            rows.append(array("d", getattr(event, name)))
        self._count += 1

    def numbers(self, names: Sequence[str] = (), start: int = 0, stop: int | None = None) -> dict[str, Any]:
        """Return copies of the named columns (default: all) for events `start` to `stop`, as 64-bit arrays."""
        stop = self._count if stop is None else stop
        return {name: self._numbers[name][start:stop] for name in names or self._numbers}

    def lists(self, name: str) -> list["array[float]"]:
        """Return a column whose values are lists, such as the weight norms of an epoch."""
        return self._lists[name][: self._count]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the fields of each event as recorded."""
        columns: dict[str, Sequence[Any]] = {**self.numbers(), **{name: self.lists(name) for name in self._lists}}
        for values in zip(*columns.values(), strict=False):  # a thread may add
            row = dict(zip(columns, values, strict=True))
            unknown = dict.fromkeys(name for name in self._optional if row[name] != row[name])
            yield row | unknown | {name: list(row[name]) for name in self._lists}
