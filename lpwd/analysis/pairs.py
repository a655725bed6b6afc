"""Paired differences over seeds: at equal settings or with settings chosen fairly, and what holds of them."""

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
# The smallest difference that matters, in the unit of a value of the frame: 0.15 points is the smallest gain in the
# paper's Table 1. Declared before any run is looked at.
MARGINS = {"best10_mean": 0.15, "last_top1": 0.15, "val_selected_top1": 0.15, "train_loss": 0.01}

NEEDED = (
    *("run_id", "method", "lr", "weight_decay", "seed", "state"),
    *("device_class", "scale", "batches", "seconds"),
)


@dataclass(frozen=True)
class Paired:
    """`method` minus `other` over pairs of the same seed, hence the same batches, initial weights and images."""

    method: str
    other: str
    value: str
    seeds: tuple[int, ...] = ()
    differences: tuple[float, ...] = ()
    diverged: tuple[tuple[str, int], ...] = ()  # (method, runs) with at least one run
    alpha: float = ALPHA  # of the outcome; the interval has always 95 %
    run_ids: tuple[tuple[str, str], ...] = ()  # of `method` and `other`, by seed
    over_images: tuple[float, float] | None = None  # 95 % interval over seeds and images; see `with_images`
    naive: float | None = None  # mean difference if each setting was chosen on the seeds that it is measured on
    hours: float = math.nan  # that one more pair takes, at the speed of these runs
    margin: float = math.nan  # default: MARGINS[value]
    unit: str = " points"  # of a value that is not among `verdict.QUANTITIES`

    def __post_init__(self) -> None:
        if math.isnan(self.margin):
            object.__setattr__(self, "margin", MARGINS[self.value])

    @property
    def n(self) -> int:
        return len(self.differences)

    @property
    def mean(self) -> float:
        """nan without pairs."""
        return float(np.mean(self.differences)) if self.n else math.nan

    @property
    def std(self) -> float:
        """ddof 1; nan below two pairs."""
        return float(np.std(self.differences, ddof=1)) if self.n > 1 else math.nan

    @property
    def spread(self) -> str:
        """How n is given, if these are not pairs of seeds."""
        return ""

    @property
    def interval(self) -> tuple[float, float]:
        """Student's 95 % interval of the mean; nan below two pairs."""
        return self.interval_at(ALPHA)

    def interval_at(self, alpha: float) -> tuple[float, float]:
        """The same at any level."""
        return t_interval(self.differences, 1 - alpha, self.inflation)

    @property
    def inflation(self) -> float:
        """Of the variance of the mean: above 1 if settings were chosen."""
        return 1.0 if self.naive is None else CHOSEN_INFLATION

    @property
    def adjusted(self) -> tuple[float, float]:
        """The interval at level `alpha`, which decides."""
        return self.interval_at(self.alpha)

    @property
    def outcome(self) -> Outcome:
        """What holds at level `alpha`."""
        return self.at(self.alpha)

    def at(self, alpha: float) -> Outcome:
        """`none` (no pair), `no interval` (one pair), `equal` (within the margin), `higher`, `lower` or `undecided`."""
        if self.n < 2:
            return "no interval" if self.n else "none"
        return place(self.interval_at(alpha), self.margin)

    def decided(self, alpha: float) -> bool:
        """Whether there is a verdict at level `alpha`."""
        return self.at(alpha) in DECIDED


def holm_adjusted(pairs: Sequence[Paired]) -> list[Paired]:
    """The same pairs, each judged at its level by Holm's correction for the number of those with an interval."""
    judged = [pair for pair in pairs if pair.n > 1]
    levels = iter(holm([pair.decided for pair in judged]))
    return [replace(pair, alpha=next(levels)) if pair.n > 1 else pair for pair in pairs]


def with_images(pair: Paired, source: RunSource) -> Paired:
    """The same pair with its interval over seeds and images, if all of its runs kept which images they got right."""
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
    """[runs, images] bool, or None if one of them did not keep it."""
    rows = []
    for run_id in run_ids:
        history = source.history(run_id)
        if history.finished is None or history.started is None or not history.finished.correct:
            return None
        rows.append(unpacked(history.finished.correct, history.started.test_samples))
    return np.array(rows) if len({len(row) for row in rows}) == 1 else None


def paired(runs: pd.DataFrame, method: str, other: str, value: str = "best10_mean") -> Paired:
    """The paired differences in `runs`, which must hold one (eta, lambda) of each of the two methods.

    Pairs share seed, device class, scale and everything but method, eta and lambda. Raises ValueError if a pair is
    ambiguous: the caller chooses a setting first.
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
    """The rows of these methods and the columns that pairs need: a cut of all 60 costs six times as much."""
    return runs.loc[runs.method.isin(methods), [name for name in (*NEEDED, value) if name in runs]]


def divergences(runs: pd.DataFrame, *methods: str) -> tuple[tuple[str, int], ...]:
    """How many runs of each method diverged, without those of which none did."""
    lost = {name: int(((runs.method == name) & (runs.state == "diverged")).sum()) for name in methods}
    return tuple((name, count) for name, count in lost.items() if count)


def fairly_chosen(runs: pd.DataFrame, method: str, other: str, value: str = "best10_mean") -> Paired:
    """Each method at the (eta, lambda) with the best mean on one half of the seeds, compared on the other, and in turn.

    `naive` is the difference at the settings with the best means on all seeds, as the paper chooses; None if
    there is one setting of each, or one seed. Raises ValueError as `paired`.
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
    """Values and run ids [settings, seeds] of a method's finished runs; nan and None if there is no run."""
    done = runs[(runs.method == method) & (runs.state == "finished")]
    wide = [done.pivot(index=["lr", "weight_decay"], columns="seed", values=name) for name in (value, "run_id")]
    values, ids = (one.reindex(columns=seeds) for one in wide)
    return values.to_numpy(float), ids.to_numpy(object)


def best_runs(runs: pd.DataFrame, method: str, value: str) -> pd.DataFrame:
    """The runs of the method's (eta, lambda) with the best mean; all of the method if none has finished."""
    mine = runs[runs.method == method]
    done = mine[(mine.state == "finished") & mine[value].notna()]
    if done.empty:
        return mine
    means = done.groupby(["lr", "weight_decay"])[value].mean()
    lr, decay = means.idxmin() if value in LOWER_IS_BETTER else means.idxmax()
    return mine[(mine.lr == lr) & (mine.weight_decay == decay)]
