"""Where the landing's scan opens and what it says there, on made-up numbers: the rule is older than the runs."""

import pytest

from lpwd.analysis.gap import holds, minus_wd, opening
from lpwd.analysis.pairs import Paired
from lpwd.analysis.statistics import runs_frame
from lpwd.paper.presets import get_preset

TINY_STEPS = (-0.02, -0.01, 0.0, 0.01, 0.02)  # what seeds differ by


def difference(mean, method="lpwd", noise=1.0, n=5):
    """`method` minus WD over five seeds that scatter by a few hundredths of a point, times `noise`."""
    values = tuple(mean + noise * step for step in TINY_STEPS)[:n]
    return Paired(method, "wd", "best10_mean", tuple(range(n)), values)


def test_it_opens_at_the_largest_supported_difference_in_favour_of_lpwd():
    found = {0.5: difference(0.0), 3.5: difference(0.7), 5.0: difference(0.6), 10.0: difference(-30.0)}
    assert opening(found) == 3.5


def test_a_large_difference_within_seed_noise_is_passed_over():
    assert opening({0.5: difference(0.0), 2.0: difference(3.0, noise=300.0), 5.0: difference(0.2)}) == 5.0
    assert opening({2.0: difference(9.0, n=1), 5.0: difference(0.2)}) == 5.0


def test_without_one_in_favour_it_opens_at_the_largest_supported_one():
    assert opening({0.5: difference(0.0), 7.0: difference(-2.0), 25.0: difference(-28.0)}) == 25.0


def test_without_any_it_opens_at_one_half_or_next_to_it():
    assert opening({decay: difference(0.0) for decay in (0.1, 0.5, 1.0)}) == 0.5
    assert opening({decay: difference(0.0) for decay in (0.01, 0.4, 5.0)}) == 0.4


def test_of_equal_differences_the_weakest_penalty_opens():
    assert opening({5.0: difference(0.7), 3.5: difference(0.7)}) == 3.5


@pytest.mark.parametrize(
    ("lpwd", "matched", "more", "said"),
    [
        (0.7, 0.9, 0.35, ("As the paper claims, LPWD is ahead of WD", "It is not only more decay", "makes 50 % of it")),
        (
            0.7,
            0.0,
            0.7,
            (
                "At equal total decay there is no difference larger than 0.15 points",
                "More decay alone makes 100 % of it",
            ),
        ),
        (
            -2.0,
            0.7,
            -1.0,
            ("Contrary to the paper, WD is ahead", "the order is reversed: LPWD is ahead of WD", "50 % of it"),
        ),
        (
            -2.0,
            -1.0,
            0.5,
            (
                "It is not only more decay: at equal total decay LPWD is behind WD (",
                "More decay alone has the opposite effect",
            ),
        ),
        (-0.2, 0.7, -0.6, ("WD is ahead of LPWD by 0.20 points", "More decay alone makes more than all of it")),
        (
            0.0,
            0.0,
            0.0,
            ("do not differ by more than 0.15 points", "At equal total decay there is no", "alone makes no difference"),
        ),
        (
            0.0,
            0.7,
            -0.5,
            ("do not differ by more than 0.15 points", "At equal total decay LPWD is ahead of WD", "alone is worse"),
        ),
    ],
)
def test_the_sentence_says_how_much_of_the_gap_is_more_decay(lpwd, matched, more, said):
    found = {
        "lpwd": difference(lpwd),
        "lpwd_matched": difference(matched, "lpwd_matched"),
        "wd15": difference(more, "wd15"),
    }
    text = holds(found)
    for part in (*said, "95% interval", "n = 5, seeds 0 to 4"):
        assert part.lower() in text.lower()


def test_one_seed_supports_neither_a_difference_nor_a_reason():
    text = holds({"lpwd": difference(0.7, n=1), "lpwd_matched": difference(0.9, "lpwd_matched", n=1)})
    assert text.endswith("With one seed (n = 1, seed 0) seed noise is unknown and nothing follows.")


def test_differences_are_paired_by_seed_over_the_runs_of_one_strength(store):
    from synthetic import write_run

    cells = [cell for cell in get_preset("scan").cells("cpu", 2) if cell.config.weight_decay == 5.0]
    gains = {"lpwd": 1.0, "lpwd_matched": 0.5}
    for cell in cells:
        write_run(store, cell, lambda config, epoch: 90 + config.seed + gains.get(config.method, 0.0))
    found = minus_wd(runs_frame(store.records()), "best10_mean")
    assert {name: round(pair.mean, 6) for name, pair in found.items()} == {
        "lpwd": 1.0,
        "lpwd_matched": 0.5,
        "lpwd_reversed": 0.0,
        "lwd": 0.0,
        "wd15": 0.0,
    }
    assert found["lpwd"].seeds == (0, 1)
