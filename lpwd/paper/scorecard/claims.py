"""The paper's claims about its tables and figures, and the tiles that test them."""

import math
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from lpwd.analysis.inference import ALPHA, LOOKS, next_look, spent
from lpwd.analysis.words import number
from lpwd.paper.findings import Findings, tabulate
from lpwd.paper.numbers import Scale
from lpwd.paper.presets import Preset, get_preset
from lpwd.paper.scorecard import quantities, sparks
from lpwd.paper.scorecard.parts import Part, Sign
from lpwd.paper.scorecard.tiles import Line, Tile, holm_adjusted
from lpwd.runs import Runs, origins_text

NO_NUMBER = "no number in its text"


@dataclass(frozen=True)
class Claim:
    """A claim: its sentence, the paper's number, the quantities that test it, and the sparkline of its tile."""

    sentence: str
    paper: str
    parts: Callable[[Findings, Runs], list[Part]]
    spark: Callable[[Findings, Runs], list[Line]]
    spark_title: str


def scorecard(source: Runs, scale: Scale) -> list[Tile]:
    """Return all tiles in the order of the paper, with Holm's correction."""
    return holm_adjusted([tile(name, source, scale) for name in CLAIMS])


def tile(name: str, source: Runs, scale: Scale) -> Tile:
    """Return one tile without correction for other tiles. Raises ConfigError if the name is unknown."""
    preset = get_preset(name)
    return _tile(CLAIMS[name], preset, source, scale)


def own_tile(preset: Preset, source: Runs) -> Tile:
    """Return the tile of a TOML file, with one part per contrast that has a claim, or per contrast if none has."""
    about = [one for one in preset.contrasts if one.claim] or preset.contrasts

    def parts(findings: Findings, source: Runs) -> list[Part]:
        signs: dict[int, Sign] = {1: "higher", -1: "lower"}
        found = []
        for one in about:
            part = quantities.pair(findings, one.method, one.other, one.value)
            margin = one.margin or part.margin
            found.append(replace(part, claim=signs.get(one.claim, part.claim), margin=margin))
        return found

    claim = Claim(preset.question, "no number", parts, lambda *_: [], "")
    return _tile(claim, preset, source, "cpu")


def judged_seeds(preset: Preset, results: Container[str], scale: Scale) -> int:
    """Return the seeds that a tile is tested on: the preset's own, or the latest look whose cells all have results.

    `results` are the ids of runs with a result. Seeds between two looks are ignored.
    """
    seeds = preset.seeds(scale)
    for look in LOOKS:
        if look > seeds:
            added = (cell for seed in range(seeds, look) for cell in preset.replication(scale, seed))
            if not all(cell.run_id in results or cell.from_own_start.run_id in results for cell in added):
                break
            seeds = look
    return seeds


def _tile(claim: "Claim", preset: Preset, source: Runs, scale: Scale) -> Tile:
    known = source.by_id()
    results = {run_id for run_id, run in known.items() if run.has_result}
    seeds = judged_seeds(preset, results, scale)
    cells = preset.cells(scale, seeds)
    about: dict[str, Any] = {"name": preset.name, "source": preset.source, "claim": claim.sentence}
    about |= {"paper": claim.paper, "scale": scale, "total": len(cells), "seeds": seeds}
    if not any({cell.run_id, cell.from_own_start.run_id} & known.keys() for cell in cells):
        return Tile(**about)
    findings = tabulate(preset, source, scale, seeds)
    ids = findings.cells[findings.cells.done.astype(bool)].run_id
    tile = Tile(
        **about,
        parts=tuple(claim.parts(findings, source)),
        done=findings.done,
        origin=origins_text(known[run_id] for run_id in dict.fromkeys(ids)),
        spark=tuple(line for line in claim.spark(findings, source) if line.x) if len(ids) else (),
        spark_title=claim.spark_title,
        warnings=tuple(findings.warnings),
        hours=_hours(findings),
        share=spent(LOOKS[-1])[seeds] / ALPHA if seeds > preset.seeds(scale) else 1.0,
    )
    return replace(tile, missing=_missing(preset, scale, range(tile.n, next_look(seeds)), results))


def _missing(preset: Preset, scale: Scale, seeds: Iterable[int], results: Container[str]) -> tuple[float, ...]:
    """Return the share of cells without a result for each seed."""
    return tuple(
        fmean(not (cell.run_id in results or cell.from_own_start.run_id in results) for cell in cells)
        for cells in (preset.replication(scale, seed) for seed in seeds)
    )


def _hours(findings: Findings) -> float:
    """Return the time of one more seed of all cells: the mean over the seeds that have finished."""
    whole = quantities.whole_replications(findings)
    return float(whole.groupby("seed").seconds.sum().mean()) / 3600 if len(whole) else math.nan


# ---- numbers of the paper as text


def _table1_words() -> str:
    low, high = (number(bound(quantities.TABLE1_GAINS.values()), signed=True) for bound in (min, max))
    return f"{low} to {high} points over WD in {len(quantities.TABLE1_GAINS)} columns"


def _table3_words() -> str:
    steps = (("LPWD over WD", "lpwd", "wd"), ("RWD", "rwd", "wd"), ("PWD", "pwd", "rwd"), ("the layers", "lpwd", "pwd"))
    gains = [f"{name} {number(quantities.table3_gain(method, other), signed=True)}" for name, method, other in steps]
    return f"{gains[0]} points: {', '.join(gains[1:])}"


CLAIMS: dict[str, Claim] = {
    "table1": Claim(
        "LPWD beats WD in test top-1 on both data sets, with both models and both optimizers.",
        _table1_words(),
        quantities.table1,
        sparks.table1,
        "LPWD minus WD by column; grey: the paper",
    ),
    "table3": Claim(
        "RWD, PWD and the layer rule each raise the test top-1.",
        _table3_words(),
        quantities.table3,
        sparks.table3,
        "RWD, PWD, LPWD minus WD; grey: the paper",
    ),
    "fig1": Claim(
        "Under a strong penalty LPWD keeps a higher test top-1 and a lower training loss than WD.",
        NO_NUMBER,
        quantities.fig1,
        sparks.fig1,
        "test top-1 over epochs",
    ),
    "fig2": Claim(
        "The rate of opposing penalties of WD grows with η and with λ.",
        NO_NUMBER,
        quantities.fig2,
        sparks.fig2,
        "R_op over λ, largest η",
    ),
    "fig3a": Claim(
        "The accuracy of a trained model constantly falls as its weights shrink.",
        NO_NUMBER,
        quantities.fig3a,
        sparks.fig3a,
        "test top-1 over the shrink",
    ),
    "fig3b": Claim(
        "Decay before the update (PWD) beats decay after it (RWD) once λ is large.",
        NO_NUMBER,
        quantities.fig3b,
        sparks.fig3b,
        "PWD minus RWD over λ",
    ),
    "fig4": Claim(
        "LPWD holds its test top-1 over a wider range of η and λ than WD.",
        NO_NUMBER,
        quantities.fig4,
        sparks.fig4,
        "mean top-1 over λ, all η",
    ),
    "fig5": Claim(
        "The gain of LPWD over WD grows with the size of the model.",
        NO_NUMBER,
        quantities.fig5,
        sparks.fig5,
        "LPWD minus WD by size",
    ),
    "settle": Claim(
        "Deep layers should decay more: at its best strength LPWD beats WD, and the reversed order does not.",
        "not in the paper",
        quantities.settle,
        sparks.settle,
        "last-epoch top-1 over total decay",
    ),
}
