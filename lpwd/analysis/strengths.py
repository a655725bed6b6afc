"""Accuracy over total decay: curves, noise floor, plateaus, and differences from WD at equal total decay."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lpwd.analysis.inference import t_interval
from lpwd.methods import shown_method

NULL_SHARE = 0.05  # cells whose decay removes less than this share of the weights are null cells
NULL_DECAY = -math.log1p(-NULL_SHARE)  # nepers
PLATEAU_POINTS = 1.0  # a plateau is within this many points of the best mean of WD
COMPARED = ("lpwd", "lpwd_matched", "lpwd_reversed", "lpwd_shuffled", "l2sp", "cwd", "wdlr2", "adamc")


def with_decay(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the finished runs with `total_decay` in nepers: eta times the mean lambda, summed over the steps.

    With a half cosine, eta is half its maximum on average, and eta squared three eighths (AdamC). nan for methods
    without a total decay.
    """
    done = runs[runs.state == "finished"].copy()
    shares = [_share(method, schedule) for method, schedule in zip(done.method, done.schedule, strict=True)]
    rate = done.lr.astype(float) * done.mean_decay_rate.astype(float)
    done["total_decay"] = rate * done.step.astype(float) * pd.Series(shares, done.index, dtype=float)
    return done


def first_column(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells of the first column, without other optimizers and schedules."""
    return cells[cells.column == cells.column.iloc[0]]


def _share(method: str, schedule: str) -> float:
    row = shown_method(method)
    if not row.has_total_decay:
        return math.nan
    if schedule != "cosine":
        return 1.0
    return 3 / 8 if row.follows_squared_rate else 1 / 2


def curve(done: pd.DataFrame, method: str, value: str) -> pd.DataFrame:
    """Return one row per decay rate of a method, in ascending order: total_decay, mean, std (ddof 1), n."""
    mine = done[(done.method == method) & (done.total_decay > 0) & done[value].notna()]
    points = mine.groupby(["lr", "weight_decay"], sort=False).agg(
        total_decay=("total_decay", "mean"), mean=(value, "mean"), std=(value, "std"), n=(value, "count")
    )
    return points.reset_index().sort_values("total_decay", ignore_index=True)


@dataclass(frozen=True)
class NoiseFloor:
    """Differences between runs of one seed with negligible decay; smaller differences are noise."""

    cells: int
    mean: float
    std: float  # of single runs around the mean of their seed; nan below two runs per seed


def noise_floor(done: pd.DataFrame, value: str) -> NoiseFloor:
    """Return the noise floor of the cells with a total decay below NULL_DECAY."""
    null = done[(done.total_decay < NULL_DECAY) & done[value].notna()]
    if null.empty:
        return NoiseFloor(0, math.nan, math.nan)
    spread = null[value] - null.groupby("seed")[value].transform("mean")
    freedom = len(null) - null.seed.nunique()
    std = math.sqrt(float((spread**2).sum()) / freedom) if freedom > 0 else math.nan
    return NoiseFloor(len(null), float(null[value].mean()), std)


def plateau(points: pd.DataFrame, level: float) -> tuple[float, float] | None:
    """Return the range of total decay around the best point in which the curve stays at `level` or above.

    Interpolates in log total decay. Returns None if no point reaches the level.
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
    """Return where the line from the last point inside to the next point outside crosses `level`."""
    outside = inside + step
    if not 0 <= outside < len(y):
        return float(x[inside])
    return float(x[inside] + (x[outside] - x[inside]) * (y[inside] - level) / (y[inside] - y[outside]))


@dataclass(frozen=True)
class FromWD:
    """The mean difference between a method and WD's curve at one total decay, with its interval over seeds."""

    total_decay: float
    mean: float
    low: float
    high: float

    @property
    def differs(self) -> bool:
        return not (math.isnan(self.low) or self.low <= 0 <= self.high)


def differences_from_wd(done: pd.DataFrame, method: str, value: str) -> list[FromWD]:
    """Compare each decay rate of `method` within WD's range with WD, interpolated in log total decay per seed."""
    points = []
    mine = done[(done.method == method) & (done.total_decay >= NULL_DECAY) & done[value].notna()]
    wd = {seed: part.sort_values("total_decay") for seed, part in done[done.method == "wd"].groupby("seed")}
    for _, runs in mine.groupby(["lr", "weight_decay"]):
        differences = []
        for run in runs.itertuples():
            wd_curve = wd.get(run.seed)
            if wd_curve is None:
                continue
            decays = wd_curve.total_decay.astype(float)
            if decays.min() <= run.total_decay <= decays.max() * (1 + 1e-9):
                reference = np.interp(math.log(run.total_decay), np.log(decays), wd_curve[value])
                differences.append(float(getattr(run, value)) - float(reference))
        if differences:
            total_decay = float(runs.total_decay.mean())
            points.append(FromWD(total_decay, float(np.mean(differences)), *t_interval(differences)))
    return sorted(points, key=lambda one: one.total_decay)
