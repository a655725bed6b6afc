"""Figures over total decay, and over the number of settings tried."""

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from lpwd.analysis.figures import BEST10, GRID, band, empty_figure, style
from lpwd.analysis.words import label


def strengths(
    lines: Mapping[str, pd.DataFrame],
    flat: Mapping[str, tuple[float, int]],
    *,
    null_below: float,
    noise: tuple[float, float] | None,
    x_title: str,
    y_title: str,
) -> go.Figure:
    """A line a method over total decay with mean +- deviation; `lines` has total_decay, mean, std, n.

    `flat` has the mean and n of methods without decay: horizontal. What lies left of `null_below` decays next to
    nothing and is shaded, as is the band of its `noise`.
    """
    figure = empty_figure(x_title, y_title)
    ends = [float(x) for line in lines.values() for x in line.total_decay]
    if ends and min(ends) < null_below:
        figure.add_vrect(x0=min(ends) / 2, x1=null_below, fillcolor=GRID, line_width=0, layer="below")
    if noise:
        figure.add_hrect(y0=noise[0], y1=noise[1], fillcolor=GRID, line_width=0, layer="below")
    for method, line in lines.items():
        look, several = style(method), line.dropna(subset=["std"])
        band(
            figure, several.total_decay, several["mean"] - several["std"], several["mean"] + several["std"], look.color
        )
        figure.add_scatter(
            x=line.total_decay,
            y=line["mean"],
            mode="lines+markers",
            line={"color": look.color, "dash": look.dash, "width": 2},
            marker={"symbol": look.marker or "circle", "size": 7},
            name=f"{label(method)} (n = {_range(line.n)})",
        )
    for method, (mean, n) in flat.items():
        look, span = style(method), [min(ends), max(ends)] if ends else [null_below, 1]
        name = f"{label(method)} (n = {n})"
        line = {"color": look.color, "dash": look.dash, "width": 2}
        figure.add_scatter(x=span, y=[mean, mean], mode="lines", line=line, name=name)
    return figure.update_xaxes(type="log")


def _range(counts: pd.Series) -> str:
    low, high = int(counts.min()), int(counts.max())
    return str(low) if low == high else f"{low} to {high}"


def trials(rows: pd.DataFrame) -> go.Figure:
    """Expected best over k trials: columns method, k, best, trials."""
    figure = empty_figure("settings tried, k", f"expected {BEST10}")
    for method, part in rows.groupby("method", sort=False):
        look = style(str(method))
        figure.add_scatter(
            x=part.k,
            y=part.best,
            mode="lines+markers",
            name=label(str(method)),
            line={"color": look.color, "dash": look.dash, "width": 2},
            marker={"symbol": look.marker or "circle", "size": 6},
        )
    return figure
