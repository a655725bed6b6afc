"""Simulate coverage and error rates of the statistics and compare them with the claimed rates.

    python docs/simulate.py [--draws 10000]

A line holds if the simulated rate is within three Monte Carlo errors of the claim, or on the safe side of "at most" and
"at least". Single differences are normal with deviation 0.2 points unless a line says otherwise; the margin is 0.15.
"""

import argparse
import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from lpwd.analysis.inference import (
    ALPHA,
    CHOSEN_INFLATION,
    Place,
    chosen,
    detectable,
    equivalence_power,
    fair_choice,
    holm,
    place,
    seeds_and_images_interval,
    seeds_needed,
    spent,
)
from lpwd.analysis.pairs import MARGINS

Rate = tuple[str, str, float, np.ndarray]  # what, bound, claim, whether it happened in each draw
Ends = tuple[np.ndarray, np.ndarray, int]  # means, standard errors and n of the contrasts of one draw
MARGIN, DEVIATION = MARGINS["best10_mean"], 0.2


@dataclass(frozen=True)
class Line:
    """A simulated rate and the claimed one: `bound` is "=", "<=" or ">="."""

    what: str
    bound: str
    claim: float
    rate: float
    draws: int

    @property
    def error(self) -> float:
        """Monte Carlo standard error of a rate as large as the claim."""
        return math.sqrt(self.claim * (1 - self.claim) / self.draws)

    @property
    def holds(self) -> bool:
        over = (self.rate - self.claim) / self.error
        return (self.bound == ">=" or over < 3) and (self.bound == "<=" or over > -3)

    def __str__(self) -> str:
        mark = "" if self.holds else "  DOES NOT HOLD"
        return f"{self.what:<88} {self.rate:7.2%}  claimed {self.bound:>2} {self.claim:6.1%} ± {self.error:.2%}{mark}"


def results(draws: int = 10_000, seed: int = 0) -> Iterator[Line]:
    """All lines."""
    for simulation in (student, two_way, choosing, equivalence, seeds, sequential, several):
        for what, bound, claim, wrong in simulation(np.random.default_rng(seed), draws):
            yield Line(what, bound, claim, float(np.mean(wrong)), len(wrong))


def intervals(values: np.ndarray, alpha: float = ALPHA, inflation: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """As `t_interval`, of many samples at once: [draws, n] -> [draws]."""
    n = values.shape[-1]
    reach = stdtrit(n - 1, 1 - alpha / 2) * values.std(-1, ddof=1) * math.sqrt(inflation / n)
    return values.mean(-1) - reach, values.mean(-1) + reach


def places(values: np.ndarray, alpha: float = ALPHA) -> np.ndarray:
    """As `place`, of many samples at once."""
    return np.array([place(ends, MARGIN) for ends in zip(*intervals(values, alpha), strict=True)])


def covers(ends: tuple[np.ndarray, np.ndarray], truth: float = 0.0) -> np.ndarray:
    return (ends[0] <= truth) & (truth <= ends[1])


def student(rng: np.random.Generator, draws: int) -> Iterator[Rate]:
    for n in (3, 5):
        yield f"t interval of {n} seeds covers the mean", "=", 0.95, covers(intervals(rng.normal(0, 1, (draws, n))))


def two_way(rng: np.random.Generator, draws: int) -> Iterator[Rate]:
    """Per image, both methods are right or wrong; a part of the images favours a method, and a part of the seeds."""
    images = 300
    for n in (3, 5):
        for by_image, by_seed in ((0.02, 0.0), (0.02, 0.02), (0.0, 0.03)):
            found, alone = [], []
            for _ in range(draws):
                mean = rng.normal(0, by_seed, (n, 1)) + rng.normal(0, by_image, images)
                grid = 100 * (rng.choice([-1.0, 0.0, 1.0], (n, images), p=[0.05, 0.9, 0.05]) + mean)
                found.append(seeds_and_images_interval(grid))
                alone.append(grid.mean(1))
            effects = (
                f"{n} seeds, {images} images, effects of images {100 * by_image:g} and seeds {100 * by_seed:g} points"
            )
            yield f"seeds and images: {effects}", ">=", 0.95, covers(tuple(np.array(found).T))


def fairly(values: np.ndarray) -> np.ndarray:
    return chosen(values, fair_choice(values))


def choosing(rng: np.random.Generator, draws: int) -> Iterator[Rate]:
    """Choose among equally good settings, which must not produce a gain."""
    for n in (3, 5, 20):
        for many, few in ((12, 1), (5, 5), (12, 12)):
            left, right = (fairly(rng.normal(0, DEVIATION, (draws, count, n))) for count in (many, few))
            covered = covers(intervals(left - right, inflation=CHOSEN_INFLATION))
            yield f"best of {many} against best of {few} equal settings, {n} seeds: covers 0", ">=", 0.95, covered


def equivalence(rng: np.random.Generator, draws: int) -> Iterator[Rate]:
    for n in (3, 5, 20):
        at_margin = rng.normal(MARGIN, DEVIATION, (draws, n))
        yield (
            f"{n} seeds, true difference at the margin: 'no difference larger'",
            "<=",
            0.025,
            places(at_margin) == "equal",
        )
        none = places(rng.normal(0, DEVIATION, (draws, n)))
        yield f"{n} seeds, no difference: 'higher' or 'lower'", "<=", 0.05, np.isin(none, ["higher", "lower"])


def seeds(rng: np.random.Generator, draws: int) -> Iterator[Rate]:
    smallest = detectable(DEVIATION, 5)
    found = intervals(rng.normal(smallest, DEVIATION, (draws, 5)))[0] > 0
    yield f"5 seeds find the {smallest:.2f} points that they are said to detect", "=", 0.8, found
    n = seeds_needed(DEVIATION, MARGIN)
    none = places(rng.normal(0, DEVIATION, (draws, n)))
    claim = equivalence_power(MARGIN, DEVIATION, n)
    yield f"{n} seeds, as needed for the margin, show that there is no difference", ">=", claim, none == "equal"


def sequential(rng: np.random.Generator, draws: int) -> Iterator[Rate]:
    """Looks at 3, 5, 8, 12 and 20 seeds; a verdict at any look ends the sweep."""
    for truth, wrong, what in ((0.0, ["higher", "lower"], "no difference"), (MARGIN, ["equal", "lower"], "the margin")):
        for deviation in (0.05, DEVIATION):
            values = rng.normal(truth, deviation, (draws, 20))
            verdicts = np.array([places(values[:, :n], level) for n, level in spent(20).items()])
            first = np.where(verdicts == "undecided", len(verdicts), np.arange(len(verdicts))[:, None]).min(0)
            ended = np.vstack([verdicts, np.full(draws, "undecided")])[first, np.arange(draws)]
            yield (
                f"5 looks, true difference {what}, deviation {deviation:g}: false verdict",
                "<=",
                0.05,
                np.isin(ended, wrong),
            )


def several(rng: np.random.Generator, draws: int) -> Iterator[Rate]:
    """Seven contrasts that share a method, hence correlated, under Holm's correction."""
    truths = {
        "no difference in any": [0.0] * 7,
        "half without, half at the margin": [0, 0, 0, MARGIN, MARGIN, -MARGIN, -MARGIN],
        "two large": [1, 1, 0, 0, 0, 0, 0],
    }
    for what, means in truths.items():
        for n in (3, 5):
            shared = rng.normal(0, DEVIATION, (draws, 1, n))
            values = np.array(means)[:, None] + (rng.normal(0, DEVIATION, (draws, 7, n)) + shared) / math.sqrt(2)
            wrong = [any(map(false_verdict, holm_places(one), means)) for one in _ends(values)]
            yield f"Holm over 7 contrasts, {n} seeds, {what}: any false verdict", "<=", 0.05, np.array(wrong)


def _ends(values: np.ndarray) -> list[Ends]:
    """Mean, standard error and n of each contrast: one list per draw."""
    means, errors = values.mean(-1), values.std(-1, ddof=1) / math.sqrt(values.shape[-1])
    return [(m, e, values.shape[-1]) for m, e in zip(means, errors, strict=True)]


def holm_places(one: Ends) -> list[Place]:
    """The verdicts of one draw, each at its level by Holm."""
    means, errors, n = one

    def at(i: int, level: float) -> Place:
        reach = _critical(n, level) * errors[i]
        return place((means[i] - reach, means[i] + reach), MARGIN)

    levels = holm([lambda level, i=i: at(i, level) != "undecided" for i in range(len(means))])
    return [at(i, level) for i, level in enumerate(levels)]


@functools.cache
def _critical(n: int, level: float) -> float:
    return float(stdtrit(n - 1, 1 - level / 2))


def false_verdict(found: Place, truth: float) -> bool:
    false = {"equal": abs(truth) >= MARGIN, "higher": truth <= 0, "lower": truth >= 0, "undecided": False}
    return false[found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=10_000)
    lines = list(map(_printed, results(parser.parse_args().draws)))
    raise SystemExit(not all(line.holds for line in lines))


def _printed(line: Line) -> Line:
    print(line)
    return line


if __name__ == "__main__":
    main()
