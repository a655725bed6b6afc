"""Sentences on paired differences and claims, derived from the statistics."""

import math
from typing import Literal

from lpwd.analysis.inference import ALPHA, place
from lpwd.analysis.pairs import LOWER_IS_BETTER, Paired
from lpwd.analysis.phrases import (
    chosen_text,
    ends,
    few,
    minus,
    outcome_text,
    seeds_that_decide,
    signed,
    size,
)
from lpwd.analysis.words import label, number, seeds_text

# value of a runs frame -> (name, unit, whether lower is better)
QUANTITIES: dict[str, tuple[str, str, bool]] = {
    name: (text, unit, name in LOWER_IS_BETTER)
    for name, text, unit in (
        ("best10_mean", "best-10 test top-1", " points"),
        ("last_top1", "test top-1 of the last epoch", " points"),
        ("val_selected_top1", "validation-selected test top-1", " points"),
        ("train_loss", "training loss of the last epoch", ""),
    )
}


def quantity(paired: Paired) -> tuple[str, str, bool]:
    """Return the row of QUANTITIES for a pair, or one made from the pair itself."""
    return QUANTITIES.get(paired.value, (paired.value, paired.unit, False))


Verdict = Literal["confirms", "contradicts", "no difference", "undecided", "not run"]
SMALL = 5  # sentences warn about fewer pairs
AGAINST: dict[Verdict, str] = {
    "confirms": "{at} this agrees with {who}: {reports}.",
    "contradicts": "{at} this contradicts {who}: {reports}.",
    "no difference": "{at} there is no difference larger than {margin}: {reports}.",
    "undecided": "{at} the runs neither confirm nor refute {who}: {reports}.",
}


def judge(
    interval: tuple[float, float], margin: float, direction: int, paper: float | None = None, at_most: bool = False
) -> Verdict:
    """Return the verdict of an interval on a claim that a quantity is above (direction 1) or below (-1) 0.

    `paper` is the reported size: an interval below it by more than the margin contradicts the claim. With `at_most` the
    claim is that the quantity does not exceed the margin, which only an interval below the margin confirms.
    """
    low, high = interval if direction > 0 else (-interval[1], -interval[0])
    if at_most:
        return "confirms" if high < margin else "contradicts" if low > margin else "undecided"
    where = place((low, high), margin)
    if where == "equal":
        return "no difference"
    if where == "lower" or (paper is not None and high < direction * paper - margin):
        return "contradicts"
    return "confirms" if where == "higher" else "undecided"


def verdict(
    paired: Paired,
    *,
    paper: float | None = None,
    claim: int = 0,
    reduced: bool = False,
    warn: bool = True,
    who: str = "the paper",
) -> str:
    """Return the sentences on a paired difference.

    `paper` is the difference that the paper reports, `claim` the claimed sign if there is no number (0: no claim), and
    `who` the source of the claim. `reduced` marks an experiment smaller than the paper's. `warn` adds a warning for few
    pairs.
    """
    name, unit, _ = quantity(paired)
    pair = minus(paired.method, paired.other)
    if paired.n == 0:
        text = f"{pair}: no pair of finished runs yet, so there is no verdict on {name}."
        return " ".join([text, *_divergences(paired)])
    numbers = f"{difference(paired)} ({_spread(paired)})"
    if paired.n == 1:
        text = f"{pair}: {signed(paired.mean, unit)} in {name} ({_spread(paired)}); {ONE_PAIR}."
    elif paired.outcome in ("equal", "undecided"):
        more = f". {more_seeds(paired)}" if paired.outcome == "undecided" else ""
        text = f"{pair}: {outcome_text(paired.outcome, paired.margin, unit)} in {name}: {numbers}{more}."
    else:
        text = f"{label(paired.method)} is {paired.outcome} than {label(paired.other)} in {name}: {numbers}."
    return " ".join(
        [
            text,
            *_correction(paired, unit),
            *([few(paired.n)] if warn and 1 < paired.n < SMALL else ()),
            *_divergences(paired),
            *_against_claim(paired, paper, claim, reduced, who),
        ]
    )


ONE_PAIR = "one pair gives no interval and supports no conclusion"


def one_sentence(paired: Paired, claim: int = 0) -> str:
    """Return one sentence for a headline: which method is ahead and by how much; `claim` as in `verdict`."""
    name, unit, lower_is_better = quantity(paired)
    pair = f"{label(paired.other)} and {label(paired.method)}"
    which = minus(paired.method, paired.other)
    better = -paired.mean if lower_is_better else paired.mean
    ahead, behind = (paired.method, paired.other) if better > 0 else (paired.other, paired.method)
    by = f"{label(ahead)} is ahead of {label(behind)} by {size(abs(better), unit)} of {name}"
    agrees = "as the paper claims" if better * claim > 0 else "contrary to the paper"
    numbers = f"{which} is {difference(paired)} ({_spread(paired)})"
    if paired.n == 0:
        text = f"No verdict yet: {pair} have not both finished for any seed"
    elif paired.n == 1:
        lead = f"{by}{f', {agrees}' if claim else ''}" if better else f"{pair} are equal in {name}"
        text = f"{lead}. With one seed ({_spread(paired)}) seed noise is unknown and nothing follows"
    elif paired.outcome == "equal":
        text = f"{pair} do not differ by more than {size(paired.margin, unit)} in {name}: {numbers}"
    elif paired.outcome == "undecided":
        text = f"Undecided whether {pair} differ in {name}: {numbers}. {more_seeds(paired)}"
    else:
        lead = f"{agrees[0].upper()}{agrees[1:]}, {by}" if claim else by
        few_pairs = "; few pairs" if paired.n < SMALL else ""
        text = f"{lead} ({which}: {interval(paired)}; {_spread(paired)}{few_pairs})"
    return " ".join([f"{text}.", *_divergences(paired)])


# ---- parts of sentences


def _spread(paired: Paired) -> str:
    """Return n, the seeds and how settings were chosen."""
    seeds = f", {seeds_text(paired.seeds)}" if paired.n else ""
    if (other := paired.spread) and paired.n:
        return other
    return f"n = {paired.n}{seeds}{chosen_text(paired.naive, quantity(paired)[1])}"


def difference(paired: Paired) -> str:
    """Return `+0.70 points, 95% interval +0.41 to +0.99`."""
    return f"{signed(paired.mean, quantity(paired)[1])}, {interval(paired)}"


def interval(paired: Paired) -> str:
    """Return `95% interval +0.41 to +0.99`, and the interval over seeds and images if known."""
    digits = 2 if quantity(paired)[1] else 3
    images = "" if paired.over_images is None else f", over seeds and images {ends(paired.over_images, digits)}"
    return f"95% interval {ends(paired.interval, digits)}{images}"


def more_seeds(paired: Paired) -> str:
    """Return which difference these seeds detect, and how many more seeds would decide."""
    unit, deviation = quantity(paired)[1], paired.std * math.sqrt(paired.inflation)
    return seeds_that_decide(paired.mean, deviation, paired.n, paired.margin, unit, paired.alpha, paired.hours)


def _correction(paired: Paired, unit: str) -> list[str]:
    """Return the outcome without correction for multiple contrasts or looks, if it differs."""
    alone = paired.at(ALPHA)
    if alone == paired.outcome or paired.n < 2:
        return []
    return [f"Without correction: {outcome_text(alone, paired.margin, unit)}."]


def _divergences(paired: Paired) -> list[str]:
    """Return one sentence per method with diverged runs, which have no value to average."""
    return [
        f"{count} {label(method)} run{'s' if count > 1 else ''} diverged and {'are' if count > 1 else 'is'} "
        "counted as divergence, not averaged."
        for method, count in paired.diverged
    ]


def _against_claim(paired: Paired, paper: float | None, claim: int, reduced: bool, who: str) -> list[str]:
    """Return whether the interval agrees with the reported number or, without one, with the claimed sign."""
    if paper is None and not claim:
        return []
    direction = claim or (1 if (paper or 0) > 0 else -1)
    higher = f"{who} claims {label(paired.method)} is {'higher' if direction > 0 else 'lower'}"
    reports = f"{who} reports {number(paper, signed=True)}" if paper is not None else higher
    if paired.n < 2:
        return [f"{reports[0].upper()}{reports[1:]}."]
    judged = judge(paired.adjusted, paired.margin, direction, paper)
    margin = size(paired.margin, quantity(paired)[1])
    template = AGAINST[judged]
    return [template.format(who=who, at="At this reduced size" if reduced else "Here", reports=reports, margin=margin)]
