"""The figure of a comparison: means, deviation bands, single seeds, and smoothed means."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from lpwd.analysis.figures import translucent
from lpwd.analysis.words import short
from lpwd.methods import shown_method
from lpwd.runs import Runs
from lpwd.ui.curves import MAX_POINTS, extremes
from lpwd.ui.runs.compared import Group

# y -> axis title, recorded event and its field; for values per layer an attribute of History
Y: dict[str, tuple[str, str, str]] = {
    "test_top1": ("test top-1 (%)", "epoch", "test_top1"),
    "validation_top1": ("validation top-1 (%)", "epoch", "validation_top1"),
    "train_loss": ("training loss, mean of the epoch (nats)", "epoch", "train_loss"),
    "test_loss": ("test loss (nats)", "epoch", "test_loss"),
    "loss": ("training loss of each step (nats)", "step", "loss"),
    "opposing": ("opposing penalties R_op (share of the weights)", "epoch", "opposing_count_rate"),
    "norm": ("weight norm by layer (L2)", "layer", "norms"),
    "angle": ("angular update by layer (radians per step)", "layer", "angles"),
}
X = {"epoch": "epoch", "step": "step", "seconds": "training time (s)"}
FAINT = 0.25  # opacity of the shallowest layer; the deepest is opaque


@dataclass(frozen=True)
class Line:
    """One curve of the legend: the mean over the runs of a group, or of one of its layers."""

    group: Group
    label: str
    runs: Sequence[pd.DataFrame]  # columns step, epoch, seconds and y
    mean: pd.DataFrame = field(repr=False)
    depth: float | None = None  # 0 (the shallowest layer) to 1 where all layers are drawn


class Curves:
    """Recorded values of runs as tables."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs

    def of(self, item: str, y: str, layer: str = "") -> pd.DataFrame:
        """Return columns step, epoch, seconds and y; empty before the first value."""
        history = self.runs.record(item).history
        _, event, name = Y[y]
        if event == "layer":
            return self._of_layer(item, name, layer)
        events = history.steps if event == "step" else history.epochs
        table = pd.DataFrame(events.numbers(("step", "epoch", "seconds", name))).rename(columns={name: "y"})
        if event == "step":
            table.epoch = table.step / max(1, history.started.steps_per_epoch if history.started else 1)
        return table.dropna(subset="y").astype(float)

    def _of_layer(self, item: str, name: str, layer: str) -> pd.DataFrame:
        names, history = self.layers(item), self.runs.record(item).history
        by_epoch: dict[int, Sequence[float]] = getattr(history, name)
        if layer not in names or not by_epoch:
            return pd.DataFrame(columns=["step", "epoch", "seconds", "y"], dtype=float)
        place = names.index(layer)
        table = pd.DataFrame({"y": {epoch: values[place] for epoch, values in by_epoch.items()}}, dtype=float)
        epochs = pd.DataFrame(history.epochs.numbers(("epoch", "step", "seconds"))).set_index("epoch", drop=False)
        return table.join(epochs).assign(epoch=table.index).fillna(0.0).astype(float)

    def layers(self, item: str) -> list[str]:
        """Return the names of the run's layers, shallow to deep; empty before its start."""
        started = self.runs.record(item).history.started
        return list(started.layer_names) if started else []


def layer_names(curves: Curves, groups: Sequence[Group], y: str) -> list[str]:
    """Return the layers of all groups, shallow to deep; empty unless y has values per layer."""
    if Y[y][1] != "layer":
        return []
    return list(dict.fromkeys(name for group in groups for name in curves.layers(group.ids[0])))


def lines(curves: Curves, groups: Sequence[Group], y: str, x: str, layer: str = "") -> list[Line]:
    """Return one line per group; if y has values per layer, the line of `layer`, or of every layer."""
    if Y[y][1] != "layer" or layer:
        return [_line(curves, group, y, x, layer) for group in groups]
    several = []
    for group in groups:
        names = curves.layers(group.ids[0])
        ends = max(1, len(names) - 1)
        several += [_line(curves, group, y, x, name, place / ends) for place, name in enumerate(names)]
    return several


def _line(curves: Curves, group: Group, y: str, x: str, layer: str, depth: float | None = None) -> Line:
    runs = {run_id: curves.of(run_id, y, layer) for run_id in group.ids}
    lost = set(group.runs[group.runs.state == "diverged"].run_id)
    mean = middle([run for run_id, run in runs.items() if len(run) and run_id not in lost], x)
    return Line(group, f"{group.label}, {layer}" if layer else group.label, list(runs.values()), mean, depth)


def middle(runs: Sequence[pd.DataFrame], x: str) -> pd.DataFrame:
    """Return x, mean and std (ddof 1) at the steps that all runs reached; seconds are averaged like y."""
    if not runs:
        return pd.DataFrame(columns=["x", "mean", "std"])
    together = pd.concat(runs).groupby("step")
    table = pd.DataFrame({"mean": together.y.mean(), "std": together.y.std(), "n": together.y.count()})
    table["x"] = together[x].mean() if x != "step" else table.index
    return table[table.n == len(runs)].drop(columns="n")


def thinned(x: pd.Series, *ys: pd.Series) -> list[list[float | None]]:
    """Thin the columns to MAX_POINTS rows, keeping extremes of the first y, with six significant digits."""
    kept = extremes(ys[0].tolist(), MAX_POINTS) if len(x) else []
    return [[short(v) for v in column.iloc[kept]] for column in (x, *ys)]


def overlay(drawn: Sequence[Line], y: str, x: str, logs: str, smooth: float) -> dict[str, Any]:
    """Return the figure of these lines."""
    traces = [trace for line in drawn for trace in _traces(line, x, smooth)]
    kinds = {axis: {"type": "log"} if axis in logs else {} for axis in "xy"}
    ticks = {"exponentformat": "power", "dtick": None}
    layout = {
        "xaxis": {"title": X[x], **kinds["x"], **ticks},
        "yaxis": {"title": Y[y][0], **kinds["y"], **ticks},
        "hovermode": "closest" if x == "seconds" or len(drawn) > 12 else "x unified",
        "uirevision": f"{y} {x} {logs} {[line.label for line in drawn]}",
    }
    return {"data": traces, "layout": layout}


def _traces(line: Line, x: str, smooth: float) -> list[dict[str, Any]]:
    group, runs, mean = line.group, line.runs, line.mean
    color, faint = group.color, {"legendgroup": group.key, "showlegend": False, "hoverinfo": "skip", "mode": "lines"}
    thin = {"color": translucent(color, 0.35), "width": 1}
    apart = runs if line.depth is None else []  # with all layers, draw only means
    traces = [
        {**faint, **_xy(run[x], run.y), "line": thin} for run in apart if len(runs) > 1 or run.empty or mean.empty
    ]
    if line.depth is None and len(mean) and mean["std"].notna().any():
        xs, low, high = thinned(mean.x, mean["mean"] - mean["std"], mean["mean"] + mean["std"])
        band = {**faint, "x": xs, "line": {"width": 0}}
        traces += [{**band, "y": low}, {**band, "y": high, "fill": "tonexty", "fillcolor": translucent(color, 0.16)}]
    if smooth and len(mean):
        traces.append({**faint, **_xy(mean.x, mean["mean"]), "line": {"color": translucent(color, 0.5), "width": 1}})
    style = shown_method(group.method)
    marked = style.marker and len(mean) <= 60 and line.depth is None
    values = mean["mean"].ewm(alpha=1 - smooth).mean() if smooth else mean["mean"]
    count = len([run for run in runs if len(run)])
    return [
        *traces,
        {
            **_xy(mean.x, values),
            "mode": "lines+markers" if marked else "lines",
            "legendgroup": group.key,
            "showlegend": line.depth in (None, 1.0),
            "opacity": 1 if line.depth is None else FAINT + (1 - FAINT) * line.depth,
            "hovertemplate": "%{y:.4g}",
            "name": f"{line.label} (n = {count}{', smoothed' if smooth else ''})",
            "line": {"color": color, "dash": group.dash, "width": 2 if line.depth is None else 1.25},
            "marker": {"symbol": style.marker or "circle-open", "size": 6, "color": color},
        },
    ]


def _xy(x: pd.Series, y: pd.Series) -> dict[str, Any]:
    xs, ys = thinned(x, y)
    return {"type": "scatter", "x": xs, "y": ys}
