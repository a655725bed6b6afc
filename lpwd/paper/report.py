"""Write the report of a preset as CSV files and one HTML page."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from lpwd.analysis.figures import style
from lpwd.analysis.phrases import outcome_text
from lpwd.analysis.statistics import epochs_to, metrics_frame
from lpwd.analysis.words import NONE, general, label, number, seed_list, spread
from lpwd.paper.findings import SELECTIONS, Findings
from lpwd.paper.numbers import SOURCE
from lpwd.paths import write_atomic
from lpwd.runs import RunSource
from lpwd.spelled import command_line

TARGET_SHARE = 0.95  # target top-1 as a share of the best mean of the column
TABLED = frozenset({"table", "curves", "heatmap", "scales", "strengths"})  # kinds about test top-1


def write(findings: Findings, source: RunSource, out_dir: str | Path) -> Path:
    """Write `<preset>-<scale>.html` and CSV files into `out_dir`, or only the page if `out_dir` ends in .html.

    `findings` are the result of `find` on `source`. Returns the path of the page.
    """
    folder = Path(out_dir)
    if folder.suffix == ".html":
        folder.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(folder, render(findings, reached=_reached(findings, source), runs=_runs(findings, source)))
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{findings.preset.name}-{findings.scale}"
    frames = {"cells": findings.cells, "table": findings.table, "contrasts": findings.contrasts}
    for name, frame in frames.items():
        write_atomic(folder / f"{stem}-{name}.csv", frame.to_csv(index=False) if len(frame.columns) else "")
    html = folder / f"{stem}.html"
    files = [f"{stem}-{name}.csv" for name in frames]
    write_atomic(html, render(findings, files, _reached(findings, source), _runs(findings, source)))
    return html


def _reached(findings: Findings, source: RunSource) -> pd.DataFrame:
    return epochs_to_target(findings, source) if findings.preset.kind in TABLED else pd.DataFrame()


RUN_HEAD = ("Run", "State", "Top-1 (last)", "Machine", "Commit", "Start", "Data", "Command")


def _runs(findings: Findings, source: RunSource) -> list[list[str]]:
    """Return one row per run: id, state, result, environment, and the command that repeats it."""
    records, rows = {run.run_id: run for run in source.records()}, []
    for run_id in dict.fromkeys(findings.cells.run_id):
        if (run := records.get(run_id)) is None:
            continue
        status, config = run.status, run.config
        facts = [status.device, status.commit[:7], status.start_digest[:8], (config.data_digest or "")[:8]]
        top1 = number(status.summary.get("last_top1"))
        rows.append([run_id, status.state, top1, *(fact or NONE for fact in facts), command_line([config])])
    return rows


def render(
    findings: Findings,
    files: Sequence[str] = (),
    reached: pd.DataFrame | None = None,
    runs: Sequence[Sequence[str]] = (),
) -> str:
    """Return the HTML page, self-contained and with light and dark colours."""
    table = findings.table
    rows = table.to_dict("records")
    return _ENVIRONMENT.get_template("report.html").render(
        findings=findings,
        preset=findings.preset,
        tabled=findings.preset.kind in TABLED,
        reported=any(row["paper"] for row in rows),
        single=bool(len(rows)) and bool((table.cells <= table.n.max()).all()),  # one setting per method
        by_column={name: [row for row in rows if row["column"] == name] for name in _distinct(rows, "column")},
        by_method=[[row for row in rows if row["method"] == name] for name in _distinct(rows, "method")],
        contrasts=list(map(_contrast, findings.contrasts.to_dict("records"))),
        reached=reached.to_dict("records") if reached is not None else [],
        target_share=f"{TARGET_SHARE:.0%}",
        facts=_facts(findings, files),
        run_head=RUN_HEAD,
        runs=runs,
        missing=list(findings.cells[~findings.cells.done.astype(bool)].run_id),
        plotly=Markup(get_plotlyjs()),  # noqa: S704  Plotly's own script
    )


def _distinct(rows: Sequence[Mapping[Any, Any]], name: str) -> list[str]:
    return list(dict.fromkeys(row[name] for row in rows))


def _spread(row: Mapping[str, Any], value: str, digits: int = 2) -> str:
    """Return `74.48±0.04`, or `diverged` or `missing` without a value."""
    mean, deviation = row[f"{value}_mean"], row[f"{value}_std"]
    if math.isnan(mean):
        if value == "val_selected_top1" and row["n"]:
            return NONE
        return "diverged" if row["diverged"] and row["diverged"] == row["cells"] else "missing"
    return spread(mean, deviation, digits)


def _contrast(row: Mapping[Any, Any]) -> list[str]:
    digits, unit = (3, "") if "loss" in row["value"] else (2, " points")
    mean, low, high = (number(row[name], signed=True, digits=digits) for name in ("mean", "low", "high"))
    return [
        row["column"],
        f"{label(row['method'])} − {label(row['other'])}",
        row["value"],
        "missing" if math.isnan(row["mean"]) else mean,
        NONE if math.isnan(row["low"]) else f"{low} to {high}",
        str(row["n"]),
        number(row["paper"], signed=True),
        outcome_text(row["outcome"], row["margin"], unit),
    ]


def epochs_to_target(findings: Findings, source: RunSource) -> pd.DataFrame:
    """Return one row per column and method at its best setting: target, median epoch, misses, runs."""
    rows = []
    cells = findings.cells
    for column, part in findings.table[findings.table.n > 0].groupby("column", sort=False):
        target = TARGET_SHARE * float(part.best10_mean_mean.max())
        for row in part.itertuples():
            mine = cells[(cells.column == column) & (cells.method == row.method) & cells.done.astype(bool)]
            chosen = mine[(mine.lr == row.lr) & (mine.weight_decay == row.weight_decay)]
            median, misses = epochs_to(metrics_frame(source, chosen.run_id, "epoch"), target, len(chosen))
            place = {"column": column, "method": row.method, "in_paper": row.in_paper, "target": target}
            rows.append(place | {"median": median, "misses": misses, "runs": len(chosen)})
    return pd.DataFrame(rows)


def _facts(findings: Findings, files: Sequence[str]) -> dict[str, str]:
    cells = findings.cells
    states = ", ".join(f"{count} {state}" for state, count in cells.state.value_counts().items())
    columns = {
        "Device": "device",
        "Versions": "versions",
        "Commit": "commit",
        "Protocol": "protocol",
        "Trained": "date",
    }
    return {
        "Cells": f"{findings.done} of {len(cells)} done ({states})",
        "Seeds": seed_list(sorted(set(cells.seed))),
        **{name: _values(cells[column]) for name, column in columns.items()},
        "Training time": f"{cells.seconds.fillna(0).sum() / 60:.1f} min in all",
        "Written": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "Files": ", ".join(files),
        "Paper": SOURCE,
    }


def _values(column: pd.Series) -> str:
    """Return all values of a column by frequency, with counts if there are several."""
    counts = column.dropna()[column.dropna() != ""].value_counts()
    if len(counts) == 1:
        return str(counts.index[0])
    return "; ".join(f"{value} ({count} runs)" for value, count in counts.items())


def _figure_json(figure: go.Figure) -> Markup:
    """Return JSON for the page's script; `<` is escaped so that no text can close the script element."""
    return Markup(str(figure.to_json()).replace("<", "\\u003c"))  # noqa: S704


def _is_wide(figure: go.Figure) -> bool:
    return sum(trace.type == "heatmap" for trace in figure.data) > 1


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_ENVIRONMENT.globals |= {
    **{"style": style, "label": label, "number": number, "general": general, "none": NONE},
    **{"spread_text": _spread, "selections": tuple(SELECTIONS), "figure_json": _figure_json, "is_wide": _is_wide},
}
