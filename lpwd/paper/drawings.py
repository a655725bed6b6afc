"""The figures of each kind of preset, and the sentences that only this kind has."""

from collections.abc import Callable

import pandas as pd
import plotly.graph_objects as go

from lpwd.analysis import figures
from lpwd.analysis.phrases import minus
from lpwd.analysis.statistics import best_settings, metrics_frame, over_seeds, weight_norms_frame, with_opposing
from lpwd.analysis.words import label, number
from lpwd.paper import strengths
from lpwd.paper.presets import Preset
from lpwd.runs import RunSource

Drawn = tuple[dict[str, go.Figure], list[str]]  # figures by caption, sentences


def _draw_curves(preset: Preset, frame: pd.DataFrame, contrasts: pd.DataFrame, source: RunSource) -> Drawn:
    drawn: dict[str, go.Figure] = {}
    finished = frame[frame.state == "finished"]
    data = metrics_frame(source, finished.run_id, "epoch")
    for column, part in finished.groupby("column", sort=False):
        joined = part[["run_id", "method"]].merge(data, on="run_id")
        joined = joined.sort_values("method", key=lambda names: names.map(preset.rows.index), kind="stable")
        for y, title, log in (("train_loss", "training loss", True), ("test_top1", figures.TOP1, False)):
            drawn[f"{column}: {title}"] = figures.curves(joined, "epoch", y, x_title="epoch", y_title=title, log_y=log)
    first = finished[finished.column == frame.column.iloc[0]]
    for method in ("wd", "lpwd"):
        for run_id in first[first.method == method].run_id.iloc[:1]:
            caption = f"Weight norm by layer and epoch, {label(method)}, one seed"
            drawn[caption] = figures.weight_norm_heatmap(weight_norms_frame(source, run_id))
    return drawn, []


def _draw_opposing(preset: Preset, frame: pd.DataFrame, contrasts: pd.DataFrame, source: RunSource) -> Drawn:
    drawn: dict[str, go.Figure] = {}
    sentences = []
    ended = with_opposing(frame[frame.state == "finished"], source)
    if ended.empty:
        return {}, []
    steps = metrics_frame(source, ended.run_id, "step")
    rest = frame[~frame.run_id.isin(ended.run_id)].assign(opposing_count_rate=float("nan"))
    for column in dict.fromkeys(frame.column):
        part = pd.concat([ended[ended.column == column], rest[rest.column == column]])
        part["diverged"] = (part.state == "diverged").astype(int)
        rows, columns = sorted(part.weight_decay.unique()), sorted(part.lr.unique())
        title = "mean R<sub>op</sub> (%)"
        drawn[f"{column}: mean over all steps (○ largest, × diverged, – missing)"] = figures.heatmaps(
            part, "opposing_count_rate", rows=rows, columns=columns, panels=["wd"], title=title, form=".2g"
        )
        cells = part.dropna(subset=["opposing_count_rate"])
        if cells.empty:
            continue
        low, high = cells.opposing_count_rate.min(), cells.opposing_count_rate.max()
        at = cells.loc[cells.opposing_count_rate.idxmax()]
        sentences.append(
            f"{column}: mean R_op from {low:.3g}% to {high:.3g}% by count, largest at η = {at.lr:g}, "
            f"λ = {at.weight_decay:g}, where it is {at.opposing_magnitude_rate:.3g}% by magnitude "
            f"({len(cells)} of {len(part)} cells). {_growth(cells)}"
        )
        if steps.empty:
            continue
        over = cells[cells.lr == columns[-1]].merge(steps, on="run_id", suffixes=("_mean", ""))
        if over.empty:
            continue
        over = over.assign(percent=over.opposing_count_rate * 100, line=over.weight_decay.map(lambda v: f"λ = {v:g}"))
        drawn[f"{column}: over training at η = {columns[-1]:g}"] = figures.sequence(
            over.dropna(subset=["percent"]), "step", "percent", "line", x_title="step", y_title="R<sub>op</sub> (%)"
        )
    return drawn, sentences


def _growth(cells: pd.DataFrame) -> str:
    """Return Spearman's rank correlations of R_op with eta and lambda over the cells."""
    if len(cells) < 4:
        return ""
    correlations = cells[["lr", "weight_decay", "opposing_count_rate"]].astype(float).corr("spearman")
    r_lr, r_decay, _ = correlations.opposing_count_rate
    both = f"with η {number(r_lr, signed=True)}, with λ {number(r_decay, signed=True)}"
    return f"Rank correlation {both}; the paper says that it grows with both."


def _draw_zero_shot(preset: Preset, frame: pd.DataFrame, contrasts: pd.DataFrame, source: RunSource) -> Drawn:
    points = metrics_frame(source, frame[frame.state == "finished"].run_id, "zero_shot")
    if points.empty:
        return {}, []
    joined = frame[["run_id", "column"]].merge(points, on="run_id")
    drawn = {
        title: figures.sequence(joined, "shrink_percent", y, "column", x_title="shrink s (%)", y_title=title)
        for y, title in (("test_top1", figures.TOP1), ("test_loss", "test loss"))
    }
    sentences = []
    for column, part in joined.groupby("column", sort=False):
        mean = part.groupby("shrink_percent").test_top1.mean()
        half = mean[mean <= mean.iloc[0] / 2]
        rises = int((mean.diff() > 0).sum())
        text = f"{column}: top-1 falls from {mean.iloc[0]:.2f}% to {mean.iloc[-1]:.2f}%"
        text += f" and is halved at s = {half.index[0]:g}%" if len(half) else ""
        text += f"; it rises in {rises} of {len(mean) - 1} steps, so it is not monotone" if rises else ", monotonely"
        sentences.append(f"{text} (n = {part.run_id.nunique()}). The paper says that it constantly decreases.")
    return drawn, sentences


def _draw_differences(preset: Preset, frame: pd.DataFrame, contrasts: pd.DataFrame, source: RunSource) -> Drawn:
    """Draw contrasts over lambda."""
    if contrasts.empty or not (contrasts.n > 0).any():
        return {}, []
    rows = contrasts[contrasts.n > 0].rename(columns={"differences": "values"})
    rows["name"] = [minus(a, b) for a, b in zip(rows.method, rows.other, strict=True)]
    rows["color"] = [figures.style(method).color for method in rows.method]
    return {"Difference in best-10 test top-1 over λ, with its 95% interval": figures.differences(rows)}, []


def _draw_beside_paper(preset: Preset, frame: pd.DataFrame, contrasts: pd.DataFrame, source: RunSource) -> Drawn:
    """Draw the differences of Table 1 or 3: ours with its interval and one dot per seed, next to the paper's."""
    rows = contrasts[contrasts.paper.notna()] if len(contrasts) else contrasts
    if rows.empty or not (rows.n > 0).any():
        return {}, []
    several = rows.column.nunique() > 1
    pairs = [minus(a, b) for a, b in zip(rows.method, rows.other, strict=True)]
    rows = rows.assign(place=rows.column if several else pairs)
    figure = figures.empty_figure("", "difference in points")
    figure.add_hline(y=0, line={"color": figures.TEXT, "width": 1})
    open_square = {"symbol": "square-open", "size": 9, "color": figures.TEXT}
    figure.add_scatter(x=rows.place, y=rows.paper, mode="markers", marker=open_square, name="the paper")
    ours, color = rows[rows.n > 0], figures.style("lpwd").color
    dots = [(place, value) for place, values in zip(ours.place, ours.differences, strict=True) for value in values]
    faint = {"color": figures.translucent(color, 0.35), "size": 6}
    x, y = [place for place, _ in dots], [value for _, value in dots]
    figure.add_scatter(x=x, y=y, mode="markers", marker=faint, name="one seed", showlegend=False)
    reach = (ours.high - ours["mean"]).fillna(0)
    bars, strong = {"type": "data", "array": reach, "thickness": 1.5, "width": 5}, {"color": color, "size": 9}
    figure.add_scatter(x=ours.place, y=ours["mean"], mode="markers", marker=strong, error_y=bars, name="ours")
    what = pairs[0] if several else "Each step"
    return {f"{what}, ours and the paper’s: best-10 test top-1, 95% interval": figure}, []


def _draw_heatmap(preset: Preset, frame: pd.DataFrame, contrasts: pd.DataFrame, source: RunSource) -> Drawn:
    drawn, sentences = {}, []
    for column, part in frame.groupby("column", sort=False):
        grouped = over_seeds(part.assign(device_class="", setting="", batches=""), by=("lr", "weight_decay"))
        rows, columns = sorted(part.weight_decay.unique()), sorted(part.lr.unique())
        panels = [name for name in preset.rows if name in set(part.method)]
        drawn[f"{column}: ○ best{_paper_best(preset, column, panels)}, × diverged, – missing"] = figures.heatmaps(
            grouped, "mean", rows=rows, columns=columns, panels=panels
        )
        wide = grouped.pivot_table(index=["lr", "weight_decay"], columns="method", values="mean")
        if {"wd", "lpwd"} <= set(wide):
            both = wide.dropna(subset=["wd", "lpwd"])
            ahead = int((both.lpwd > both.wd).sum())
            sentences.append(f"{column}: LPWD is ahead of WD in {ahead} of {len(both)} cells that both have finished.")
    return drawn, sentences


def _paper_best(preset: Preset, column: str, methods: list[str]) -> str:
    """Return ` (the paper's: WD 73.88, LPWD 74.48)`: the best cell of its grid is the number of Table 1."""
    known = [(name, preset.reported.get((name, column))) for name in methods]
    said = ", ".join(f"{label(name)} {number(reported.mean)}" for name, reported in known if reported)
    return f" (the paper’s: {said})" if said else ""


def _draw_scales(preset: Preset, frame: pd.DataFrame, contrasts: pd.DataFrame, source: RunSource) -> Drawn:
    runs = frame[frame.state != "missing"]
    best = best_settings(over_seeds(runs, by=("column",)), by=("column",))
    if best.empty:
        return {}, []
    order = list(dict.fromkeys(frame.column))
    shown = best.assign(x=best.column).sort_values("x", key=lambda names: names.map(order.index))
    return {"Best-10 test top-1 over model scales": figures.points(shown, order)}, []


DRAW: dict[str, Callable[[Preset, pd.DataFrame, pd.DataFrame, RunSource], Drawn]] = {
    "table": _draw_beside_paper,
    "curves": _draw_curves,
    "opposing": _draw_opposing,
    "zero_shot": _draw_zero_shot,
    "difference": _draw_differences,
    "heatmap": _draw_heatmap,
    "scales": _draw_scales,
    "strengths": strengths.draw,
}
