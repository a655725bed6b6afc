"""Runs as DataFrames, and statistics over seeds: means, paired differences, divergences. No torch, no Plotly."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from lpwd.config import RunConfig
from lpwd.methods import METHODS
from lpwd.runs import FACTS, RESULTS, UNKNOWN, Run, RunSource, batches, device_class, setting

SETTING = ("device_class", "scale", "setting")  # what is never averaged over; `setting` is all but method and seed


def runs_frame(records: Iterable[Run]) -> pd.DataFrame:
    """Return one row per run, from config.json and status.json alone: settings, results and circumstances.

    Runs with equal `setting` differ at most in method and seed. Runs with equal `batches` differ at most in method,
    eta, lambda and seed: with the same seed they saw the same batches from the same initial weights.
    """
    return pd.DataFrame([_row(record) for record in records], columns=_COLUMNS)


def _row(record: Run) -> dict[str, Any]:
    config, status = record.config, record.status
    fields = config.model_dump(mode="json")
    summary = {name: status.summary.get(name) for name in (*RESULTS, *FACTS)}
    return {
        "run_id": record.run_id,
        **fields,
        "model_kwargs": json.dumps(fields["model_kwargs"], sort_keys=True),
        "betas": json.dumps(fields["betas"]),
        "state": status.state,
        **{name: math.nan if value is None else float(value) for name, value in summary.items()},
        "device": status.device,
        "device_class": device_class(status.device),
        "versions": ", ".join(f"{name} {version}" for name, version in sorted(status.versions.items())),
        "commit": status.commit,
        "seconds": status.seconds,
        "images_per_second": status.images_per_second,
        "epoch": status.epoch,
        "step": status.step,
        "created": status.created,
        "batches": batches(fields),
        "setting": setting(fields),
    }


_COLUMNS = [
    *("run_id", *RunConfig.model_fields, "state", *RESULTS, *FACTS, "device", "device_class", "versions", "commit"),
    *("seconds", "images_per_second", "epoch", "step", "created", "batches", "setting"),
]


# ---- what runs recorded, read only for the runs asked for


def metrics_frame(
    source: RunSource, run_ids: Iterable[str], event: Literal["epoch", "step", "zero_shot"]
) -> pd.DataFrame:
    """Return one row per run and recorded event, such as an epoch; list fields are left out."""
    frames = [pd.DataFrame(columns=["run_id"])]
    for run_id in run_ids:
        history = source.history(run_id)
        columns = {"epoch": history.epochs.numbers, "step": history.steps.numbers}
        table = pd.DataFrame(columns[event]() if event in columns else list(map(asdict, history.zero_shots)))
        table.insert(0, "run_id", run_id)
        frames.append(table)
    return pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)


def weight_norms_frame(source: RunSource, run_id: str) -> pd.DataFrame:
    """Return L2 norms of the weights: one row per layer (shallow to deep), one column per epoch from 0, the start."""
    history = source.history(run_id)
    return pd.DataFrame(history.norms, index=history.started.layer_names if history.norms and history.started else None)


# ---- statistics


def over_seeds(runs: pd.DataFrame, value: str = "best10_mean", by: Sequence[str] = ()) -> pd.DataFrame:
    """Mean, deviation (ddof 1), n and seeds of finished runs per device class, scale, setting, method and `by`.

    Diverged runs have no value: they are counted in `diverged`, and runs without an end yet in `unfinished`.
    """
    keys = [*SETTING, "method", *by]
    runs = runs.assign(device_class=_expected_device(runs))
    ended = (runs.state == "finished") & runs[value].notna()
    numbers = runs.assign(
        value=runs[value].astype(float).where(ended),
        counted=ended.astype(int),
        diverged=(runs.state == "diverged").astype(int),
        unfinished=(~runs.state.isin(["finished", "diverged"])).astype(int),
        mean_decay_rate=runs.mean_decay_rate.astype(float),
    )
    groups = numbers.groupby(keys, sort=False, dropna=False)
    shared = {name: (name, "first") for name in ("lr", "weight_decay", "batches") if name not in keys}
    grouped = groups.agg(
        **shared,
        mean=("value", "mean"),
        std=("value", "std"),
        n=("counted", "sum"),
        diverged=("diverged", "sum"),
        unfinished=("unfinished", "sum"),
        mean_decay_rate=("mean_decay_rate", "mean"),
    )
    seeds = numbers[ended].groupby(keys, dropna=False).seed.agg(lambda seeds: tuple(sorted(map(int, seeds))))
    grouped["seeds"] = [seeds.get(key, ()) for key in grouped.index]
    return grouped.reset_index()


def _expected_device(runs: pd.DataFrame) -> pd.Series:
    """The device class; a run that has not started counts with the others of its setting."""
    classes = runs.device_class.where(runs.device_class != UNKNOWN)
    others = classes.groupby([runs["scale"], runs["setting"], runs["method"]], dropna=False).transform("first")
    return classes.fillna(others).fillna(UNKNOWN)


def best_settings(grouped: pd.DataFrame, by: Sequence[str], lower_is_better: bool = False) -> pd.DataFrame:
    """The (eta, lambda) of each method and `by` with the best mean, as the paper chooses: on the test set."""
    done = grouped[grouped.n > 0].sort_values("mean", ascending=lower_is_better, kind="stable")
    rank = {name: place for place, name in enumerate(METHODS)}
    return done.drop_duplicates(["method", *by]).sort_values("method", key=lambda names: names.map(rank.get))


@dataclass(frozen=True)
class Paired:
    """`method` minus `other` over pairs of the same seed, hence the same batches, initial weights and images."""

    method: str
    other: str
    value: str
    seeds: tuple[int, ...]
    differences: tuple[float, ...]
    mean: float
    std: float  # ddof 1; nan below two pairs
    low: float  # confidence interval of the mean; nan below two pairs
    high: float
    diverged: tuple[tuple[str, int], ...] = ()  # (method, runs) with at least one run
    confidence: float = 0.95

    @property
    def n(self) -> int:
        return len(self.differences)

    @property
    def outcome(self) -> str:
        """`none` (no pair), `no interval` (one pair), `no difference`, `higher` or `lower`."""
        if self.n < 2:
            return "no interval" if self.n else "none"
        if self.low <= 0 <= self.high:
            return "no difference"
        return "higher" if self.mean > 0 else "lower"


def t_interval(differences: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """Student's interval of the mean: mean +- t(n-1) s / sqrt(n); nan below two values."""
    n = len(differences)
    if n < 2:
        return math.nan, math.nan
    mean, error = float(np.mean(differences)), float(np.std(differences, ddof=1)) / math.sqrt(n)
    reach = float(stdtrit(n - 1, (1 + confidence) / 2)) * error
    return mean - reach, mean + reach


def paired(runs: pd.DataFrame, method: str, other: str, value: str = "best10_mean", confidence: float = 0.95) -> Paired:
    """The paired differences in `runs`, which must hold one (eta, lambda) of each of the two methods.

    Pairs share seed, device class, scale and everything but method, eta and lambda. Raises ValueError where a pair
    is ambiguous: the caller chooses a setting first.
    """
    keys = ["device_class", "scale", "batches", "seed"]
    two = runs[runs.method.isin([method, other])]
    done = two[(two.state == "finished") & two[value].notna()]
    left, right = (done[done.method == name][[*keys, value]] for name in (method, other))
    if left.duplicated(keys).any() or right.duplicated(keys).any():
        raise ValueError(f"{method} or {other} has several settings per seed: choose one (eta, lambda) of each")
    if done.groupby(["device_class", "scale", "batches"]).ngroups > 1:
        raise ValueError(f"{method} and {other} come from several devices, scales or settings: compare within one")
    both = left.merge(right, on=keys, suffixes=("", "_other")).sort_values("seed")
    differences = tuple(map(float, both[value] - both[f"{value}_other"]))
    lost = {name: int(((two.method == name) & (two.state == "diverged")).sum()) for name in (method, other)}
    return Paired(
        method,
        other,
        value,
        tuple(map(int, both.seed)),
        differences,
        float(np.mean(differences)) if differences else math.nan,
        float(np.std(differences, ddof=1)) if len(differences) > 1 else math.nan,
        *t_interval(differences, confidence),
        tuple((name, count) for name, count in lost.items() if count),
        confidence,
    )
