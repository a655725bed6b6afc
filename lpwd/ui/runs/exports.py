"""Exports: the table of runs, the curves, and a CSV for `trackio.import_csv`."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd

from lpwd.analysis.statistics import runs_frame
from lpwd.config import ConfigError
from lpwd.runs import Runs
from lpwd.ui.runs.compared import Group
from lpwd.ui.runs.overlay import Curves, Y
from lpwd.ui.shared.spreadsheet import csv
from lpwd.ui.views import public

Kind = Literal["csv", "json"]
# trackio keeps ten characters of a column name (letters, digits, slashes): seven after a prefix such as `12/`.
TRACKIO = {
    "loss": "train_loss",
    "tstloss": "test_loss",
    "top1": "test_top1",
    "valtop1": "validation_top1",
    "lr": "lr",
    "rop": "opposing_count_rate",
    "seconds": "seconds",
}
MAX_TRACKIO_RUNS = 60
TRACKIO_FILE = "lpwd-trackio.csv"


def table(runs: Runs, items: Sequence[str], kind: Kind) -> str:
    """Return settings, results and metadata of these runs as CSV or JSON."""
    chosen = runs.chosen(items)
    if kind == "json":
        whole = [{**public(run), "run_id": run.ref, "published": run.origin_text} for run in chosen]
        return json.dumps(whole, indent=1, ensure_ascii=False)
    frame = runs_frame(chosen).assign(run_id=[run.ref for run in chosen])
    frame.insert(1, "published", [run.origin_text for run in chosen])
    frame.insert(2, "name", [run.status.name for run in chosen])
    frame.insert(3, "note", [run.status.note for run in chosen])
    return csv(frame)


def points(curves: Curves, groups: Sequence[Group], y: str, layer: str = "") -> str:
    """Return every recorded value as CSV, not thinned: one row per run and point."""
    parts = []
    for group in groups:
        for run in group.runs.itertuples():
            labels = {"group": group.label, "run_id": run.run_id, "method": run.method, "lr": run.lr}
            labels |= {"weight_decay": run.weight_decay, "seed": run.seed}
            names = [layer] if layer or Y[y][1] != "layer" else curves.layers(str(run.run_id))
            for name in names:
                table = curves.of(str(run.run_id), y, name).rename(columns={"y": y})
                parts.append(table.assign(**labels, **({"layer": name} if name else {})))
    return csv(pd.concat(parts)) if parts else ""


def trackio(runs: Runs, items: Sequence[str]) -> dict[str, Any]:
    """Return `text`, a CSV with one row per step, and `line`, the code that imports it. Raises ConfigError.

    trackio imports a file as one run of a new project, so each choice of runs gets its own project name. With several
    runs the columns are `1/top1`, `2/top1`, ..., explained in comments above the code. Training seconds are a column.
    """
    chosen = runs.chosen(items)
    if not 0 < len(chosen) <= MAX_TRACKIO_RUNS:
        raise ConfigError(f"{len(chosen)} runs are ticked: 1 to {MAX_TRACKIO_RUNS} go into one file for trackio")
    prefixes = [f"{number}/" for number in range(1, len(chosen) + 1)] if len(chosen) > 1 else [""]
    by_step: dict[int, dict[str, float]] = {}
    for prefix, run in zip(prefixes, chosen, strict=True):
        columns = run.history.epochs.numbers(("step", *TRACKIO.values()))
        for place, step in enumerate(columns["step"]):
            values = {f"{prefix}{short}": columns[name][place] for short, name in TRACKIO.items()}
            by_step.setdefault(step, {}).update(values)
    if not by_step:
        raise ConfigError("no epoch of the ticked runs has ended yet: there is nothing for trackio to read")
    frame = pd.DataFrame.from_dict(by_step, orient="index").sort_index().dropna(axis="columns", how="all")
    names = [f"# {prefix.rstrip('/')}: {run.ref}" for prefix, run in zip(prefixes, chosen, strict=True) if prefix]
    name = chosen[0].ref if len(chosen) == 1 else "lpwd-runs"
    project = "lpwd-" + hashlib.sha256(" ".join(run.ref for run in chosen).encode()).hexdigest()[:8]
    call = f'import trackio; trackio.import_csv("{TRACKIO_FILE}", project="{project}", name="{name}")'
    return {"text": frame.to_csv(index_label="step"), "file": TRACKIO_FILE, "line": "\n".join([*names, call])}
