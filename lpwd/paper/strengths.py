"""Figures and sentences of presets `settle` and `scan`: accuracy over total decay."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from lpwd.analysis import figures, layer_motion
from lpwd.analysis.inference import place
from lpwd.analysis.pairs import MARGINS, Paired, best_runs, fairly_chosen, holm_adjusted
from lpwd.analysis.phrases import chosen_text
from lpwd.analysis.statistics import budgets, over_seeds
from lpwd.analysis.strengths import (
    COMPARED,
    NULL_DECAY,
    NULL_SHARE,
    PLATEAU_POINTS,
    curve,
    differences_from_wd,
    noise_floor,
    plateau,
    with_decay,
)
from lpwd.analysis.verdict import QUANTITIES, difference, more_seeds
from lpwd.analysis.words import label, number
from lpwd.paper.presets import Preset
from lpwd.runs import RunSource

VALUES = ("last_top1", "val_selected_top1", "best10_mean")
X_TITLE = "total decay (nepers, parameter-weighted)"


def draw(
    preset: Preset, frame: pd.DataFrame, contrasts: pd.DataFrame, source: RunSource
) -> tuple[dict[str, go.Figure], list[str]]:
    """Return figures by caption and sentences, starting with the decision; columns without LPWD have no decision."""
    drawn: dict[str, go.Figure] = {}
    sentences: list[str] = []
    for column, part in frame.groupby("column", sort=False):
        done = with_decay(part)
        values = [name for name in VALUES if done[name].notna().any()]
        for value in values:
            drawn[f"{column}: {QUANTITIES[value][0]}"] = _figure(preset, done, value)
        if "lpwd" in set(part.method):
            decisive = zip(values, _decisive(done, values), strict=True)
            sentences += [text for value, pairs in decisive for text in _sentences(done, value, pairs)]
        else:
            texts = [text for value in values for text in _coincidence(done, value) + _robustness(done, value)]
            sentences += [f"{column}: {text}" for text in texts]
    motion = layer_motion.layer_motion(frame, source)
    if len(motion):
        drawn[layer_motion.CAPTION] = layer_motion.figure(motion)
        sentences += layer_motion.sentences(motion, preset.rows)
    return drawn, sentences


def _figure(preset: Preset, done: pd.DataFrame, value: str) -> go.Figure:
    lines = {name: curve(done, name, value) for name in preset.rows}
    flat = {name: best_runs(done, name, value)[value].dropna() for name in preset.rows if lines[name].empty}
    floor = noise_floor(done, value)
    band = (floor.mean - floor.std, floor.mean + floor.std) if floor.std == floor.std else None
    return figures.strengths(
        {name: line for name, line in lines.items() if not line.empty},
        {name: (float(values.mean()), len(values)) for name, values in flat.items() if len(values)},
        null_below=NULL_DECAY,
        noise=band,
        x_title=X_TITLE,
        y_title=f"{QUANTITIES[value][0]} (%)",
    )


def _decisive(done: pd.DataFrame, values: Sequence[str]) -> list[tuple[Paired, Paired]]:
    """Return LPWD and reversed depth minus WD for each value, with Holm's correction and cross-validated settings."""
    methods = ("lpwd", "lpwd_reversed")
    pairs = holm_adjusted([fairly_chosen(done, method, "wd", value) for value in values for method in methods])
    return list(zip(pairs[::2], pairs[1::2], strict=True))


def _sentences(done: pd.DataFrame, value: str, decisive: tuple[Paired, Paired]) -> list[str]:
    name = QUANTITIES[value][0]
    sentences = [f"{name[0].upper()}{name[1:]}: {text}" for text in (_decision(*decisive), _floor(done, value)) if text]
    return sentences + _coincidence(done, value) + _robustness(done, value)


def _decision(lpwd: Paired, reverse: Paired) -> str:
    """Return the decision: LPWD helps only if its best beats WD's best and reversed depth does not."""
    if lpwd.n < 2 or reverse.n < 2:
        return "no verdict yet: LPWD, WD and reversed depth need two seeds each."
    numbers = f"Best LPWD minus best WD {_numbers(lpwd)}. Best reversed depth minus best WD {_numbers(reverse)}"
    if lpwd.outcome == "undecided":
        return f"undecided whether LPWD helps. {numbers}. {more_seeds(lpwd)}."
    if lpwd.outcome != "higher":
        harm = " and harms" if lpwd.outcome == "lower" else ""
        return f"LPWD does not help{harm}. {numbers}."
    if reverse.outcome == "higher":
        return f"more decay in deep layers is not what helps: reversed depth beats WD as well. {numbers}."
    if reverse.outcome == "undecided":
        return f"LPWD helps; undecided whether reversed depth does. {numbers}. {more_seeds(reverse)}."
    return f"LPWD helps: its best beats WD's, and reversed depth does not. {numbers}."


def _numbers(pair: Paired) -> str:
    return f"{difference(pair)} (n = {pair.n}{chosen_text(pair.naive, ' points')})"


def _floor(done: pd.DataFrame, value: str) -> str:
    floor = noise_floor(done, value)
    if floor.std != floor.std:
        return ""
    return (
        f"noise floor: {floor.cells} runs whose decay removes less than {NULL_SHARE:.0%} of the weights differ within "
        f"a seed by a deviation of {floor.std:.2f} points. They are shaded."
    )


def _coincidence(done: pd.DataFrame, value: str) -> list[str]:
    """Return sentences on whether curves over total decay differ from WD's."""
    sentences = []
    for method in COMPARED:
        points = [point for point in differences_from_wd(done, method, value) if point.low == point.low]
        if not points:
            continue
        differing = [point for point in points if point.differs]
        if all(place((point.low, point.high), MARGINS[value]) == "equal" for point in points):
            near = f"within {MARGINS[value]:g} points of WD's curve at the same total decay"
            text = f"{near} in all {len(points)} strengths."
        elif not differing:
            text = f"in none of {len(points)} strengths apart from WD's curve beyond the 95% interval."
        else:
            named = "; ".join(f"{number(p.mean, signed=True)} at {p.total_decay:.3g}" for p in differing)
            text = (
                f"differs from WD at equal total decay in {len(differing)} of {len(points)} strengths "
                f"(95% intervals; {named} nepers)."
            )
        sentences.append(f"{label(method)}, {QUANTITIES[value][0]}: {text}")
    return sentences


def _robustness(done: pd.DataFrame, value: str) -> list[str]:
    top = curve(done, "wd", value)
    if top.empty:
        return []
    level = float(top["mean"].max()) - PLATEAU_POINTS
    parts = []
    for method in ("wd", *COMPARED):
        points = curve(done, method, value)
        if points.empty:
            continue
        ends = plateau(points, level)
        parts.append(f"{label(method)} " + (f"{ends[0]:.2g} to {ends[1]:.2g}" if ends else "nowhere"))
    ranges = ", ".join(parts)
    within = f"within {PLATEAU_POINTS:g} point of WD's best ({level:.1f}%)"
    return [f"Robustness, {QUANTITIES[value][0]}: total decay in nepers {within} ({ranges})."]


def trials(frame: pd.DataFrame) -> tuple[dict[str, go.Figure], list[str]]:
    """Draw the expected best over k trials if methods have several settings, and report unequal tuning budgets."""
    drawn, sentences = {}, []
    for column, part in frame[frame.state != "missing"].groupby("column", sort=False):
        rows = budgets(over_seeds(part, by=("column",)))
        if rows.empty or rows.trials.max() < 2:
            continue
        drawn[f"{column}: expected best over k trials"] = figures.trials(rows)
        counts = rows.drop_duplicates("method")
        if counts.trials.nunique() > 1:
            named = ", ".join(f"{label(row.method)} {row.trials}" for row in counts.itertuples())
            sentences.append(f"Tuning budgets differ in {column} ({named} settings). Compare at the same k.")
    return drawn, sentences
