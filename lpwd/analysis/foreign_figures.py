"""The figures of a comparison: means with intervals, and differences with the margin."""

from collections.abc import Iterable, Sequence
from typing import Any

from lpwd.analysis.figures import TEXT, style, translucent
from lpwd.analysis.foreign import Comparison
from lpwd.analysis.inference import t_interval
from lpwd.analysis.verdict import quantity
from lpwd.analysis.words import label

Row = tuple[str, str, Sequence[float], float, tuple[float, float]]  # name, colour, dots, mean, 95 % interval
NAME_CHARACTERS = 40
ROW_PIXELS, FRAME_PIXELS = 40, 96


def means(found: Comparison) -> dict[str, Any]:
    """Draw one row per method: a dot per run, the mean and its 95 % interval."""
    known = found.runs[found.runs.value.notna()]
    parts = {str(name): list(part) for name, part in known.groupby("method").value}
    rows = [
        (label(name), style(name).color, values, sum(values) / len(values), t_interval(values))
        for name, values in parts.items()
    ]
    value = quantity(found.pairs[0])[0]
    return {"caption": "Mean of each method, 95% interval", **_figure(rows, value)}


def differences(found: Comparison) -> dict[str, Any]:
    """Draw one row per pair of methods: a dot per seed, the mean, its 95 % interval, and the margin shaded."""
    rows = [
        (
            f"{_short(label(pair.method))} − {_short(label(pair.other))}",
            style(pair.method).color,
            pair.differences,
            pair.mean,
            pair.interval,
        )
        for pair in found.pairs
        if pair.n
    ]
    band = {"type": "rect", "x0": -found.margin, "x1": found.margin, "y0": 0, "y1": 1, "yref": "paper"}
    zero = {**band, "type": "line", "x0": 0, "x1": 0, "line": {"width": 1, "color": TEXT}, "layer": "below"}
    shapes = [{**band, "fillcolor": translucent(TEXT, 0.18), "line": {"width": 0}, "layer": "below"}, zero]
    name, unit, _ = quantity(found.pairs[0])
    figure = _figure(rows, f"difference in {name}{' (points)' if unit else ''}")
    figure["figure"]["layout"]["shapes"] = shapes
    return {"caption": "Differences, 95% interval; shaded: the margin", **figure}


def _figure(rows: Sequence[Row], x_title: str) -> dict[str, Any]:
    """Draw the rows from top to bottom."""
    traces = [trace for row in rows for trace in _traces(row)]
    layout = {
        "xaxis": {"title": x_title},
        "yaxis": {"type": "category", "autorange": "reversed"},
        "showlegend": False,
        "height": FRAME_PIXELS + ROW_PIXELS * max(1, len(rows)),
        "margin": {"l": 24, "r": 16, "t": 8, "b": 48},
    }
    return {"figure": {"data": traces, "layout": layout}}


def _traces(row: Row) -> Iterable[dict[str, Any]]:
    name, color, dots, mean, (low, high) = row
    name = _short(name, 2 * NAME_CHARACTERS + 3)
    faint = {"color": translucent(color, 0.45), "size": 7}
    yield {"type": "scatter", "mode": "markers", "x": list(dots), "y": [name] * len(dots), "marker": faint}
    marker = {"color": color, "size": 11, "symbol": "diamond"}
    mark: dict[str, Any] = {"type": "scatter", "mode": "markers", "x": [mean], "y": [name], "marker": marker}
    if low == low:
        bar = {"type": "data", "array": [high - mean], "arrayminus": [mean - low], "color": color, "width": 6}
        mark["error_x"] = bar
    yield mark | {"hovertemplate": "%{x:.4g}<extra>mean</extra>"}


def _short(name: str, most: int = NAME_CHARACTERS) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
