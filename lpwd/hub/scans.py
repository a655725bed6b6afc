"""Summarise the published runs of a scan over lambda as JSON: curves over seeds, and the verdict at each lambda.

`methods` has a cell (or null) per method and lambda, `says` a text per value and lambda, `minusWd` [mean, low, high, n]
per value, method and lambda. A cell has its `seeds`, `loss` and `top1` as mean and deviation per epoch, and each of
VALUES as n, mean and deviation. Deviations have ddof 1 and are null for a single seed.
"""

import itertools
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lpwd.analysis.gap import holds, minus_wd, opening
from lpwd.analysis.pairs import Paired
from lpwd.analysis.statistics import runs_frame
from lpwd.analysis.words import short
from lpwd.paper.protocols import protocol
from lpwd.paper.scans import NAMES, Scan, file_of, get_scan
from lpwd.paths import write_atomic
from lpwd.runs import Run

VALUES = ("best10_mean", "last_top1")  # the first decides at which lambda a page opens
CURVES = {"loss": "train_loss", "top1": "test_top1"}
DIGITS = {"loss": 4, "top1": 3}
NAMED = 3  # devices and commits listed in the line


def recorded(scan: Scan, published: Mapping[str, Run]) -> dict[str, Any] | None:
    """Return the JSON of a scan, or None if it has no published run that can be drawn."""
    runs = _runs(scan, published)
    if runs.empty:
        return None
    cells = {
        method: [_cell(part[part.weight_decay == decay], published) for decay in scan.decays]
        for method in scan.methods
        for part in [runs[runs.method == method]]
    }
    strengths = {float(decay): part for decay, part in runs.groupby("weight_decay")}
    by_value = {value: {decay: minus_wd(part, value) for decay, part in strengths.items()} for value in VALUES}
    lpwd = {decay: found["lpwd"] for decay, found in by_value[VALUES[0]].items() if "lpwd" in found}
    return {
        "name": scan.name,
        "decays": list(scan.decays),
        "open": opening(lpwd) if lpwd else None,
        "line": _line(runs),
        "seconds": short(float(runs.seconds.median())),
        "methods": cells,
        "highest": _highest([cell for row in cells.values() for cell in row if cell]),
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
    """Write the JSON of each scan into the folder of a snapshot; a scan without published runs has no file."""
    for name in NAMES:
        found = recorded(get_scan(name), published)
        if found:
            write_atomic(file_of(name, folder), as_json(found))
        else:
            file_of(name, folder).unlink(missing_ok=True)


def as_json(found: Mapping[str, Any]) -> str:
    """Return the text that a page fetches."""
    return json.dumps(found, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"


def _runs(scan: Scan, published: Mapping[str, Run]) -> pd.DataFrame:
    """Return the ended runs of the scan's cells for all seeds, from the device class with most of them.

    Finished runs without a complete curve are skipped, so that the numbers on a page describe what it draws.
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
    """Return whether both curves of the run are complete and finite."""
    curves = run.history.epochs.numbers(("epoch", *CURVES.values()))
    return sorted(curves["epoch"]) == list(range(1, run.config.epochs + 1)) and all(
        map(math.isfinite, itertools.chain.from_iterable(curves.values()))
    )


def _cell(runs: pd.DataFrame, published: Mapping[str, Run]) -> dict[str, Any] | None:
    """Return the results of one method at one lambda over its seeds, or None without runs."""
    if runs.empty:
        return None
    drawn = runs[runs.state == "finished"].sort_values("seed")
    curves = [published[run_id].history.epochs.numbers(list(CURVES.values())) for run_id in drawn.run_id]
    rates = [rate for row in runs.rates for rate in row]
    return {
        "seeds": list(map(int, drawn.seed)),
        **{key: _over_seeds([curve[name] for curve in curves], DIGITS[key]) for key, name in CURVES.items()},
        **{value: {"n": len(drawn), **_over_seeds(drawn[value], 3)} for value in VALUES},
        "rates": [short(min(rates)), short(max(rates))] if rates else None,  # lambda_i, of the layers
        "meanRate": short(float(runs.mean_decay_rate.astype(float).mean())),  # over parameters
        "diverged": int((runs.state == "diverged").sum()),
    }


def _over_seeds(values: Any, digits: int) -> dict[str, Any]:
    """Return mean and deviation (ddof 1) of numbers or curves, one per seed; None without seeds."""
    table = np.array(list(values), dtype=float)
    mean = table.mean(0).round(digits).tolist() if len(table) else None
    std = table.std(0, ddof=1).round(digits).tolist() if len(table) > 1 else None
    return {"mean": mean, "std": std}


def _highest(cells: list[dict[str, Any]]) -> dict[str, float | None]:
    """Return the upper ends of the axes: the highest loss with its deviation, and the highest top-1."""
    losses, tops = ([cell[key] for cell in cells if cell[key]["mean"]] for key in CURVES)
    ends = [max(np.add(loss["mean"], loss["std"] or 0)) for loss in losses]
    highest = {"loss": max(ends, default=None), "top1": max((max(top1["mean"]) for top1 in tops), default=None)}
    return {key: None if value is None else short(float(value)) for key, value in highest.items()}


def _difference(found: Paired | None) -> list[float | None] | None:
    """Return mean, interval and n of a method minus WD."""
    if found is None or not found.n:
        return None
    numbers = (found.mean, *found.interval)
    return [*(short(round(number, 4)) for number in numbers), found.n]


def _line(runs: pd.DataFrame) -> str:
    """Return one line with the number of runs, their devices, commits, protocols and dates."""
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
