"""Statistics against hand computations, and the sentences that may follow from them."""

import math
import re
import time

import pytest
from synthetic import ramp, write_run

from lpwd.analysis.inference import place, t_interval
from lpwd.analysis.pairs import Paired, fairly_chosen, holm_adjusted, paired
from lpwd.analysis.statistics import (
    best_settings,
    device_class,
    metrics_frame,
    over_seeds,
    runs_frame,
    weight_norms_frame,
)
from lpwd.analysis.verdict import number, one_sentence, seeds_text, verdict
from lpwd.events import Finished
from lpwd.paper.presets import PRESETS
from lpwd.store import Run, RunStore, Status

CELLS = PRESETS["table3"].cells("cpu", 3)


def cells(*methods, seeds=3):
    return [cell for cell in CELLS if cell.row in methods and cell.config.seed < seeds]


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path)


def pair(*differences, diverged=(), value="best10_mean", method="lpwd", other="wd"):
    return Paired(method, other, value, tuple(range(len(differences))), differences, diverged)


def test_a_run_is_one_row_with_settings_results_and_circumstances(store):
    run_id = write_run(store, cells("lpwd")[0])
    row = runs_frame(store.records()).iloc[0]
    assert (row.run_id, row.method, row.state, row.device_class) == (run_id, "lpwd", "finished", "CPU")
    assert row.best10_mean == pytest.approx(10 + sum(range(1, 11)) / 100)
    assert row.last_top1 == pytest.approx(11.0)
    assert row.mean_decay_rate == pytest.approx(0.5 * 1.5)
    assert row.versions == "torch 2.14.1"


def test_two_thousand_finished_runs_are_listed_within_two_seconds():
    result = Finished(280, 10.0, 0.1, 10.0, 9.0, 2.0, 1000.0, 12.0).summary
    many = [
        Run(run_id=f"run{i}", config=CELLS[i % len(CELLS)].config, status=Status(state="finished", summary=result))
        for i in range(2000)
    ]
    begun = time.perf_counter()
    assert len(runs_frame(many)) == 2000
    assert time.perf_counter() - begun < 2


def test_an_empty_store_has_an_empty_frame_with_all_columns():
    frame = runs_frame([])
    assert frame.empty
    assert {"run_id", "method", "best10_mean", "setting"} <= set(frame.columns)
    assert over_seeds(frame).empty


def test_mean_and_deviation_over_seeds_are_those_by_hand(store):
    for cell in cells("lpwd", "wd"):
        write_run(store, cell)
    grouped = over_seeds(runs_frame(store.records())).set_index("method")
    assert grouped.loc["lpwd", "n"] == 3
    assert grouped.loc["lpwd", "mean"] == pytest.approx(10.55 + 0.1)
    assert grouped.loc["lpwd", "std"] == pytest.approx(0.1)  # of 0, 0.1, 0.2 with ddof 1
    assert grouped.loc["lpwd", "seeds"] == (0, 1, 2)


def test_diverged_runs_are_counted_and_not_averaged(store):
    first, second, third = cells("lpwd")
    write_run(store, first)
    write_run(store, second, diverged=True)
    store.create(third.config)
    row = over_seeds(runs_frame(store.records())).iloc[0]
    assert (int(row.n), row.diverged, row.unfinished, row.seeds) == (1, 1, 1, (0,))
    assert math.isnan(row["std"])


def test_devices_are_never_averaged_together(store):
    first, second, _ = cells("lpwd")
    write_run(store, first)
    write_run(store, second, device="NVIDIA H100 80GB HBM3, 79 GiB")
    assert len(over_seeds(runs_frame(store.records()))) == 2
    assert device_class("NVIDIA H100 80GB HBM3, 79 GiB") == "NVIDIA H100 80GB HBM3"


def test_the_best_setting_of_each_method_is_the_one_with_the_highest_mean(store):
    for cell in PRESETS["fig3b"].cells("cpu", 1):
        write_run(store, cell, lambda config, epoch: 10 + config.weight_decay * (1 if config.method == "pwd" else -1))
    best = best_settings(over_seeds(runs_frame(store.records())), by=()).set_index("method")
    assert (best.loc["pwd", "weight_decay"], best.loc["rwd", "weight_decay"]) == (0.5, 0.001)


def test_student_interval_equals_the_textbook():
    low, high = t_interval([1.0, 2.0, 3.0])
    assert (low, high) == (pytest.approx(2 - 4.302653 / math.sqrt(3)), pytest.approx(2 + 4.302653 / math.sqrt(3)))
    assert all(math.isnan(bound) for bound in t_interval([1.0]))


def test_pairs_are_of_the_same_seed(store):
    for cell in cells("lpwd", "wd"):
        if (cell.row, cell.config.seed) != ("wd", 1):
            write_run(store, cell, lambda c, e: ramp(c, e) + (0.5 + c.seed if c.method == "lpwd" else 0))
    result = paired(runs_frame(store.records()), "lpwd", "wd")
    assert result.seeds == (0, 2)
    assert result.differences == (pytest.approx(0.5), pytest.approx(2.5))
    assert result.mean == pytest.approx(1.5)
    assert result.std == pytest.approx(math.sqrt(2))


def test_baseline_pairs_with_a_decay_because_the_batches_are_the_same(store):
    for cell in cells("baseline", "wd"):
        write_run(store, cell)
    assert paired(runs_frame(store.records()), "wd", "baseline").n == 3


def test_several_settings_per_seed_are_refused(store):
    for cell in PRESETS["fig3b"].cells("cpu", 1):
        write_run(store, cell)
    with pytest.raises(ValueError, match="several settings"):
        paired(runs_frame(store.records()), "pwd", "rwd")


def test_pairs_across_devices_are_refused(store):
    write_run(store, cells("lpwd")[0])
    write_run(store, cells("wd")[0], device="NVIDIA H100, 79 GiB")
    with pytest.raises(ValueError, match="several devices"):
        paired(runs_frame(store.records()), "lpwd", "wd")


def test_curves_have_a_row_a_run_and_epoch_and_norms_a_row_a_layer(store):
    run_id = write_run(store, cells("lpwd")[0])
    curves = metrics_frame(store, [run_id], "epoch")
    assert list(curves.epoch) == list(range(1, 11))
    norms = weight_norms_frame(store, run_id)
    assert list(norms.index) == ["stem", "stages.0", "head"]
    assert list(norms.columns) == list(range(11))
    assert norms.loc["head", 7] == pytest.approx(3 - 0.7)


# ---- verdicts


def test_a_wide_interval_with_zero_is_undecided_and_names_the_seeds_that_would_decide():
    text = verdict(pair(0.3, -0.2, 0.1))
    assert text.startswith("LPWD minus WD: undecided in best-10 test top-1: +0.07 points, 95% interval")
    assert "n = 3, seeds 0 to 2" in text
    assert "3 seeds detect 0.82 points (80% power). A margin of 0.15 points needs about 29 more seeds" in text
    assert "3 pairs are few" in text


def test_an_interval_within_the_margin_is_no_difference_that_matters():
    near = pair(0.02, -0.01, 0.01, 0.0, 0.03)
    assert near.outcome == "equal"
    assert verdict(near).startswith("LPWD minus WD: no difference larger than 0.15 points in best-10 test top-1: +0.01")
    assert "no difference larger than 0.15 points: the paper reports +0.60." in verdict(near, paper=0.6)
    assert pair(0.06, 0.05, 0.07, 0.06).outcome == "equal"  # it differs from 0, by less than matters


def test_an_interval_that_only_touches_zero_is_undecided():
    assert place((0.0, 2.0), 0.15) == "undecided"
    assert place((0.1, 2.0), 0.15) == "higher"
    assert place((-0.15, 0.1), 0.15) == "undecided"


def test_the_setting_is_chosen_on_the_other_half_of_the_seeds_with_the_naive_figure_beside_it(store):
    noise = {("wd", 0.5): (3, 0, 1), ("wd", 0.1): (0, 2, 0), ("lpwd", 0.5): (1, 1, 1), ("lpwd", 0.1): (0, 0, 0)}
    cells = PRESETS["settle"].cells("cpu", 3)
    for cell in cells:
        config = cell.config
        gains = noise.get((config.method, config.weight_decay))
        if gains and cell.column == cells[0].column:
            write_run(store, cell, lambda c, e, gains=gains: 30.0 + gains[c.seed])
    fair = fairly_chosen(runs_frame(store.records()), "lpwd", "wd")
    assert fair.differences == pytest.approx((1.0, 1.0, 1.0))  # WD at 0.1 for seeds 0 and 2, at 0.5 for seed 1
    assert fair.naive == pytest.approx(1 - 4 / 3)
    assert "settings chosen on the other half of the seeds; on the same seeds −0.33 points" in verdict(fair)


def test_holms_correction_decides_and_the_sentence_says_what_holds_without_it():
    weak, strong = pair(0.5, 0.9, 0.6), pair(1.0, 1.01, 1.02)
    first, second, third = holm_adjusted([weak, strong, pair(0.4)])
    assert (weak.outcome, first.outcome, second.outcome) == ("higher", "higher", "higher")
    assert (first.alpha, second.alpha, third.alpha) == (0.05, 0.025, 0.05)
    adjusted, *_ = holm_adjusted([weak, pair(0.3, -0.3, 0.1), pair(0.3, -0.3, 0.2)])
    assert adjusted.outcome == "undecided"
    assert "Without correction: higher." in verdict(adjusted)


def test_an_interval_without_zero_names_the_higher_one_and_agrees_with_the_paper():
    text = verdict(pair(1.0, 1.1, 0.9, 1.0, 1.05), paper=0.6)
    assert text.startswith("LPWD is higher than WD in best-10 test top-1: +1.01 points, 95% interval +0.92 to +1.10")
    assert "Here this agrees with the paper: the paper reports +0.60" in text
    assert "few" not in text


def test_the_opposite_sign_contradicts_the_paper():
    text = verdict(pair(-4.0, -4.1, -3.9), paper=0.6, reduced=True)
    assert "LPWD is lower than WD" in text
    assert "At this reduced size this contradicts the paper: the paper reports +0.60." in text


def test_an_interval_below_the_papers_number_less_the_margin_contradicts_its_size():
    assert "Here this contradicts the paper: the paper reports +0.60." in verdict(pair(0.3, 0.31, 0.29), paper=0.6)
    assert "Here this agrees with the paper" in verdict(pair(0.5, 0.51, 0.49), paper=0.6)


def test_a_papers_number_inside_an_interval_with_zero_is_neither_confirmed_nor_refuted():
    assert "Here the runs neither confirm nor refute the paper: the paper reports +0.60." in verdict(
        pair(0.6, -0.3, 0.9), paper=0.6
    )


def test_one_pair_gives_no_interval():
    text = verdict(pair(0.4), paper=0.6)
    assert "one pair gives no interval and supports no conclusion" in text
    assert "n = 1, seed 0" in text
    assert "contradict" not in text


def test_no_pair_gives_no_verdict_but_names_divergences():
    text = verdict(pair(diverged=(("wd", 2),)))
    assert "there is no verdict" in text
    assert "2 WD runs diverged and are counted as divergence, not averaged." in text


def test_a_lower_loss_agrees_with_a_claim_of_a_lower_loss():
    text = verdict(pair(-0.5, -0.51, -0.49, value="train_loss"), claim=-1)
    assert "LPWD is lower than WD in training loss of the last epoch: −0.500, 95% interval" in text
    assert "Here this agrees with the paper: the paper claims LPWD is lower" in text
    assert "points" not in text


def test_a_control_says_nothing_about_the_paper():
    assert "paper" not in verdict(pair(1.0, 1.1, other="lwd"))


def test_numbers_have_a_typographic_minus_and_no_negative_zero():
    assert [number(value, signed=True) for value in (-0.004, -1.5, 2)] == ["0.00", "−1.50", "+2.00"]
    assert [seeds_text(seeds) for seeds in ([4], [0, 1], [2, 0, 1], [0, 2, 3])] == [
        *("seed 4", "seeds 0, 1", "seeds 0 to 2", "seeds 0, 2, 3"),
    ]


# ---- the headline of the Demo


@pytest.mark.parametrize(
    ("differences", "said"),
    [
        ((-4.0, -4.1, -3.9), "Contrary to the paper, WD is ahead of LPWD by 4.00 points of best-10 test top-1 ("),
        ((1.0, 1.1, 0.9), "As the paper claims, LPWD is ahead of WD by 1.00 points of best-10 test top-1 ("),
        ((0.6, -0.3, 0.9), "Undecided whether WD and LPWD differ in best-10 test top-1: LPWD minus WD is +0.40"),
        ((-0.4,), "WD is ahead of LPWD by 0.40 points of best-10 test top-1, contrary to the paper. With one seed"),
        (
            (0.0,),
            "WD and LPWD are equal in best-10 test top-1. With one seed (n = 1, seed 0) seed noise is unknown",
        ),
        ((), "No verdict yet: WD and LPWD have not both finished for any seed."),
    ],
)
def test_the_headline_has_n_and_seeds_and_follows_from_the_interval(differences, said):
    text = one_sentence(pair(*differences), claim=1)
    assert text.startswith(said)
    assert all(len(re.sub(r"\(.*?\)", "", sentence).split()) <= 25 for sentence in re.split(r"(?<=[.])\s", text))
    if len(differences) == 3:
        assert "95% interval" in text
        assert "n = 3, seeds 0 to 2" in text


def test_a_headline_names_divergences_and_knows_that_a_low_loss_is_good():
    assert "1 LPWD run diverged" in one_sentence(pair(-1.0, diverged=(("lpwd", 1),)), claim=1)
    lower = pair(-0.50, -0.51, -0.49, value="train_loss")
    assert one_sentence(lower, claim=1).startswith("As the paper claims, LPWD is ahead")
