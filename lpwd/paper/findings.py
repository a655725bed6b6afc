"""Results of a preset: numbers beside the paper's, figures and verdicts. Missing cells stay visible."""

import math
from collections.abc import Container
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from lpwd.analysis.pairs import holm_adjusted, with_images
from lpwd.analysis.statistics import best_settings, over_seeds, plain_strings, runs_frame
from lpwd.analysis.words import label
from lpwd.paper.contrasts import Placed, contrast_row, placed, sentences_on, with_runs
from lpwd.paper.drawings import DRAW, draw_beside_paper, draw_differences
from lpwd.paper.numbers import Reported, Scale
from lpwd.paper.presets import Cell, Preset
from lpwd.paper.protocols import protocol
from lpwd.paper.strengths import trials
from lpwd.runs import RunSource, device_class

SELECTIONS = {"best10_mean": "best 10", "last_top1": "last epoch", "val_selected_top1": "validation-selected"}


@dataclass(frozen=True)
class Findings:
    """Everything a report shows, and the Benchmark tab too. `sentences` follow from the statistics alone."""

    preset: Preset
    scale: Scale
    cells: pd.DataFrame  # one row per cell: place, in_paper, and the run's row; state "missing" without a run
    done: int  # cells whose measurement is complete, divergence included
    table: pd.DataFrame  # one row per method and column: ours at its best setting, and the paper's
    contrasts: pd.DataFrame
    figures: dict[str, go.Figure]  # caption -> figure
    sentences: list[str]
    warnings: list[str] = field(default_factory=list)


def find(preset: Preset, source: RunSource, scale: Scale, seeds: int | None = None) -> Findings:
    """Read the runs of a preset and return tables, figures and sentences; nothing is trained."""
    findings = tabulate(preset, source, scale, seeds)
    frame, sentences = findings.cells, list(findings.sentences)
    drawn, extra = DRAW[preset.kind](preset, frame, source)
    if preset.kind == "difference":
        drawn = draw_differences(findings.contrasts)
    if preset.kind == "table":
        drawn = draw_beside_paper(findings.contrasts)
    if preset.kind not in ("difference", "opposing"):  # which choose no setting
        several, unequal = trials(frame)
        drawn, extra = drawn | several, [*extra, *unequal]
    lost = int((frame.state == "diverged").sum())
    if lost:
        sentences.append(f"{lost} of {len(frame)} runs diverged (non-finite loss); they are counted, not averaged.")
    all_sentences = [*extra, *sentences] if preset.kind == "strengths" else [*sentences, *extra]
    return replace(findings, figures=drawn, sentences=all_sentences)


def tabulate(preset: Preset, source: RunSource, scale: Scale, seeds: int | None = None) -> Findings:
    """`find` without figures: histories are read for the intervals over images alone."""
    frame, warnings = _cells_frame(preset.cells(scale, seeds), source, scale)
    table, contrasts, sentences = _statistics(preset, frame, scale, source)
    return Findings(preset, scale, frame, int(frame.done.sum()), table, contrasts, {}, sentences, warnings)


def _cells_frame(cells: list[Cell], source: RunSource, scale: Scale) -> tuple[pd.DataFrame, list[str]]:
    """Return the cells with their runs from the device class that has most of them, and a warning about the others."""
    record_by_id = {record.run_id: record for record in source.records()}
    cells = _with_one_start(cells, record_by_id)
    records = {cell.run_id: record_by_id[cell.run_id] for cell in cells if cell.run_id in record_by_id}
    ended = [device_class(record.status.device) for record in records.values() if record.status.device]
    warnings = []
    if len(set(ended)) > 1:
        keep = max(sorted(set(ended)), key=ended.count)
        counts = ", ".join(f"{name}: {ended.count(name)}" for name in sorted(set(ended)))
        warnings.append(f"Runs come from several kinds of device ({counts}). Only those from {keep} are used here.")
        records = {
            run_id: record
            for run_id, record in records.items()
            if not record.status.device or device_class(record.status.device) == keep
        }
    runs = runs_frame(records.values()).set_index("run_id")
    days = {run_id: record.day for run_id, record in records.items()}
    rows = []
    for cell in cells:
        row: dict[str, Any] = dict(runs.loc[cell.run_id]) if cell.run_id in runs.index else {"state": "missing"}
        row |= {"method": cell.row, "lr": cell.config.lr, "weight_decay": cell.config.weight_decay}
        row |= {"protocol": protocol(cell.config), "date": days.get(cell.run_id, "")}
        row |= {"seed": cell.config.seed, "scale": scale, "model": cell.config.model}
        place = {"run_id": cell.run_id, "column": cell.column, "row": cell.row, "in_paper": cell.in_paper}
        rows.append(place | row | {"done": row["state"] in ("finished", "diverged")})
    frame = plain_strings(pd.DataFrame(rows))
    return frame.reindex(columns=[*dict.fromkeys([*frame.columns, *runs.columns])]), warnings


def _with_one_start(cells: list[Cell], run_ids: Container[str]) -> list[Cell]:
    """Replace cells by those from a start trained here, for each start that has more runs under that id."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        if cell.start and cell.config.init_from != cell.start.run_id:
            groups.setdefault(cell.start.run_id, []).append(cell)
    own: dict[str, Cell] = {}
    for group in groups.values():
        others = {cell.run_id: cell.from_own_start for cell in group}
        if sum(other.run_id in run_ids for other in others.values()) > sum(cell.run_id in run_ids for cell in group):
            own |= others
    return [own.get(cell.run_id, cell) for cell in cells]


def _statistics(
    preset: Preset, frame: pd.DataFrame, scale: Scale, source: RunSource
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    grouped = over_seeds(with_runs(frame), by=("column",))
    best = best_settings(grouped, by=("column",))
    rows: list[dict[str, Any]] = []
    for column in dict.fromkeys(frame.column):
        part = frame[frame.column == column]
        for method in [name for name in preset.rows if name in set(part.method)]:
            mine = best[(best.column == column) & (best.method == method)]
            runs = _at(part[part.method == method], mine.iloc[0]) if len(mine) else None
            rows.append(_table_row(preset, column, method, part, runs))
    places = placed(preset, frame)
    judged = holm_adjusted([with_images(one.pair, source) for one in places])
    places = [replace(one, pair=pair) for one, pair in zip(places, judged, strict=True)]
    return pd.DataFrame(rows), pd.DataFrame(list(map(contrast_row, places))), sentences_on(preset, places, scale)


def claims(preset: Preset, source: RunSource, scale: Scale, seeds: int) -> list[Placed]:
    """The contrasts that the paper (or a file) claims something about, all if there are none, over the first seeds."""
    frame, _ = _cells_frame(preset.cells(scale, seeds), source, scale)
    places = placed(preset, frame)
    return [one for one in places if one.claim] or places


def _at(runs: pd.DataFrame, setting: pd.Series) -> pd.DataFrame:
    return runs[(runs.lr == setting.lr) & (runs.weight_decay == setting.weight_decay)]


def _table_row(
    preset: Preset, column: str, method: str, part: pd.DataFrame, runs: pd.DataFrame | None
) -> dict[str, Any]:
    every = part[part.method == method]
    reported: Reported | None = preset.reported.get((method, column))
    row: dict[str, Any] = {"column": column, "method": method, "label": label(method)}
    row |= {"in_paper": bool(every.in_paper.iloc[0]), "paper_mean": math.nan, "paper_std": math.nan, "paper": ""}
    if reported:
        row |= {"paper_mean": reported.mean, "paper_std": reported.std, "paper": str(reported)}
    done = runs[runs.state == "finished"] if runs is not None else every.iloc[:0]
    row |= {"n": len(done), "seeds": tuple(map(int, done.seed))}
    row |= {"lr": done.lr.iloc[0] if len(done) else math.nan}
    row |= {"weight_decay": done.weight_decay.iloc[0] if len(done) else math.nan}
    for value in (*SELECTIONS, "train_loss"):
        numbers = done[value].astype(float)
        row |= {f"{value}_mean": numbers.mean(), f"{value}_std": numbers.std(ddof=1)}
    row |= {"within_run_std": done.best10_std.astype(float).mean() if len(done) else math.nan}
    row |= {"mean_decay_rate": done.mean_decay_rate.astype(float).mean() if len(done) else math.nan}
    row |= {"diverged": int((every.state == "diverged").sum()), "done": int(every.done.sum()), "cells": len(every)}
    return row
