"""Runs as DataFrames and statistics over seeds. This module imports neither torch nor Plotly."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Literal

import numpy as np
import pandas as pd

from lpwd.config import RunConfig
from lpwd.methods import METHODS
from lpwd.runs import FACTS, RESULTS, UNKNOWN, Run, RunSource, batches, device_class, setting

OPPOSING = ("opposing_count_rate", "opposing_magnitude_rate")  # R_op by count and by magnitude
SETTING = ("device_class", "scale", "setting")  # never averaged over; `setting` is everything but method and seed


def runs_frame(records: Iterable[Run]) -> pd.DataFrame:
    """Return one row per run with its settings, results and environment, from config.json and status.json.

    Runs with equal `setting` differ at most in method and seed. Runs with equal `batches` differ at most in method,
    eta, lambda and seed; with equal seeds they saw the same batches from the same initial weights.
    """
    return plain_strings(pd.DataFrame([_row(record) for record in records], columns=_COLUMNS))


def plain_strings(frame: pd.DataFrame) -> pd.DataFrame:
    """Store strings as Python objects: indexing a small frame of Arrow strings takes twice as long."""
    return frame.astype(dict.fromkeys(frame.select_dtypes("str"), object))


def _row(record: Run) -> dict[str, Any]:
    config, status = record.config, record.status
    fields = config.model_dump(mode="json")
    summary = {name: status.summary.get(name) for name in (*RESULTS, *FACTS)}
    return {
        "run_id": record.run_id,
        **{name: json.dumps(v, sort_keys=True) if isinstance(v, dict | list) else v for name, v in fields.items()},
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


# ---- recorded events, read for the given runs only


def metrics_frame(
    source: RunSource, run_ids: Iterable[str], event: Literal["epoch", "step", "zero_shot"]
) -> pd.DataFrame:
    """Return one row per run and recorded event, without list fields."""
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


def with_opposing(cells: pd.DataFrame, source: RunSource) -> pd.DataFrame:
    """Return the cells that measured R_op (eq. 10), with its mean over all measured steps in percent.

    The means come from the epochs, because the steps of published runs are not published.
    """
    points = metrics_frame(source, cells.run_id, "epoch")
    if points.empty:
        return cells.iloc[:0]
    means = 100 * points.groupby("run_id")[list(OPPOSING)].mean()
    return cells.assign(**{rate: cells.run_id.map(means[rate]) for rate in OPPOSING}).dropna(subset=[OPPOSING[0]])


# ---- statistics


def over_seeds(runs: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """Return statistics of best-10 top-1 over seeds, per device class, scale, setting, method and `by`.

    `mean`, `std` (ddof 1), `n` and `seeds` cover finished runs; `diverged` and `unfinished` count the others.
    """
    keys = [*SETTING, "method", *by]
    runs = runs.assign(device_class=_expected_device(runs))
    ended = (runs.state == "finished") & runs.best10_mean.notna()
    numbers = runs.assign(
        value=runs.best10_mean.astype(float).where(ended),
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
    """Return the device class; runs that have not started get the class of other runs with their setting."""
    classes = runs.device_class.where(runs.device_class != UNKNOWN)
    others = classes.groupby([runs["scale"], runs["setting"], runs["method"]], dropna=False).transform("first")
    return classes.fillna(others).fillna(UNKNOWN)


def best_settings(grouped: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return the (eta, lambda) of each method and `by` with the best mean, chosen on the test set as in the paper."""
    done = grouped[grouped.n > 0].sort_values("mean", ascending=False, kind="stable")
    rank = {name: place for place, name in enumerate(METHODS)}
    return done.drop_duplicates(["method", *by]).sort_values("method", key=lambda names: names.map(rank.get))


def expected_best(values: Sequence[float]) -> list[float]:
    """Return E[best of k settings drawn at random with replacement], k = 1..n, from the n settings that were tried.

    Dodge et al. 2019, arXiv 1909.03004, eq. (6)-(8): sum over sorted v_i of v_i ((i/n)^k - ((i-1)/n)^k).
    """
    ordered, n = np.sort(np.asarray(values, float)), len(values)
    share = np.arange(n + 1) / n
    return [float(np.sum(ordered * np.diff(share**k))) for k in range(1, n + 1)]


def budgets(grouped: pd.DataFrame) -> pd.DataFrame:
    """Return the expected best of k settings, one row per method and k, from means over seeds (`over_seeds`)."""
    rows = []
    for method, part in grouped[grouped.n > 0].groupby("method", sort=False):
        for k, best in enumerate(expected_best(part["mean"]), 1):
            rows.append({"method": method, "k": k, "best": best, "trials": len(part)})
    return pd.DataFrame(rows, columns=["method", "k", "best", "trials"])


def epochs_to(curves: pd.DataFrame, target: float, runs: int) -> tuple[float, int]:
    """Return the median epoch that first reached a target, and how many of `runs` never did.

    `curves` has columns run_id, epoch and test_top1 (percent). A run that never reached the target counts as later
    than any other; the median is nan if it falls on such a run.
    """
    first = curves[curves.test_top1 >= target].groupby("run_id").epoch.min() if len(curves) else pd.Series(dtype=float)
    epochs = [*first.astype(float), *[math.inf] * (runs - len(first))]
    median = float(np.median(epochs)) if epochs else math.nan
    return median if math.isfinite(median) else math.nan, runs - len(first)
