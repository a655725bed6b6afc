"""How each layer of the race on the page moves, beside the equilibrium that theory predicts. No gradio here."""

from typing import Any

from lpwd.analysis.equilibrium import angle, memory_epochs, memory_text, settled_since
from lpwd.analysis.words import general, short
from lpwd.runs import Run
from lpwd.store import RunStore
from lpwd.ui.views import MAX_LANES, WORKING, lane_style, race_records
from lpwd.ui.web.topics import IDLE_MS

SOON_MS = 2000  # until a page asks again while a lane trains
QUANTITIES = ("angular_update", "relative_update", "relative_gradient", "weight_norms")


class Motion:
    """One object an app."""

    def __init__(self, store: RunStore) -> None:
        self.store = store

    def look(self, ids: list[str], layer: int = -1, stamp: str = "") -> dict[str, Any]:
        """The curves of one layer (from 0, shallow to deep; -1 is the last) of the first seed of each method.

        Raises ConfigError for an unknown run.
        """
        records = race_records(self.store, ids[:MAX_LANES])
        seed = min(record.config.seed for record in records)
        lanes = [record for record in records if record.config.seed == seed]
        working = any(record.status.state in WORKING for record in lanes)
        now = f"{layer} " + ",".join(f"{lane.run_id}:{len(lane.history.epochs)}" for lane in lanes)
        poll = {"stamp": now, "pollMs": SOON_MS if working else IDLE_MS}
        if now == stamp:
            return poll
        names = next((one.history.started.layer_names for one in lanes if one.history.started), [])
        at = layer if -1 <= layer < len(names) else -1
        drawn = [moved for lane in lanes if (moved := _lane(lane, at))]
        return poll | {"layers": names, "layer": at % len(names) if names else 0, "seed": seed, "lanes": drawn}


def _lane(run: Run, layer: int) -> dict[str, Any] | None:
    """The curves of a layer and what is predicted of it; None before the first epoch or in a run of older code."""
    history = run.history
    epochs = list(history.epochs.numbers(["epoch"])["epoch"])
    measured = {name: history.epochs.lists(name) for name in QUANTITIES}
    if history.started is None or not epochs or not all(values and values[-1] for values in measured.values()):
        return None
    rates = history.started.layer_decay_rates
    predicted = angle(run.config, rates[layer])
    tau = memory_epochs(run.config.lr, rates[layer], history.started.steps_per_epoch)
    last = measured["angular_update"][-1]
    settled = [
        settled_since([row[i] for row in measured["angular_update"]], one)
        for i, rate in enumerate(rates)
        if (one := angle(run.config, rate))
    ]
    found = [since for since in settled if since is not None]
    return {
        **lane_style(run.config.method),
        "epoch": epochs,
        **{name: [short(row[layer]) for row in values] for name, values in measured.items()},
        "predicted": predicted,
        "said": _said(predicted, len(found), len(settled), last[layer], tau),
    }


def _said(predicted: float | None, settled: int, of: int, last: float, tau: float) -> str:
    memory = memory_text(tau) or "nothing is forgotten"
    if predicted is None:
        return f"turns {general(last, 3)} radians a step; {memory}; no equilibrium is predicted"
    return (
        f"turns {general(last, 3)} radians a step, predicted {general(predicted, 3)}; {memory}; "
        f"{settled} of {of} layers turn as predicted, within 25 %"
    )
