"""What a reviewer asks of a comparison: equal tuning budgets, the expected best over k trials, epochs to a target."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd


def expected_best(values: Sequence[float]) -> list[float]:
    """E[best of k settings drawn at random with replacement], k = 1..n, from the n settings that were tried.

    Dodge et al. 2019, arXiv 1909.03004, eq. (6)-(8): sum over sorted v_i of v_i ((i/n)^k - ((i-1)/n)^k).
    """
    ordered, n = np.sort(np.asarray(values, float)), len(values)
    share = np.arange(n + 1) / n
    return [float(np.sum(ordered * np.diff(share**k))) for k in range(1, n + 1)]


def budgets(grouped: pd.DataFrame, value: str = "mean") -> pd.DataFrame:
    """Return the expected best of k settings, one row per method and k, from means over seeds (`over_seeds`)."""
    rows = []
    for method, part in grouped[grouped.n > 0].groupby("method", sort=False):
        for k, best in enumerate(expected_best(part[value]), 1):
            rows.append({"method": method, "k": k, "best": best, "trials": len(part)})
    return pd.DataFrame(rows, columns=["method", "k", "best", "trials"])


@dataclass(frozen=True)
class Reached:
    """When runs first reached a target; those that never did are misses, not left out."""

    epochs: tuple[int, ...]  # of the runs that did
    misses: int

    @property
    def median(self) -> float:
        """Over all runs, a miss counting as later than any; nan where that is the median."""
        ranked = [*sorted(map(float, self.epochs)), *[math.inf] * self.misses]
        if not ranked:
            return math.nan
        middle = (ranked[(len(ranked) - 1) // 2] + ranked[len(ranked) // 2]) / 2
        return middle if math.isfinite(middle) else math.nan


def epochs_to(curves: pd.DataFrame, target: float, runs: int) -> Reached:
    """`curves` has columns run_id, epoch and test_top1 (percent); `runs` counts also those without a curve."""
    if curves.empty:
        return Reached((), runs)
    first = curves[curves.test_top1 >= target].groupby("run_id").epoch.min()
    return Reached(tuple(sorted(map(int, first))), runs - len(first))
