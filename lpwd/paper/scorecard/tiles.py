"""The scorecard: one tile per table or figure, with the verdict of our runs on the paper's claim.

A verdict needs at least three seeds, is adjusted by Holm's correction for the number of tiles, and holds for its scale
only. Margins and tests are fixed before any run.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lpwd.analysis.inference import ALPHA, holm
from lpwd.analysis.phrases import no_difference, seeds_that_decide, size
from lpwd.analysis.verdict import Verdict
from lpwd.paper.numbers import Scale
from lpwd.paper.scorecard.parts import MIN_SEEDS, Part, combined


def holm_adjusted(tiles: Sequence["Tile"]) -> list["Tile"]:
    """Return the tiles with levels by Holm's correction for the number of tiles with enough seeds.

    A tile that is tested at a later planned look gets that look's share of the level.
    """
    judged = [tile for tile in tiles if tile.judged]
    levels = iter(holm([tile.decided for tile in judged]))
    return [replace(tile, alpha=tile.share * next(levels)) if tile.judged else tile for tile in tiles]


@dataclass(frozen=True)
class Line:
    """A line of a sparkline; `style` is the name of a method, or `paper`."""

    style: str
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Tile:
    """The state of one claim."""

    name: str
    source: str
    claim: str
    paper: str  # the reported number as text
    scale: Scale
    total: int  # number of cells
    parts: tuple[Part, ...] = ()
    done: int = 0  # number of cells with a result
    origin: str = ""  # where the results come from
    spark: tuple[Line, ...] = ()
    spark_title: str = ""
    warnings: tuple[str, ...] = field(default=())
    alpha: float = ALPHA  # level of the verdict
    hours: float = math.nan  # time of one more seed of all cells
    missing: tuple[float, ...] = ()  # share of cells without a result, for each seed up to the next look
    seeds: int = 0  # seeds that are tested: the preset's own, or a later planned look
    share: float = 1.0  # share of the level that this look may spend; see `inference.spent`

    @property
    def verdict(self) -> Verdict:
        """The combined verdict of all parts at level `alpha`."""
        return self.at(self.alpha)

    def at(self, alpha: float) -> Verdict:
        """Return the verdict at a level; undecided if there are runs but no complete seed."""
        verdict = combined(self.parts, alpha)
        return "undecided" if verdict == "not run" and self.done else verdict

    def decided(self, alpha: float) -> bool:
        """Return whether there is a verdict at this look's share of a level."""
        return self.at(self.share * alpha) not in ("undecided", "not run")

    @property
    def judged(self) -> bool:
        """Whether any part has enough seeds."""
        return any(part.n >= MIN_SEEDS for part in self.parts)

    @property
    def n(self) -> int:
        """The smallest number of seeds of any part."""
        return min((part.n for part in self.parts), default=0)

    @property
    def verdict_text(self) -> str:
        """The verdict and its scale, such as `contradicts, at scale cpu`."""
        return f"{self._words(self.alpha)}, at scale {self.scale}"

    @property
    def alone(self) -> str:
        """The verdict without correction, if it differs."""
        other = self._words(ALPHA)
        of = "tiles and of looks" if self.share < 1 else "tiles"
        return "" if other == self._words(self.alpha) else f"without correction for the number of {of}: {other}"

    def _words(self, alpha: float) -> str:
        verdict = self.at(alpha)
        if verdict != "no difference":
            return verdict
        equal = next(part for part in self.parts if part.verdict(alpha / len(self.parts)) == verdict)
        return no_difference(size(equal.margin, equal.unit))

    @property
    def texts(self) -> list[str]:
        """One text per part."""
        return [part.text for part in self.parts] if self.verdict != "not run" else []

    @property
    def needs(self) -> str:
        """The seeds that would decide an undecided tile, or "" if unknown."""
        if self.verdict != "undecided":
            return ""
        most = max(self.parts, key=lambda part: part.more_seeds(self.alpha), default=None)
        if most is None or not most.more_seeds(self.alpha):
            return ""
        given = (most.distance, most.deviation, most.n, most.margin, most.unit)
        return seeds_that_decide(*given, self.alpha, self.hours, self.missing)

    @property
    def line(self) -> str:
        """The tile as one line of text."""
        runs = f"{self.done} of {self.total} cells" + (f", {self.origin}" if self.origin else "")
        ours = "; ".join(self.texts) or "not run"
        text = f"{self.source}: {self.verdict_text}. {self.claim} Paper: {self.paper}. Ours: {ours} ({runs})."
        return " ".join([text, *self.notes])

    @property
    def notes(self) -> list[str]:
        """Sentences on the correction and on the seeds that would decide."""
        return [f"{note[0].upper()}{note[1:]}." for note in (self.alone, self.needs) if note]

    def as_json(self) -> dict[str, Any]:
        """Return the tile as JSON; unknown numbers are null."""
        parts = [
            {
                **{"name": part.name, "claim": part.claim, "verdict": part.verdict(self.alpha)},
                **{"unit": part.unit.strip(), "margin": part.margin, "naive": part.naive},
                **{"mean": _plain(part.mean), "n": part.n, "values": list(part.values), "paper": part.paper},
                **{"columns": part.columns[0], "of_columns": part.columns[1]},
                **dict(zip(("low", "high"), map(_plain, part.interval()), strict=True)),
                "text": part.text,
            }
            for part in self.parts
        ]
        return {
            **{"name": self.name, "source": self.source, "claim": self.claim, "paper": self.paper},
            **{"scale": self.scale, "verdict": self.verdict, "n": self.n, "parts": parts, "done": self.done},
            **{"total": self.total, "origin": self.origin, "warnings": list(self.warnings), "line": self.line},
            **{"alpha": self.alpha, "unadjusted": self.at(ALPHA), "hours": _plain(self.hours)},
            "needs": self.needs,
        }


def summary(tiles: Iterable[Tile]) -> str:
    """Return `1 confirms, 2 contradicts, 0 no difference, 3 undecided, 3 not run`."""
    verdicts = [tile.verdict for tile in tiles]
    order: tuple[Verdict, ...] = ("confirms", "contradicts", "no difference", "undecided", "not run")
    return ", ".join(f"{verdicts.count(one)} {one}" for one in order)


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
