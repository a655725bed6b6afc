"""The angle per step of each layer at the end of a run, compared with the predicted equilibrium."""

from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from lpwd.analysis.equilibrium import WITHIN, angle
from lpwd.analysis.figures import add_line, empty_figure
from lpwd.analysis.words import general, label
from lpwd.history import History
from lpwd.methods import METHODS
from lpwd.runs import Run, RunSource

LISTED = 4  # up to this many decay rates are listed one by one
CAPTION = "angle per step of each layer, measured over predicted"
COLUMNS = ["run_id", "method", "weight_decay", "seed", "layer", "name", "predicted", "measured"]


def layer_motion(cells: pd.DataFrame, source: RunSource) -> pd.DataFrame:
    """Return one row per layer of each finished cell: measured and predicted radians per step in the last epoch.

    `layer` counts from 1, the shallowest. Layers without a prediction (`equilibrium.angle`) are excluded.
    """
    finished = cells[cells.state == "finished"].set_index("run_id")
    place = {method: number for number, method in enumerate(METHODS)}
    runs = [run for run in source.records() if run.run_id in finished.index]
    runs.sort(key=lambda run: (place.get(run.config.method, len(place)), run.config.weight_decay, run.config.seed))
    return pd.DataFrame([row for run in runs for row in _rows(run, source.history(run.run_id))], columns=COLUMNS)


def _rows(run: Run, history: History) -> Iterator[dict[str, Any]]:
    moved = [
        row for row in history.epochs.rows() if row["relative_update"]
    ]  # older records measured one step per epoch
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
    """Draw one point per method, λ and layer, as the mean over seeds; the line marks the prediction."""
    drawn = empty_figure("predicted angle per step (radians)", "measured angle per step, last epoch (radians)")
    ends = [float(motion.predicted.min()), float(motion.predicted.max())]
    drawn.add_scatter(
        x=ends, y=ends, mode="lines", line={"color": "#888", "width": 1, "dash": "dash"}, name="as predicted"
    )
    for method, part in motion.groupby("method", sort=False):
        means = part.groupby(["weight_decay", "layer", "name"])[["predicted", "measured"]].mean().reset_index()
        add_line(
            drawn,
            str(method),
            means.predicted,
            means.measured,
            part.seed.nunique(),
            mode="markers",
            text=[f"λ {row.weight_decay:g}, layer {row.layer} {row.name}" for row in means.itertuples(index=False)],
            hovertemplate="%{text}: %{y:.3g}, predicted %{x:.3g}",
        )
    return drawn.update_xaxes(type="log").update_yaxes(type="log")


def sentences(motion: pd.DataFrame, methods: Iterable[str]) -> list[str]:
    """Return one sentence per method: measured over predicted angle per λ, and how many layers are in equilibrium."""
    return [_sentence(method, motion[motion.method == method]) for method in methods if (motion.method == method).any()]


def _sentence(method: str, motion: pd.DataFrame) -> str:
    ratio = motion.measured / motion.predicted
    medians = ratio.groupby(motion.weight_decay).median()
    at = ", ".join(f"{general(median, 2)} at λ = {decay:g}" for decay, median in medians.items())
    if len(medians) > LISTED:
        at = f"{general(medians.min(), 2)} to {general(medians.max(), 2)} over {len(medians)} λ"
    near = ratio.between(1 / WITHIN, WITHIN)
    return (
        f"{label(method)}: angle per step in the last epoch over the predicted one, median of layers and seeds: {at}; "
        f"{near.sum()} of {len(near)} layers within 25 %."
    )
