"""Accuracy over total decay: curves, the noise floor of null cells, plateaus, and what decides about LPWD."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lpwd.analysis.inference import t_interval
from lpwd.methods import shown_method

NULL_SHARE = 0.05  # a cell whose decay removes less of every weight is null
NULL_DECAY = -math.log1p(-NULL_SHARE)  # nepers
PLATEAU_POINTS = 1.0  # below the best of WD, that still count as its plateau
COMPARED = ("lpwd", "lpwd_matched", "lpwd_reversed", "lpwd_shuffled", "l2sp", "cwd", "wdlr2", "adamc")


def with_decay(runs: pd.DataFrame) -> pd.DataFrame:
    """Finished runs with `total_decay` in nepers: eta lambda summed over the steps, lambda averaged over parameters.

    Over a half cosine eta is half its maximum on average, and eta squared three eighths (AdamC). nan for methods
    without a total decay.
    """
    done = runs[runs.state == "finished"].copy()
    shares = [_share(method, schedule) for method, schedule in zip(done.method, done.schedule, strict=True)]
    rate = done.lr.astype(float) * done.mean_decay_rate.astype(float)
    done["total_decay"] = rate * done.step.astype(float) * pd.Series(shares, done.index, dtype=float)
    return done


def first_column(cells: pd.DataFrame) -> pd.DataFrame:
    """The cells that a preset's question is about, without those of other optimizers and schedules."""
    return cells[cells.column == cells.column.iloc[0]]


def _share(method: str, schedule: str) -> float:
    row = shown_method(method)
    if not row.has_total_decay:
        return math.nan
    if schedule != "cosine":
        return 1.0
    return 3 / 8 if row.follows_squared_rate else 1 / 2


def curve(done: pd.DataFrame, method: str, value: str) -> pd.DataFrame:
    """A row a strength, weakest first: total_decay, mean, std (ddof 1), n of a method."""
    mine = done[(done.method == method) & (done.total_decay > 0) & done[value].notna()]
    points = mine.groupby(["lr", "weight_decay"], sort=False).agg(
        total_decay=("total_decay", "mean"), mean=(value, "mean"), std=(value, "std"), n=(value, "count")
    )
    return points.reset_index().sort_values("total_decay", ignore_index=True)


@dataclass(frozen=True)
class NoiseFloor:
    """How far runs of one seed differ when decay is negligible: smaller differences are not due to the method."""

    cells: int
    mean: float
    std: float  # of single runs about the mean of their seed's null cells; nan below two of a seed


def noise_floor(done: pd.DataFrame, value: str) -> NoiseFloor:
    """From the cells that decay by less than NULL_DECAY, those without any decay included."""
    null = done[(done.total_decay < NULL_DECAY) & done[value].notna()]
    if null.empty:
        return NoiseFloor(0, math.nan, math.nan)
    spread = null[value] - null.groupby("seed")[value].transform("mean")
    freedom = len(null) - null.seed.nunique()
    std = math.sqrt(float((spread**2).sum()) / freedom) if freedom > 0 else math.nan
    return NoiseFloor(len(null), float(null[value].mean()), std)


def plateau(points: pd.DataFrame, level: float) -> tuple[float, float] | None:
    """Between which total decays the curve through `points` stays at `level` or above, about its best point.

    Interpolated in log total decay; an end at the first or last strength that was tried is that strength.
    """
    if points.empty or points["mean"].max() < level:
        return None
    x, y = np.log(points.total_decay.to_numpy(float)), points["mean"].to_numpy(float)
    low = high = int(y.argmax())
    while low > 0 and y[low - 1] >= level:
        low -= 1
    while high < len(y) - 1 and y[high + 1] >= level:
        high += 1
    return float(np.exp(_crossing(x, y, low, -1, level))), float(np.exp(_crossing(x, y, high, 1, level)))


def _crossing(x: np.ndarray, y: np.ndarray, inside: int, step: int, level: float) -> float:
    """Where the line from the last point inside to the next one outside crosses `level`."""
    outside = inside + step
    if not 0 <= outside < len(y):
        return float(x[inside])
    return float(x[inside] + (x[outside] - x[inside]) * (y[inside] - level) / (y[inside] - y[outside]))


@dataclass(frozen=True)
class Apart:
    """A method's curve less WD's at the same total decay, seed by seed, at one of its strengths."""

    total_decay: float
    mean: float
    low: float
    high: float

    @property
    def differs(self) -> bool:
        return not (math.isnan(self.low) or self.low <= 0 <= self.high)


def apart_from_wd(done: pd.DataFrame, method: str, value: str) -> list[Apart]:
    """At every strength of `method` inside WD's range, WD interpolated in log total decay for each seed."""
    points = []
    mine = done[(done.method == method) & (done.total_decay >= NULL_DECAY) & done[value].notna()]
    wd = {seed: part.sort_values("total_decay") for seed, part in done[done.method == "wd"].groupby("seed")}
    for _, runs in mine.groupby(["lr", "weight_decay"]):
        differences = []
        for run in runs.itertuples():
            wd_curve = wd.get(run.seed)
            if wd_curve is None or not wd_curve.total_decay.min() <= run.total_decay <= wd_curve.total_decay.max() * (
                1 + 1e-9
            ):
                continue
            there = np.interp(math.log(run.total_decay), np.log(wd_curve.total_decay.astype(float)), wd_curve[value])
            differences.append(float(getattr(run, value)) - float(there))
        if differences:
            where = float(runs.total_decay.mean())
            points.append(Apart(where, float(np.mean(differences)), *t_interval(differences)))
    return sorted(points, key=lambda one: one.total_decay)
