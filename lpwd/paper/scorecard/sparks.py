"""The sparkline of each tile: means over the finished seeds."""

import math

import pandas as pd

from lpwd.analysis.statistics import metrics_frame, with_opposing
from lpwd.analysis.strengths import curve, first_column, with_decay
from lpwd.paper.findings import Findings
from lpwd.paper.numbers import TABLE1, TABLE3, Reported
from lpwd.paper.scorecard.quantities import contrast_rows
from lpwd.paper.scorecard.tiles import Line
from lpwd.runs import Runs

PAPER = "paper"  # style of lines with the paper's numbers
NO = Reported(math.nan, math.nan)


def _line(style: str, series: pd.Series) -> Line:
    """Return a line from a series: index as x, values as y."""
    kept = series.astype(float).dropna()
    return Line(style, tuple(map(float, kept.index)), tuple(map(float, kept)))


def _differences(findings: Findings, method: str, other: str) -> pd.Series:
    """Return the mean best-10 difference by position of the column."""
    order = _columns(findings)
    rows = contrast_rows(findings, method, other).items()
    return pd.Series({order.index(column): row.mean for column, row in rows if row.n}, dtype=float).sort_index()


def _columns(findings: Findings) -> list[str]:
    return list(dict.fromkeys(findings.cells.column))


def table1(findings: Findings, source: Runs) -> list[Line]:
    """LPWD minus WD by column, with the paper's numbers."""
    reported = {
        method: [TABLE1.get((method, column), NO) for column in _columns(findings)] for method in ("wd", "lpwd")
    }
    paper = [lpwd.mean - wd.mean for lpwd, wd in zip(reported["lpwd"], reported["wd"], strict=True)]
    return [_line(PAPER, pd.Series(paper)), _line("lpwd", _differences(findings, "lpwd", "wd"))]


def table3(findings: Findings, source: Runs) -> list[Line]:
    """The methods from WD to LPWD, with the paper's numbers."""
    names = ("wd", "rwd", "pwd", "lpwd")
    paper = {method: reported.mean for (method, _), reported in TABLE3.items()}
    ours = findings.table.set_index("method").best10_mean_mean.reindex(names).reset_index(drop=True)
    return [
        _line(PAPER, pd.Series([paper[name] - paper["wd"] for name in names])),
        _line("lpwd", ours - ours[0]),
    ]


def fig1(findings: Findings, source: Runs) -> list[Line]:
    """Test top-1 over epochs, for the first column with runs of both methods."""
    finished = findings.cells[(findings.cells.state == "finished") & findings.cells.method.isin(["wd", "lpwd"])]
    for _, part in finished.groupby("column", sort=False):
        points = metrics_frame(source, part.run_id, "epoch")
        if part.method.nunique() == 2 and not points.empty:
            both = points.merge(part[["run_id", "method"]])
            return [_line(name, both[both.method == name].groupby("epoch").test_top1.mean()) for name in ("wd", "lpwd")]
    return []


def fig2(findings: Findings, source: Runs) -> list[Line]:
    """The opposing rate over λ, at the largest η."""
    finished = findings.cells[findings.cells.state == "finished"]
    cells = with_opposing(finished, source)
    largest = cells[cells.lr == cells.groupby("column").lr.transform("max")]
    return [_over_decay("wd", part, "opposing_count_rate") for _, part in largest.groupby("column", sort=False)]


def _over_decay(style: str, part: pd.DataFrame, value: str) -> Line:
    """Return the mean by lambda, on a logarithmic axis."""
    mean = part.assign(place=part.weight_decay.astype(float).map(math.log10)).groupby("place")[value].mean()
    return _line(style, mean)


def fig3a(findings: Findings, source: Runs) -> list[Line]:
    """Test top-1 over the shrink."""
    finished = findings.cells[findings.cells.state == "finished"]
    points = metrics_frame(source, finished.run_id, "zero_shot")
    if points.empty:
        return []
    joined = points.merge(finished[["run_id", "column"]])
    return [
        _line("baseline", part.groupby("shrink_percent").test_top1.mean())
        for _, part in joined.groupby("column", sort=False)
    ]


def fig3b(findings: Findings, source: Runs) -> list[Line]:
    """PWD minus RWD over λ."""
    rows = findings.contrasts[(findings.contrasts.method == "pwd") & (findings.contrasts.n > 0)]
    return [_over_decay("pwd", rows.rename(columns={"x": "weight_decay", "mean": "difference"}), "difference")]


def fig4(findings: Findings, source: Runs) -> list[Line]:
    """Test top-1 over λ."""
    finished = findings.cells[(findings.cells.state == "finished") & (findings.cells.weight_decay > 0)]
    return [_over_decay(name, finished[finished.method == name], "best10_mean") for name in ("wd", "lpwd")]


def fig5(findings: Findings, source: Runs) -> list[Line]:
    """LPWD minus WD over sizes."""
    return [_line("lpwd", _differences(findings, "lpwd", "wd"))]


def settle(findings: Findings, source: Runs) -> list[Line]:
    """Accuracy over total decay."""
    done = with_decay(first_column(findings.cells))
    lines = []
    for name in ("wd", "lpwd", "lpwd_reversed"):
        points = curve(done, name, "last_top1")
        x = tuple(math.log10(float(total)) for total in points.total_decay)
        lines.append(Line(name, x, tuple(map(float, points["mean"]))))
    return lines
