"""Accuracy over total decay: what decides about LPWD, from invented runs whose answer is known."""

import math

import pandas as pd
import pytest
from synthetic import write_run

from lpwd.analysis.pairs import fairly_chosen
from lpwd.analysis.statistics import epochs_to, expected_best
from lpwd.analysis.strengths import differences_from_wd, noise_floor, plateau, with_decay
from lpwd.paper.findings import find
from lpwd.paper.presets import PRESETS
from lpwd.paper.strengths import _decision, _decisive, _robustness, draw
from lpwd.runs import Runs


def runs(method, curve, seeds=3, weight=1.0, steps=1000, lr=0.001):
    """Finished runs of a method: `curve` is lambda -> top-1; seeds differ by the same tenth of a point."""
    return pd.DataFrame(
        [
            {
                **{"run_id": f"{method}-{decay}-{seed}", "method": method, "state": "finished", "seed": seed},
                **{"lr": lr, "weight_decay": decay, "mean_decay_rate": decay * weight, "step": steps},
                **{
                    "device_class": "CPU",
                    "scale": "cpu",
                    "batches": "b",
                    "schedule": "constant",
                    "last_top1": top1 + seed / 10,
                },
            }
            for decay, top1 in curve.items()
            for seed in range(seeds)
        ]
    )


FALLING = {0.01: 30.0, 0.1: 30.0, 1.0: 29.0, 10.0: 10.0}
HIGHER = {decay: top1 + 2 for decay, top1 in FALLING.items()}


@pytest.mark.parametrize(
    ("lpwd", "reverse", "said"),
    [
        (HIGHER, FALLING, "LPWD helps: its best beats WD's, and reversed depth does not"),
        (HIGHER, HIGHER, "more decay in deep layers is not what helps: reversed depth beats WD as well"),
        (FALLING, HIGHER, "LPWD does not help. Best LPWD minus best WD 0.00"),
    ],
)
def test_lpwd_helps_only_where_it_beats_wd_and_reversed_depth_does_not(lpwd, reverse, said):
    done = with_decay(pd.concat([runs("wd", FALLING), runs("lpwd", lpwd), runs("lpwd_reversed", reverse)]))
    assert _decision(*_decisive(done, ["last_top1"])[0]).startswith(said)


def test_without_reversed_depth_there_is_no_verdict():
    done = with_decay(pd.concat([runs("wd", FALLING), runs("lpwd", HIGHER)]))
    assert "no verdict yet" in _decision(*_decisive(done, ["last_top1"])[0])


def test_each_method_stands_at_its_own_best_strength():
    done = with_decay(pd.concat([runs("wd", {0.1: 30.0, 1.0: 20.0}), runs("lpwd", {0.1: 10.0, 1.0: 31.5})]))
    pair = fairly_chosen(done, "lpwd", "wd", "last_top1")
    assert pair.differences == pytest.approx((1.5, 1.5, 1.5))


def test_total_decay_follows_the_schedule_and_is_unknown_where_a_pull_is_no_fraction_of_the_weights():
    rows = {"wd": 0.5, "wdlr2": 0.375, "adamc": 0.375, "spd": math.nan, "soda": math.nan, "adamh": math.nan}
    for method, share in rows.items():
        constant = runs(method, {2.0: 1.0}, seeds=1)
        both = with_decay(pd.concat([constant, constant.assign(schedule="cosine")]))
        plain = both.lr * both.mean_decay_rate * both.step
        known = [1.0, share] if math.isfinite(share) else [math.nan, math.nan]
        assert list(both.total_decay / plain) == pytest.approx(known, nan_ok=True)


def test_a_column_of_rivals_is_compared_with_its_own_wd_and_decides_nothing_about_lpwd():
    own = pd.concat([runs("wd", FALLING), runs("lpwd", HIGHER), runs("lpwd_reversed", FALLING)]).assign(column="Adam")
    other = pd.concat([runs("wd", HIGHER), runs("cwd", FALLING)]).assign(column="Muon")
    frame = pd.concat([own, other]).assign(best10_mean=math.nan, val_selected_top1=math.nan)
    figures, sentences = draw(PRESETS["settle"], frame, pd.DataFrame(), Runs())
    assert [caption.partition(":")[0] for caption in figures] == ["Adam", "Muon"]
    assert sentences[0].startswith("Test top-1 of the last epoch: LPWD helps")
    assert [text.partition(":")[0] for text in sentences if "CWD" in text] == ["Muon", "Muon"]
    assert not any("verdict" in text for text in sentences)


def test_a_method_that_only_decays_more_coincides_with_wd_at_the_same_total_decay():
    fine = {round(10 ** (k / 8), 4): 30.0 - k for k in range(17)}
    rescaled = {decay: 30.0 - 8 * math.log10(1.5 * decay) for decay in list(fine)[:12]}
    other = {decay: top1 + 3 for decay, top1 in rescaled.items()}
    done = with_decay(pd.concat([runs("wd", fine), runs("lpwd", rescaled, weight=1.5), runs("lpwd_matched", other)]))
    assert all(abs(point.mean) < 0.02 for point in differences_from_wd(done, "lpwd", "last_top1"))
    assert all(point.mean > 1 for point in differences_from_wd(done, "lpwd_matched", "last_top1"))


def test_the_noise_floor_is_the_deviation_of_null_cells_within_a_seed():
    null = pd.concat([runs("wd", {0.01: 30.0}), runs("lpwd", {0.01: 31.0}), runs("wd", {5.0: 3.0})])
    floor = noise_floor(with_decay(null), "last_top1")
    assert floor.cells == 6
    assert floor.mean == pytest.approx(30.6)
    assert floor.std == pytest.approx(math.sqrt(6 * 0.25 / 3))


def test_a_plateau_ends_where_the_curve_crosses_the_level():
    points = pd.DataFrame({"total_decay": [0.1, 1.0, 10.0, 100.0], "mean": [30.0, 30.0, 29.0, 9.0]})
    low, high = plateau(points, 28.0)
    assert low == pytest.approx(0.1)
    assert high == pytest.approx(10 ** (1 + 1 / 20))
    assert plateau(points, 31.0) is None
    done = with_decay(runs("wd", FALLING))
    assert "WD 0.01 to" in _robustness(done, "last_top1")[0]


def test_the_expected_best_over_k_trials_is_that_of_random_search_with_replacement():
    assert expected_best([3.0, 1.0]) == pytest.approx([2.0, 2.5])
    values = [1.0, 4.0, 2.0]
    pairs = [max(a, b) for a in values for b in values]
    assert expected_best(values)[:2] == pytest.approx([sum(values) / 3, sum(pairs) / 9])


def test_runs_that_never_reach_the_target_are_misses():
    curves = pd.DataFrame({"run_id": [*"aaabbb"], "epoch": [1, 2, 3] * 2, "test_top1": [5, 20, 30, 5, 6, 7]})
    median, misses = epochs_to(curves, 15, runs=3)
    assert math.isnan(median)
    assert misses == 2
    assert epochs_to(curves, 5, runs=2) == (1, 0)


def test_settle_and_scan_draw_curves_over_total_decay_and_say_the_decision_first(store):
    for cell in PRESETS["scan"].cells("cpu", 2):
        write_run(store, cell, lambda config, epoch: 90 - config.weight_decay + config.seed / 10)
    findings = find(PRESETS["scan"], store, "cpu", 2)
    assert sum("expected best over k trials" in caption for caption in findings.figures) == 1
    assert any(caption.endswith("test top-1 of the last epoch") for caption in findings.figures)
    assert findings.sentences[0].startswith("Test top-1 of the last epoch: ")
    assert any("noise floor" in sentence for sentence in findings.sentences)
    assert any(sentence.startswith("Tuning budgets differ") for sentence in findings.sentences)
