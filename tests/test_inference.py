"""The formulas of inference against scipy.stats and statsmodels, and by hand."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from lpwd.analysis.inference import (
    correlation_interval,
    detectable,
    equivalence_power,
    holm,
    looks,
    place,
    power,
    seeds_and_images_interval,
    seeds_needed,
    spent,
    t_interval,
    welch_interval,
)

LEFT, RIGHT = [0.3, 0.1, 0.45, 0.2, 0.28], [0.1, 0.6, 0.9, 0.05]


def test_intervals_are_those_of_scipy():
    theirs = stats.ttest_1samp(LEFT, 0).confidence_interval(0.99)
    assert t_interval(LEFT, 0.99) == pytest.approx(tuple(theirs))
    theirs = stats.ttest_ind(LEFT, RIGHT, equal_var=False).confidence_interval(0.9)
    assert welch_interval(LEFT, RIGHT, 0.9) == pytest.approx(tuple(theirs))
    assert welch_interval([1.0, 1.0], [0.5, 0.5]) == (0.5, 0.5)
    assert all(math.isnan(end) for end in (*welch_interval([1.0], RIGHT), *t_interval([1.0])))


def test_an_interval_within_the_margin_is_two_one_sided_tests():
    for values in ([0.02, 0.05, -0.01, 0.0], LEFT, [0.1, 0.14, 0.12]):
        above = stats.ttest_1samp(values, -0.15, alternative="greater").pvalue
        below = stats.ttest_1samp(values, 0.15, alternative="less").pvalue
        assert (place(t_interval(values), 0.15) == "equal") == (max(above, below) < 0.025)


def test_the_power_of_a_paired_t_test_is_that_of_scipy_and_of_the_noncentral_t():
    for n, difference in ((3, 0.5), (5, 0.15), (20, 0.1)):
        critical, theirs = stats.t.isf(0.025, n - 1), stats.nct(n - 1, math.sqrt(n) * difference / 0.2)
        assert power(difference, 0.2, n) == pytest.approx(theirs.sf(critical) + theirs.cdf(-critical), rel=1e-4)
    assert power(detectable(0.2, 5), 0.2, 5) == pytest.approx(0.8)


def test_power_equivalence_and_holm_are_those_of_statsmodels():
    weights = pytest.importorskip("statsmodels.stats.weightstats")
    tests = pytest.importorskip("statsmodels.stats.multitest")
    solved = pytest.importorskip("statsmodels.stats.power").TTestPower()
    assert detectable(0.2, 5) / 0.2 == pytest.approx(solved.solve_power(nobs=5, power=0.8, alpha=0.05), rel=1e-4)
    p, *_ = weights.ttost_paired(np.array(LEFT), np.zeros(5), -0.5, 0.5)
    assert (place(t_interval(LEFT, 1 - 2 * p * 0.999), 0.5), place(t_interval(LEFT, 1 - 2 * p * 1.001), 0.5)) == (
        "higher",
        "equal",
    )
    rng = np.random.default_rng(0)
    for _ in range(50):
        values = rng.random(6) ** 4
        theirs = tests.multipletests(values, 0.05, method="holm")[0]
        levels = holm([lambda level, p=p: p <= level for p in values])
        assert [p <= level for p, level in zip(values, levels, strict=True)] == list(theirs)


def test_holms_steps_by_hand():
    levels = holm([lambda level, p=p: p <= level for p in (0.01, 0.03, 0.04)])
    assert levels == pytest.approx([0.05 / 3, 0.05 / 2, 0.05 / 2])
    assert holm([]) == []


def test_the_seeds_needed_find_the_margin_and_show_that_there_is_none():
    n = seeds_needed(0.2, 0.15)
    assert min(power(0.15, 0.2, n), equivalence_power(0.15, 0.2, n)) >= 0.8
    assert min(power(0.15, 0.2, n - 1), equivalence_power(0.15, 0.2, n - 1)) < 0.8
    assert n == 21
    assert all(power(0.15, 0.06, n) <= power(0.15, 0.06, n + 1) for n in range(2, 300))  # scipy's nct: nan at 100
    assert seeds_needed(0.06, 0.15) == 4
    assert seeds_needed(100, 0.15) == 1000
    with pytest.raises(ValueError, match="margin is 0: it must be above 0"):
        seeds_needed(1, 0)


def test_an_interval_of_correlations_is_students_of_fishers_z():
    values = [0.9, 0.95, 0.8]
    assert correlation_interval(values, 20) == pytest.approx(np.tanh(t_interval(np.arctanh(values))))
    low, high = correlation_interval([1.0, 1.0, 1.0], 9)
    assert 0.99 < low <= high < 1


def test_an_interval_over_seeds_and_images_is_wider_and_by_hand_for_two_by_two():
    grid = np.array([[0.0, 1.0], [1.0, 4.0]])  # mean 1.5; seeds 0.5, 2.5; images 0.5, 2.5; MS 4, 4, rest 1
    low, high = seeds_and_images_interval(grid)
    freedom = 7**2 / (16 + 16 + 1)
    assert (high - low) / 2 == pytest.approx(math.sqrt(7 / 4) * stats.t.isf(0.025, freedom))
    rng = np.random.default_rng(0)
    many = rng.choice([-1.0, 0.0, 1.0], size=(5, 400), p=[0.05, 0.9, 0.05])
    alone = np.ptp(t_interval(many.mean(1)))
    assert np.ptp(seeds_and_images_interval(many)) > 0
    assert np.ptp(seeds_and_images_interval(many + rng.normal(0, 0.5, 400))) > alone
    assert all(math.isnan(end) for end in seeds_and_images_interval(many[:1]))


def test_looks_share_the_level():
    assert looks(20) == [3, 5, 8, 12, 20]
    assert looks(10) == [3, 5, 8, 10]
    assert (looks(3), looks(2)) == ([3], [2])
    assert sum(spent(20).values()) == pytest.approx(0.05)
    assert min(spent(20).values()) > 0.005


def test_the_simulation_finds_what_is_claimed():
    sys.path.insert(0, str(Path(__file__).parent.parent / "docs"))
    import simulate

    for line in simulate.results(draws=2000):
        assert line.holds, line
