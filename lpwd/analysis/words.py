"""Formatting of numbers and names for the page and reports. This module does not import pandas."""

import math
from collections.abc import Iterable

from lpwd.methods import METHODS

NONE = "–"  # shown for a missing number


def label(method: str) -> str:
    """Return the label of a method; return any other name unchanged."""
    return METHODS[method].label if method in METHODS else method


def seeds_text(seeds: Iterable[int]) -> str:
    """Return `seed 0`, `seeds 0 to 2` or `seeds 0, 3`."""
    seeds = sorted(seeds)
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    if len(seeds) > 2 and seeds == list(range(seeds[0], seeds[-1] + 1)):
        return f"seeds {seeds[0]} to {seeds[-1]}"
    return f"seeds {seed_list(seeds)}"


def seed_list(seeds: Iterable[int]) -> str:
    """Return `0, 1, 2`."""
    return ", ".join(map(str, seeds)) or NONE


def number(value: float | None, *, signed: bool = False, digits: int = 2) -> str:
    """Round a number and write it with a typographic minus; never `-0.00`."""
    if value is None or not math.isfinite(value):
        return NONE
    rounded = round(value, digits) + 0.0
    return f"{rounded:{'+' if signed and rounded else ''}.{digits}f}".replace("-", "−")


def spread(mean: float | None, deviation: float | None, digits: int = 2, missing: str = NONE) -> str:
    """Return `74.48±0.04`; only the mean for one run, and `missing` without runs."""
    if mean is None or math.isnan(mean):
        return missing
    alone = deviation is None or math.isnan(deviation)
    return number(mean, digits=digits) if alone else f"{number(mean, digits=digits)}±{number(deviation, digits=digits)}"


def general(value: float, digits: int = 4) -> str:
    """Write a number with significant digits, for rates that differ by orders of magnitude."""
    return NONE if math.isnan(value) else f"{value:.{digits}g}"


def short(value: float | None) -> float | None:
    """Round to six significant digits (a third of the bytes of JSON); None for NaN and infinity."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")
