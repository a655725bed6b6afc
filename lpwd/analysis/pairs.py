"""Paired differences over seeds, at given settings or with cross-validated settings, and their outcomes."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from lpwd.analysis.inference import (
    ALPHA,
    CHOSEN_INFLATION,
    Place,
    chosen,
    fair_choice,
    holm,
    place,
    seeds_and_images_interval,
    t_interval,
)
from lpwd.correct import unpacked
from lpwd.runs import RunSource

Outcome = Place | Literal["none", "no interval"]
DECIDED = frozenset({"equal", "higher", "lower"})
LOWER_IS_BETTER = frozenset({"train_loss"})
# Smallest relevant differences, fixed before any run: 0.15 points is the smallest gain in the paper's Table 1.
MARGINS = {"best10_mean": 0.15, "last_top1": 0.15, "val_selected_top1": 0.15, "train_loss": 0.01}

NEEDED = (
    *("run_id", "method", "lr", "weight_decay", "seed", "state"),
    *("device_class", "scale", "batches", "seconds"),
)


@dataclass(frozen=True)
class Paired:
    """`method` minus `other` over pairs with the same seed, batches, initial weights and images."""

    method: str
    other: str
    value: str
    seeds: tuple[int, ...] = ()
    differences: tuple[float, ...] = ()
    diverged: tuple[tuple[str, int], ...] = ()  # (method, number of diverged runs), without zeros
    alpha: float = ALPHA  # level of the outcome; `interval` always has 95 %
    run_ids: tuple[tuple[str, str], ...] = ()  # run ids of `method` and `other`, one pair per seed
    over_images: tuple[float, float] | None = None  # 95 % interval over seeds and images; see `with_images`
    naive: float | None = None  # mean difference if settings are chosen on the same seeds
    hours: float = math.nan  # time of one more pair, at the speed of these runs
    margin: float = math.nan  # default: MARGINS[value]
    unit: str = " points"  # used for values that are not in `verdict.QUANTITIES`

    def __post_init__(self) -> None:
        if math.isnan(self.margin):
            object.__setattr__(self, "margin", MARGINS[self.value])

    @property
    def n(self) -> int:
        return len(self.differences)

    @property
    def mean(self) -> float:
        """Mean difference; nan without pairs."""
        return float(np.mean(self.differences)) if self.n else math.nan

    @property
    def std(self) -> float:
        """Standard deviation (ddof 1); nan below two pairs."""
        return float(np.std(self.differences, ddof=1)) if self.n > 1 else math.nan

    @property
    def spread(self) -> str:
        """Text for n if these are not pairs of seeds, else ""."""
        return ""

    @property
    def interval(self) -> tuple[float, float]:
        """Student's 95 % interval of the mean; nan below two pairs."""
        return self.interval_at(ALPHA)

    def interval_at(self, alpha: float) -> tuple[float, float]:
        """Return Student's interval of the mean at level `alpha`."""
        return t_interval(self.differences, 1 - alpha, self.inflation)

    @property
    def inflation(self) -> float:
        """Factor on the variance of the mean; above 1 if settings were chosen."""
        return 1.0 if self.naive is None else CHOSEN_INFLATION

    @property
    def adjusted(self) -> tuple[float, float]:
        """The interval at level `alpha`, which determines the outcome."""
        return self.interval_at(self.alpha)

    @property
    def outcome(self) -> Outcome:
        """The outcome at level `alpha`."""
        return self.at(self.alpha)

    def at(self, alpha: float) -> Outcome:
        """Return `none` (no pair), `no interval` (one pair), `equal`, `higher`, `lower` or `undecided`."""
        if self.n < 2:
            return "no interval" if self.n else "none"
        return place(self.interval_at(alpha), self.margin)

    def decided(self, alpha: float) -> bool:
        """Return whether the outcome at level `alpha` is decided."""
        return self.at(alpha) in DECIDED


def holm_adjusted(pairs: Sequence[Paired]) -> list[Paired]:
    """Return the pairs with levels by Holm's correction for the number of pairs with an interval."""
    judged = [pair for pair in pairs if pair.n > 1]
    levels = iter(holm([pair.decided for pair in judged]))
    return [replace(pair, alpha=next(levels)) if pair.n > 1 else pair for pair in pairs]


def with_images(pair: Paired, source: RunSource) -> Paired:
    """Add the interval over seeds and images if all runs recorded which images they classified correctly."""
    if pair.n < 2 or pair.value in LOWER_IS_BETTER or not pair.run_ids:
        return pair
    left, right = (_correct(source, ids) for ids in zip(*pair.run_ids, strict=True))
    if left is None or right is None or left.shape != right.shape:
        return pair
    differences = 100.0 * (left.astype(float) - right)
    low, high = seeds_and_images_interval(differences, values=pair.differences)
    mean, stretch = pair.mean, math.sqrt(pair.inflation)
    return replace(pair, over_images=(mean + stretch * (low - mean), mean + stretch * (high - mean)))


def _correct(source: RunSource, run_ids: Iterable[str]) -> np.ndarray | None:
    """Return [runs, images] bool, or None if a run did not record it."""
    rows = []
    for run_id in run_ids:
        history = source.history(run_id)
        if history.finished is None or history.started is None or not history.finished.correct:
            return None
        rows.append(unpacked(history.finished.correct, history.started.test_samples))
    return np.array(rows) if len({len(row) for row in rows}) == 1 else None


def paired(runs: pd.DataFrame, method: str, other: str, value: str = "best10_mean") -> Paired:
    """Return the paired differences in `runs`, which must contain one (eta, lambda) of each method.

    Pairs share seed, device class, scale and everything except method, eta and lambda. Raises ValueError if a pair is
    ambiguous; choose a setting first.
    """
    keys = ["device_class", "scale", "batches", "seed"]
    two = _of(runs, (method, other), value)
    done = two[(two.state == "finished") & two[value].notna()]
    left, right = (done[done.method == name][[*keys, value, "run_id"]] for name in (method, other))
    if left.duplicated(keys).any() or right.duplicated(keys).any():
        raise ValueError(f"{method} or {other} has several settings per seed: choose one (eta, lambda) of each")
    if done.groupby(["device_class", "scale", "batches"]).ngroups > 1:
        raise ValueError(f"{method} and {other} come from several devices, scales or settings: compare within one")
    both = left.merge(right, on=keys, suffixes=("", "_other")).sort_values("seed")
    return Paired(
        method,
        other,
        value,
        tuple(map(int, both.seed)),
        tuple(map(float, both[value] - both[f"{value}_other"])),
        divergences(two, method, other),
        run_ids=tuple(zip(both.run_id, both.run_id_other, strict=True)),
        hours=float(done.groupby("method").seconds.mean().sum()) / 3600 if "seconds" in done else math.nan,
    )


def _of(runs: pd.DataFrame, methods: Sequence[str], value: str) -> pd.DataFrame:
    """Select the rows of these methods and the needed columns: selecting all 60 columns takes six times as long."""
    return runs.loc[runs.method.isin(methods), [name for name in (*NEEDED, value) if name in runs]]


def divergences(runs: pd.DataFrame, *methods: str) -> tuple[tuple[str, int], ...]:
    """Return the number of diverged runs of each method, without zeros."""
    lost = {name: int(((runs.method == name) & (runs.state == "diverged")).sum()) for name in methods}
    return tuple((name, count) for name, count in lost.items() if count)


def fairly_chosen(runs: pd.DataFrame, method: str, other: str, value: str = "best10_mean") -> Paired:
    """Compare two methods, each at the (eta, lambda) with the best mean on the other half of the seeds.

    `naive` is the difference at the settings with the best means on all seeds, as the paper chooses; None with one
    setting per method or one seed. Raises ValueError as `paired` does.
    """
    runs = _of(runs, (method, other), value)
    naive = paired(pd.concat([best_runs(runs, name, value) for name in (method, other)]), method, other, value)
    seeds = list(naive.seeds)
    sign = -1 if value in LOWER_IS_BETTER else 1
    grids = [_by_setting(runs, name, value, seeds) for name in (method, other)]
    if naive.n < 2 or max(len(values) for values, _ in grids) < 2:
        return naive
    choices = [fair_choice(sign * values) for values, _ in grids]
    differences = np.subtract(*(chosen(values, choice) for (values, _), choice in zip(grids, choices, strict=True)))
    ids = zip(*(chosen(ids, choice) for (_, ids), choice in zip(grids, choices, strict=True)), strict=True)
    known = [one for one in zip(seeds, map(float, differences), ids, strict=True) if not math.isnan(one[1])]
    fair: dict[str, Any] = dict(zip(("seeds", "differences", "run_ids"), zip(*known, strict=True), strict=False))
    return replace(naive, **(fair or {"seeds": (), "differences": (), "run_ids": ()}), naive=naive.mean)


def _by_setting(runs: pd.DataFrame, method: str, value: str, seeds: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return values and run ids [settings, seeds] of the finished runs of a method; nan and None without a run."""
    done = runs[(runs.method == method) & (runs.state == "finished")]
    wide = [done.pivot(index=["lr", "weight_decay"], columns="seed", values=name) for name in (value, "run_id")]
    values, ids = (one.reindex(columns=seeds) for one in wide)
    return values.to_numpy(float), ids.to_numpy(object)


def best_runs(runs: pd.DataFrame, method: str, value: str) -> pd.DataFrame:
    """Return the runs of the (eta, lambda) with the best mean, or all runs of the method if none has finished."""
    mine = runs[runs.method == method]
    done = mine[(mine.state == "finished") & mine[value].notna()]
    if done.empty:
        return mine
    means = done.groupby(["lr", "weight_decay"])[value].mean()
    lr, decay = means.idxmin() if value in LOWER_IS_BETTER else means.idxmax()
    return mine[(mine.lr == lr) & (mine.weight_decay == decay)]
