"""Plotly figures. Colour, dash and marker of a method come from `lpwd.methods.METHODS`."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.colors import sample_colorscale
from plotly.subplots import make_subplots

from lpwd.analysis.words import label
from lpwd.methods import METHODS, Method

# ---- layout: transparent, no template, greys that are readable on white and on near-black

GRID = "rgba(127,127,127,0.22)"
TEXT = "#767676"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
CLEAR = "rgba(0,0,0,0)"
TOP1 = "test top-1 (%)"
BEST10 = "best-10 test top-1 (%)"
UNKNOWN = Method("none", "none", "", "", color=TEXT)  # style of names that are not methods


def style(method: str) -> Method:
    """Return the row of METHODS with the colour, dash and marker of `method`; grey for other names."""
    return METHODS.get(method, UNKNOWN)


def empty_figure(x: str = "", y: str = "", height: int = 340) -> go.Figure:
    """Return a figure with titled axes and no traces."""
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
    """Return `#RRGGBB` as rgba."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def add_line(figure: go.Figure, method: str, x: Any, y: Any, n: int | str = "", **options: Any) -> None:
    """Add a line in the style of a method; its legend entry ends in `(n = ...)` if n is given."""
    look, name = style(method), f"{label(method)} (n = {n})" if n else label(method)
    options = {"mode": "lines+markers", "marker": {"symbol": look.marker or "circle", "size": 7}} | options
    figure.add_scatter(x=x, y=y, name=name, line={"color": look.color, "dash": look.dash, "width": 2}, **options)


def add_band(figure: go.Figure, method: str, x: Any, mean: pd.Series, std: pd.Series) -> None:
    """Shade mean +- deviation in the colour of a method, without a legend entry."""
    common = {"x": x, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(**common, y=mean - std)
    figure.add_scatter(**common, y=mean + std, fill="tonexty", fillcolor=translucent(style(method).color, 0.16))


def curves(frame: pd.DataFrame, x: str, y: str, *, x_title: str, y_title: str, log_y: bool = False) -> go.Figure:
    """Draw the mean over runs as a line, mean +- deviation (ddof 1) as a band, and each run as a thin line.

    `frame` has one row per run and x, with columns run_id, method, `x` and `y`. The mean covers the x that all runs
    reached.
    """
    figure = empty_figure(x_title, y_title)
    for method, group in frame.groupby("method", sort=False):
        look = style(str(method))
        for _, run in group.groupby("run_id"):
            thin = {"color": translucent(look.color, 0.3), "width": 1}
            figure.add_scatter(x=run[x], y=run[y], mode="lines", line=thin, showlegend=False, hoverinfo="skip")
        runs = group.run_id.nunique()
        middle = group.groupby(x)[y].agg(["mean", "std", "count"])
        middle = middle[middle["count"] == runs]
        if runs > 1:
            add_band(figure, str(method), middle.index, middle["mean"], middle["std"])
        mode = "lines+markers" if look.marker and len(middle) <= 120 else "lines"
        add_line(figure, str(method), middle.index, middle["mean"], runs, mode=mode)
    return figure.update_yaxes(type="log" if log_y else "linear")


def heatmaps(
    frame: pd.DataFrame,
    value: str,
    *,
    rows: Sequence[float],
    columns: Sequence[float],
    panels: Sequence[str],
    title: str = BEST10,
    form: str = ".1f",
) -> go.Figure:
    """Draw lambda x eta, one panel per method of `panels` on one colour scale; the largest value is circled.

    `frame` has columns method, lr, weight_decay, `value` and diverged (a count); `form` is the number format.
    Nothing is interpolated: missing cells have a dash, diverged cells a cross.
    """
    figure = make_subplots(1, len(panels), subplot_titles=[label(panel) for panel in panels], shared_yaxes=True)
    figure.update_layout(empty_figure(height=100 + 46 * len(rows)).layout)
    xs, ys = [f"{column:g}" for column in columns], [f"{row:g}" for row in rows]
    for place, panel in enumerate(panels, 1):
        part = frame[frame.method == panel]
        grid = part.pivot_table(index="weight_decay", columns="lr", values=value).reindex(index=rows, columns=columns)
        heat = go.Heatmap(x=xs, y=ys, z=_with_none(grid), coloraxis="coloraxis", xgap=2, ygap=2, hoverongaps=False)
        heat.text = [["" if math.isnan(v) else f"{v:{form}}" for v in line] for line in grid.to_numpy()]
        heat.update(texttemplate="%{text}", hovertemplate="η %{x}, λ %{y}: %{z:.4g}<extra>" + label(panel) + "</extra>")
        for trace in (heat, *_cell_marks(part, value, grid)):
            figure.add_trace(trace, 1, place)
    category = {**_AXIS, "type": "category", "showgrid": False, "categoryorder": "array"}
    figure.update_xaxes(**category, categoryarray=xs, title="learning rate η")
    figure.update_yaxes(**category, categoryarray=ys).update_yaxes(title="decay rate λ", col=1)
    bar = {"title": {"text": title, "side": "right"}, "outlinewidth": 0, "thickness": 12}
    return figure.update_layout(coloraxis={"colorscale": "Cividis", "colorbar": bar})


def _cell_marks(part: pd.DataFrame, value: str, grid: pd.DataFrame) -> Iterator[go.Scatter]:
    """Yield the marks of diverged, missing and best cells of one panel; `grid` has its values [lambda, eta]."""
    lost = {(run.weight_decay, run.lr) for run in part.itertuples() if run.diverged and pd.isna(getattr(run, value))}
    empty = {(row, column) for row in grid.index for column in grid.columns if math.isnan(grid.loc[row, column])}
    thin = {"size": 12, "color": TEXT, "line": {"width": 1.5, "color": TEXT}}
    yield _marks(sorted(lost), "diverged", thin | {"symbol": "x-thin"})
    yield _marks(sorted(empty - lost), "missing", thin | {"symbol": "line-ew", "size": 6})
    if part[value].notna().any():
        best = part.loc[part[value].idxmax()]
        circle = {"symbol": "circle-open", "size": 36, "color": "#D55E00", "line": {"width": 2.5}}
        yield _marks([(best.weight_decay, best.lr)], "best", circle)


def _marks(cells: Sequence[tuple[float, float]], name: str, marker: dict[str, Any]) -> go.Scatter:
    """Return marks on cells (lambda, eta) of a heatmap."""
    xs, ys = [f"{lr:g}" for _, lr in cells], [f"{decay:g}" for decay, _ in cells]
    hover = {"hoverinfo": "skip"} if name == "best" else {"hovertemplate": f"{name}<extra></extra>"}
    return go.Scatter(x=xs, y=ys, mode="markers", marker=marker, name=name, showlegend=False, **hover)


def sequence(frame: pd.DataFrame, x: str, y: str, by: str, *, x_title: str, y_title: str) -> go.Figure:
    """Draw the mean over runs for each value of `by` (a decay rate, a model), in colours of cividis."""
    figure = empty_figure(x_title, y_title)
    groups = list(frame.groupby(by, sort=False))
    colors = sample_colorscale("Cividis", [(i + 0.5) / len(groups) * 0.85 for i in range(len(groups))], colortype="rgb")
    for (key, group), color in zip(groups, colors, strict=True):
        middle = group.groupby(x)[y].mean()
        name = f"{key} (n = {group.run_id.nunique()})"
        figure.add_scatter(x=middle.index, y=middle, mode="lines", line={"color": color, "width": 2}, name=name)
    return figure


def _with_none(grid: pd.DataFrame) -> list[list[float | None]]:
    """Replace NaN by None, which is valid JSON and which Plotly leaves empty."""
    return [[None if math.isnan(v) else float(v) for v in line] for line in grid.to_numpy()]


def differences(frame: pd.DataFrame) -> go.Figure:
    """Draw paired differences over lambda, from columns `name`, `color`, `x`, `mean`, `low`, `high` and `values`.

    `values` holds one difference per seed. An interval is drawn only for two or more pairs.
    """
    figure = empty_figure("decay rate λ", "difference in points")
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


def points(frame: pd.DataFrame, categories: Sequence[str]) -> go.Figure:
    """Draw mean +- deviation over seeds per model and method, from columns method, x, mean and std."""
    figure = empty_figure("model", BEST10)
    for method, part in frame.groupby("method", sort=False):
        bars = {"type": "data", "array": part["std"].fillna(0), "thickness": 1.5, "width": 5}
        add_line(figure, str(method), part.x, part["mean"], error_y=bars)
    return figure.update_xaxes(type="category", categoryorder="array", categoryarray=list(categories))


def weight_norm_heatmap(norms: pd.DataFrame) -> go.Figure:
    """Draw the weight norm of each layer and epoch as a ratio to the initial norm."""
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
    return figure.update_yaxes(autorange="reversed", automargin=True, type="category")


def strengths(
    lines: Mapping[str, pd.DataFrame],
    flat: Mapping[str, tuple[float, int]],
    *,
    null_below: float,
    noise: tuple[float, float] | None,
    x_title: str,
    y_title: str,
) -> go.Figure:
    """Draw mean +- deviation over total decay, one line per method; `lines` has total_decay, mean, std and n.

    `flat` has mean and n of methods without decay, drawn as horizontal lines. The region left of `null_below`, where
    decay is negligible, and the band `noise` of its runs are shaded.
    """
    figure = empty_figure(x_title, y_title)
    ends = [float(x) for line in lines.values() for x in line.total_decay]
    if ends and min(ends) < null_below:
        figure.add_vrect(x0=min(ends) / 2, x1=null_below, fillcolor=GRID, line_width=0, layer="below")
    if noise:
        figure.add_hrect(y0=noise[0], y1=noise[1], fillcolor=GRID, line_width=0, layer="below")
    for method, line in lines.items():
        several = line.dropna(subset=["std"])
        add_band(figure, method, several.total_decay, several["mean"], several["std"])
        low, high = int(line.n.min()), int(line.n.max())
        add_line(figure, method, line.total_decay, line["mean"], low if low == high else f"{low} to {high}")
    for method, (mean, n) in flat.items():
        span = [min(ends), max(ends)] if ends else [null_below, 1]
        add_line(figure, method, span, [mean, mean], n, mode="lines", marker=None)
    return figure.update_xaxes(type="log")


def trials(rows: pd.DataFrame) -> go.Figure:
    """Draw the expected best over k trials, from columns method, k and best."""
    figure = empty_figure("settings tried, k", f"expected {BEST10}")
    for method, part in rows.groupby("method", sort=False):
        add_line(figure, str(method), part.k, part.best)
    return figure
