"""Read exports of other trackers into one table with one row per run.

Supported are CSV (one row per run, one row per run and step, wandb charts, TensorBoard scalars) and Trackio projects
(SQLite or parquet).
"""

import json
import re
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

import pandas as pd

from lpwd.config import ConfigError

METHOD_NAMES = ("method", "optimizer", "optim", "algorithm", "model", "group", "arm", "variant")  # tried in this order
SEED = ("seed", "random_seed", "rng_seed", "manual_seed", "random_state")
STEP, RUN = ("step", "_step", "epoch"), ("run_id", "run", "run_name", "name", "id")
NAMED_RUN = re.compile(r"(?P<method>.*?)[-_ /.]*(?:seed|s)?[-_ =]?(?P<seed>[0-9]+)", re.I)  # `adam-seed3`, `adam_3`
CHART = re.compile(r"(?P<run>.+) - (?P<value>.+?)(?P<edge>__MIN|__MAX)?")  # a column of a wandb chart


def read_files(paths: Sequence[Path]) -> pd.DataFrame:
    """Read files, and the CSV files of folders, into one table. Raises ConfigError if a file cannot be read."""
    files = [file for path in paths for file in (sorted(path.glob("*.csv")) if path.is_dir() else [path])]
    tables = [_read(file) for file in files if not file.stem.endswith(("_configs", "_system"))]
    if not tables:
        raise ConfigError("no files to compare: expected CSV, SQLite or parquet files")
    return pd.concat(tables, ignore_index=True)


def _read(path: Path) -> pd.DataFrame:
    try:
        if path.suffix in (".db", ".sqlite", ".sqlite3"):
            return _trackio(path)
        if path.suffix == ".parquet":
            frame, configs = pd.read_parquet(path), path.with_name(f"{path.stem}_configs.parquet")
            return _with_configs(frame, pd.read_parquet(configs)) if configs.exists() else frame
        frame = pd.read_csv(path)
    except (ValueError, OSError, sqlite3.Error) as error:
        why = next(iter(str(error).replace(str(path), path.name).splitlines()), "")
        raise ConfigError(f"{path.name} could not be read: {why}") from None
    if {"Wall time", "Step", "Value"} <= set(frame):
        run, _, tag = path.stem.removeprefix("run-").partition("-tag-")  # TensorBoard's run-adam_0-tag-accuracy
        names = {"Value": tag or "value", "Step": "step"}
        return frame.rename(columns=names).drop(columns="Wall time").assign(run=run)
    return frame


def _trackio(path: Path) -> pd.DataFrame:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as base:
        tables = {name for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"metrics", "configs"} <= tables:  # views with these names could return endless rows
            raise ValueError("not a Trackio project: tables metrics and configs not found")
        rows = base.execute("SELECT run_id, run_name, step, metrics FROM metrics ORDER BY id").fetchall()
        configs = base.execute("SELECT run_id, config FROM configs").fetchall()
    metrics = pd.DataFrame([{"run_id": i, "run_name": n, "step": s, **json.loads(m)} for i, n, s, m in rows])
    return _with_configs(metrics, pd.DataFrame([{"run_id": i, **json.loads(c)} for i, c in configs]))


def _with_configs(metrics: pd.DataFrame, configs: pd.DataFrame) -> pd.DataFrame:
    settings = [name for name in configs if name == "run_id" or (name not in metrics and not name.startswith("_"))]
    return metrics.merge(configs[settings], on="run_id", how="outer")


# ---- layouts


def one_row_per_run(frame: pd.DataFrame) -> pd.DataFrame:
    """Convert any layout to one row per run; method and seed come from run names if there are no such columns."""
    return _last_rows(_named(_melted(frame)))


def _melted(frame: pd.DataFrame) -> pd.DataFrame:
    """Convert a wandb chart (one column per run) to one row per run and step; return other tables unchanged."""
    steps = first_column(frame, STEP)
    found = {name: CHART.fullmatch(str(name)) for name in frame if name != steps}
    if not found or not all(found.values()):
        return frame
    parts = [
        frame[[steps, name]].set_axis(["step", match["value"]], axis=1).assign(run=match["run"]).dropna()
        for name, match in found.items()
        if match and not match["edge"]
    ]
    return pd.concat(parts, ignore_index=True)


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    """Add method and seed from the run names if the table lacks these columns and every name contains both."""
    run = first_column(frame, ("run", "run_name", "name"))
    if run is None or first_column(frame, SEED) or any(last_part(str(name)) in METHOD_NAMES for name in frame):
        return frame
    found = [NAMED_RUN.fullmatch(str(name)) for name in frame[run]]
    if not all(match and match["method"] for match in found):
        return frame
    return frame.assign(method=[m["method"] for m in found if m], seed=[int(m["seed"]) for m in found if m])


def _last_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Keep the last known value of each column per run if runs have several rows."""
    run, step = first_column(frame, RUN), first_column(frame, STEP)
    if run is None or step is None or not frame[run].duplicated().any():
        return frame
    return frame.sort_values(step, kind="stable").groupby(run, sort=False).last().reset_index()


# ---- columns


def last_part(name: str) -> str:
    """Return the last part of a column name: `params.seed` -> `seed`."""
    return re.split(r"[./]", name)[-1].strip().lower()


def first_column(frame: pd.DataFrame, names: Iterable[str]) -> str | None:
    """Return the first column with one of these names, in the order of `names`."""
    by_name = {last_part(str(column)): str(column) for column in reversed(frame.columns)}
    return next((by_name[name] for name in names if name in by_name), None)
