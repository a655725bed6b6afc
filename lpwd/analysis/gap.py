"""LPWD minus WD at each decay rate of a scan: the initial decay rate, the verdict, and the effect of total decay.

The rule of `opening` was fixed before the runs of presets `scan` and `settle` existed.
"""

import math
from collections.abc import Mapping

import pandas as pd

from lpwd.analysis.pairs import Paired, paired
from lpwd.analysis.phrases import minus, no_difference, size
from lpwd.analysis.verdict import difference, one_sentence

CLAIM = 1  # the paper claims that LPWD is above WD
SUPPORTED = ("higher", "lower")  # outcomes that show which method is ahead
PLAIN = 0.5  # initial lambda if no difference is supported: the paper's Figure 1
MOST_SHARE = 150  # percent of a gap; larger shares are not reported because the gap is too small
MORE_DECAY, EQUAL_DECAY = "wd15", "lpwd_matched"  # controls for total decay


def opening(differences: Mapping[float, Paired]) -> float:
    """Return the lambda of a scan that the page shows first; `differences` has LPWD minus WD in top-1 by lambda.

    This is the lambda with the largest supported difference in favour of LPWD, else with the largest supported
    difference, else the one nearest to 0.5 in ratio. Ties go to the smallest lambda. Raises ValueError if
    `differences` is empty.
    """
    supported = {decay: found.mean for decay, found in differences.items() if found.outcome in SUPPORTED}
    favourable = {decay: mean for decay, mean in supported.items() if mean > 0}
    if not supported:
        return min(differences, key=lambda decay: abs(math.log(decay / PLAIN)))
    largest = favourable or supported
    return min(largest, key=lambda decay: (-abs(largest[decay]), decay))


def minus_wd(runs: pd.DataFrame, value: str) -> dict[str, Paired]:
    """Return each method minus WD over pairs of the same seed; `runs` have one (eta, lambda)."""
    same = runs.assign(scale="any")  # equal settings give equal numbers at any scale
    return {method: paired(same, method, "wd", value) for method in sorted(set(same.method) - {"wd"})}


def holds(differences: Mapping[str, Paired]) -> str:
    """Return the verdict on LPWD minus WD at one strength, and its cause; `differences` as returned by `minus_wd`."""
    if "lpwd" not in differences:
        return ""
    return f"{one_sentence(differences['lpwd'], CLAIM)} {why(differences)}".rstrip()


def why(differences: Mapping[str, Paired]) -> str:
    """Return how much of LPWD minus WD more decay explains, or "" with fewer than two pairs or without controls."""
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
    """Describe LPWD minus WD at equal total decay."""
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
    """Describe the effect of uniform decay with about the total decay of LPWD."""
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
