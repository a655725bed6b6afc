"""The paper's claim about each table and figure, and the quantity of our runs that decides it, one value per seed."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from lpwd.analysis.opposing import with_opposing
from lpwd.analysis.pairs import MARGINS, fairly_chosen
from lpwd.analysis.statistics import metrics_frame
from lpwd.analysis.strengths import with_decay
from lpwd.analysis.verdict import QUANTITIES
from lpwd.analysis.words import label, number
from lpwd.paper.findings import Findings, tabulate
from lpwd.paper.numbers import TABLE1, TABLE3, Scale
from lpwd.paper.presets import Preset, get_preset
from lpwd.paper.scorecard import sparks
from lpwd.paper.scorecard.tiles import CORRELATION, Line, Part, Sign, Tile, holm_adjusted, over_columns
from lpwd.runs import Runs, origins_text

NO_NUMBER = "no number in its text"
Values = dict[str, dict[int, float]]  # column -> seed -> value


@dataclass(frozen=True)
class Claim:
    """One tile: the claim in a sentence, the paper's number, what decides, and the sparkline with its title."""

    sentence: str
    paper: str
    parts: Callable[[Findings, Runs], list[Part]]
    spark: Callable[[Findings, Runs], list[Line]]
    spark_title: str


def scorecard(source: Runs, scale: Scale) -> list[Tile]:
    """All tiles, in the order of the paper, corrected for their number."""
    return holm_adjusted([tile(name, source, scale) for name in CLAIMS])


def tile(name: str, source: Runs, scale: Scale) -> Tile:
    """Return one tile, not corrected for others. Raises ConfigError for an unknown name."""
    preset = get_preset(name)
    return _tile(CLAIMS[name], preset, source, scale)


def own_tile(preset: Preset, source: Runs) -> Tile:
    """The tile of claims in a file, one part for each contrast that claims something, or for all."""
    about = [one for one in preset.contrasts if one.claim] or preset.contrasts

    def parts(findings: Findings, source: Runs) -> list[Part]:
        signs: dict[int, Sign] = {1: "higher", -1: "lower"}
        found = []
        for one in about:
            part = _pair(findings, one.method, one.other, one.value)
            margin = one.margin or part.margin
            found.append(replace(part, claim=signs.get(one.claim, part.claim), margin=margin))
        return found

    claim = Claim(preset.question, "no number", parts, lambda *_: [], "")
    return _tile(claim, preset, source, "cpu")


def _tile(claim: "Claim", preset: Preset, source: Runs, scale: Scale) -> Tile:
    cells = preset.cells(scale)
    place: dict[str, Any] = {
        "name": preset.name,
        "source": preset.source,
        "claim": claim.sentence,
        "paper": claim.paper,
    }
    place |= {"scale": scale, "total": len(cells)}
    known = source.by_id()
    if not any({cell.run_id, cell.from_own_start.run_id} & known.keys() for cell in cells):
        return Tile(**place)
    findings = tabulate(preset, source, scale)
    ids = findings.cells[findings.cells.done.astype(bool)].run_id
    return Tile(
        **place,
        parts=tuple(claim.parts(findings, source)),
        done=findings.done,
        origin=origins_text(known[run_id] for run_id in dict.fromkeys(ids)),
        spark=tuple(line for line in claim.spark(findings, source) if line.x) if len(ids) else (),
        spark_title=claim.spark_title,
        warnings=tuple(findings.warnings),
        hours=_hours(findings),
    )


def _hours(findings: Findings) -> float:
    """Of one more seed of all cells at the speed of these runs: the mean of the seeds that have finished."""
    whole = _whole(findings)
    return float(whole.groupby("seed").seconds.sum().mean()) / 3600 if len(whole) else math.nan


# ---- pairs of methods


def _pairs(findings: Findings, method: str, other: str, value: str = "best10_mean") -> Values:
    """Differences at each method's best setting."""
    rows = findings.contrasts
    if rows.empty:
        return {}
    mine = rows[(rows.method == method) & (rows.other == other) & (rows.value == QUANTITIES[value][0])]
    return {row.column: dict(zip(row.seeds, row.differences, strict=True)) for row in mine.itertuples()}


def _pair(
    findings: Findings, method: str, other: str, value: str = "best10_mean", paper: Mapping[str, float] | None = None
) -> Part:
    """`paper` is its difference by column; ours is compared with its mean over the same columns."""
    name, unit, lower = QUANTITIES[value]
    values, columns = over_columns(_pairs(findings, method, other, value))
    reported = float(np.mean([paper[column] for column in columns])) if paper and columns else None
    what = "" if value == "best10_mean" else f" in {name}"
    sign: Sign = "lower" if lower else "higher"
    title = f"{label(method)} minus {label(other)}{what}"
    return Part(title, values, sign, unit, 2 if unit else 3, reported, _coverage(findings, columns), MARGINS[value])


def _coverage(findings: Findings, columns: list[str]) -> tuple[int, int]:
    return len(columns), findings.cells.column.nunique()


def _table1(findings: Findings, source: Runs) -> list[Part]:
    return [_pair(findings, "lpwd", "wd", paper=TABLE1_GAINS)]


def _table3(findings: Findings, source: Runs) -> list[Part]:
    steps = (("lpwd", "wd"), ("rwd", "wd"), ("pwd", "rwd"), ("lpwd", "pwd"))
    columns = dict.fromkeys(findings.cells.column)
    reported = {pair: dict.fromkeys(columns, table3_gain(*pair)) for pair in steps}
    return [_pair(findings, *pair, paper=reported[pair]) for pair in steps]


def _fig1(findings: Findings, source: Runs) -> list[Part]:
    return [_pair(findings, "lpwd", "wd"), _pair(findings, "lpwd", "wd", "train_loss")]


def _fig3b(findings: Findings, source: Runs) -> list[Part]:
    rows = findings.contrasts
    largest = rows[(rows.method == "pwd") & (rows.x == findings.cells.weight_decay.max())].iloc[0]
    return [Part(f"PWD minus RWD at λ = {largest.x:g}", tuple(largest.differences), "higher")]


def _fig5(findings: Findings, source: Runs) -> list[Part]:
    sizes, pairs = list(dict.fromkeys(findings.cells.column)), _pairs(findings, "lpwd", "wd")
    first, last = (pairs.get(sizes[i], {}) for i in (0, -1))
    values = tuple(last[seed] - first[seed] for seed in sorted(first.keys() & last.keys()))
    return [Part(f"LPWD minus WD, {sizes[-1]} less {sizes[0]}", values, "higher")]


def _settle(findings: Findings, source: Runs) -> list[Part]:
    done = with_decay(findings.cells)
    lpwd, reverse = (fairly_chosen(done, method, "wd", "last_top1") for method in ("lpwd", "lpwd_reversed"))
    return [
        Part("best LPWD minus best WD in last-epoch top-1", lpwd.differences, "higher", naive=lpwd.naive),
        Part("best reversed depth minus best WD", reverse.differences, "at most", naive=reverse.naive),
    ]


# ---- quantities of whole replications: a seed counts in a column once all of its cells there are done


def _whole(findings: Findings) -> pd.DataFrame:
    cells = findings.cells
    whole = cells.groupby(["column", "seed"]).done.transform(lambda done: done.astype(bool).all())
    return cells[whole & (cells.state == "finished")]


def _fig4(findings: Findings, source: Runs) -> list[Part]:
    cells = _whole(findings)
    two = cells[cells.method.isin(["wd", "lpwd"])]
    wide = two.pivot_table(index=["column", "seed", "lr", "weight_decay"], columns="method", values="best10_mean")
    values: Values = {}
    if {"wd", "lpwd"} <= set(wide):
        mean = (wide.lpwd - wide.wd).dropna().groupby(level=["column", "seed"]).mean()
        for (column, seed), value in mean.items():
            values.setdefault(column, {})[int(seed)] = float(value)
    seeds, columns = over_columns(values)
    return [Part("LPWD minus WD, mean over all η and λ", seeds, "higher", columns=_coverage(findings, columns))]


def _fig2(findings: Findings, source: Runs) -> list[Part]:
    """Ranks are taken within each value of the other rate, so that its effect does not hide this one's."""
    cells = with_opposing(_whole(findings), source)
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


def _fig3a(findings: Findings, source: Runs) -> list[Part]:
    """That top-1 falls is its rank correlation with the shrink; that it falls constantly, its largest rise."""
    cells = _whole(findings)
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


# ---- the paper's numbers


def table3_gain(method: str, other: str) -> float:
    """Points in Table 3, from its one column."""
    mean = {name: reported.mean for (name, _), reported in TABLE3.items()}
    return round(mean[method] - mean[other], 2)


TABLE1_GAINS: MappingProxyType[str, float] = MappingProxyType(
    {
        column: round(reported.mean - TABLE1["wd", column].mean, 2)
        for (method, column), reported in TABLE1.items()
        if method == "lpwd"
    }
)


def _table1_words() -> str:
    low, high = (number(bound(TABLE1_GAINS.values()), signed=True) for bound in (min, max))
    return f"{low} to {high} points over WD in {len(TABLE1_GAINS)} columns"


def _table3_words() -> str:
    steps = (("LPWD over WD", "lpwd", "wd"), ("RWD", "rwd", "wd"), ("PWD", "pwd", "rwd"), ("the layers", "lpwd", "pwd"))
    gains = [f"{name} {number(table3_gain(method, other), signed=True)}" for name, method, other in steps]
    return f"{gains[0]} points: {', '.join(gains[1:])}"


CLAIMS: MappingProxyType[str, Claim] = MappingProxyType(
    {
        "table1": Claim(
            "LPWD beats WD in test top-1 on both data sets, with both models and both optimizers.",
            _table1_words(),
            _table1,
            sparks.table1,
            "LPWD minus WD by column; grey: the paper",
        ),
        "table3": Claim(
            "RWD, PWD and the layer rule each raise the test top-1.",
            _table3_words(),
            _table3,
            sparks.table3,
            "RWD, PWD, LPWD minus WD; grey: the paper",
        ),
        "fig1": Claim(
            "Under a strong penalty LPWD keeps a higher test top-1 and a lower training loss than WD.",
            NO_NUMBER,
            _fig1,
            sparks.fig1,
            "test top-1 over epochs",
        ),
        "fig2": Claim(
            "The rate of opposing penalties of WD grows with η and with λ.",
            NO_NUMBER,
            _fig2,
            sparks.fig2,
            "R_op over λ, largest η",
        ),
        "fig3a": Claim(
            "The accuracy of a trained model constantly falls as its weights shrink.",
            NO_NUMBER,
            _fig3a,
            sparks.fig3a,
            "test top-1 over the shrink",
        ),
        "fig3b": Claim(
            "Decay before the update (PWD) beats decay after it (RWD) once λ is large.",
            NO_NUMBER,
            _fig3b,
            sparks.fig3b,
            "PWD minus RWD over λ",
        ),
        "fig4": Claim(
            "LPWD holds its test top-1 over a wider range of η and λ than WD.",
            NO_NUMBER,
            _fig4,
            sparks.fig4,
            "mean top-1 over λ, all η",
        ),
        "fig5": Claim(
            "The gain of LPWD over WD grows with the size of the model.",
            NO_NUMBER,
            _fig5,
            sparks.fig5,
            "LPWD minus WD by size",
        ),
        "settle": Claim(
            "Deep layers should decay more: at its best strength LPWD beats WD, and the reversed order does not.",
            "not in the paper",
            _settle,
            sparks.settle,
            "last-epoch top-1 over total decay",
        ),
    }
)
