"""The published runs of a scan over lambda as one small JSON: every seed's curves, and the verdict at each lambda.

`methods` has a cell (or null) by method and lambda, `says` a text by value and lambda, `minusWd` [mean, low, high, n]
by value, method and lambda. A cell has `seeds` and, by seed, `loss` and `top1`: whole numbers of SCALES units, the
first and then the steps from one epoch to the next, which takes a quarter of the bytes.
"""

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lpwd.analysis.gap import holds, minus_wd, opening
from lpwd.analysis.pairs import Paired
from lpwd.analysis.statistics import runs_frame
from lpwd.analysis.words import short
from lpwd.paper.protocols import protocol
from lpwd.paper.scans import NAMES, Scan, file_of, get_scan
from lpwd.paths import write_atomic
from lpwd.runs import Run

VALUES = ("best10_mean", "last_top1")  # the first decides where a page opens
SCALES = {"train_loss": 1000, "test_top1": 100}  # units a nat, a percent
KEYS = {"train_loss": "loss", "test_top1": "top1"}
NAMED = 3  # devices and commits in the line


def recorded(scan: Scan, published: Mapping[str, Run]) -> dict[str, Any] | None:
    """Return the JSON of a scan, or None if no published run of it can be drawn."""
    runs = _runs(scan, published)
    if runs.empty:
        return None
    curves = {run_id: _curve(published[run_id]) for run_id in runs[runs.state == "finished"].run_id}
    strengths = {float(decay): part for decay, part in runs.groupby("weight_decay")}
    by_value = {value: {decay: minus_wd(part, value) for decay, part in strengths.items()} for value in VALUES}
    lpwd = {decay: found["lpwd"] for decay, found in by_value[VALUES[0]].items() if "lpwd" in found}
    return {
        "name": scan.name,
        "decays": list(scan.decays),
        "open": opening(lpwd) if lpwd else None,
        "line": _line(runs),
        "seconds": short(float(runs.seconds.median())),
        "methods": {
            method: [
                _cell(runs[(runs.method == method) & (runs.weight_decay == decay)], curves) for decay in scan.decays
            ]
            for method in scan.methods
        },
        "says": {value: [holds(found.get(decay, {})) for decay in scan.decays] for value, found in by_value.items()},
        "minusWd": {
            value: {
                method: [_difference(found.get(decay, {}).get(method)) for decay in scan.decays]
                for method in scan.methods[1:]
            }
            for value, found in by_value.items()
        },
    }


def write(published: Mapping[str, Run], folder: Path) -> None:
    """Put what is published of each scan beside a snapshot; a scan of which nothing is has no file."""
    for name in NAMES:
        found = recorded(get_scan(name), published)
        if found:
            write_atomic(file_of(name, folder), packed(found))
        else:
            file_of(name, folder).unlink(missing_ok=True)


def packed(found: Mapping[str, Any]) -> str:
    """The JSON as a page fetches it."""
    return json.dumps(found, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"


def _runs(scan: Scan, published: Mapping[str, Run]) -> pd.DataFrame:
    """The ended runs of the scan's cells, of any seed, from the class of devices that has most of them.

    A finished run without a whole curve is left out: what a page says is about what it draws.
    """
    ours = [run for run in published.values() if _is_in(scan, run) and (run.status.state == "diverged" or _whole(run))]
    frame = runs_frame(ours).assign(
        date=[run.day for run in ours],
        protocol=[protocol(run.config) for run in ours],
        rates=[run.history.started.layer_decay_rates if run.history.started else [] for run in ours],
    )
    return frame if frame.empty else frame[frame.device_class == frame.device_class.mode()[0]]


def _is_in(scan: Scan, run: Run) -> bool:
    config = run.config
    known = config.method in scan.methods and config.weight_decay in scan.decays
    return known and run.run_id == scan.config(config.method, config.weight_decay, config.seed).run_id


def _whole(run: Run) -> bool:
    """Whether the run has every epoch of both curves as a finite number."""
    curves = run.history.epochs.numbers(("epoch", *SCALES))
    return sorted(curves["epoch"]) == list(range(1, run.config.epochs + 1)) and all(
        map(math.isfinite, itertools.chain.from_iterable(curves.values()))
    )


def _curve(run: Run) -> dict[str, list[int]]:
    """Each curve in whole units, as steps from epoch to epoch."""
    curves = run.history.epochs.numbers(list(SCALES))
    return {KEYS[name]: steps([value * SCALES[name] for value in values]) for name, values in curves.items()}


def steps(values: Sequence[float]) -> list[int]:
    """The values rounded to whole numbers: the first, and each less the one before."""
    whole = [round(value) for value in values]
    return [*whole[:1], *(after - before for before, after in itertools.pairwise(whole))]


def _cell(runs: pd.DataFrame, curves: Mapping[str, Mapping[str, list[int]]]) -> dict[str, Any] | None:
    """One method at one lambda, seed by seed; None where it was not run."""
    if runs.empty:
        return None
    drawn = runs[runs.state == "finished"].sort_values("seed")
    rates = [rate for row in runs.rates for rate in row]
    return {
        "seeds": list(map(int, drawn.seed)),
        **{key: [curves[run_id][key] for run_id in drawn.run_id] for key in KEYS.values()},
        **{value: [short(round(float(number), 3)) for number in drawn[value]] for value in VALUES},
        "rates": [short(min(rates)), short(max(rates))] if rates else None,  # lambda_i, of the layers
        "meanRate": short(float(runs.mean_decay_rate.astype(float).mean())),  # over parameters
        "diverged": int((runs.state == "diverged").sum()),
    }


def _difference(found: Paired | None) -> list[float | None] | None:
    """Mean, interval and n of a method minus WD."""
    if found is None or not found.n:
        return None
    numbers = (found.mean, *found.interval)
    return [*(short(round(number, 4)) if math.isfinite(number) else None for number in numbers), found.n]


def _line(runs: pd.DataFrame) -> str:
    """How many runs, on what machine, from which commit, by which protocol and when."""
    days = sorted({day for day in runs.date if day})
    parts = [
        f"{len(runs)} runs, {runs.seed.nunique()} seeds",
        _named(runs.device),
        f"commit {_named(runs.commit.map(lambda commit: (commit or '')[:7]))}",
        f"protocol {_named(runs.protocol)}",
        days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}" if days else "",
    ]
    return "; ".join(part for part in parts if part)


def _named(values: pd.Series) -> str:
    names = sorted({value for value in values if isinstance(value, str) and value})
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")
