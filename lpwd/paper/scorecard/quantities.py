"""The quantities that test each claim, with one value per seed from runs on the same batches."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from lpwd.analysis.pairs import MARGINS, fairly_chosen
from lpwd.analysis.phrases import minus
from lpwd.analysis.statistics import metrics_frame, with_opposing
from lpwd.analysis.strengths import first_column, with_decay
from lpwd.analysis.verdict import QUANTITIES
from lpwd.paper.findings import Findings
from lpwd.paper.numbers import TABLE1, TABLE3
from lpwd.paper.scorecard.parts import CORRELATION, Part, Sign, over_columns
from lpwd.runs import Runs

Values = dict[str, dict[int, float]]  # column -> seed -> value


def contrast_rows(findings: Findings, method: str, other: str, value: str = "best10_mean") -> dict[str, Any]:
    """Return the rows of a contrast by column, in the order of the columns."""
    rows = findings.contrasts
    if rows.empty:
        return {}
    mine = rows[(rows.method == method) & (rows.other == other) & (rows.value == QUANTITIES[value][0])]
    return {row.column: row for row in mine.itertuples()}


def _values(rows: Mapping[str, Any]) -> Values:
    return {column: dict(zip(row.seeds, row.differences, strict=True)) for column, row in rows.items()}


def pair(
    findings: Findings, method: str, other: str, value: str = "best10_mean", paper: Mapping[str, float] | None = None
) -> Part:
    """Return a contrast as a part; reported differences (`paper`, by column) are averaged over the same columns."""
    name, unit, lower = QUANTITIES[value]
    rows = contrast_rows(findings, method, other, value)
    values, columns = over_columns(_values(rows))
    known = [paper[column] for column in columns if column in paper] if paper else []
    reported = float(np.mean(known)) if known else None
    what = "" if value == "best10_mean" else f" in {name}"
    sign: Sign = "lower" if lower else "higher"
    title = f"{minus(method, other)}{what}"
    naive = [rows[column].naive for column in columns if pd.notna(rows[column].naive)]
    part = Part(title, values, sign, unit, 2 if unit else 3, reported, _coverage(findings, columns), MARGINS[value])
    return replace(part, naive=float(np.mean(naive)) if naive else None)


def _coverage(findings: Findings, columns: list[str]) -> tuple[int, int]:
    return len(columns), findings.cells.column.nunique()


def table1(findings: Findings, source: Runs) -> list[Part]:
    """LPWD minus WD."""
    return [pair(findings, "lpwd", "wd", paper=TABLE1_GAINS)]


def table3(findings: Findings, source: Runs) -> list[Part]:
    """Each step from WD to LPWD."""
    steps = (("lpwd", "wd"), ("rwd", "wd"), ("pwd", "rwd"), ("lpwd", "pwd"))
    columns = dict.fromkeys(findings.cells.column)
    reported = {step: dict.fromkeys(columns, table3_gain(*step)) for step in steps}
    return [pair(findings, *step, paper=reported[step]) for step in steps]


def fig1(findings: Findings, source: Runs) -> list[Part]:
    """Test top-1 and training loss under a strong penalty."""
    return [pair(findings, "lpwd", "wd"), pair(findings, "lpwd", "wd", "train_loss")]


def fig3b(findings: Findings, source: Runs) -> list[Part]:
    """PWD minus RWD at the largest lambda."""
    rows = findings.contrasts
    largest = rows[(rows.method == "pwd") & (rows.x == findings.cells.weight_decay.max())].iloc[0]
    return [Part(f"PWD minus RWD at λ = {largest.x:g}", tuple(largest.differences), "higher")]


def fig5(findings: Findings, source: Runs) -> list[Part]:
    """The gain at the largest size minus the gain at the smallest."""
    sizes, rows = list(dict.fromkeys(findings.cells.column)), contrast_rows(findings, "lpwd", "wd")
    first, last = (_values(rows).get(sizes[i], {}) for i in (0, -1))
    values = tuple(last[seed] - first[seed] for seed in sorted(first.keys() & last.keys()))
    naive = [float(rows[size].naive) for size in (sizes[0], sizes[-1]) if size in rows and pd.notna(rows[size].naive)]
    chosen = naive[1] - naive[0] if len(naive) == 2 else None
    return [Part(f"LPWD minus WD, {sizes[-1]} less {sizes[0]}", values, "higher", naive=chosen)]


def settle(findings: Findings, source: Runs) -> list[Part]:
    """LPWD and reversed depth minus WD, each at its best strength."""
    done = with_decay(first_column(findings.cells))
    lpwd, reverse = (fairly_chosen(done, method, "wd", "last_top1") for method in ("lpwd", "lpwd_reversed"))
    return [
        Part("best LPWD minus best WD in last-epoch top-1", lpwd.differences, "higher", naive=lpwd.naive),
        Part("best reversed depth minus best WD", reverse.differences, "at most", naive=reverse.naive),
    ]


# ---- quantities of complete replications: seeds whose cells in a column are all done


def whole_replications(findings: Findings) -> pd.DataFrame:
    """Return the finished cells of seeds that are complete in their column."""
    cells = findings.cells
    whole = cells.groupby(["column", "seed"]).done.transform(lambda done: done.astype(bool).all())
    return cells[whole & (cells.state == "finished")]


def fig4(findings: Findings, source: Runs) -> list[Part]:
    """LPWD minus WD, averaged over the grid."""
    cells = whole_replications(findings)
    two = cells[cells.method.isin(["wd", "lpwd"])]
    wide = two.pivot_table(index=["column", "seed", "lr", "weight_decay"], columns="method", values="best10_mean")
    values: Values = {}
    if {"wd", "lpwd"} <= set(wide):
        mean = (wide.lpwd - wide.wd).dropna().groupby(level=["column", "seed"]).mean()
        for (column, seed), value in mean.items():
            values.setdefault(column, {})[int(seed)] = float(value)
    seeds, columns = over_columns(values)
    return [Part("LPWD minus WD, mean over all η and λ", seeds, "higher", columns=_coverage(findings, columns))]


def fig2(findings: Findings, source: Runs) -> list[Part]:
    """Rank correlations of R_op with each rate, at equal values of the other rate."""
    cells = with_opposing(whole_replications(findings), source)
    parts = []
    for name, other, sign in (("lr", "weight_decay", "η at equal λ"), ("weight_decay", "lr", "λ at equal η")):
        values: Values = {}
        for (column, seed), part in cells.groupby(["column", "seed"]):
            ranks = part.groupby(other)[[name, "opposing_count_rate"]].rank()
            values.setdefault(column, {})[int(seed)] = float(ranks[name].corr(ranks.opposing_count_rate))
        points = int(cells.groupby(["column", "seed"]).size().max()) if len(cells) else 1
        parts.append(_correlation(findings, f"rank correlation of R_op with {sign}", values, "higher", points))
    return parts


def _correlation(findings: Findings, name: str, values: Values, sign: Sign, points: int) -> Part:
    seeds, columns = over_columns(values)
    return Part(name, seeds, sign, "", 2, None, _coverage(findings, columns), CORRELATION, points)


def fig3a(findings: Findings, source: Runs) -> list[Part]:
    """The rank correlation of top-1 with the shrink, and the largest rise of top-1."""
    cells = whole_replications(findings)
    points = metrics_frame(source, cells.run_id, "zero_shot")
    ranks: Values = {}
    rises: Values = {}
    if not points.empty:
        for (column, seed), part in points.merge(cells[["run_id", "column", "seed"]]).groupby(["column", "seed"]):
            top1 = part.sort_values("shrink_percent").test_top1
            ranks.setdefault(column, {})[int(seed)] = float(part.shrink_percent.rank().corr(part.test_top1.rank()))
            rises.setdefault(column, {})[int(seed)] = float((top1 - top1.cummin()).max())
    seeds, columns = over_columns(rises)
    largest = "largest rise of top-1 above an earlier value"
    return [
        _correlation(findings, "rank correlation of top-1 with the shrink", ranks, "lower", 101),
        Part(largest, seeds, "at most", columns=_coverage(findings, columns)),
    ]


# ---- numbers of the paper


def table3_gain(method: str, other: str) -> float:
    """Return the difference of two methods in Table 3, in points."""
    mean = {name: reported.mean for (name, _), reported in TABLE3.items()}
    return round(mean[method] - mean[other], 2)


TABLE1_GAINS: dict[str, float] = {
    column: round(reported.mean - TABLE1["wd", column].mean, 2)
    for (method, column), reported in TABLE1.items()
    if method == "lpwd"
}
