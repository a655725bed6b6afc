"""Results of a preset: tables with the paper's numbers, figures and verdicts. Missing cells are shown as missing."""

import math
from collections.abc import Container
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from lpwd.analysis.pairs import best_runs, holm_adjusted, with_images
from lpwd.analysis.statistics import plain_strings, runs_frame
from lpwd.analysis.words import label
from lpwd.paper.contrasts import Placed, contrast_row, placed, sentences_on
from lpwd.paper.drawings import DRAW
from lpwd.paper.numbers import Reported, Scale
from lpwd.paper.presets import Cell, Preset
from lpwd.paper.protocols import protocol
from lpwd.paper.strengths import trials
from lpwd.runs import RunSource, device_class

SELECTIONS = {"best10_mean": "best 10", "last_top1": "last epoch", "val_selected_top1": "validation-selected"}


@dataclass(frozen=True)
class Findings:
    """The content of a report and of the Benchmark tab. `sentences` follow from the statistics only."""

    preset: Preset
    scale: Scale
    cells: pd.DataFrame  # one row per cell: column, in_paper and the row of its run; state "missing" without a run
    done: int  # number of cells that finished or diverged
    table: pd.DataFrame  # one row per method and column: our best setting, and the paper's numbers
    contrasts: pd.DataFrame
    figures: dict[str, go.Figure]  # caption -> figure
    sentences: list[str]
    warnings: list[str] = field(default_factory=list)


def find(preset: Preset, source: RunSource, scale: Scale, seeds: int | None = None) -> Findings:
    """Return tables, figures and sentences from the recorded runs of a preset."""
    findings = tabulate(preset, source, scale, seeds)
    frame, sentences = findings.cells, list(findings.sentences)
    drawn, extra = DRAW[preset.kind](preset, frame, findings.contrasts, source)
    if preset.kind not in ("difference", "opposing"):  # these do not choose a setting
        several, unequal = trials(frame)
        drawn, extra = drawn | several, [*extra, *unequal]
    lost = int((frame.state == "diverged").sum())
    if lost:
        sentences.append(f"{lost} of {len(frame)} runs diverged (non-finite loss); they are counted, not averaged.")
    all_sentences = [*extra, *sentences] if preset.kind == "strengths" else [*sentences, *extra]
    return replace(findings, figures=drawn, sentences=all_sentences)


def tabulate(preset: Preset, source: RunSource, scale: Scale, seeds: int | None = None) -> Findings:
    """Return findings without figures; histories are read for intervals over images only."""
    frame, warnings = _cells_frame(preset.cells(scale, seeds), source, scale)
    table, contrasts, sentences = _statistics(preset, frame, scale, source)
    return Findings(preset, scale, frame, int(frame.done.sum()), table, contrasts, {}, sentences, warnings)


def _cells_frame(cells: list[Cell], source: RunSource, scale: Scale) -> tuple[pd.DataFrame, list[str]]:
    """Return the cells with runs of the most frequent device class, and a warning about other runs."""
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
    """Use the cells from a start trained here for each start that has more runs with it."""
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
    rows: list[dict[str, Any]] = []
    for column in dict.fromkeys(frame.column):
        part = frame[frame.column == column]
        for method in [name for name in preset.rows if name in set(part.method)]:
            rows.append(_table_row(preset, column, method, part[part.method == method]))
    places = placed(preset, frame)
    judged = holm_adjusted([with_images(one.pair, source) for one in places])
    places = [replace(one, pair=pair) for one, pair in zip(places, judged, strict=True)]
    return pd.DataFrame(rows), pd.DataFrame(list(map(contrast_row, places))), sentences_on(preset, places, scale)


def claims(preset: Preset, source: RunSource, scale: Scale, seeds: int) -> list[Placed]:
    """Return the contrasts with a claim over the first seeds, or all contrasts if there are no claims."""
    frame, _ = _cells_frame(preset.cells(scale, seeds), source, scale)
    places = placed(preset, frame)
    return [one for one in places if one.claim] or places


def _table_row(preset: Preset, column: str, method: str, every: pd.DataFrame) -> dict[str, Any]:
    """Return one row of `Findings.table` from the runs of a method in a column, at its best setting."""
    reported: Reported | None = preset.reported.get((method, column))
    row: dict[str, Any] = {"column": column, "method": method, "label": label(method)}
    row |= {"in_paper": bool(every.in_paper.iloc[0]), "paper_mean": math.nan, "paper_std": math.nan, "paper": ""}
    if reported:
        row |= {"paper_mean": reported.mean, "paper_std": reported.std, "paper": str(reported)}
    best = best_runs(every, method, "best10_mean")
    done = best[best.state == "finished"]
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
