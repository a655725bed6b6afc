"""`write_report`: CSV files and one HTML page of a preset, ours beside the paper's, missing cells shown as missing."""

import math
from collections.abc import Sequence
from datetime import datetime, timezone
from html import escape
from pathlib import Path

import pandas as pd

from lpwd.analysis.figures import style
from lpwd.analysis.protocol import epochs_to
from lpwd.analysis.statistics import metrics_frame
from lpwd.analysis.words import NONE, general, label, number, seed_list, spread
from lpwd.paper.findings import SELECTIONS, Findings, find
from lpwd.paper.numbers import SOURCE, Scale
from lpwd.paper.presets import Preset, get_preset
from lpwd.paper.report_page import items, page, plot, table
from lpwd.paths import write_atomic
from lpwd.runs import RunSource

MISSING = '<span class="missing">missing</span>'
SENTENCES_SHOWN = 8
TARGET_SHARE = 0.95  # of the column's best mean, that a run is timed to
TABLED = frozenset({"table", "curves", "heatmap", "scales", "strengths"})  # kinds whose question is about test top-1


def write_report(
    preset: Preset | str, source: RunSource, out_dir: str | Path, *, scale: Scale = "cpu", seeds: int | None = None
) -> Path:
    """Write `<preset>-<scale>.html` and its CSV files into `out_dir`; returns the HTML's path. Trains nothing."""
    return write(find(get_preset(preset) if isinstance(preset, str) else preset, source, scale, seeds), source, out_dir)


def write(findings: Findings, source: RunSource, out_dir: str | Path) -> Path:
    """Write what `find` found in `source`, as `write_report` does."""
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{findings.preset.name}-{findings.scale}"
    frames = {"cells": findings.cells, "table": findings.table, "contrasts": findings.contrasts}
    for name, frame in frames.items():
        write_atomic(folder / f"{stem}-{name}.csv", frame.to_csv(index=False) if len(frame.columns) else "")
    html = folder / f"{stem}.html"
    reached = epochs_to_target(findings, source) if findings.preset.kind in TABLED else pd.DataFrame()
    write_atomic(html, render(findings, [f"{stem}-{name}.csv" for name in frames], reached))
    return html


def render(findings: Findings, files: Sequence[str] = (), reached: pd.DataFrame | None = None) -> str:
    """The page as text."""
    preset, total = findings.preset, len(findings.cells)
    body = [
        f'<p class="eyebrow">{escape(preset.source)} of “Layer-wise Pre-weight Decay” · scale {findings.scale} · '
        f"{findings.done} of {total} cells done</p>",
        f'<h1>{escape(preset.title)}</h1><p class="question">{escape(preset.question)}</p>',
        *(f'<p class="warning">{escape(warning)}</p>' for warning in findings.warnings),
        _verdicts(findings.sentences),
        f'<p class="note">{escape(preset.scale_note(findings.scale))}</p>',
    ]
    if preset.kind in TABLED:
        body.append(_tables(findings))
    if findings.figures:
        shown = [plot(figure, caption, i) for i, (caption, figure) in enumerate(findings.figures.items())]
        body.append(f'<h2>Figures</h2><div class="figures">{"".join(shown)}</div>')
    if len(findings.contrasts):
        body.append(_contrasts(findings.contrasts))
    if reached is not None and len(reached):
        body.append(_reached(reached))
    body.append(_provenance(findings, files))
    return page(f"{preset.source}: {preset.title}", "".join(body))


def _verdicts(sentences: list[str]) -> str:
    if not sentences:
        return '<ul class="verdict"><li>No run of this preset has finished yet; there is nothing to conclude.</li></ul>'
    more = sentences[SENTENCES_SHOWN:]
    rest = f"<details><summary>{len(more)} more</summary><ul>{items(more)}</ul></details>" if more else ""
    return f'<ul class="verdict">{items(sentences[:SENTENCES_SHOWN])}</ul>{rest}'


# ---- tables


def _tables(findings: Findings) -> str:
    frame = findings.table
    columns = list(dict.fromkeys(frame.column))
    parts = [f"<h3>{escape(column)}</h3>{_detail(frame[frame.column == column])}" for column in columns]
    reported = bool((frame.paper != "").any())
    title = "Ours beside the paper’s" if reported else "Ours (the paper gives no numbers here)"
    if len(columns) < 3:
        return f"<h2>{title}</h2>{''.join(parts)}{_legend()}"
    details = f"<details><summary>Every selection and setting</summary>{''.join(parts)}</details>"
    return f"<h2>{title}</h2>{_overview(frame, columns, reported)}{details}{_legend()}"


def _overview(frame: pd.DataFrame, columns: list[str], reported: bool) -> str:
    """The paper's own layout; each cell has ours above the paper's."""
    rows = []
    single = bool((frame.cells <= frame.n.max()).all())  # one setting a method: its cells are its seeds
    for method in dict.fromkeys(frame.method):
        mine = frame[frame.method == method].set_index("column")
        cells = []
        for column in columns:
            if column not in mine.index:
                cells.append("")
                continue
            row = mine.loc[column]
            paper = f"<small>paper {escape(row.paper) or NONE}</small>" if reported else ""
            few = f"<small>n = {row.n} of {row.cells}</small>" if 0 < row.n < row.cells and single else ""
            cells.append(f"{_spread(row, 'best10_mean')}{few}{paper}")
        rows.append([_method(mine.iloc[0], method), *cells])
    return table(["best-10 test top-1 (%)", *columns], rows)


def _detail(frame: pd.DataFrame) -> str:
    head = ["test top-1 (%)", "Paper", "Best 10", "Last epoch", "Val.-selected", "Within run"]
    head += ["Train loss", "η", "λ", "Mean λ", "n", "Diverged", "Cells"]
    rows = []
    for row in frame.itertuples():
        rows.append(
            [
                _method(row, row.method),
                f'<span class="paper">{escape(row.paper) or NONE}</span>',
                *(_spread(row, value) for value in SELECTIONS),
                number(row.within_run_std),
                _spread(row, "train_loss", 3),
                general(row.lr),
                general(row.weight_decay),
                general(row.mean_decay_rate),
                str(row.n),
                str(row.diverged),
                f"{row.done}/{row.cells}",
            ]
        )
    return table(head, rows)


def _legend() -> str:
    return (
        '<p class="note">Ours: mean ± standard deviation over seeds (ddof 1; none for one). The paper’s ± is '
        "the deviation of the ten best epochs of one run, as in “Within run”. Best 10 selects on the test set, as "
        "the paper does; the validation-selected value does not. Mean λ is the parameter-weighted mean of the layers’ "
        "rates: where it is larger, the penalty is stronger. Diverged runs have no value and are counted.</p>"
    )


def _method(row: object, method: str) -> str:
    chip = f'<span class="chip" style="background:{style(method).color}"></span>'
    control = "" if getattr(row, "in_paper", True) else ' <span class="control">not in the paper</span>'
    return f"{chip}{escape(label(method))}{control}"


def _spread(row: object, value: str, digits: int = 2) -> str:
    """`74.48±0.04`; without a deviation for one seed; what is missing says so."""
    mean, deviation = getattr(row, f"{value}_mean"), getattr(row, f"{value}_std")
    if math.isnan(mean):
        if value == "val_selected_top1" and row.n:  # type: ignore[attr-defined]
            return NONE
        return "diverged" if row.diverged and row.diverged == row.cells else MISSING  # type: ignore[attr-defined]
    return spread(mean, deviation, digits)


def _contrasts(frame: pd.DataFrame) -> str:
    words = {
        "none": "no pair yet",
        "no interval": "one pair, no interval",
        "no difference": "no difference beyond seed noise",
    }
    rows = []
    for row in frame.itertuples():
        digits = 3 if "loss" in row.value else 2
        low, high = (number(value, signed=True, digits=digits) for value in (row.low, row.high))
        rows.append(
            [
                escape(row.column),
                escape(f"{label(row.method)} − {label(row.other)}"),
                escape(row.value),
                MISSING if math.isnan(row.mean) else number(row.mean, signed=True, digits=digits),
                NONE if math.isnan(row.low) else f"{low} to {high}",
                str(row.n),
                '<span class="paper">' + number(row.paper, signed=True) + "</span>",
                words.get(row.outcome, row.outcome),
            ]
        )
    head = ["Where", "Pair", "Of", "Difference", "95% interval", "n", "Paper", "Outcome"]
    return (
        f"<h2>Paired differences</h2>{table(head, rows)}"
        '<p class="note">Pairs share seed, batches, initial weights and images; intervals are Student’s t. They '
        "cover the randomness of seeds only, and are not corrected for the number of comparisons.</p>"
    )


def epochs_to_target(findings: Findings, source: RunSource) -> pd.DataFrame:
    """A row a column and method at its best setting: the target, the median epoch, misses, runs."""
    rows = []
    cells = findings.cells
    for column, part in findings.table[findings.table.n > 0].groupby("column", sort=False):
        target = TARGET_SHARE * float(part.best10_mean_mean.max())
        for row in part.itertuples():
            mine = cells[(cells.column == column) & (cells.method == row.method) & cells.done.astype(bool)]
            chosen = mine[(mine.lr == row.lr) & (mine.weight_decay == row.weight_decay)]
            epochs = epochs_to(metrics_frame(source, chosen.run_id, "epoch"), target, len(chosen))
            place = {"column": column, "method": row.method, "in_paper": row.in_paper, "target": target}
            rows.append(place | {"median": epochs.median, "misses": epochs.misses, "runs": len(chosen)})
    return pd.DataFrame(rows)


def _reached(frame: pd.DataFrame) -> str:
    rows = [
        [
            *(escape(row.column), _method(row, row.method), f"{row.target:.2f}", number(row.median, digits=1)),
            *(f"{row.misses} of {row.runs}",),
        ]
        for row in frame.itertuples()
    ]
    head = ["Where", "Method", "Target (%)", "Median epoch", "Never reached it"]
    return (
        f"<h2>Epochs to a target</h2>{table(head, rows)}"
        f'<p class="note">The target is {TARGET_SHARE:.0%} of the best mean in its column. A run that never reaches it '
        "counts as later than any, so that a median may not exist.</p>"
    )


# ---- provenance


def _provenance(findings: Findings, files: Sequence[str]) -> str:
    cells = findings.cells
    states = ", ".join(f"{count} {state}" for state, count in cells.state.value_counts().items())
    facts = {
        "Cells": f"{findings.done} of {len(cells)} done ({states})",
        "Seeds": seed_list(sorted(set(cells.seed))),
        "Device": _distinct(cells.device),
        "Versions": _distinct(cells.versions),
        "Commit": _distinct(cells.commit),
        "Protocol": _distinct(cells.protocol),
        "Trained": _distinct(cells.date),
        "Training time": f"{cells.seconds.fillna(0).sum() / 60:.1f} min in all",
        "Written": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "Files": ", ".join(files),
        "Paper": SOURCE,
    }
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts.items() if text)
    missing = list(cells[~cells.done.astype(bool)].run_id)
    listed = items([str(run_id) for run_id in missing])
    rest = f"<details><summary>{len(missing)} missing cells</summary><ul>{listed}</ul></details>" if missing else ""
    return f"<footer><h2>Provenance</h2><dl>{rows}</dl>{rest}</footer>"


def _distinct(column: pd.Series) -> str:
    """Every value that occurs, most frequent first, with counts where there are several."""
    counts = column.dropna()[column.dropna() != ""].value_counts()
    if len(counts) == 1:
        return str(counts.index[0])
    return "; ".join(f"{value} ({count} runs)" for value, count in counts.items())
