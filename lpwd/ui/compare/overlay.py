"""The overlay of a comparison: mean, deviation band, raw seeds and, where wanted, a smoothed mean, as one figure."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from lpwd.analysis.figures import STYLES, translucent
from lpwd.analysis.words import short
from lpwd.store import RunStore
from lpwd.ui.compare.compared import Entry
from lpwd.ui.curves import MAX_POINTS, extremes
from lpwd.ui.shared import spreadsheet

# what y shows -> its axis title, the recorded event and its field
Y: dict[str, tuple[str, str, str]] = {
    "test_top1": ("test top-1 (%)", "epoch", "test_top1"),
    "validation_top1": ("validation top-1 (%)", "epoch", "validation_top1"),
    "train_loss": ("training loss, mean of the epoch (nats)", "epoch", "train_loss"),
    "test_loss": ("test loss (nats)", "epoch", "test_loss"),
    "loss": ("training loss of each step (nats)", "step", "loss"),
}
X = {"epoch": "epoch", "step": "step", "seconds": "training time (s)"}


class Curves:
    """Recorded values of runs as tables."""

    def __init__(self, store: RunStore) -> None:
        self.store = store

    def of(self, run_id: str, y: str) -> pd.DataFrame:
        """Columns step, epoch, seconds and y; empty before the first value."""
        history = self.store.history(run_id)
        _, event, name = Y[y]
        events = history.steps if event == "step" else history.epochs
        table = pd.DataFrame(events.numbers(("step", "epoch", "seconds", name))).rename(columns={name: "y"})
        if event == "step":
            table.epoch = table.step / max(1, history.started.steps_per_epoch if history.started else 1)
        return table.dropna(subset="y").astype(float)


def middle(runs: Sequence[pd.DataFrame], x: str) -> pd.DataFrame:
    """x, mean and std (ddof 1) at the steps that all runs reached; seconds are averaged like y."""
    if not runs:
        return pd.DataFrame(columns=["x", "mean", "std"])
    together = pd.concat(runs).groupby("step")
    table = pd.DataFrame({"mean": together.y.mean(), "std": together.y.std(), "n": together.y.count()})
    table["x"] = together[x].mean() if x != "step" else table.index
    return table[table.n == len(runs)].drop(columns="n")


def thinned(x: pd.Series, *ys: pd.Series) -> list[list[float | None]]:
    """The columns at no more than MAX_POINTS places, extremes of the first y kept; six significant digits."""
    kept = extremes(ys[0].tolist(), MAX_POINTS) if len(x) else []
    return [[short(v) for v in column.iloc[kept]] for column in (x, *ys)]


def overlay(curves: Curves, entries: Sequence[Entry], y: str, x: str, logs: str, smooth: float) -> dict[str, Any]:
    """The figure and, per entry, the table of its mean."""
    data: list[dict[str, Any]] = []
    means: list[pd.DataFrame] = []
    for entry in entries:
        runs = {run_id: curves.of(run_id, y) for run_id in entry.ids}
        lost = set(entry.runs[entry.runs.state == "diverged"].run_id)
        mean = middle([run for run_id, run in runs.items() if len(run) and run_id not in lost], x)
        means.append(mean)
        data += _traces(entry, list(runs.values()), mean, x, smooth)
    kinds = {axis: {"type": "log"} if axis in logs else {} for axis in "xy"}
    ticks = {"exponentformat": "power", "dtick": None}
    layout = {
        "xaxis": {"title": X[x], **kinds["x"], **ticks},
        "yaxis": {"title": Y[y][0], **kinds["y"], **ticks},
        "hovermode": "x unified" if x != "seconds" else "closest",
        "uirevision": f"{y} {x} {logs} {[e.key for e in entries]}",
    }
    return {"figure": {"data": data, "layout": layout}, "means": means}


def _traces(
    entry: Entry, runs: Sequence[pd.DataFrame], mean: pd.DataFrame, x: str, smooth: float
) -> list[dict[str, Any]]:
    color, group = entry.color, {"legendgroup": entry.key, "showlegend": False, "hoverinfo": "skip", "mode": "lines"}
    thin = {"color": translucent(color, 0.35), "width": 1}
    traces = [{**group, **_xy(run[x], run.y), "line": thin} for run in runs if len(runs) > 1 or run.empty or mean.empty]
    if len(mean) and mean["std"].notna().any():
        xs, low, high = thinned(mean.x, mean["mean"] - mean["std"], mean["mean"] + mean["std"])
        band = {**group, "x": xs, "line": {"width": 0}}
        traces += [{**band, "y": low}, {**band, "y": high, "fill": "tonexty", "fillcolor": translucent(color, 0.16)}]
    if smooth and len(mean):
        traces.append({**group, **_xy(mean.x, mean["mean"]), "line": {"color": translucent(color, 0.5), "width": 1}})
    style = STYLES[entry.method]
    marked = style.marker and len(mean) <= 60
    line = mean["mean"].ewm(alpha=1 - smooth).mean() if smooth else mean["mean"]
    count = len([run for run in runs if len(run)])
    return [
        *traces,
        {
            **_xy(mean.x, line),
            "mode": "lines+markers" if marked else "lines",
            "legendgroup": entry.key,
            "hovertemplate": "%{y:.4g}",
            "name": f"{entry.label} (n = {count}{', smoothed' if smooth else ''})",
            "line": {"color": color, "dash": entry.dash, "width": 2},
            "marker": {"symbol": style.marker or "circle-open", "size": 6, "color": color},
        },
    ]


def _xy(x: pd.Series, y: pd.Series) -> dict[str, Any]:
    xs, ys = thinned(x, y)
    return {"type": "scatter", "x": xs, "y": ys}


def csv(curves: Curves, entries: Sequence[Entry], y: str) -> str:
    """Every recorded value, not thinned: a row a run and point."""
    parts = []
    for entry in entries:
        for run in entry.runs.itertuples():
            labels = {"group": entry.label, "run_id": run.run_id, "method": run.method, "lr": run.lr}
            labels |= {"weight_decay": run.weight_decay, "seed": run.seed}
            parts.append(curves.of(str(run.run_id), y).rename(columns={"y": y}).assign(**labels))
    return spreadsheet.csv(pd.concat(parts)) if parts else ""
