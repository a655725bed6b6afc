"""Formulas of inference: intervals, power, corrections for many questions and many looks. No pandas.

Tests compare them with scipy.stats and statsmodels; `python docs/simulate.py` prints their coverage and error rates.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from scipy.special import gammaincinv, ndtr, roots_legendre, stdtrit

ALPHA = 0.05  # of all verdicts together
POWER = 0.8  # chance to find a difference that is there
MOST_SEEDS = 1_000  # `seeds_needed` looks no further
CHOSEN_INFLATION = 5 / 3  # of the variance of a mean at a `fair_choice`: its halves choose for each other
NODES, WEIGHTS = (half / 2 for half in roots_legendre(400))  # of a mean over 0..1
NODES = NODES + 0.5
LOOKS = (3, 5, 8, 12, 20)  # seeds at which a sweep that decides may stop


def t_interval(values: Sequence[float], confidence: float = 0.95, inflation: float = 1.0) -> tuple[float, float]:
    """Student's interval of the mean: mean +- t(n-1) s / sqrt(n); nan below two values.

    `inflation` multiplies the variance, for values that are not independent.
    """
    n = len(values)
    if n < 2:
        return math.nan, math.nan
    error = float(np.std(values, ddof=1)) * math.sqrt(inflation / n)
    return _around(float(np.mean(values)), error, n - 1, confidence)


def _around(mean: float, error: float, freedom: float, confidence: float) -> tuple[float, float]:
    reach = float(stdtrit(freedom, (1 + confidence) / 2)) * error
    return mean - reach, mean + reach


def welch_interval(left: Sequence[float], right: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """Welch's interval of mean(left) - mean(right), unpaired, unequal variances; nan below two values of each."""
    if min(len(left), len(right)) < 2:
        return math.nan, math.nan
    shares = [float(np.var(values, ddof=1)) / len(values) for values in (left, right)]
    variance, difference = sum(shares), float(np.mean(left) - np.mean(right))
    if not variance:
        return difference, difference
    freedom = variance**2 / sum(share**2 / (len(v) - 1) for share, v in zip(shares, (left, right), strict=True))
    return _around(difference, math.sqrt(variance), freedom, confidence)


def correlation_interval(values: Sequence[float], points: int, confidence: float = 0.95) -> tuple[float, float]:
    """Student's interval of the mean of Fisher's z over seeds, as a correlation: it stays within -1 and 1.

    A rank correlation of exactly 1 over `points` is drawn in to halfway between 1 and the next possible value.
    """
    most = 1 - 3 / (points * (points**2 - 1)) if points > 1 else 0.0
    low, high = t_interval(np.arctanh(np.clip(values, -most, most)), confidence)
    return math.tanh(low), math.tanh(high)


def seeds_and_images_interval(
    differences: np.ndarray, confidence: float = 0.95, values: Sequence[float] | None = None
) -> tuple[float, float]:
    """Interval of the mean over new seeds and new test images; `differences` [seeds, images], nan below two of each.

    Crossed random effects: the variance of the mean is (MS seeds + MS images - MS rest) / (seeds images), at least the
    larger of the first two; degrees of freedom by Satterthwaite. `values` [seeds] take the place of the seeds' means if
    the quantity is a mean over epochs and the images are those of one.
    """
    seeds, images = differences.shape
    if min(seeds, images) < 2:
        return math.nan, math.nan
    by_seed, by_image = differences.mean(1), differences.mean(0)
    freedom, rest = (seeds - 1) * (images - 1), differences - by_seed[:, None] - by_image + differences.mean()
    ms_rest = float((rest**2).sum()) / freedom
    by_seed = by_seed if values is None else np.asarray(values, float)
    mean, ms_seeds, ms_images = by_seed.mean(), images * by_seed.var(ddof=1), seeds * by_image.var(ddof=1)
    square = max(ms_seeds + ms_images - ms_rest, ms_seeds, ms_images)
    if not square:
        return float(mean), float(mean)
    parts = ms_seeds**2 / (seeds - 1) + ms_images**2 / (images - 1) + ms_rest**2 / freedom
    return _around(float(mean), math.sqrt(square / differences.size), square**2 / parts, confidence)


def fair_choice(values: np.ndarray) -> np.ndarray:
    """The setting with the best mean over the other half of the seeds: [..., settings, seeds] -> [..., seeds].

    The halves are every other seed. nan marks a run without a value; -1 a choice without any. The highest mean is the
    best. Leaving out one seed at a time would use more seeds to choose, but its intervals cover 85 % with five seeds
    and 72 % with twenty if settings are about equal (docs/log.md).
    """
    half = np.arange(values.shape[-1]) % 2
    choice = np.full(values.shape[:-2] + values.shape[-1:], -1)
    for this in (0, 1):
        others = values[..., half != this]
        known = (~np.isnan(others)).sum(-1)
        means = np.where(known > 0, np.nansum(others, -1) / np.maximum(known, 1), -np.inf)
        choice[..., half == this] = np.where(known.any(-1), means.argmax(-1), -1)[..., None]
    return choice


def chosen(values: np.ndarray, choice: np.ndarray) -> np.ndarray:
    """The values [..., settings, seeds] at a choice [..., seeds]."""
    return np.take_along_axis(values, choice[..., None, :], -2)[..., 0, :]


Place = Literal["equal", "higher", "lower", "undecided"]


def place(interval: tuple[float, float], margin: float) -> Place:
    """Where an interval lies: within the margin around 0 (`equal`), else above or below 0, else undecided.

    A verdict is wrong only if the interval misses the true value, so one interval serves all three (Goeman, Solari and
    Stijnen 2010, three-sided testing).
    """
    low, high = interval
    if -margin < low and high < margin:
        return "equal"
    if low > 0:
        return "higher"
    return "lower" if high < 0 else "undecided"


# ---- how many seeds


def power(difference: float, deviation: float, n: int, alpha: float = ALPHA) -> float:
    """Chance that a paired t test over n seeds finds this difference, when single pairs deviate by `deviation`."""
    if n < 2 or not deviation:
        return float(n >= 2 and difference != 0)
    shift, reach = math.sqrt(n) * difference / deviation, _reaches(n, alpha)
    return float(WEIGHTS @ (ndtr(shift - reach) + ndtr(-shift - reach)))


def equivalence_power(margin: float, deviation: float, n: int, alpha: float = ALPHA) -> float:
    """Chance that the interval over n seeds lies within the margin if the difference is 0."""
    if n < 2 or not deviation:
        return float(n >= 2)
    left = math.sqrt(n) * margin / deviation - _reaches(n, alpha)
    return float(WEIGHTS @ np.where(left > 0, 2 * ndtr(left) - 1, 0.0))


@functools.lru_cache(4096)
def _reaches(n: int, alpha: float) -> np.ndarray:
    """The half width of the interval, in standard errors, at the nodes of the distribution of s.

    Both chances are means over it. scipy's noncentral t does the same and returns nan for some n (1.17).
    """
    s = np.sqrt(2 * gammaincinv((n - 1) / 2, NODES) / (n - 1))
    return float(stdtrit(n - 1, 1 - alpha / 2)) * s


def detectable(deviation: float, n: int, alpha: float = ALPHA) -> float:
    """The smallest difference that n seeds find with a chance of 80 %; nan below two."""
    if n < 2 or not deviation:
        return math.nan if n < 2 else 0.0
    low, high = 0.0, deviation
    while power(high, deviation, n, alpha) < POWER:
        high *= 2
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if power(middle, deviation, n, alpha) < POWER else (low, middle)
    return high


def seeds_needed(deviation: float, margin: float, alpha: float = ALPHA) -> int:
    """Seeds that find a difference of `margin`, and show that there is none if there is none, each with 80 %.

    Raises ValueError for a margin that is not above 0. At most MOST_SEEDS.
    """
    if not margin > 0:
        raise ValueError(f"margin is {margin}: it must be above 0")
    find = seeds_to_find(margin, deviation, alpha)
    return max(find, _fewest(lambda n: equivalence_power(margin, deviation, n, alpha)))


def seeds_to_find(difference: float, deviation: float, alpha: float = ALPHA) -> int:
    """Seeds that find this difference with a chance of 80 %; at most MOST_SEEDS."""
    return _fewest(lambda n: power(abs(difference), deviation, n, alpha))


def _fewest(chance: Callable[[int], float]) -> int:
    low, high = 1, MOST_SEEDS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if chance(middle) < POWER else (low, middle)
    return high


# ---- many questions, and many looks


def holm(decided: Sequence[Callable[[float], bool]], alpha: float = ALPHA) -> list[float]:
    """Return the level at which each question is judged; `decided[i](level)` says whether i has a verdict at a level.

    Holm's steps: all open questions are judged at alpha over their number, until none is decided any more.
    """
    levels, still_open = [alpha] * len(decided), set(range(len(decided)))
    while still_open:
        level = alpha / len(still_open)
        levels = [level if i in still_open else known for i, known in enumerate(levels)]
        new = {i for i in still_open if decided[i](level)}
        if not new:
            break
        still_open -= new
    return levels


def next_look(seeds: int) -> int:
    """The first planned look at more than `seeds`; `seeds` after the last."""
    return min((look for look in LOOKS if look > seeds), default=seeds)


def looks(most: int) -> list[int]:
    """Seeds after which a sweep that decides looks at its results; the last look is at `most`."""
    return [*(n for n in LOOKS if n < most), most]


def spent(most: int, alpha: float = ALPHA) -> dict[int, float]:
    """The level of each look, which sum up to alpha: what Pocock's spending function (Lan and DeMets) grants it.

    By their sum the chance of a false verdict at any look is at most alpha, whatever the correlation of the looks.
    """
    granted = {n: alpha * math.log1p((math.e - 1) * n / most) for n in looks(most)}
    before = [0.0, *list(granted.values())[:-1]]
    return {n: total - earlier for (n, total), earlier in zip(granted.items(), before, strict=True)}
