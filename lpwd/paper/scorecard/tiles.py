"""The scorecard: one tile per table or figure, whether our runs confirm or contradict the paper's claim.

A verdict needs at least three seeds. The claim's margin and the method that judges it are declared beside it, before
any run is looked at; Holm's correction for the number of tiles decides. A verdict holds at its scale only.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lpwd.analysis.inference import ALPHA, holm
from lpwd.analysis.phrases import claim_text, seeds_that_decide, size
from lpwd.analysis.verdict import Verdict
from lpwd.paper.numbers import Scale
from lpwd.paper.scorecard.parts import MIN_SEEDS, Part, together


def holm_adjusted(tiles: Sequence["Tile"]) -> list["Tile"]:
    """The same tiles, each judged at its level by Holm's correction for the tiles that have enough seeds.

    A tile to which seeds were added after it was looked at has only this look's share of the level.
    """
    judged = [tile for tile in tiles if tile.judged]
    levels = iter(holm([tile.decided_at_share for tile in judged]))
    return [replace(tile, alpha=tile.share * next(levels)) if tile.judged else tile for tile in tiles]


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
    alpha: float = ALPHA  # of the verdict
    hours: float = math.nan  # that one more seed of all cells takes, at the speed of these runs
    missing: tuple[float, ...] = ()  # of each seed from n to the next look, the part of its cells without a result
    seeds: int = 0  # that it is judged on: the preset's own, or a later planned look
    share: float = 1.0  # of the level that this look may spend: see `inference.spent`

    @property
    def verdict(self) -> Verdict:
        """The combined verdict of all parts at level `alpha`."""
        return self.at(self.alpha)

    def at(self, alpha: float) -> Verdict:
        """The verdict at this level; undecided if there are runs but no part has a seed yet."""
        verdict = together(self.parts, alpha)
        return "undecided" if verdict == "not run" and self.done else verdict

    def decided(self, alpha: float) -> bool:
        """Whether there is a verdict at this level."""
        return self.at(alpha) not in ("undecided", "not run")

    def decided_at_share(self, alpha: float) -> bool:
        """Whether there is a verdict at this look's share of the level."""
        return self.decided(self.share * alpha)

    @property
    def judged(self) -> bool:
        """Whether any part has enough seeds."""
        return any(part.n >= MIN_SEEDS for part in self.parts)

    @property
    def n(self) -> int:
        """Seeds of the part with the fewest."""
        return min((part.n for part in self.parts), default=0)

    @property
    def verdict_text(self) -> str:
        """`contradicts, at scale cpu`; `no difference larger than 0.15 points, at scale cpu`."""
        return f"{self._words(self.alpha)}, at scale {self.scale}"

    @property
    def alone(self) -> str:
        """What holds without correction, if that is another verdict."""
        other = self._words(ALPHA)
        of = "tiles and of looks" if self.share < 1 else "tiles"
        return "" if other == self._words(self.alpha) else f"without correction for the number of {of}: {other}"

    def _words(self, alpha: float) -> str:
        equal = [part for part in self.parts if part.verdict(alpha / len(self.parts)) == "no difference"]
        return claim_text(self.at(alpha), size(equal[0].margin, equal[0].unit) if equal else "")

    @property
    def texts(self) -> list[str]:
        """Ours, one sentence per part."""
        return [part.text for part in self.parts] if self.verdict != "not run" else []

    @property
    def needs(self) -> str:
        """What an undecided tile needs: the seeds of the part that needs most of them; empty if they are not known."""
        if self.verdict != "undecided":
            return ""
        most = max(self.parts, key=lambda part: part.more_seeds(self.alpha), default=None)
        if most is None or not most.more_seeds(self.alpha):
            return ""
        given = (most.distance, most.deviation, most.n, most.margin, most.unit)
        return seeds_that_decide(*given, self.alpha, self.hours, self.missing)

    @property
    def line(self) -> str:
        """All of it as one line."""
        runs = f"{self.done} of {self.total} cells" + (f", {self.origin}" if self.origin else "")
        ours = "; ".join(self.texts) or "not run"
        text = f"{self.source}: {self.verdict_text}. {self.claim} Paper: {self.paper}. Ours: {ours} ({runs})."
        return " ".join([text, *self.notes])

    @property
    def notes(self) -> list[str]:
        """Sentences on the correction and on the seeds that would decide, as far as there is something to say."""
        return [f"{note[0].upper()}{note[1:]}." for note in (self.alone, self.needs) if note]

    def as_json(self) -> dict[str, Any]:
        """For programs; numbers that do not exist are null."""
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
    """`1 confirms, 2 contradict, 3 undecided, 3 not run`."""
    verdicts = [tile.verdict for tile in tiles]
    order: tuple[Verdict, ...] = ("confirms", "contradicts", "no difference", "undecided", "not run")
    return ", ".join(f"{verdicts.count(one)} {one}" for one in order)


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
