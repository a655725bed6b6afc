"""LPWD minus WD at each strength of a scan: where a page opens, what holds there, and how much is only more decay.

The rule of `opening` was written before the runs of presets `scan` and `settle` existed.
"""

import math
from collections.abc import Mapping

import pandas as pd

from lpwd.analysis.pairs import Paired, paired
from lpwd.analysis.phrases import minus, no_difference, size
from lpwd.analysis.verdict import difference, one_sentence

CLAIM = 1  # the paper claims that LPWD is above WD
SUPPORTED = ("higher", "lower")  # outcomes that tell which method is ahead
PLAIN = 0.5  # lambda to open at where no difference is supported: the paper's Figure 1
MOST_SHARE = 150  # percent of a gap; beyond, the gap is too small to be a measure
MORE_DECAY, EQUAL_DECAY = "wd15", "lpwd_matched"  # the controls of "is it only more decay?"


def opening(differences: Mapping[float, Paired]) -> float:
    """The most telling lambda of a scan: `differences` has LPWD minus WD in top-1 at each lambda that was run.

    The largest supported difference in favour of LPWD if there is one, else the largest supported one, else the lambda
    nearest to 0.5 (in ratio); of equals the weakest. Raises ValueError where no lambda is given.
    """
    supported = {decay: found.mean for decay, found in differences.items() if found.outcome in SUPPORTED}
    favourable = {decay: mean for decay, mean in supported.items() if mean > 0}
    if not supported:
        return min(differences, key=lambda decay: abs(math.log(decay / PLAIN)))
    largest = favourable or supported
    return min(largest, key=lambda decay: (-abs(largest[decay]), decay))


def minus_wd(runs: pd.DataFrame, value: str) -> dict[str, Paired]:
    """Each method of `runs`, which hold one (eta, lambda), minus WD over pairs of the same seed."""
    same = runs.assign(scale="any")  # the same settings give the same numbers whichever grid asked
    return {method: paired(same, method, "wd", value) for method in sorted(set(same.method) - {"wd"})}


def holds(differences: Mapping[str, Paired]) -> str:
    """Return the verdict on LPWD minus WD at one strength, and its cause; `differences` as returned by `minus_wd`."""
    if "lpwd" not in differences:
        return ""
    return f"{one_sentence(differences['lpwd'], CLAIM)} {why(differences)}".rstrip()


def why(differences: Mapping[str, Paired]) -> str:
    """Return how much of LPWD minus WD is explained by more decay; empty below two pairs or without controls."""
    gap = differences["lpwd"]
    if gap.n < 2:
        return ""
    controls = {name: differences[name] for name in (EQUAL_DECAY, MORE_DECAY) if name in differences}
    known = {name: found for name, found in controls.items() if found.n > 1}
    clauses = []
    if EQUAL_DECAY in known:
        clauses.append(_at_equal_decay(gap, known[EQUAL_DECAY]))
    if MORE_DECAY in known:
        clauses.append(_more_decay(gap, known[MORE_DECAY]))
    return " ".join(f"{clause[0].upper()}{clause[1:]}." for clause in clauses)


def _at_equal_decay(gap: Paired, matched: Paired) -> str:
    """Whether the gap remains when LPWD decays as much in total as WD."""
    lead = "at equal total decay"
    if gap.outcome in SUPPORTED and matched.outcome in SUPPORTED:
        same = matched.outcome == gap.outcome
        lead = f"it is not only more decay: {lead}" if same else f"{lead} the order is reversed:"
    found = {
        "higher": "LPWD is ahead of WD",
        "lower": "LPWD is behind WD",
        "equal": f"there is {no_difference(size(matched.margin, ' points'))}",
        "undecided": "the runs leave it undecided",
    }
    return f"{lead} {found[matched.outcome]} ({_numbers(matched)})"


def _more_decay(gap: Paired, more: Paired) -> str:
    """How uniform decay does when its total decay is about that of LPWD."""
    found = {
        "higher": "is better",
        "lower": "is worse",
        "equal": f"makes {no_difference(size(more.margin, ' points'))}",
        "undecided": "is undecided",
    }[more.outcome]
    if gap.outcome in SUPPORTED and more.outcome in SUPPORTED:
        share = 100 * more.mean / gap.mean
        found = "makes more than all of it" if share > MOST_SHARE else f"makes {share:.0f} % of it"
        found = found if share > 0 else "has the opposite effect"
    return f"more decay alone {found} ({_numbers(more)})"


def _numbers(pair: Paired) -> str:
    return f"{minus(pair.method, pair.other)}: {difference(pair)}"
