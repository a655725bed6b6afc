"""Statistical inference: intervals, power, and corrections for multiple questions and looks.

This module does not import pandas. Tests compare it with scipy.stats and statsmodels; `python docs/simulate.py` prints
coverage and error rates.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from scipy.special import gammaincinv, ndtr, roots_legendre, stdtrit

ALPHA = 0.05  # family-wise error rate of all verdicts
POWER = 0.8  # probability of detecting an existing difference
MOST_SEEDS = 1_000  # upper limit of `seeds_needed`
CHOSEN_INFLATION = 5 / 3  # factor on the variance of a mean at a `fair_choice`, whose halves are not independent
NODES, WEIGHTS = (half / 2 for half in roots_legendre(400))  # Gauss-Legendre quadrature over 0..1
NODES = NODES + 0.5
LOOKS = (3, 5, 8, 12, 20)  # numbers of seeds at which a sweep with --decide may stop


def t_interval(values: Sequence[float], confidence: float = 0.95, inflation: float = 1.0) -> tuple[float, float]:
    """Return Student's interval of the mean, mean +- t(n-1) s / sqrt(n); nan below two values.

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
    """Return Welch's interval of mean(left) - mean(right), for unequal variances; nan below two values of each."""
    if min(len(left), len(right)) < 2:
        return math.nan, math.nan
    shares = [float(np.var(values, ddof=1)) / len(values) for values in (left, right)]
    variance, difference = sum(shares), float(np.mean(left) - np.mean(right))
    if not variance:
        return difference, difference
    freedom = variance**2 / sum(share**2 / (len(v) - 1) for share, v in zip(shares, (left, right), strict=True))
    return _around(difference, math.sqrt(variance), freedom, confidence)


def correlation_interval(values: Sequence[float], points: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return Student's interval of the mean of Fisher's z over seeds, as a correlation between -1 and 1.

    A rank correlation of exactly 1 over `points` is replaced by the midpoint between 1 and the next possible value.
    """
    most = 1 - 3 / (points * (points**2 - 1)) if points > 1 else 0.0
    low, high = t_interval(np.arctanh(np.clip(values, -most, most)), confidence)
    return math.tanh(low), math.tanh(high)


def seeds_and_images_interval(
    differences: np.ndarray, confidence: float = 0.95, values: Sequence[float] | None = None
) -> tuple[float, float]:
    """Return the interval of the mean over seeds and test images; `differences` [seeds, images], nan below two of each.

    Crossed random effects: the variance of the mean is (MS seeds + MS images - MS rest) / (seeds images), at least the
    larger of the first two; degrees of freedom by Satterthwaite. `values` [seeds] replace the means of the seeds if the
    quantity is a mean over epochs and the images were recorded in one epoch.
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
    """Choose the setting with the best mean on the other half of the seeds: [..., settings, seeds] -> [..., seeds].

    Halves are even and odd seeds, the highest mean is the best, nan marks missing values and -1 a choice without any.
    Leave-one-out would choose on more seeds, but its intervals cover only 85 % with five seeds and 72 % with twenty if
    settings are about equal (docs/log.md).
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
    """Return the values [..., settings, seeds] at a choice [..., seeds]."""
    return np.take_along_axis(values, choice[..., None, :], -2)[..., 0, :]


Place = Literal["equal", "higher", "lower", "undecided"]


def place(interval: tuple[float, float], margin: float) -> Place:
    """Return where an interval lies: within the margin around 0 (`equal`), above 0, below 0, or `undecided`.

    A verdict is wrong only if the interval misses the true value, so one interval serves all three tests (three-sided
    testing, Goeman, Solari and Stijnen 2010).
    """
    low, high = interval
    if -margin < low and high < margin:
        return "equal"
    if low > 0:
        return "higher"
    return "lower" if high < 0 else "undecided"


# ---- number of seeds


def power(difference: float, deviation: float, n: int, alpha: float = ALPHA) -> float:
    """Return the power of a paired t test over n seeds, with the standard deviation of single pairs."""
    if n < 2 or not deviation:
        return float(n >= 2 and difference != 0)
    shift, reach = math.sqrt(n) * difference / deviation, _reaches(n, alpha)
    return float(WEIGHTS @ (ndtr(shift - reach) + ndtr(-shift - reach)))


def equivalence_power(margin: float, deviation: float, n: int, alpha: float = ALPHA) -> float:
    """Return the probability that the interval over n seeds lies within the margin if the difference is 0."""
    if n < 2 or not deviation:
        return float(n >= 2)
    left = math.sqrt(n) * margin / deviation - _reaches(n, alpha)
    return float(WEIGHTS @ np.where(left > 0, 2 * ndtr(left) - 1, 0.0))


@functools.lru_cache(4096)
def _reaches(n: int, alpha: float) -> np.ndarray:
    """Return the half width of the interval, in standard errors, at the quadrature nodes of the distribution of s.

    scipy's noncentral t would give the same power but returns nan for some n (scipy 1.17).
    """
    s = np.sqrt(2 * gammaincinv((n - 1) / 2, NODES) / (n - 1))
    return float(stdtrit(n - 1, 1 - alpha / 2)) * s


def detectable(deviation: float, n: int, alpha: float = ALPHA) -> float:
    """Return the smallest difference that n seeds detect with 80 % power; nan below two seeds."""
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
    """Return the seeds needed to detect a difference of `margin`, and to show equivalence, each with 80 % power.

    Returns at most MOST_SEEDS. Raises ValueError unless the margin is positive.
    """
    if not margin > 0:
        raise ValueError(f"margin is {margin}: it must be above 0")
    find = seeds_to_find(margin, deviation, alpha)
    return max(find, _fewest(lambda n: equivalence_power(margin, deviation, n, alpha)))


def seeds_to_find(difference: float, deviation: float, alpha: float = ALPHA) -> int:
    """Return the seeds needed to detect this difference with 80 % power, at most MOST_SEEDS."""
    return _fewest(lambda n: power(abs(difference), deviation, n, alpha))


def _fewest(chance: Callable[[int], float]) -> int:
    low, high = 1, MOST_SEEDS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if chance(middle) < POWER else (low, middle)
    return high


# ---- multiple questions and multiple looks


def holm(decided: Sequence[Callable[[float], bool]], alpha: float = ALPHA) -> list[float]:
    """Return the level of each question by Holm's procedure; `decided[i](level)` tells whether question i is decided.

    All open questions are tested at alpha divided by their number, until no further question is decided.
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
    """Return the next planned look after `seeds`, or `seeds` after the last one."""
    return min((look for look in LOOKS if look > seeds), default=seeds)


def looks(most: int) -> list[int]:
    """Return the numbers of seeds at which results are tested; the last is `most`."""
    return [*(n for n in LOOKS if n < most), most]


def spent(most: int, alpha: float = ALPHA) -> dict[int, float]:
    """Return the level of each look by Pocock's spending function (Lan and DeMets); the levels sum to alpha.

    The probability of a false verdict at any look is therefore at most alpha, for any correlation of the looks.
    """
    granted = {n: alpha * math.log1p((math.e - 1) * n / most) for n in looks(most)}
    before = [0.0, *list(granted.values())[:-1]]
    return {n: total - earlier for (n, total), earlier in zip(granted.items(), before, strict=True)}
