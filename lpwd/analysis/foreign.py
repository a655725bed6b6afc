"""Compare runs of other trackers with the statistics and sentences of this project."""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from lpwd.analysis.exports import METHOD_NAMES, SEED, first_column, last_part, one_row_per_run
from lpwd.analysis.inference import welch_interval
from lpwd.analysis.pairs import MARGINS, Paired, holm_adjusted
from lpwd.analysis.phrases import corrected
from lpwd.analysis.verdict import verdict
from lpwd.analysis.words import label, short, spread
from lpwd.config import ConfigError
from lpwd.methods import METHODS

VALUE = tuple(  # patterns, best first
    map(
        re.compile,
        (r"best10_mean", r"last_top1", r"(val|test|eval).*(acc|top.?1|f1|auc)", r"acc|top.?1|f1|auc", r"loss"),
    )
)
STATE = ("state", "status")
ENDED = frozenset({"finished", "completed", "complete", "success", "done"})
LOSS = re.compile(r"loss|err|perplexity|nll", re.I)
SCORE = re.compile(r"acc|top.?[15]|f1|auc|best10|precision|recall|map", re.I)
POINTS = MARGINS["best10_mean"]
MOST_METHODS = 20


@dataclass(frozen=True)
class Unpaired(Paired):
    """Two methods without common seeds, compared by Welch's interval of the difference of two means."""

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
        """Standard deviation of the difference of one run each."""
        return float(np.hypot(np.std(self.left, ddof=1), np.std(self.right, ddof=1))) if self.n > 1 else np.nan

    def interval_at(self, alpha: float) -> tuple[float, float]:
        return welch_interval(self.left, self.right, 1 - alpha)

    @property
    def spread(self) -> str:
        return f"n = {len(self.left)} and {len(self.right)}, not paired, Welch"


@dataclass(frozen=True)
class Comparison:
    """Statistics and sentences on a table of runs."""

    columns: Mapping[str, str]  # columns used as method, seed ("" for none) and value
    margin: float
    runs: pd.DataFrame  # columns method, seed (nan if unknown), value (nan if missing), ended
    pairs: tuple[Paired, ...]
    notes: tuple[str, ...]

    @property
    def chosen(self) -> str:
        """The columns that were used: `method: optimizer; seed: none; value: val_acc; margin: 0.15`."""
        return "; ".join(
            [*(f"{what}: {name or 'none'}" for what, name in self.columns.items()), f"margin: {self.margin:g}"]
        )

    @property
    def sentences(self) -> list[str]:
        """The verdicts, and notes on excluded runs."""
        return [*map(verdict, self.pairs), *corrected(sum(pair.n > 1 for pair in self.pairs)), *self.notes]

    @property
    def means(self) -> list[str]:
        """One text per method: `adam: 95.24±0.65, n = 5`."""
        known = self.runs[self.runs.value.notna()]
        groups = known.groupby("method").value
        return [f"{label(str(name))}: {spread(part.mean(), part.std(), 2)}, n = {len(part)}" for name, part in groups]

    def as_json(self) -> dict[str, Any]:
        """Return the comparison as JSON for `lpwd compare --json`."""
        pairs = [
            {
                **{name: getattr(pair, name) for name in ("method", "other", "value", "n", "outcome", "margin")},
                **{"mean": short(pair.mean), "seeds": list(pair.seeds)},
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
    """Compare the methods in a table of runs, paired by seed if the table has seeds.

    Column names that are not given are guessed; `chosen` reports them. Pass seed="" to ignore seeds. If a run has
    several rows (a run id and a step column), the last row is used. Fractions are compared as percent. `margin` is the
    smallest relevant difference, by default 0.15 points for scores and 0.01 for a loss.

    Raises ConfigError if a column is missing or cannot be guessed, if the margin is unknown, if there are fewer than
    two or more than MOST_METHODS methods, or if a method has several runs with one seed.
    """
    frame = one_row_per_run(frame)
    columns = {"method": _column(frame, method, "method", _guessed_method(frame))}
    columns["seed"] = _column(frame, seed, "seed", first_column(frame, SEED) or "", needed=False)
    columns["value"] = name = _column(frame, value, "value", _guessed_value(frame, {columns["method"]}))
    is_loss = bool(LOSS.search(name))
    is_score = bool(SCORE.search(name)) and not is_loss
    if margin is None and not (is_score or is_loss):
        raise ConfigError(f"margin is missing: give the smallest relevant difference in {name}")
    runs = _runs(frame, columns)
    percent = is_score and runs.value.abs().max() <= 1
    runs["value"] = runs.value.where(runs.ended) * (100 if percent else 1)
    margin = margin or (POINTS if is_score else MARGINS["train_loss"])
    title = f"{last_part(name)} (percent)" if percent else last_part(name)
    kind: dict[str, Any] = {"value": title, "unit": " points" if is_score else "", "margin": margin}
    pairs = [_pair(runs, left, right, kind) for right, left in itertools.combinations(_methods(runs, columns), 2)]
    return Comparison(columns, margin, runs, tuple(holm_adjusted(pairs)), tuple(_notes(runs, bool(columns["seed"]))))


def _runs(frame: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Return method, seed, value and ended of each run."""
    seed = _numbers(frame[columns["seed"]]) if columns["seed"] else np.nan
    method, value = frame[columns["method"]].astype(str), _numbers(frame[columns["value"]])
    return pd.DataFrame({"method": method, "seed": seed, "value": value, "ended": _ended(frame)})


def _methods(runs: pd.DataFrame, columns: Mapping[str, str]) -> list[str]:
    """Return the methods, those of METHODS in its order. Raises ConfigError for fewer than two or too many."""
    names = sorted(set(runs.method), key=lambda name: (list(METHODS).index(name) if name in METHODS else 0, name))
    if len(names) < 2:
        only = names[0] if names else "none"
        raise ConfigError(f"column {columns['method']} has one method, {only}: at least two are needed")
    if len(names) > MOST_METHODS:
        raise ConfigError(f"column {columns['method']} has {len(names):,} methods: at most {MOST_METHODS} are allowed")
    return names


def _numbers(column: pd.Series) -> pd.Series:
    """Convert to numbers; anything but a finite number becomes NaN."""
    return pd.to_numeric(column, errors="coerce").replace([np.inf, -np.inf], np.nan)


def _column(frame: pd.DataFrame, given: str | None, what: str, guess: str | None, needed: bool = True) -> str:
    columns = ", ".join(map(str, frame.columns))[:500]
    if given is not None and (given or needed):
        if given not in frame:
            raise ConfigError(f"unknown {what} column {given!r}: columns are {columns}")
        return given
    if needed and not guess:
        raise ConfigError(f"could not determine the {what} column: choose one of {columns}")
    return guess or "" if given is None else ""


def _guessed_method(frame: pd.DataFrame) -> str | None:
    """Return the first column of METHOD_NAMES with more than one value."""
    several = frame[[name for name in frame if frame[name].map(str).nunique() > 1]]
    return first_column(several, METHOD_NAMES)


def _guessed_value(frame: pd.DataFrame, taken: set[str]) -> str | None:
    """Return the numeric column that fits best: scores before losses, validation and test before others."""
    numeric = [name for name in _numeric(frame) if name not in taken]
    fitting = (name for pattern in VALUE for name in numeric if pattern.search(name.lower()))
    return next(fitting, None)


def _numeric(frame: pd.DataFrame) -> list[str]:
    return [str(name) for name in frame if _numbers(frame[name]).notna().any()]


def usable_columns(frame: pd.DataFrame) -> dict[str, list[str]]:
    """Return the columns that can be used as method, seed and value."""
    numeric = _numeric(frame)
    several = [str(name) for name in frame if 1 < frame[name].map(str).nunique() <= MOST_METHODS]
    return {"method": several, "seed": numeric, "value": numeric}


def _ended(frame: pd.DataFrame) -> pd.Series:
    """Return which runs finished; all of them if the table has no state."""
    state = first_column(frame, STATE)
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
            raise ConfigError(f"{name} has several runs with seed {seed:g}: keep one setting per method")
    wide = [part.set_index("seed").value.loc[common] for part in (one, other)]
    differences = tuple(map(float, wide[0] - wide[1]))
    return replace(Paired(**about), seeds=tuple(map(int, common)), differences=differences)


def _notes(runs: pd.DataFrame, has_seeds: bool) -> list[str]:
    """Describe the runs that are excluded: without a value, or with a seed that no other method has."""
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
