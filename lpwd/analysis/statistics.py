"""Runs as DataFrames, and statistics over seeds: means, paired differences, divergences. No torch, no Plotly."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Literal

import pandas as pd

from lpwd.config import RunConfig
from lpwd.methods import METHODS
from lpwd.runs import FACTS, RESULTS, UNKNOWN, Run, RunSource, batches, device_class, setting

SETTING = ("device_class", "scale", "setting")  # what is never averaged over; `setting` is all but method and seed


def runs_frame(records: Iterable[Run]) -> pd.DataFrame:
    """Return one row per run, from config.json and status.json alone: settings, results and circumstances.

    Runs with equal `setting` differ at most in method and seed. Runs with equal `batches` differ at most in method,
    eta, lambda and seed: with the same seed they saw the same batches from the same initial weights.
    """
    return plain_strings(pd.DataFrame([_row(record) for record in records], columns=_COLUMNS))


def plain_strings(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its strings as Python objects: a cut of a small frame of Arrow's strings takes twice as long."""
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
