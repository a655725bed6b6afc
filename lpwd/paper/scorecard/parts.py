"""Quantities that a claim is about, with one value per seed, and their combined verdict."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lpwd.analysis.inference import ALPHA, CHOSEN_INFLATION, correlation_interval, seeds_needed, t_interval
from lpwd.analysis.pairs import MARGINS
from lpwd.analysis.phrases import chosen_text, ends
from lpwd.analysis.verdict import Verdict, judge
from lpwd.analysis.words import number

MIN_SEEDS = 3  # fewer seeds give no verdict
Sign = Literal["higher", "lower", "at most"]  # compared with 0; with the margin
POINTS = MARGINS["best10_mean"]
CORRELATION = 0.1  # margin of rank correlations


@dataclass(frozen=True)
class Part:
    """A quantity that a claim is about, with one value per seed from runs on the same batches."""

    name: str
    values: tuple[float, ...]
    claim: Sign
    unit: str = " points"
    digits: int = 2
    paper: float | None = None  # reported by the paper, or None
    columns: tuple[int, int] = (1, 1)  # (columns averaged over, columns that the claim is about)
    margin: float = POINTS
    points: int = 0  # number of points of a rank correlation (tested by Fisher's z); 0 for other quantities
    naive: float | None = None  # see `Paired.naive`

    @property
    def n(self) -> int:
        """Number of seeds."""
        return len(self.values)

    @property
    def mean(self) -> float:
        """Mean over seeds; nan without seeds."""
        return float(np.mean(self.values)) if self.values else math.nan

    def interval(self, alpha: float = ALPHA) -> tuple[float, float]:
        """Return the interval over seeds; nan below two seeds."""
        if self.points:
            return correlation_interval(self.values, self.points, 1 - alpha)
        return t_interval(self.values, 1 - alpha, self.inflation)

    @property
    def inflation(self) -> float:
        """Factor on the variance of the mean, as in `Paired`."""
        return 1.0 if self.naive is None else CHOSEN_INFLATION

    def verdict(self, alpha: float = ALPHA) -> Verdict:
        """Return the verdict. Only runs of all columns confirm a claim; other verdicts need some columns."""
        if self.n < MIN_SEEDS:
            return "undecided" if self.n else "not run"
        direction = -1 if self.claim == "lower" else 1
        judged = judge(self.interval(alpha), self.margin, direction, self.paper, self.claim == "at most")
        return "undecided" if judged == "confirms" and self.columns[0] < self.columns[1] else judged

    @property
    def text(self) -> str:
        """The quantity as `LPWD minus WD: +0.12 points (95% −0.20 to +0.44, n = 3)`."""
        if not self.n:
            return f"{self.name}: no seed has all its runs"
        used, of = self.columns
        where = "" if of == 1 else f", mean of {used} columns" if used == of else f", {used} of {of} columns"
        return f"{self.name}{where}: {self.numbers}"

    @property
    def numbers(self) -> str:
        """The numbers as `+0.12 points (95% −0.20 to +0.44, n = 3)`."""
        interval = f"95% {ends(self.interval(), self.digits)}, " if self.n > 1 else ""
        mean = f"{number(self.mean, signed=True, digits=self.digits)}{self.unit}"
        return f"{mean} ({interval}n = {self.n}{chosen_text(self.naive, self.unit)})"

    def more_seeds(self, alpha: float) -> int:
        """Return how many more seeds would decide; 0 if decided, if columns are missing, and for correlations."""
        if self.n < MIN_SEEDS or self.points or self.columns[0] < self.columns[1] or self.verdict(alpha) != "undecided":
            return 0
        return max(1, seeds_needed(self.deviation, self.margin, alpha) - self.n)

    @property
    def distance(self) -> float:
        """The distance of the mean from 0, or from the margin for `at most`."""
        return self.mean - self.margin if self.claim == "at most" else self.mean

    @property
    def deviation(self) -> float:
        """The standard deviation for `seeds_needed`; nan below two seeds."""
        return float(np.std(self.values, ddof=1)) * math.sqrt(self.inflation) if self.n > 1 else math.nan


def combined(parts: Sequence[Part], alpha: float = ALPHA) -> Verdict:
    """Return the combined verdict of all parts.

    The claim is contradicted, or without a difference, if one part is; it is confirmed if all parts confirm it. Single
    parts are tested at alpha divided by their number, joint confirmation at alpha.
    """
    one = [part.verdict(alpha / len(parts)) for part in parts]
    if not parts or set(one) == {"not run"}:
        return "not run"
    found: tuple[Verdict, ...] = ("contradicts", "no difference")
    for verdict in found:
        if verdict in one:
            return verdict
    return "confirms" if all(part.verdict(alpha) == "confirms" for part in parts) else "undecided"


def over_columns(values: Mapping[str, Mapping[int, float]]) -> tuple[tuple[float, ...], list[str]]:
    """Return the mean over columns for each seed, and the columns used; `values` maps column -> seed -> value.

    Uses the columns with at least MIN_SEEDS seeds (or all columns, if there are none) and their common seeds.
    """
    some = {column: seeds for column, seeds in values.items() if seeds}
    columns = [column for column, seeds in some.items() if len(seeds) >= MIN_SEEDS] or list(some)
    if not columns:
        return (), []
    seeds = sorted(set.intersection(*(set(some[column]) for column in columns)))
    return tuple(float(np.mean([some[column][seed] for column in columns])) for seed in seeds), columns
