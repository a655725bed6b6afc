"""The chart of the ticked runs: figure, verdicts and tables. Imports no gradio."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from lpwd.analysis.verdict import QUANTITIES
from lpwd.analysis.words import general, number, seed_list, spread
from lpwd.config import ConfigError
from lpwd.runs import Runs
from lpwd.ui.runs import compared, overlay
from lpwd.ui.web.topics import IDLE_MS

TABLE_ROWS = 300
FOLLOW_MS = 2000  # poll interval while a run in the chart trains
RESULTS = {"best10_mean": "Best 10", "last_top1": "Last epoch", "val_selected_top1": "Validation-selected"}


def view(
    curves: overlay.Curves,
    items: Sequence[str],
    y: str = "test_top1",
    x: str = "epoch",
    logs: str = "",
    smooth: float = 0.0,
    value: str = "best10_mean",
    each: bool = False,
    layer: str = "",
    stamp: str = "",
) -> dict[str, Any]:
    """Return figure, verdicts and tables of the chosen items. Raises ConfigError for an invalid link.

    Returns only `stamp` and `pollMs` if nothing has changed since the answer with this `stamp`.
    """
    if y not in overlay.Y or x not in overlay.X or value not in QUANTITIES or not 0 <= smooth < 1:
        raise ConfigError("this link names an unknown chart: choose another below")
    groups = compared.choose(curves.runs, items, each=each)
    now = {"stamp": _stamp(curves.runs, groups), "pollMs": FOLLOW_MS if _moving(groups) else IDLE_MS}
    if stamp == now["stamp"]:
        return now
    judged = compared.choose(curves.runs, items) if each else groups
    layers = overlay.layer_names(curves, groups, y)
    drawn = overlay.lines(curves, groups, y, x, layer if layer in layers else "")
    return now | {
        "figure": overlay.overlay(drawn, y, x, logs, smooth),
        "layers": layers,
        "summary": _summary(drawn, y),
        "origins": _origins(curves.runs, groups),
        "verdicts": [pair["verdict"] for pair in compared.pairs(judged, value)],
        "entries": [{"label": e.label, "color": e.color} for e in groups],
        "results": _results(groups),
        "settings": [["Setting", *(e.label for e in groups)], *compared.differing(groups)],
        "points": _points(drawn, x),
    }


def _stamp(runs: Runs, groups: Sequence[compared.Group]) -> str:
    """Return a stamp that changes when a run records more or ends."""
    recorded = tuple(runs.record(ref).history.stamp for group in groups for ref in group.ids)
    return f"{hash((recorded, tuple(state for group in groups for state in group.runs.state))):x}"


def _moving(groups: Sequence[compared.Group]) -> bool:
    return any(group.runs.state.isin(["queued", "running", "stopping"]).any() for group in groups)


def _origins(runs: Runs, groups: Sequence[compared.Group]) -> str:
    """Return a sentence on the sources of published runs, or "" if all were trained here."""
    drawn = [runs.record(ref) for group in groups for ref in group.ids]
    published = [run for run in drawn if run.is_published]
    if not published:
        return ""
    count, places = len(published), sorted({run.place for run in published})
    return f"{count} of the {len(drawn)} runs drawn {'are' if count > 1 else 'is'} published: {', '.join(places)}."


def _summary(drawn: Sequence[overlay.Line], y: str) -> str:
    """Describe the chart: the last value of each mean."""
    digits = 2 if "%" in overlay.Y[y][0] else 4
    ends = [
        f"{line.label} {number(float(line.mean['mean'].iloc[-1]), digits=digits)}"
        for line in drawn
        if len(line.mean) and line.depth in (None, 0.0, 1.0)
    ]
    return f"Last common value, {overlay.Y[y][0]}: {'; '.join(ends)}." if ends else MISSING.get(y, NOTHING)


NOTHING = "Nothing recorded to draw yet."
MISSING = {
    "opposing": "R_op was not measured in these runs: train with --opposing-every 10.",
    "angle": "No angular update is recorded in these runs: they were trained by an older version.",
}


def _results(groups: Sequence[compared.Group]) -> list[list[str]]:
    head = ["Group", "n", "Seeds", *(f"{name}, mean ± sd (%)" for name in RESULTS.values()), "Diverged", "Unfinished"]
    statistics = [compared.statistics(groups, value) for value in RESULTS]
    rows = []
    for best, *others in zip(*statistics, strict=True):
        cells = [spread(one["mean"], one["std"]) for one in (best, *others)]
        seeds = seed_list(best["seeds"])
        rows.append([best["label"], str(best["n"]), seeds, *cells, str(best["diverged"]), str(best["unfinished"])])
    return [head, *rows]


def _points(drawn: Sequence[overlay.Line], x: str) -> list[list[str]]:
    """Return mean and deviation by x in at most TABLE_ROWS rows; the CSV has all."""
    columns: dict[str, pd.Series] = {}
    for line in drawn:
        table = line.mean if x != "seconds" else line.mean.assign(x=line.mean.index)
        columns |= {f"{line.label} {name}": table.set_index("x")[name] for name in ("mean", "std")}
    together = pd.DataFrame(columns).sort_index()
    kept = together.iloc[:: max(1, -(-len(together) // TABLE_ROWS))]
    body = [[f"{at:g}", *map(general, row)] for at, row in zip(kept.index, kept.to_numpy(), strict=True)]
    return [["step" if x == "seconds" else x, *columns], *body]
