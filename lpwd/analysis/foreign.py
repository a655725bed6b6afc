"""Runs that were not trained here: tables and tracker exports, compared with the same statistics and sentences.

Read are CSV (one row per run, one row per run and step, a wandb chart, TensorBoard scalars) and a Trackio project, as
SQLite or parquet.
"""

import itertools
import json
import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lpwd.analysis.inference import welch_interval
from lpwd.analysis.statistics import MARGINS, Paired, holm_adjusted
from lpwd.analysis.verdict import corrected, verdict
from lpwd.analysis.words import label, short, spread
from lpwd.config import ConfigError
from lpwd.methods import METHODS

METHOD_NAMES = ("method", "optimizer", "optim", "algorithm", "model", "group", "arm", "variant")  # guesses, best first
SEED = ("seed", "random_seed", "rng_seed", "manual_seed", "random_state")
VALUE = tuple(  # patterns, best first
    map(
        re.compile,
        (r"best10_mean", r"last_top1", r"(val|test|eval).*(acc|top.?1|f1|auc)", r"acc|top.?1|f1|auc", r"loss"),
    )
)
STATE, STEP, RUN = ("state", "status"), ("step", "_step", "epoch"), ("run_id", "run", "run_name", "name", "id")
ENDED = frozenset({"finished", "completed", "complete", "success", "done"})
NAMED_RUN = re.compile(r"(?P<method>.*?)[-_ /.]*(?:seed|s)?[-_ =]?(?P<seed>[0-9]+)", re.I)  # `adam-seed3`, `adam_3`
CHART = re.compile(r"(?P<run>.+) - (?P<value>.+?)(?P<edge>__MIN|__MAX)?")  # a column of wandb's charts
LOSS = re.compile(r"loss|err|perplexity|nll", re.I)
SCORE = re.compile(r"acc|top.?[15]|f1|auc|best10|precision|recall|map", re.I)
POINTS = MARGINS["best10_mean"]


@dataclass(frozen=True)
class Unpaired(Paired):
    """Runs without seeds in common: Welch's interval of the difference of two means."""

    left: tuple[float, ...] = ()
    right: tuple[float, ...] = ()

    @property
    def n(self) -> int:
        return min(len(self.left), len(self.right))

    @property
    def mean(self) -> float:
        return float(np.mean(self.left) - np.mean(self.right)) if self.n else np.nan

    @property
    def std(self) -> float:
        """Of the difference of one run each."""
        return float(np.hypot(np.std(self.left, ddof=1), np.std(self.right, ddof=1))) if self.n > 1 else np.nan

    def interval_at(self, alpha: float) -> tuple[float, float]:
        return welch_interval(self.left, self.right, 1 - alpha)

    @property
    def spread(self) -> str:
        return f"n = {len(self.left)} and {len(self.right)}, not paired, Welch"


@dataclass(frozen=True)
class Comparison:
    """What runs from elsewhere say. `chosen` is how the columns were read."""

    chosen: str
    runs: pd.DataFrame  # method, seed (nan if there is none), value (nan if a run has none), ended
    pairs: tuple[Paired, ...]
    notes: tuple[str, ...]

    @property
    def sentences(self) -> list[str]:
        """The verdicts, and what was left out."""
        return [*map(verdict, self.pairs), *corrected(sum(pair.n > 1 for pair in self.pairs)), *self.notes]

    @property
    def means(self) -> list[str]:
        """`adam: 95.24±0.65, n = 5`."""
        known = self.runs[self.runs.value.notna()]
        groups = known.groupby("method").value
        return [f"{label(str(name))}: {spread(part.mean(), part.std(), 2)}, n = {len(part)}" for name, part in groups]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        pairs = [
            {
                **{
                    "method": pair.method,
                    "other": pair.other,
                    "value": pair.value,
                    "n": pair.n,
                    "mean": short(pair.mean),
                },
                **{"outcome": pair.outcome, "margin": pair.margin, "seeds": list(pair.seeds)},
                **dict(zip(("low", "high"), map(short, pair.interval), strict=True)),
                "verdict": verdict(pair),
            }
            for pair in self.pairs
        ]
        return {"read": self.chosen, "means": self.means, "pairs": pairs, "notes": list(self.notes)}

    def __str__(self) -> str:
        return "\n".join([self.chosen, *self.means, *self.sentences])


def compare(
    frame: pd.DataFrame,
    method: str | None = None,
    seed: str | None = None,
    value: str | None = None,
    margin: float | None = None,
) -> Comparison:
    """Compare the methods in a table of runs, paired by seed if there are seeds.

    The arguments name columns; those left out are guessed, and `chosen` says how. Of several rows of one run (a column
    run_id or alike, and one of steps) the last counts. Fractions of 1 are compared as percent. `margin` is the smallest
    difference that matters, in points for scores; default 0.15 points, 0.01 for a loss. Raises ConfigError if a column
    is missing or cannot be guessed, if the margin is missing, or if a method has several runs with one seed.
    """
    frame = _last_rows(_named(_melted(frame)))
    method_column = _column(frame, method, "method", _guessed_method(frame))
    value_column = _column(frame, value, "value", _guessed_value(frame, {method_column}))
    seed_column = _column(frame, seed, "seed", _first(frame, SEED) or "", needed=False)
    numbers = pd.to_numeric(frame[value_column], errors="coerce").replace([np.inf, -np.inf], np.nan)
    is_score = bool(SCORE.search(value_column)) and not LOSS.search(value_column)
    scale = 100.0 if is_score and numbers.abs().max() <= 1 else 1.0
    runs = pd.DataFrame(
        {
            "method": frame[method_column].astype(str),
            "seed": pd.to_numeric(frame[seed_column], errors="coerce") if seed_column else np.nan,
            "value": scale * numbers,
            "ended": _ended(frame),
        }
    )
    runs.loc[~runs.ended, "value"] = np.nan
    if margin is None and not is_score and not LOSS.search(value_column):
        raise ConfigError(f"margin is missing: what difference in {value_column} matters is not known here")
    smallest = margin or (POINTS if is_score else MARGINS["train_loss"])
    title = f"{_last(value_column)} (percent)" if scale > 1 else _last(value_column)
    kind: dict[str, Any] = {"value": title, "unit": " points" if is_score else "", "margin": smallest}
    names = sorted(set(runs.method), key=lambda name: (list(METHODS).index(name) if name in METHODS else 0, name))
    if len(names) < 2:
        raise ConfigError(f"column {method_column} has one method, {names[0] if names else 'none'}: two are compared")
    pairs = [_pair(runs, left, right, kind) for right, left in itertools.combinations(names, 2)]
    read = f"method: {method_column}; seed: {seed_column or 'none'}; value: {value_column}; margin: {smallest:g}"
    return Comparison(read, runs, tuple(holm_adjusted(pairs)), tuple(_notes(runs, bool(seed_column))))


def read_files(paths: Sequence[Path]) -> pd.DataFrame:
    """One table of these files; a folder stands for its CSV files. Raises ConfigError for what cannot be read."""
    files = [file for path in paths for file in (sorted(path.glob("*.csv")) if path.is_dir() else [path])]
    tables = [_read(file) for file in files if not file.stem.endswith(("_configs", "_system"))]
    if not tables:
        raise ConfigError("no file to compare: give CSV, SQLite or parquet files")
    return pd.concat(tables, ignore_index=True)


def _read(path: Path) -> pd.DataFrame:
    try:
        if path.suffix in (".db", ".sqlite", ".sqlite3"):
            return _trackio(path)
        if path.suffix == ".parquet":
            frame, configs = pd.read_parquet(path), path.with_name(f"{path.stem}_configs.parquet")
            return _with_configs(frame, pd.read_parquet(configs)) if configs.exists() else frame
        frame = pd.read_csv(path)
    except (ValueError, sqlite3.Error, pd.errors.ParserError) as error:
        raise ConfigError(f"{path.name} cannot be read: {next(iter(str(error).splitlines()), '')}") from None
    if {"Wall time", "Step", "Value"} <= set(frame):
        run, tag = _scalar_name(path.stem)
        return frame.rename(columns={"Value": tag, "Step": "step"}).drop(columns="Wall time").assign(run=run)
    return frame


def _scalar_name(stem: str) -> tuple[str, str]:
    """The run and the tag in the name of a file that TensorBoard saved: `run-adam_0-tag-accuracy`."""
    run, _, tag = stem.removeprefix("run-").partition("-tag-")
    return run, tag or "value"


def _trackio(path: Path) -> pd.DataFrame:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as base:
        rows = base.execute("SELECT run_id, run_name, step, metrics FROM metrics ORDER BY id").fetchall()
        configs = base.execute("SELECT run_id, config FROM configs").fetchall()
    metrics = pd.DataFrame([{"run_id": i, "run_name": n, "step": s, **json.loads(m)} for i, n, s, m in rows])
    return _with_configs(metrics, pd.DataFrame([{"run_id": i, **json.loads(c)} for i, c in configs]))


def _with_configs(metrics: pd.DataFrame, configs: pd.DataFrame) -> pd.DataFrame:
    settings = [name for name in configs if name == "run_id" or (name not in metrics and not name.startswith("_"))]
    return metrics.merge(configs[settings], on="run_id", how="outer")


# ---- layouts


def _melted(frame: pd.DataFrame) -> pd.DataFrame:
    """A wandb chart (one column per run) as one row per run and step; other tables unchanged."""
    steps = _first(frame, STEP)
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
    """With method and seed from the names of runs, if the table has no such columns and every name has both."""
    run = _first(frame, ("run", "run_name", "name"))
    if run is None or _first(frame, SEED) or any(_last(str(name)) in METHOD_NAMES for name in frame):
        return frame
    found = [NAMED_RUN.fullmatch(str(name)) for name in frame[run]]
    if not all(match and match["method"] for match in found):
        return frame
    return frame.assign(method=[m["method"] for m in found if m], seed=[int(m["seed"]) for m in found if m])


def _last_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The last row of each run, each column at its last known value, if runs have several."""
    run, step = _first(frame, RUN), _first(frame, STEP)
    if run is None or step is None or not frame[run].duplicated().any():
        return frame
    return frame.sort_values(step, kind="stable").groupby(run, sort=False).last().reset_index()


# ---- columns


def _last(name: str) -> str:
    """`params.seed` -> `seed`."""
    return re.split(r"[./]", name)[-1].strip().lower()


def _first(frame: pd.DataFrame, names: Iterable[str]) -> str | None:
    """The first column of one of these names."""
    by_name = {_last(str(column)): str(column) for column in reversed(frame.columns)}
    return next((by_name[name] for name in names if name in by_name), None)


def _column(frame: pd.DataFrame, given: str | None, what: str, guess: str | None, needed: bool = True) -> str:
    columns = ", ".join(map(str, frame.columns))[:500]
    if given is not None:
        if given not in frame:
            raise ConfigError(f"{what} is {given!r}: columns are {columns}")
        return given
    if needed and not guess:
        raise ConfigError(f"which column is the {what} is not clear: name one of {columns}")
    return guess or ""


def _guessed_method(frame: pd.DataFrame) -> str | None:
    """A column of a usual name with several values, the usual names in their order."""
    several = frame[[name for name in frame if frame[name].map(str).nunique() > 1]]
    return _first(several, METHOD_NAMES)


def _guessed_value(frame: pd.DataFrame, taken: set[str]) -> str | None:
    """The numeric column whose name fits best: scores before losses, of validation and test before others."""
    numeric = [str(n) for n in frame if str(n) not in taken and pd.to_numeric(frame[n], errors="coerce").notna().any()]
    fitting = (name for pattern in VALUE for name in numeric if pattern.search(name.lower()))
    return next(fitting, None)


def _ended(frame: pd.DataFrame) -> pd.Series:
    """Whether each run finished; all of them if the table does not say."""
    state = _first(frame, STATE)
    return frame[state].astype(str).str.lower().isin(ENDED) if state else pd.Series(True, frame.index)


# ---- pairs


def _pair(runs: pd.DataFrame, left: str, right: str, kind: Mapping[str, Any]) -> Paired:
    known = runs[runs.value.notna()]
    one, other = (known[known.method == name] for name in (left, right))
    common = sorted(set(one.seed.dropna()) & set(other.seed.dropna()))
    about: dict[str, Any] = {"method": left, "other": right, **kind}
    if not common:
        return Unpaired(**about, left=tuple(one.value), right=tuple(other.value))
    for part in (one, other):
        if len(twice := part[part.seed.duplicated()]):
            name, seed = twice.iloc[0][["method", "seed"]]
            raise ConfigError(f"{name} has several runs with seed {seed:g}: keep one setting of each method")
    wide = [part.set_index("seed").value.loc[common] for part in (one, other)]
    differences = tuple(map(float, wide[0] - wide[1]))
    return replace(Paired(**about), seeds=tuple(map(int, common)), differences=differences)


def _notes(runs: pd.DataFrame, has_seeds: bool) -> list[str]:
    """Runs that are not compared: without a value, or with a seed that no other method has."""
    notes = []
    for name, part in runs.groupby("method"):
        if lost := int(part.value.isna().sum()):
            what = "runs have no value or did not finish" if lost > 1 else "run has no value or did not finish"
            notes.append(f"{lost} {label(str(name))} {what}: counted, not averaged.")
        if has_seeds:
            others = runs[(runs.method != name) & runs.value.notna()].seed
            alone = sorted(int(s) for s in set(part[part.value.notna()].seed.dropna()) - set(others))
            if alone:
                notes.append(f"{label(str(name))}: no other method has seed {', '.join(map(str, alone))}.")
    return notes
