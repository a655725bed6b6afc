"""Decay rate lambda_i of every layer as a figure, a table and a sentence."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lpwd import codec
from lpwd.analysis.words import label
from lpwd.config import ConfigError
from lpwd.depth import LAYER_RULES, layer_rates, profile_rates
from lpwd.methods import METHODS
from lpwd.store import RunStore

MAX_LAYERS = 200
ALLOWED = f"n must be 1 to {MAX_LAYERS}, λ 0 to 1,000,000 and the rule one of {', '.join(LAYER_RULES)}"


@dataclass(frozen=True)
class Layers:
    """The layers of a model; names and parameter counts are known if a run here recorded them."""

    label: str
    n: int
    names: Sequence[str] = field(default=())
    counts: Sequence[int] = field(default=())


PAPER = (Layers("ConvNeXt-T", 20), Layers("ConvNeXt-S, ConvNeXt-B", 38), Layers("Swin-T", 14))


def models(store: RunStore) -> list[Layers]:
    """Return the models of the runs in the store, then the paper's."""
    layers_by_model: dict[str, Layers] = {}
    for record in store.records():
        key = f"{record.config.model} {json.dumps(record.config.model_kwargs, sort_keys=True)}"
        if key not in layers_by_model and (layers := _recorded(store, record.run_id)):
            layers_by_model[key] = layers
    return [*layers_by_model.values(), *PAPER]


def _recorded(store: RunStore, run_id: str) -> Layers | None:
    """Return the layers that the run recorded when it started."""
    started = store.history(run_id).started
    if started is None:
        return None
    label = f"{started.model}, {started.parameter_count:,} parameters, as trained here"
    return Layers(label, len(started.layer_names), started.layer_names, started.layer_parameter_counts)


def view(
    store: RunStore, model: int | None, n: int, rule: str, weight_decay: float, profile: str = "", mean: str = "layers"
) -> dict[str, Any]:
    """Return figure, table and summary for `n` layers; `model` is an index of `models(store)`, or None.

    A `profile`, such as `0,1,2`, replaces the rule; with mean "drawn" its multipliers are not rescaled.
    """
    if not 1 <= n <= MAX_LAYERS or not 0 <= weight_decay <= 1e6:
        raise ConfigError(ALLOWED)
    all_models = models(store)
    layers = (
        all_models[model]
        if model is not None and model < len(all_models) and all_models[model].n == n
        else Layers("", n)
    )
    if profile:
        values, method = _drawn(n, weight_decay, profile, mean), "custom"
    elif rule in LAYER_RULES:
        values, method = layer_rates(n, weight_decay, rule), "lpwd"
    else:
        raise ConfigError(ALLOWED)
    weighted = weighted_mean(values, layers.counts)
    return {
        "figure": _figure(values, layers.names, weight_decay, weighted, method),
        "summary": _summary(values, weight_decay, weighted, layers),
        "rows": _rows(values, layers, weight_decay),
    }


def _drawn(n: int, weight_decay: float, profile: str, mean: str) -> Sequence[float]:
    """Return the rates of a profile. Raises ConfigError for an invalid profile."""
    try:
        return profile_rates(n, weight_decay, codec.read("profile", profile), rescaled=mean != "drawn")
    except ValueError as error:
        raise ConfigError(str(error)) from None


def weighted_mean(values: Sequence[float], counts: Sequence[int]) -> float | None:
    """Return the mean of lambda_i over parameters, or None if the counts are unknown."""
    return sum(v * c for v, c in zip(values, counts, strict=True)) / sum(counts) if counts else None


def _summary(values: Sequence[float], lam: float, weighted: float | None, layers: Layers) -> str:
    mean = sum(values) / len(values)
    text = f"{len(values)} layers: λ₁ = {values[0]:.4g}, λₙ = {values[-1]:.4g}, mean over layers {mean:.4g}"
    text += f" ({mean / lam:.3g} λ)." if lam else "."
    if weighted is None:
        return f"{text} The mean over parameters needs a run of this model: most of its weights lie in deep layers."
    factor = f" ({weighted / lam:.3g} λ)" if lam else ""
    return f"{text} Mean over the {sum(layers.counts):,} parameters, as recorded: {weighted:.4g}{factor}."


def _rows(values: Sequence[float], layers: Layers, lam: float) -> list[list[str]]:
    names, counts = layers.names or [""] * layers.n, [f"{c:,}" for c in layers.counts] or [""] * layers.n
    body = [
        [str(i), name, f"{value:.4g}", f"{value / lam:.4g}" if lam else "–", count]
        for i, (name, value, count) in enumerate(zip(names, values, counts, strict=True), 1)
    ]
    columns = [0, 1, 2, 3, 4] if layers.names else [0, 2, 3]
    return [[row[c] for c in columns] for row in [["Layer i", "Name", "λᵢ", "λᵢ / λ", "Parameters"], *body]]


def _figure(
    values: Sequence[float], names: Sequence[str], lam: float, weighted: float | None, method: str
) -> dict[str, Any]:
    style, x = METHODS[method], list(range(1, len(values) + 1))
    line = {"mode": "lines", "hoverinfo": "skip"}
    ends = [0.5, len(values) + 0.5]
    data: list[dict[str, Any]] = [
        {
            "type": "bar",
            "x": x,
            "y": values,
            "name": f"{label(method)}, λᵢ",
            "marker": {"color": style.color},
            "text": list(names),
            "textposition": "none",
            "hovertemplate": "layer %{x} %{text}: %{y:.4g}<extra></extra>",
        },
        {**line, "x": ends, "y": [lam, lam], "name": "WD, λ", "line": {"color": METHODS["wd"].color, "width": 2}},
    ]
    if weighted is not None:
        dotted = {"color": METHODS["lwd"].color, "width": 2, "dash": "dot"}
        data.append(
            {**line, "x": ends, "y": [weighted] * 2, "name": f"{label(method)}, mean over parameters", "line": dotted}
        )
    layout = {
        "xaxis": {"title": "layer i, shallow to deep", "showgrid": False, "range": ends},
        "yaxis": {"title": "decay rate λᵢ", "rangemode": "tozero"},
        "bargap": 0.25,
    }
    return {"data": data, "layout": layout}
