"""Angular updates and norms of each layer, with the equilibrium that theory predicts. Imports no gradio."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from lpwd.analysis.equilibrium import angle, memory_epochs, memory_text, settled_since, steps_to_settle
from lpwd.analysis.words import general, short
from lpwd.methods import METHODS
from lpwd.runs import Run, Runs
from lpwd.ui.views import MAX_LANES, WORKING, lane_style
from lpwd.ui.web.topics import IDLE_MS

SOON_MS = 2000  # poll interval while a lane trains
QUANTITIES = ("angular_update", "relative_update", "relative_gradient", "weight_norms")
DASHES = ("solid", "dot", "longdash", "dashdot")  # for several settings of one method; `dash` marks the predicted angle


class Motion:
    """Answers the topic `motion`."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs

    def look(self, items: list[str], layer: str = "", stamp: str = "") -> dict[str, Any]:
        """Return the curves of a layer (by default the deepest) for the first seed of each setting.

        `items` are references of runs and keys of seed groups. Raises ConfigError for an unknown item.
        """
        lanes = self._first_seeds(items)
        working = any(run.status.state in WORKING for run in lanes)
        now = f"{layer} " + ",".join(f"{run.ref}:{len(run.history.epochs)}" for run in lanes)
        poll = {"stamp": now, "pollMs": SOON_MS if working else IDLE_MS}
        if now == stamp:
            return poll
        layers = dict.fromkeys(name for run in lanes for name in _layers(run))
        name = layer if layer in layers else next(reversed(layers), "")
        drawn = [moved for run, style in zip(lanes, _styles(lanes), strict=True) if (moved := _lane(run, name, style))]
        return poll | {"layers": list(layers), "layer": name, "lanes": drawn}

    def _first_seeds(self, items: Sequence[str]) -> list[Run]:
        """Return the run with the lowest seed of each setting, in the order of METHODS."""
        place = {method: number for number, method in enumerate(METHODS)}
        runs = sorted(self.runs.chosen(items), key=lambda run: (place.get(run.config.method, 99), run.config.seed))
        return list({self.runs.key(run): run for run in reversed(runs)}.values())[::-1][:MAX_LANES]


def _layers(run: Run) -> list[str]:
    return run.history.started.layer_names if run.history.started else []


def _styles(lanes: Sequence[Run]) -> list[dict[str, Any]]:
    """Return label, colour and dash of each lane; settings of one method get distinct labels and dashes."""
    count, earlier, styles = Counter(run.config.method for run in lanes), Counter[str](), []
    for run in lanes:
        style, method = lane_style(run.config.method), run.config.method
        if count[method] > 1:
            style["label"] += f", η {run.config.lr:g}, λ {run.config.weight_decay:g}, #{earlier[method] + 1}"
            style["dash"] = DASHES[earlier[method] % len(DASHES)]
        earlier[method] += 1
        styles.append(style)
    return styles


def _lane(run: Run, name: str, style: dict[str, Any]) -> dict[str, Any] | None:
    """Return the curves and the prediction of a layer, or None if the run lacks the layer or its records."""
    history = run.history
    rows = [row for row in history.epochs.rows() if all(row[quantity] for quantity in QUANTITIES)]
    if history.started is None or name not in history.started.layer_names or not rows:
        return None
    at, rates = history.started.layer_names.index(name), history.started.layer_decay_rates
    predicted = angle(run.config, rates[at])
    tau = memory_epochs(run.config.lr, rates[at], history.started.steps_per_epoch)
    settled = [
        settled_since([row["angular_update"][i] for row in rows], one)
        for i, rate in enumerate(rates)
        if (one := angle(run.config, rate))
    ]
    found = [since for since in settled if since is not None]
    curves = {quantity: [short(row[quantity][at]) for row in rows] for quantity in QUANTITIES}
    said = _said(run, rates[at], predicted, len(found), len(settled), rows[-1]["angular_update"][at], tau)
    return {**style, "epoch": [row["epoch"] for row in rows], **curves, "predicted": predicted, "said": said}


def _said(run: Run, rate: float, predicted: float | None, settled: int, of: int, last: float, tau: float) -> str:
    turned = f"{general(last, 3)} radians per step"
    memory = memory_text(tau) or "nothing is forgotten"
    memory = memory[0].upper() + memory[1:]
    if predicted is None:
        return f"{turned}, no equilibrium predicted. {memory}."
    return (
        f"{turned}, predicted {general(predicted, 3)} after {steps_to_settle(run.config.lr, rate):,} steps or so. "
        f"{memory}. {settled} of {of} layers turn as predicted (within 25 %)."
    )
