"""Choose the published pair that the Demo shows, by a rule that ignores the outcome.

Candidates are settings with finished runs of WD and LPWD that differ only in the method and recorded everything that
the Demo draws. They are ranked by: fine-tuning, as in the paper; number of seeds; total decay (eta lambda steps)
closest to the paper's Figure 1, as a ratio; scale paper. The lowest seed of the best setting is drawn.
"""

import itertools
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from lpwd.analysis.statistics import SETTING, runs_frame
from lpwd.paper.numbers import PAPER_STEPS
from lpwd.paper.pair import METHODS, PAIR_FILE, heat
from lpwd.paths import write_atomic
from lpwd.runs import Run

FIGURE_1 = 0.001 * 0.5 * PAPER_STEPS  # nepers: the total decay of the paper's Figure 1
MAX_CELLS = 20_000  # of a heatmap: layers x epochs


def choose(published: Mapping[str, Run]) -> dict[str, Any] | None:
    """Return the chosen pair with everything needed to draw it, as JSON, or None without a candidate."""
    frame = runs_frame(published.values())
    runs = frame[frame.method.isin(METHODS)]
    finished = runs[runs.state == "finished"].run_id
    drawn = {run_id: lane for run_id in finished if (lane := _lane(published[run_id]))}
    parts = [part for _, part in runs.groupby(list(SETTING), sort=True)]
    settings = [part for part in parts if len(_complete(part, drawn))]
    if not settings:
        return None
    setting = max(settings, key=lambda part: _rank(published, _complete(part, drawn)))
    chosen = _complete(setting, drawn)
    chosen = chosen[chosen.seed == chosen.seed.min()]
    ids = [str(chosen[chosen.method == method].run_id.iloc[0]) for method in METHODS]
    first = published[ids[0]]
    return {
        "ids": ids,
        "config": first.config.model_dump(mode="json", exclude_defaults=True),
        "device": first.status.device,
        "date": first.day,
        "lanes": [drawn[run_id] for run_id in ids],
    }


def _complete(part: pd.DataFrame, drawn: Mapping[str, Any]) -> pd.DataFrame:
    """Return the drawable runs of seeds with both methods."""
    runs = part[part.run_id.isin(drawn.keys())]
    return runs[runs.groupby("seed").method.transform("nunique") == len(METHODS)]


def _rank(published: Mapping[str, Run], runs: pd.DataFrame) -> tuple[Any, ...]:
    first = published[str(runs.run_id.min())]
    config = first.config
    fine_tuned = config.pretrained or config.init_from is not None
    total = config.lr * config.weight_decay * first.status.step
    distance = round(abs(math.log(total / FIGURE_1)), 3) if total > 0 else math.inf
    return fine_tuned, runs.seed.nunique(), -distance, config.scale == "paper", first.run_id


def _lane(run: Run) -> dict[str, Any] | None:
    """Return the heatmap of a run, or None if values are missing, invalid or too many to draw."""
    config, started, curve = run.config, run.history.started, run.history.epochs
    if started is None:
        return None
    names, rates = started.layer_names, started.layer_decay_rates
    norms = [started.initial_weight_norms, *map(list, curve.lists("weight_norms"))]
    epochs = list(curve.numbers(("epoch",))["epoch"])
    if epochs != list(range(1, config.epochs + 1)) or not 0 < len(names) * len(norms) <= MAX_CELLS:
        return None
    if {len(rates), *map(len, norms)} != {len(names)}:
        return None
    if not all(map(math.isfinite, itertools.chain(rates, *norms))):
        return None
    return {"method": config.method, "heat": heat([name[:80] for name in names], rates, norms)}


def write(published: Mapping[str, Run], folder: Path) -> None:
    """Write the pair into the folder of a snapshot, for `pair.bundled`."""
    text = json.dumps(choose(published), ensure_ascii=False, separators=(",", ":"))
    write_atomic(folder / PAIR_FILE, text + "\n")
