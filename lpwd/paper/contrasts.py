"""The contrasts of a preset by column or decay rate: paired differences and their sentences."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from lpwd.analysis.inference import ALPHA
from lpwd.analysis.pairs import Paired, fairly_chosen, paired
from lpwd.analysis.phrases import corrected, few, seeds_alone
from lpwd.analysis.verdict import QUANTITIES, SMALL, verdict
from lpwd.paper.numbers import Scale
from lpwd.paper.presets import Contrast, Preset


def _with_runs(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the cells that have a run."""
    return frame[frame.state != "missing"]


@dataclass(frozen=True)
class Placed:
    """A contrast in one column, or at one lambda."""

    column: str
    pair: Paired
    claim: int = 0
    paper: float | None = None
    lead: str = ""  # prefix of the sentence
    x: float = math.nan  # lambda

    def sentence(self, preset: Preset, scale: Scale) -> str:
        """Return the verdict in words."""
        about: dict[str, Any] = {"paper": self.paper, "claim": self.claim, "who": preset.claimant}
        reduced = scale == "cpu" and preset.claimant == "the paper"
        return self.lead + verdict(self.pair, reduced=reduced, warn=False, **about)


def placed(preset: Preset, frame: pd.DataFrame) -> list[Placed]:
    """Return the contrasts of a preset in each column, or at each lambda, with both methods."""
    return list(_by_decay(preset, frame) if preset.kind == "difference" else _by_column(preset, frame))


def _by_column(preset: Preset, frame: pd.DataFrame) -> Iterator[Placed]:
    """Yield the contrasts of each column, with settings chosen on the other half of the seeds."""
    columns = list(dict.fromkeys(frame.column))
    for column in columns:
        part = frame[frame.column == column]
        for contrast in preset.contrasts:
            if {contrast.method, contrast.other} <= set(part.method):
                pair = fairly_chosen(_with_runs(part), contrast.method, contrast.other, contrast.value)
                pair = replace(pair, margin=contrast.margin) if contrast.margin else pair
                lead = f"{column}: " if len(columns) > 1 else ""
                yield Placed(column, pair, contrast.claim, _paper_difference(preset, contrast, column), lead)


def _by_decay(preset: Preset, frame: pd.DataFrame) -> Iterator[Placed]:
    """Yield the contrasts at each lambda; the paper claims a gain at the largest one."""
    largest = frame.weight_decay.max()
    pairs = [(c.method, c.other, c.claim) for c in preset.contrasts]
    if {"lpwd", "lrwd"} <= set(frame.method):
        pairs.append(("lpwd", "lrwd", 0))
    for method, other, claim in pairs:
        for decay, part in frame.groupby("weight_decay"):
            claimed = claim if decay == largest else 0
            at = f"λ = {decay:g}"
            yield Placed(at, paired(_with_runs(part), method, other), claimed, None, f"{at}: ", float(decay))


def _paper_difference(preset: Preset, contrast: Contrast, column: str) -> float | None:
    ours, other = (preset.reported.get((name, column)) for name in (contrast.method, contrast.other))
    if contrast.value != "best10_mean" or ours is None or other is None:
        return None
    return round(ours.mean - other.mean, 2)


def sentences_on(preset: Preset, places: list[Placed], scale: Scale) -> list[str]:
    """Return the sentences, starting with the contrasts that the paper claims something about."""
    claimed: list[str] = []
    controls: list[str] = []
    for one in places:
        text = one.sentence(preset, scale)
        (claimed if one.claim or one.x == one.x else controls).append(text)
    counts = sorted({one.pair.n for one in places if 1 < one.pair.n < SMALL})
    judged = sum(one.pair.n > 1 for one in places)
    kept = sum(one.pair.over_images is not None for one in places)
    return [*claimed, *(few(n) for n in counts), *corrected(judged), *seeds_alone(judged - kept, judged), *controls]


def contrast_row(one: Placed) -> dict[str, Any]:
    """Return one row of `Findings.contrasts`."""
    pair = one.pair

    def fields(*names: str) -> dict[str, Any]:
        return {name: getattr(pair, name) for name in names}

    return {
        **{"column": one.column, **fields("method", "other"), "value": QUANTITIES[pair.value][0]},
        **{**fields("mean", "std"), **dict(zip(("low", "high"), pair.interval, strict=True))},
        **dict(zip(("images_low", "images_high"), pair.over_images or (math.nan, math.nan), strict=True)),
        **{**fields("n", "seeds", "differences", "outcome"), "unadjusted": pair.at(ALPHA)},
        **{**fields("margin", "alpha", "naive", "hours"), "paper": one.paper, "x": one.x},
    }
