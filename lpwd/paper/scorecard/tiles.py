"""The scorecard: one tile per table or figure, whether our runs confirm or contradict the paper's claim.

A verdict needs at least three seeds and a 95% confidence interval that excludes 0. It holds at its scale only.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from lpwd.analysis.statistics import t_interval
from lpwd.analysis.words import number
from lpwd.paper.numbers import Scale

MIN_SEEDS = 3  # below, nothing is concluded
Verdict = Literal["confirms", "contradicts", "undecided", "not run"]
Sign = Literal["higher", "lower", "not higher"]  # than 0


@dataclass(frozen=True)
class Part:
    """One quantity that the claim is about: one value per seed, each from runs on the same batches."""

    name: str
    values: tuple[float, ...]
    claim: Sign
    unit: str = " points"
    digits: int = 2
    paper: float | None = None  # where its text has a number
    columns: tuple[int, int] = (1, 1)  # that the values are means over, of how many that the claim is about

    @property
    def n(self) -> int:
        """Seeds."""
        return len(self.values)

    @property
    def mean(self) -> float:
        """Over seeds; nan without any."""
        return float(np.mean(self.values)) if self.values else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Student's 95% interval over seeds; nan below two."""
        return t_interval(self.values)

    @property
    def verdict(self) -> Verdict:
        """A claim about several columns is confirmed by all of them; some are enough to contradict it."""
        if not self.n:
            return "not run"
        if self.n < MIN_SEEDS:
            return "undecided"
        low, high = self.interval
        if self.claim == "not higher":
            return "contradicts" if low > 0 else "confirms"
        if low <= 0 <= high:
            return "undecided"
        if (low > 0) != (self.claim == "higher"):
            return "contradicts"
        return "confirms" if self.columns[0] == self.columns[1] else "undecided"

    @property
    def text(self) -> str:
        """`LPWD minus WD: +0.12 points (95% −0.20 to +0.44, n = 3)`."""
        if not self.n:
            return f"{self.name}: no seed has all its runs"
        mean, low, high = (number(value, signed=True, digits=self.digits) for value in (self.mean, *self.interval))
        interval = f"95% {low} to {high}, " if self.n > 1 else ""
        used, of = self.columns
        where = "" if of == 1 else f", mean of {used} columns" if used == of else f", {used} of {of} columns"
        return f"{self.name}{where}: {mean}{self.unit} ({interval}n = {self.n})"


def together(parts: Sequence[Part]) -> Verdict:
    """One part against the claim contradicts it; only all parts together confirm it."""
    verdicts = [part.verdict for part in parts]
    if all(verdict == "not run" for verdict in verdicts):
        return "not run"
    if "contradicts" in verdicts:
        return "contradicts"
    return "confirms" if set(verdicts) == {"confirms"} else "undecided"


def over_columns(values: Mapping[str, Mapping[int, float]]) -> tuple[tuple[float, ...], list[str]]:
    """Return one mean over columns per seed, and these columns; `values` has column -> seed -> value.

    Uses the columns with MIN_SEEDS seeds, or if there are none all with any, and the seeds that all of them have.
    """
    some = {column: seeds for column, seeds in values.items() if seeds}
    columns = [column for column, seeds in some.items() if len(seeds) >= MIN_SEEDS] or list(some)
    if not columns:
        return (), []
    seeds = sorted(set.intersection(*(set(some[column]) for column in columns)))
    return tuple(float(np.mean([some[column][seed] for column in columns])) for seed in seeds), columns


@dataclass(frozen=True)
class Line:
    """A line of a sparkline; `style` is a method's name, or `paper`."""

    style: str
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Tile:
    """What is known of one table or figure."""

    name: str
    source: str
    claim: str
    paper: str  # its number, or that its text has none
    scale: Scale
    total: int  # cells
    parts: tuple[Part, ...] = ()
    done: int = 0  # cells with a result
    origin: str = ""  # of the results
    spark: tuple[Line, ...] = ()
    spark_title: str = ""
    warnings: tuple[str, ...] = field(default=())

    @property
    def verdict(self) -> Verdict:
        """The combined verdict of all parts; undecided if there are runs but no part has a seed yet."""
        verdict = together(self.parts)
        return "undecided" if verdict == "not run" and self.done else verdict

    @property
    def n(self) -> int:
        """Seeds of the part with the fewest."""
        return min((part.n for part in self.parts), default=0)

    @property
    def verdict_text(self) -> str:
        """`contradicts, at scale cpu`."""
        return f"{self.verdict}, at scale {self.scale}"

    @property
    def line(self) -> str:
        """All of it as one line."""
        ours = "; ".join(part.text for part in self.parts) if self.verdict != "not run" else "not run"
        runs = f"{self.done} of {self.total} cells" + (f", {self.origin}" if self.origin else "")
        return f"{self.source}: {self.verdict_text}. {self.claim} Paper: {self.paper}. Ours: {ours} ({runs})."

    def as_json(self) -> dict[str, Any]:
        """For programs; numbers that do not exist are null."""
        parts = [
            {
                **{"name": part.name, "claim": part.claim, "verdict": part.verdict, "unit": part.unit.strip()},
                **{"mean": _plain(part.mean), "n": part.n, "values": list(part.values), "paper": part.paper},
                **{"columns": part.columns[0], "of_columns": part.columns[1]},
                **{"low": _plain(part.interval[0]), "high": _plain(part.interval[1]), "text": part.text},
            }
            for part in self.parts
        ]
        return {
            **{"name": self.name, "source": self.source, "claim": self.claim, "paper": self.paper},
            **{"scale": self.scale, "verdict": self.verdict, "n": self.n, "parts": parts, "done": self.done},
            **{"total": self.total, "origin": self.origin, "warnings": list(self.warnings), "line": self.line},
        }


def summary(tiles: Iterable[Tile]) -> str:
    """`1 confirms, 2 contradict, 3 undecided, 3 not run`."""
    verdicts = [tile.verdict for tile in tiles]
    order: tuple[Verdict, ...] = ("confirms", "contradicts", "undecided", "not run")
    return ", ".join(f"{verdicts.count(one)} {one}" for one in order)


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
