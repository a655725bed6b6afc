"""By what angle each layer turns per step at a run's end, beside the equilibrium that theory predicts for its decay."""

from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from lpwd.analysis.equilibrium import WITHIN, angle
from lpwd.analysis.figures import empty_figure, style
from lpwd.analysis.words import general, label
from lpwd.history import History
from lpwd.runs import Run, RunSource

CAPTION = "angle per step of each layer, measured over predicted"
COLUMNS = ["run_id", "method", "weight_decay", "seed", "layer", "name", "predicted", "measured"]


def layer_motion(cells: pd.DataFrame, source: RunSource) -> pd.DataFrame:
    """One row per layer of each finished cell that recorded its motion: radians per step, in the last epoch.

    `layer` counts from 1, the shallowest. Layers for which nothing is predicted are left out (`equilibrium.angle`).
    """
    finished = cells[cells.state == "finished"].set_index("run_id")
    runs = [run for run in source.records() if run.run_id in finished.index]
    return pd.DataFrame([row for run in runs for row in _rows(run, source.history(run.run_id))], columns=COLUMNS)


def _rows(run: Run, history: History) -> Iterator[dict[str, Any]]:
    moved = [row for row in history.epochs.rows() if row["relative_update"]]  # older records know one step an epoch
    if history.started is None or not moved:
        return
    layers = zip(
        history.started.layer_names, history.started.layer_decay_rates, moved[-1]["angular_update"], strict=True
    )
    for number, (name, rate, measured) in enumerate(layers, 1):
        if predicted := angle(run.config, rate):
            of_run = {"run_id": run.run_id, **run.config.model_dump(include={"method", "weight_decay", "seed"})}
            yield {**of_run, "layer": number, "name": name, "predicted": predicted, "measured": measured}


def figure(motion: pd.DataFrame) -> go.Figure:
    """A point per method, λ and layer, the mean over seeds; on the line a layer turns as predicted."""
    drawn = empty_figure("predicted angle per step (radians)", "measured angle per step, last epoch (radians)")
    ends = [float(motion.predicted.min()), float(motion.predicted.max())]
    drawn.add_scatter(
        x=ends, y=ends, mode="lines", line={"color": "#888", "width": 1, "dash": "dash"}, name="as predicted"
    )
    for method, part in motion.groupby("method", sort=False):
        means = part.groupby(["weight_decay", "layer", "name"])[["predicted", "measured"]].mean().reset_index()
        look = style(str(method))
        drawn.add_scatter(
            x=means.predicted,
            y=means.measured,
            mode="markers",
            marker={"color": look.color, "symbol": look.marker or "circle", "size": 7, "opacity": 0.7},
            name=f"{label(str(method))} (n = {part.seed.nunique()})",
            text=[f"λ {row.weight_decay:g}, layer {row.layer} {row.name}" for row in means.itertuples(index=False)],
            hovertemplate="%{text}: %{y:.3g}, predicted %{x:.3g}",
        )
    return drawn.update_xaxes(type="log").update_yaxes(type="log")


def sentences(motion: pd.DataFrame, methods: Iterable[str]) -> list[str]:
    """For each method, how many layers turn as predicted at each strength, and how far apart their angles are."""
    return [_said(method, motion[motion.method == method]) for method in methods if (motion.method == method).any()]


def _said(method: str, motion: pd.DataFrame) -> str:
    near = (motion.measured / motion.predicted).between(1 / WITHIN, WITHIN)
    shares = near.groupby(motion.weight_decay).mean()
    at = ", ".join(f"{100 * share:.0f} % at λ = {decay:g}" for decay, share in shares.items())
    angles = motion.groupby(["weight_decay", "seed"]).measured
    apart = f"the widest is {general((angles.max() / angles.min()).mean(), 2)} times the narrowest"
    return (
        f"{label(method)}, angle per step in the last epoch: as predicted (within 25 %) in {at} of the layers; {apart}."
    )
