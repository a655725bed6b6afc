"""How numbers and names are written, on the page and in reports alike. No pandas: the page starts with it."""

import math
from collections.abc import Iterable

from lpwd.methods import METHODS

NONE = "–"  # shown for a missing number


def label(method: str) -> str:
    """A method's label; any other name, such as that of a group of runs, stands for itself."""
    return METHODS[method].label if method in METHODS else method


def seeds_text(seeds: Iterable[int]) -> str:
    """`seed 0`, `seeds 0 to 2` or `seeds 0, 3`."""
    seeds = sorted(seeds)
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    if len(seeds) > 2 and seeds == list(range(seeds[0], seeds[-1] + 1)):
        return f"seeds {seeds[0]} to {seeds[-1]}"
    return f"seeds {seed_list(seeds)}"


def seed_list(seeds: Iterable[int]) -> str:
    """`0, 1, 2`."""
    return ", ".join(map(str, seeds)) or NONE


def number(value: float | None, *, signed: bool = False, digits: int = 2) -> str:
    """Rounded, with a typographic minus; never -0.00."""
    if value is None or not math.isfinite(value):
        return NONE
    rounded = round(value, digits) + 0.0
    return f"{rounded:{'+' if signed and rounded else ''}.{digits}f}".replace("-", "−")


def spread(mean: float | None, deviation: float | None, digits: int = 2, missing: str = NONE) -> str:
    """`74.48±0.04`, as in the paper; the mean alone for one run, `missing` without runs."""
    if mean is None or math.isnan(mean):
        return missing
    alone = deviation is None or math.isnan(deviation)
    return number(mean, digits=digits) if alone else f"{number(mean, digits=digits)}±{number(deviation, digits=digits)}"


def general(value: float, digits: int = 4) -> str:
    """So many significant digits: for rates, whose sizes differ by orders of magnitude."""
    return NONE if math.isnan(value) else f"{value:.{digits}g}"


def short(value: float | None) -> float | None:
    """Round to six significant digits (a third of the bytes of JSON); None for NaN and infinity."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")
