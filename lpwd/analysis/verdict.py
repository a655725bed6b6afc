"""Sentences that follow from the statistics and say no more than they do."""

from lpwd.analysis.statistics import Paired
from lpwd.analysis.words import label, number, seeds_text

# value of a runs frame -> (its name, its unit, whether lower is better)
QUANTITIES: dict[str, tuple[str, str, bool]] = {
    "best10_mean": ("best-10 test top-1", " points", False),
    "last_top1": ("test top-1 of the last epoch", " points", False),
    "val_selected_top1": ("validation-selected test top-1", " points", False),
    "train_loss": ("training loss of the last epoch", "", True),
}
SMALL = 5  # pairs below which the sentence warns


def verdict(
    paired: Paired, *, paper: float | None = None, claim: int = 0, reduced: bool = False, warn: bool = True
) -> str:
    """What `paired` supports. `paper` is the paper's difference; `claim` its sign where it gives no number (0: none).

    `reduced`: ours is a smaller experiment than the paper's, so that a contradiction is one at this size.
    `warn`: say so where few pairs were compared.
    """
    name, unit, _ = QUANTITIES[paired.value]
    pair = f"{label(paired.method)} minus {label(paired.other)}"
    spread = _spread(paired)
    if paired.n == 0:
        text = f"{pair}: no pair of finished runs yet, so there is no verdict on {name}."
        return " ".join([text, *_divergences(paired)])
    difference = signed(paired.mean, unit)
    if paired.n == 1:
        text = f"{pair}: {difference} in {name} ({spread}); one pair gives no interval and supports no conclusion."
    elif paired.low <= 0 <= paired.high:
        text = f"{pair}: no difference beyond seed noise in {name}: {difference}, {interval(paired, unit)} ({spread})."
    else:
        word = "higher" if paired.mean > 0 else "lower"
        text = (
            f"{label(paired.method)} is {word} than {label(paired.other)} in {name}: "
            f"{difference}, {interval(paired, unit)} ({spread})."
        )
    return " ".join(
        [
            text,
            *(_small(paired.n) if warn else ()),
            *_divergences(paired),
            *_against_paper(paired, paper, claim, reduced),
        ]
    )


def one_sentence(paired: Paired, claim: int = 0) -> str:
    """The same for a headline: who is ahead, by how much, over which seeds, how sure; `claim` as in `verdict`."""
    name, unit, lower_is_better = QUANTITIES[paired.value]
    pair = f"{label(paired.other)} and {label(paired.method)}"
    minus = f"{label(paired.method)} minus {label(paired.other)}"
    diverged = "".join(f"; {sentence.rstrip('.')}" for sentence in _divergences(paired))
    better = -paired.mean if lower_is_better else paired.mean
    ahead, behind = (paired.method, paired.other) if better > 0 else (paired.other, paired.method)
    by = f"{label(ahead)} is ahead of {label(behind)} by {number(abs(better), digits=2 if unit else 3)}{unit} of {name}"
    agrees = "as the paper claims" if better * claim > 0 else "contrary to the paper"
    if paired.n == 0:
        text = f"No verdict yet: {pair} have not both finished for any seed"
    elif paired.n == 1:
        lead = f"{by}{f', {agrees}' if claim else ''}" if better else f"{pair} are equal in {name}"
        text = f"{lead}, but with one seed ({_spread(paired)}) seed noise is unknown and nothing follows"
    elif paired.outcome == "no difference":
        rest = ", which neither confirms nor refutes the paper" if claim else ""
        numbers = f"{minus} is {signed(paired.mean, unit)}, {interval(paired, unit)} ({_spread(paired)})"
        text = f"{pair} do not differ beyond seed noise in {name}: {numbers}{rest}"
    else:
        lead = f"{agrees[0].upper()}{agrees[1:]}, {by}" if claim else by
        few_pairs = "; few pairs" if paired.n < SMALL else ""
        text = f"{lead} ({minus}: {interval(paired, unit)}; {_spread(paired)}{few_pairs})"
    return f"{text}{diverged}."


def _spread(paired: Paired) -> str:
    return f"n = {paired.n}, {seeds_text(paired.seeds)}" if paired.n else "n = 0"


def signed(value: float, unit: str) -> str:
    """`+0.70 points`."""
    return f"{number(value, signed=True, digits=2 if unit else 3)}{unit}"


def interval(paired: Paired, unit: str) -> str:
    """`95% interval +0.41 to +0.99`."""
    digits = 2 if unit else 3
    low, high = number(paired.low, signed=True, digits=digits), number(paired.high, signed=True, digits=digits)
    return f"{paired.confidence:.0%} interval {low} to {high}"


def few(n: int) -> str:
    """The warning that goes with a small n."""
    return f"{n} pairs are few: the t interval has {n - 1} degree{'s' * (n > 2)} of freedom."


def _small(n: int) -> list[str]:
    return [few(n)] if 1 < n < SMALL else []


def _divergences(paired: Paired) -> list[str]:
    """A diverged run has no value to average; it is named instead."""
    return [
        f"{count} {label(method)} run{'s' if count > 1 else ''} diverged and {'are' if count > 1 else 'is'} "
        "counted as divergence, not averaged."
        for method, count in paired.diverged
    ]


def _against_paper(paired: Paired, paper: float | None, claim: int, reduced: bool) -> list[str]:
    """Whether the interval agrees with the paper's number or, without one, with the sign it claims."""
    if paper is None and not claim:
        return []
    direction = claim or (1 if (paper or 0) > 0 else -1)
    reports = f"the paper reports {number(paper, signed=True)}" if paper is not None else _claims(paired, direction)
    size = " At this reduced size" if reduced else " Here"
    if paired.n < 2:
        return [f"{reports[0].upper()}{reports[1:]}."]
    if paired.outcome == "no difference":
        if paper is not None and not paired.low <= paper <= paired.high:
            where = "At this reduced size this" if reduced else "This"
            return [f"{where} contradicts the size of the paper's difference: {reports}, outside the interval."]
        return [f"{reports[0].upper()}{reports[1:]};{size.lower()} the runs neither confirm nor refute it."]
    if paired.mean * direction < 0:
        return [f"{size.strip()} this contradicts the paper: {reports}."]
    return [f"{size.strip()} this agrees in sign with the paper: {reports}."]


def _claims(paired: Paired, direction: int) -> str:
    return f"the paper claims {label(paired.method)} is {'higher' if direction > 0 else 'lower'}"
