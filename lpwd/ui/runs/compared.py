"""Compare chosen runs: groups of seeds, their statistics, and a verdict for each pair of groups.

A group is all runs that differ in the seed alone. Its key in a link is `method*setting*scale*device` (lpwd/runs.py);
other items of a link are names of runs. Published runs and runs trained here are never in one group.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from lpwd.analysis import words
from lpwd.analysis.pairs import paired
from lpwd.analysis.statistics import over_seeds, runs_frame
from lpwd.analysis.verdict import QUANTITIES, verdict
from lpwd.config import ConfigError
from lpwd.methods import shown_method
from lpwd.runs import Runs

MAX_RUNS, MAX_PAIRS = 60, 10
COLUMNS = ("best10_mean", "last_top1", "val_selected_top1", "train_loss")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


@dataclass(frozen=True)
class Group:
    """Runs that differ in the seed alone: one line of the chart."""

    key: str
    method: str
    label: str
    runs: pd.DataFrame
    dash: str

    @property
    def ids(self) -> list[str]:
        return list(self.runs.run_id)

    @cached_property
    def first(self) -> dict[str, Any]:
        """The row of one run; all but the seed is the same for every run of the group."""
        return _row(self.runs)

    @property
    def color(self) -> str:
        return shown_method(self.method).color


def _row(runs: pd.DataFrame) -> dict[str, Any]:
    first: dict[str, Any] = runs.iloc[:1].to_dict("records")[0]
    return first


def choose(runs: Runs, items: Sequence[str], *, each: bool = False) -> list[Group]:
    """Return the groups of these runs and group keys, in their order. Raises ConfigError for an unknown item.

    Seeds of one setting form one group; with `each`, every run is a group of its own.
    """
    chosen = runs.chosen(items)
    if len(chosen) > MAX_RUNS:
        raise ConfigError(f"{len(chosen)} runs are chosen: at most {MAX_RUNS} can be compared at once")
    frame = runs_frame(chosen).assign(
        run_id=[run.ref for run in chosen],
        key=[runs.key(run) for run in chosen],
        origin=["published" if run.is_published else "trained here" for run in chosen],
    )
    order = {item: place for place, item in reversed(list(enumerate(items)))}
    last = len(items)
    place = [min(order.get(k, last), order.get(i, last)) for k, i in zip(frame.key, frame.run_id, strict=True)]
    frame = frame.assign(place=place).sort_values(["place", "seed"], kind="stable")
    parts = [part for _, part in frame.groupby("run_id" if each else "key", sort=False)]
    return _groups(parts)


def _groups(parts: Sequence[pd.DataFrame]) -> list[Group]:
    firsts = [_row(part) for part in parts]
    varying = [name for name in NAMED if len(_texts(firsts, name)) > 1]
    several = len({first["key"] for first in firsts}) < len(firsts)
    groups: list[Group] = []
    for part, first in zip(parts, firsts, strict=True):
        method = first["method"]
        details = [NAMED[name].format(_text(first[name])) for name in varying if _says(first, name)]
        details += [f"seed {first['seed']}"] if several else []
        label = ", ".join([words.label(method), *details])
        twins = sum(group.method == method for group in groups)
        used = shown_method(method).dash
        dash = [used, *(dash for dash in DASHES if dash != used)][twins % len(DASHES)]
        key = str(first["run_id"] if several else first["key"])
        groups.append(Group(key, method, _unlike(label, groups), part, dash))
    return groups


def _says(first: dict[str, Any], name: str) -> bool:
    """Return whether a label names this field: not if it is off, nor the decay rate of a method without decay."""
    return first[name] is not False and not (name == "weight_decay" and shown_method(first["method"]).rates == "none")


def _texts(firsts: Sequence[dict[str, Any]], name: str) -> set[str]:
    flag = any(isinstance(first[name], bool) for first in firsts)
    return {_text(first[name]) for first in firsts if flag or _says(first, name)}


# Fields that labels name if groups differ in them -> their format.
NAMED = {
    "origin": "{}",
    "lr": "η {}",
    "weight_decay": "λ {}",
    "model": "{}",
    "dataset": "{}",
    "optimizer": "{}",
    "epochs": "{} epochs",
    "train_samples": "{} images",
    "zero_shot": "zero-shot",
    "pretrained": "pretrained",
    "rule": "rule {}",
    "device_class": "{}",
    "scale": "scale {}",
}


def _unlike(label: str, groups: Sequence[Group]) -> str:
    count = sum(group.label.partition(" #")[0] == label for group in groups)
    return f"{label} #{count + 1}" if count else label


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "all" if math.isnan(value) else f"{value:g}"
    return "all" if value is None else str(value)


# ---- statistics


def statistics(groups: Sequence[Group], value: str) -> list[dict[str, Any]]:
    """Return n, mean and standard deviation (ddof 1) over the finished seeds of each group."""
    runs = pd.concat([group.runs.assign(method=group.label) for group in groups])
    rows = {row["method"]: row for row in over_seeds(runs, value).to_dict("records")}
    return [_statistics(group, rows[group.label]) for group in groups]


def _statistics(group: Group, row: dict[Any, Any]) -> dict[str, Any]:
    counts = {name: int(row[name]) for name in ("n", "diverged", "unfinished")}
    numbers = {name: _number(row[name]) for name in ("mean", "std")}
    names = {"label": group.label, "method": group.method, "run_ids": group.ids}
    return {**names, **counts, "seeds": list(row["seeds"]), **numbers}


def pairs(groups: Sequence[Group], value: str) -> list[dict[str, Any]]:
    """Return the paired difference of each two groups, or with many groups of each group and the first."""
    every = list(itertools.combinations(groups, 2))
    kept = every if len(every) <= MAX_PAIRS else [(groups[0], other) for other in groups[1:]]
    return [pair(left, right, value) for right, left in kept]


def pair(group: Group, other: Group, value: str) -> dict[str, Any]:
    """Return `group` minus `other` over their common seeds, with its verdict."""
    both = pd.concat([part.runs.assign(method=part.label) for part in (group, other)])
    names = {"method": group.label, "other": other.label}
    try:
        difference = paired(both, group.label, other.label, value)
    except ValueError:
        fields = ", ".join(row[0] for row in differing([group, other]) if row[0] not in PAIRABLE) or "device or scale"
        why = f"{group.label} and {other.label} are not paired: they differ in {fields}, so no batch was the same."
        return {**names, "n": 0, "outcome": "none", "verdict": why}
    low, high = difference.interval
    numbers = {"mean": difference.mean, "std": difference.std, "low": low, "high": high, "margin": difference.margin}
    sets = {"seeds": list(difference.seeds), "differences": list(difference.differences)}
    return {
        **names,
        "n": difference.n,
        **sets,
        **{name: _number(value) for name, value in numbers.items()},
        "outcome": difference.outcome,
        "verdict": verdict(difference),
    }


PAIRABLE = {"method", "lr", "weight_decay", "origin"}


def differing(groups: Sequence[Group]) -> list[list[str]]:
    """Return the fields of the configuration in which groups differ: one row per field, its name first."""
    fields = ["method", *(name for name in CONFIG if name not in ("method", "seed"))]
    rows = [[name, *(_text(group.first[name]) for group in groups)] for name in fields]
    return [row for row in rows if len(set(row[1:])) > 1]


CONFIG = [*runs_frame([]).columns[1 : list(runs_frame([]).columns).index("state")], "device_class", "origin"]


def comparison(runs: Runs, run_ids: Sequence[str], value: str) -> dict[str, Any]:
    """Return the answer of the endpoint /compare: statistics of each group, and each pair of groups."""
    if value not in QUANTITIES:
        raise ConfigError(f"value is {value!r}: allowed are {', '.join(QUANTITIES)}")
    if not run_ids:
        raise ConfigError("run_ids is empty: give the ids of the runs to compare")
    groups = choose(runs, run_ids)
    return {"value": value, "groups": statistics(groups, value), "pairs": pairs(groups, value)}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 6)
