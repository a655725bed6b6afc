"""Plotly figures; a method has the colour, dash and marker of its row in `lpwd.methods.METHODS`."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.colors import sample_colorscale
from plotly.subplots import make_subplots

from lpwd.analysis.words import label
from lpwd.methods import METHODS, Method

# ---- layout: transparent, no template, greys that hold on white and on near-black

GRID = "rgba(127,127,127,0.22)"
TEXT = "#767676"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
CLEAR = "rgba(0,0,0,0)"
TOP1 = "test top-1 (%)"
BEST10 = "best-10 test top-1 (%)"


UNKNOWN = Method("none", "none", "", "", color=TEXT)  # what a name that is no method's looks like


def style(method: str) -> Method:
    """Return the row of METHODS whose colour, dash and marker stand for `method`; grey for other names."""
    return METHODS.get(method, UNKNOWN)


def empty_figure(x: str = "", y: str = "", height: int = 340) -> go.Figure:
    """Axes with titles and nothing in them."""
    figure = go.Figure(
        layout={
            "template": "none",
            "paper_bgcolor": CLEAR,
            "plot_bgcolor": CLEAR,
            "font": {"family": FONT, "size": 12, "color": TEXT},
            "margin": {"l": 64, "r": 32, "t": 32, "b": 52},
            "height": height,
            "hovermode": "closest",
            "modebar": {"bgcolor": CLEAR, "color": TEXT, "activecolor": TEXT, "orientation": "v"},
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        }
    )
    figure.update_xaxes(**_AXIS, title=x).update_yaxes(**_AXIS, title=y)
    return figure


_AXIS = {"gridcolor": GRID, "zeroline": False, "linecolor": GRID, "showline": True, "ticks": "outside", "ticklen": 4}
_AXIS |= {"tickcolor": GRID}


def translucent(color: str, alpha: float) -> str:
    """`#RRGGBB` as rgba."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def band(figure: go.Figure, x: Iterable[Any], low: Iterable[float], high: Iterable[float], color: str) -> None:
    """A shaded band without a legend entry."""
    common = {"x": list(x), "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(**common, y=list(low))
    figure.add_scatter(**common, y=list(high), fill="tonexty", fillcolor=translucent(color, 0.16))


def curves(
    frame: pd.DataFrame, x: str, y: str, *, x_title: str, y_title: str, by: str = "method", log_y: bool = False
) -> go.Figure:
    """Mean over runs as a line, mean +- deviation (ddof 1) as a band, each run faint.

    `frame` has one row per run and x, with columns run_id, `by`, `x` and `y`; the mean covers x that all runs reached.
    """
    figure = empty_figure(x_title, y_title)
    for key, group in frame.groupby(by, sort=False):
        look = style(str(key))
        for _, run in group.groupby("run_id"):
            thin = {"color": translucent(look.color, 0.3), "width": 1}
            figure.add_scatter(x=run[x], y=run[y], mode="lines", line=thin, showlegend=False, hoverinfo="skip")
        runs = group.run_id.nunique()
        middle = group.groupby(x)[y].agg(["mean", "std", "count"])
        middle = middle[middle["count"] == runs]
        if runs > 1:
            band(figure, middle.index, middle["mean"] - middle["std"], middle["mean"] + middle["std"], look.color)
        figure.add_scatter(
            x=middle.index,
            y=middle["mean"],
            mode="lines+markers" if look.marker and len(middle) <= 120 else "lines",
            line={"color": look.color, "dash": look.dash, "width": 2},
            marker={"symbol": look.marker, "size": 6},
            name=f"{label(str(key))} (n = {runs})",
        )
    return figure.update_yaxes(type="log" if log_y else "linear")


def heatmaps(
    frame: pd.DataFrame,
    value: str,
    *,
    rows: Sequence[float],
    columns: Sequence[float],
    panels: Sequence[str],
    by: str = "method",
    title: str = BEST10,
    lower_is_better: bool = False,
    form: str = ".1f",
) -> go.Figure:
    """lambda x eta, a panel for each of `panels` on one colour scale; the best cell of each panel is circled.

    `frame` has columns `by`, lr, weight_decay, `value` and diverged (a count); `form` is how a value is written.
    Nothing is interpolated: a missing cell is empty with a dash, a diverged one with a cross.
    """
    figure = make_subplots(1, len(panels), subplot_titles=[label(panel) for panel in panels], shared_yaxes=True)
    figure.update_layout(empty_figure(height=100 + 46 * len(rows)).layout)
    xs, ys = [f"{column:g}" for column in columns], [f"{row:g}" for row in rows]
    for place, panel in enumerate(panels, 1):
        part = frame[frame[by] == panel]
        grid = part.pivot_table(index="weight_decay", columns="lr", values=value).reindex(index=rows, columns=columns)
        heat = go.Heatmap(x=xs, y=ys, z=_with_none(grid), coloraxis="coloraxis", xgap=2, ygap=2, hoverongaps=False)
        heat.text = [["" if math.isnan(v) else f"{v:{form}}" for v in line] for line in grid.to_numpy()]
        heat.update(texttemplate="%{text}", hovertemplate="η %{x}, λ %{y}: %{z:.4g}<extra>" + label(panel) + "</extra>")
        figure.add_trace(heat, 1, place)
        lost = {
            (run.weight_decay, run.lr) for run in part.itertuples() if run.diverged and pd.isna(getattr(run, value))
        }
        empty = {(row, column) for row in rows for column in columns if math.isnan(grid.loc[row, column])}
        thin = {"size": 12, "color": TEXT, "line": {"width": 1.5, "color": TEXT}}
        figure.add_trace(_marks(sorted(lost), "diverged", thin | {"symbol": "x-thin"}), 1, place)
        figure.add_trace(_marks(sorted(empty - lost), "missing", thin | {"symbol": "line-ew", "size": 6}), 1, place)
        if part[value].notna().any():
            best = part.loc[part[value].idxmin() if lower_is_better else part[value].idxmax()]
            circle = {"symbol": "circle-open", "size": 36, "color": "#D55E00", "line": {"width": 2.5}}
            figure.add_trace(_marks([(best.weight_decay, best.lr)], "best", circle), 1, place)
    category = {**_AXIS, "type": "category", "showgrid": False, "categoryorder": "array"}
    figure.update_xaxes(**category, categoryarray=xs, title="learning rate η")
    figure.update_yaxes(**category, categoryarray=ys).update_yaxes(title="decay rate λ", col=1)
    bar = {"title": {"text": title, "side": "right"}, "outlinewidth": 0, "thickness": 12}
    return figure.update_layout(coloraxis={"colorscale": "Cividis", "colorbar": bar})


def _marks(cells: Sequence[tuple[float, float]], name: str, marker: dict[str, Any]) -> go.Scatter:
    """Marks on cells (lambda, eta) of a heatmap."""
    xs, ys = [f"{lr:g}" for _, lr in cells], [f"{decay:g}" for decay, _ in cells]
    hover = {"hoverinfo": "skip"} if name == "best" else {"hovertemplate": f"{name}<extra></extra>"}
    return go.Scatter(x=xs, y=ys, mode="markers", marker=marker, name=name, showlegend=False, **hover)


def sequence(frame: pd.DataFrame, x: str, y: str, by: str, *, x_title: str, y_title: str) -> go.Figure:
    """Curves of an ordered or unnamed `by` (lambda, a model): mean over runs, one colour of cividis each."""
    figure = empty_figure(x_title, y_title)
    groups = list(frame.groupby(by, sort=False))
    colors = sample_colorscale("Cividis", [(i + 0.5) / len(groups) * 0.85 for i in range(len(groups))], colortype="rgb")
    for (key, group), color in zip(groups, colors, strict=True):
        middle = group.groupby(x)[y].mean()
        name = f"{key} (n = {group.run_id.nunique()})"
        figure.add_scatter(x=middle.index, y=middle, mode="lines", line={"color": color, "width": 2}, name=name)
    return figure


def _with_none(grid: pd.DataFrame) -> list[list[float | None]]:
    """NaN as None, which JSON can carry and Plotly leaves empty."""
    return [[None if math.isnan(v) else float(v) for v in line] for line in grid.to_numpy()]


def differences(
    frame: pd.DataFrame, *, x_title: str = "decay rate λ", y_title: str = "difference in points"
) -> go.Figure:
    """Paired differences over lambda: `name`, `x`, `mean`, `low`, `high` and `values` (one a seed). Zero is marked.

    An interval is drawn only for two or more pairs.
    """
    figure = empty_figure(x_title, y_title)
    figure.add_hline(y=0, line={"color": TEXT, "width": 1})
    for (name, color), part in frame.groupby(["name", "color"], sort=False):
        raw = [(x, value) for x, values in zip(part.x, part["values"], strict=True) for value in values]
        figure.add_scatter(
            x=[x for x, _ in raw],
            y=[value for _, value in raw],
            mode="markers",
            name="one seed",
            marker={"color": translucent(color, 0.35), "size": 6},
            showlegend=False,
        )
        up, down = (part.high - part["mean"]).fillna(0), (part["mean"] - part.low).fillna(0)
        figure.add_scatter(
            x=part.x,
            y=part["mean"],
            mode="lines+markers",
            name=str(name),
            line={"color": color, "width": 2},
            marker={"symbol": "square", "size": 8},
            error_y={"type": "data", "array": up, "arrayminus": down, "thickness": 1.5, "width": 5},
        )
    return figure.update_xaxes(type="log")


def points(
    frame: pd.DataFrame, categories: Sequence[str], *, y_title: str = BEST10, x_title: str = "model"
) -> go.Figure:
    """Mean +- deviation over seeds per category and method: columns method, x, mean, std."""
    figure = empty_figure(x_title, y_title)
    for method, part in frame.groupby("method", sort=False):
        look = style(str(method))
        figure.add_scatter(
            x=part.x,
            y=part["mean"],
            mode="lines+markers",
            name=label(str(method)),
            line={"color": look.color, "dash": look.dash, "width": 2},
            marker={"symbol": look.marker, "size": 8},
            error_y={"type": "data", "array": part["std"].fillna(0), "thickness": 1.5, "width": 5},
        )
    return figure.update_xaxes(type="category", categoryorder="array", categoryarray=list(categories))


def weight_norm_heatmap(norms: pd.DataFrame, title: str = "") -> go.Figure:
    """Layer x epoch, as a ratio to the norm at the start: what a layer's decay does to it."""
    ratio = norms.div(norms.iloc[:, 0], axis=0) if not norms.empty else norms
    figure = empty_figure("epoch", "", height=120 + 14 * len(norms))
    figure.add_heatmap(
        x=list(ratio.columns),
        y=list(ratio.index),
        z=_with_none(ratio),
        colorscale="Cividis",
        colorbar={"title": {"text": "‖w‖ / ‖w<sub>0</sub>‖", "side": "right"}, "outlinewidth": 0, "thickness": 12},
        hovertemplate="epoch %{x}, %{y}: %{z:.3f}<extra></extra>",
    )
    return figure.update_yaxes(autorange="reversed", automargin=True, type="category").update_layout(title=title)
