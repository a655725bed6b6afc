"""Phrases for sentences on differences, intervals and seeds."""

import math
from collections.abc import Sequence

from lpwd.analysis.inference import ALPHA, MOST_SEEDS, POWER, detectable, seeds_needed, seeds_to_find
from lpwd.analysis.words import label, number
from lpwd.sentences import counted


def chosen_text(naive: float | None, unit: str) -> str:
    """Return how (eta, lambda) were chosen, or "" for a single setting; `naive` as in `Paired`."""
    if naive is None:
        return ""
    return f"; settings chosen on the other half of the seeds; on the same seeds {signed(naive, unit)}"


def signed(value: float, unit: str) -> str:
    """Return `+0.70 points`."""
    return f"{number(value, signed=True, digits=2 if unit else 3)}{unit}"


def size(value: float, unit: str) -> str:
    """Return `0.15 points`."""
    return f"{number(value, digits=2 if unit else 3)}{unit}"


def minus(method: str, other: str) -> str:
    """Return `LPWD minus WD`."""
    return f"{label(method)} minus {label(other)}"


def no_difference(margin: str) -> str:
    """Return `no difference larger than 0.15 points`."""
    return f"no difference larger than {margin}"


def ends(of: tuple[float, float], digits: int = 2) -> str:
    """Return `+0.41 to +0.99`."""
    return " to ".join(number(end, signed=True, digits=digits) for end in of)


def few(n: int) -> str:
    """Return the warning for a small number of pairs."""
    return f"{n} pairs are few: the t interval has {n - 1} degree{'s' * (n > 2)} of freedom."


def corrected(count: int) -> list[str]:
    """Return the note on Holm's correction; none for a single contrast."""
    if count < 2:
        return []
    return [f"Intervals are not adjusted; verdicts are, by Holm's correction for {count} contrasts."]


def seeds_alone(without: int, count: int) -> list[str]:
    """Return the note on intervals that do not cover the choice of test images."""
    if not without:
        return []
    which = "Intervals" if without == count else f"{without} of {count} intervals"
    return [f"{which} cover seeds alone, not other test images: their runs did not keep which images were right."]


def seeds_that_decide(
    mean: float,
    deviation: float,
    n: int,
    margin: float,
    unit: str,
    alpha: float = ALPHA,
    hours: float = math.nan,
    missing: Sequence[float] = (),
) -> str:
    """Return `3 seeds detect 0.61 points (80% power). A margin of 0.15 points needs about 14 more seeds (...)`.

    `hours` is the time of one seed; `missing` is the share of each further seed that has no result yet. "About" is due
    to the deviation, which is estimated from few seeds.
    """
    detected = f"{n} seeds detect {size(detectable(deviation, n, alpha), unit)} ({POWER:.0%} power)"
    resolved = _more(seeds_needed(deviation, margin, alpha) - n, hours, missing)
    needs = f"A margin of {size(margin, unit)} needs {resolved}"
    if abs(mean) <= margin:
        return f"{detected}. {needs}"
    found = _more(seeds_to_find(mean, deviation, alpha) - n, hours, missing)
    return f"{detected}. A difference as large as measured needs {found}. {needs}"


def _more(seeds: int, hours: float, missing: Sequence[float]) -> str:
    """Return `about 14 more seeds (2.3 hours at the speed of these runs)`."""
    if seeds > MOST_SEEDS // 2:
        return f"more than {MOST_SEEDS // 2:,} more seeds"
    seeds = max(1, seeds)
    to_run = sum(missing[:seeds]) + max(0, seeds - len(missing))
    cost = f" ({hours_text(to_run * hours)} at the speed of these runs)" if hours == hours else ""
    return f"about {counted(seeds, 'more seed')}{cost}"


def hours_text(hours: float) -> str:
    """Return `2.3 hours` or `14 minutes`."""
    return f"{hours:,.1f} hours" if hours >= 1 else counted(max(1, round(60 * hours)), "minute")


def outcome_text(outcome: str, margin: float, unit: str) -> str:
    """Return an outcome of `Paired` in words."""
    words = {"none": "no pair yet", "no interval": "one pair, no interval", "equal": no_difference(size(margin, unit))}
    return words.get(outcome, outcome)
