"""The published pair that the Demo shows, chosen by rule and never by its outcome.

Candidates are settings with finished runs of WD and LPWD that share everything but the method and that recorded what
the Demo draws. Among them: those that fine-tune, as the paper does; then most seeds; then the total decay (eta lambda
steps) that comes nearest to the paper's Figure 1, as a ratio; then scale paper. Of that setting the lowest seed is
drawn, and the verdict is over all its seeds.
"""

import datetime
import itertools
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from lpwd.analysis.statistics import SETTING, paired, runs_frame
from lpwd.analysis.verdict import one_sentence
from lpwd.analysis.words import short
from lpwd.hub.checked import Checked
from lpwd.paper.numbers import PAPER_STEPS
from lpwd.paper.pair import METHODS, PAIR_FILE, heat
from lpwd.paths import write_atomic
from lpwd.store import Record

CLAIM = 1  # the paper claims that LPWD is above WD
FIGURE_1 = 0.001 * 0.5 * PAPER_STEPS  # nepers: the total decay of the paper's Figure 1
MAX_CELLS = 20_000  # of a heatmap: layers x epochs
LAYER_FACTS = ("layer_names", "layer_decay_rates", "initial_weight_norms")


def verdict_over(records: Iterable[Record]) -> str:
    """One sentence on runs of one (eta, lambda), paired by seed; the other runs of a setting do not belong in it."""
    frame = runs_frame(records).assign(scale="any")  # the same settings give the same numbers whichever grid asked
    return one_sentence(paired(frame, "lpwd", "wd"), claim=CLAIM)


def choose(checked: Checked) -> dict[str, Any] | None:
    """The chosen published pair with all that its picture needs, as JSON; None where there is no candidate."""
    frame = runs_frame(checked.records.values())
    runs = frame[frame.method.isin(METHODS)]
    drawn = {run_id: lane for run_id in runs[runs.state == "finished"].run_id if (lane := _lane(checked, run_id))}
    parts = [part for _, part in runs.groupby(list(SETTING), sort=True)]
    settings = [part for part in parts if len(_complete(part, drawn))]
    if not settings:
        return None
    setting = max(settings, key=lambda part: _rank(checked, _complete(part, drawn)))
    chosen = _complete(setting, drawn)
    chosen = chosen[chosen.seed == chosen.seed.min()]
    ids = [str(chosen[chosen.method == method].run_id.iloc[0]) for method in METHODS]
    first = checked.records[ids[0]]
    date = datetime.datetime.fromtimestamp(first.status.created, datetime.UTC)
    return {
        "ids": ids,
        "config": first.config.model_dump(mode="json", exclude_defaults=True),
        "device": first.status.device,
        "date": date.strftime("%Y-%m-%d") if first.status.created else "",
        "lanes": [drawn[run_id] for run_id in ids],
        "verdict": verdict_over([checked.records[run_id] for run_id in setting.run_id]),
    }


def _complete(part: pd.DataFrame, drawn: Mapping[str, Any]) -> pd.DataFrame:
    """The drawable runs of those seeds that have both methods."""
    runs = part[part.run_id.isin(drawn.keys())]
    return runs[runs.groupby("seed").method.transform("nunique") == len(METHODS)]


def _rank(checked: Checked, runs: pd.DataFrame) -> tuple[Any, ...]:
    first = checked.records[str(runs.run_id.min())]
    config = first.config
    fine_tuned = config.pretrained or config.init_from is not None
    total = config.lr * config.weight_decay * first.status.step
    distance = round(abs(math.log(total / FIGURE_1)), 3) if total > 0 else math.inf
    return fine_tuned, runs.seed.nunique(), -distance, config.scale == "paper", first.run_id


def _lane(checked: Checked, run_id: str) -> dict[str, Any] | None:
    """The curves by epoch and the heatmap of a run; None where something is missing, wrong or too much to draw."""
    record = checked.records[run_id]
    config = record.config
    names, rates, start = (checked.rows[run_id][name] or [] for name in LAYER_FACTS)
    curves = checked.curves_frame
    mine = curves[curves.run_id == run_id].sort_values("epoch")
    norms = [start, *([] if row is None else list(map(float, row)) for row in mine.weight_norms)]
    columns = {name: list(map(float, mine[name])) for name in ("train_loss", "test_top1")}
    if list(mine.epoch) != list(range(1, config.epochs + 1)) or not 0 < len(names) * len(norms) <= MAX_CELLS:
        return None
    if {len(rates), *map(len, norms)} != {len(names)} or not all(isinstance(name, str) for name in names):
        return None
    if not all(isinstance(n, float) and math.isfinite(n) for n in itertools.chain(rates, *norms, *columns.values())):
        return None
    epochs = {"epoch": list(range(1, config.epochs + 1))}
    rounded = {name: list(map(short, values)) for name, values in columns.items()}
    counts = checked.rows[run_id]["layer_parameter_counts"] or []
    picture = heat([name[:80] for name in names], rates, norms, counts if len(counts) == len(names) else [])
    course = {"method": config.method, "steps": record.status.step, "schedule": config.schedule}
    return {**course, **epochs, **rounded, "heat": picture}


def write(checked: Checked, folder: Path) -> None:
    """Put the pair beside a snapshot, for `pair.bundled`."""
    text = json.dumps(choose(checked), ensure_ascii=False, separators=(",", ":"))
    write_atomic(folder / PAIR_FILE, text + "\n")
