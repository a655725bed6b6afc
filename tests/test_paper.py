"""The paper's numbers and the presets' cells, against independent copies and counts made by hand."""

import pytest

from lpwd.config import ConfigError, RunConfig
from lpwd.jobs.costs import cost
from lpwd.paper import regime
from lpwd.paper.grids import pretrained_run
from lpwd.paper.numbers import DECAYS, LRS, TABLE1, TABLE3
from lpwd.paper.presets import PRESETS, get_preset
from lpwd.paper.protocols import protocol

TABLE1_TEXT = """
Baseline	90.53±0.08	89.97±0.01	89.28±0.08	88.72±0.04	73.06±0.07	72.51±0.02	71.91±0.10	71.13±0.11
L2	89.85±0.12	90.06±0.04	88.84±0.10	88.56±0.16	72.74±0.36	72.46±0.17	71.61±0.08	71.26±0.16
WD	90.77±0.05	90.13±0.02	89.47±0.10	88.74±0.09	73.88±0.22	72.81±0.03	72.07±0.10	71.42±0.10
LPWD	91.03±0.11	90.28±0.05	89.73±0.10	88.98±0.08	74.48±0.04	73.38±0.08	72.70±0.09	71.95±0.10
"""
TABLE1_COLUMNS = [
    *("CIFAR-10, ConvNeXt, Adam", "CIFAR-10, ConvNeXt, SGDM", "CIFAR-10, Swin, Adam", "CIFAR-10, Swin, SGDM"),
    *("CIFAR-100, ConvNeXt, Adam", "CIFAR-100, ConvNeXt, SGDM", "CIFAR-100, Swin, Adam", "CIFAR-100, Swin, SGDM"),
]
TABLE3_TEXT = {"wd": "73.88±0.22", "rwd": "74.19±0.08", "pwd": "74.29±0.11", "lpwd": "74.48±0.04"}

# Cells of one seed at scale paper. The grid has 5 x 7 = 35 settings; Baseline has 5.
PAPER_CELLS = {
    "table1": 2 * 2 * 2 * (5 + 5 * 35),  # data sets, models, optimizers; l2 wd lpwd and the controls lwd wd15
    "table3": 7 * 35,  # wd rwd pwd lpwd, lwd lrwd wd15
    "fig1": 2 * 4,  # models; wd lpwd, lwd wd15
    "fig2": 2 * 2 * 35,
    "fig3a": 2,
    "fig3b": 7 * 4,  # lambdas; rwd pwd, lrwd lpwd
    "fig4": 2 * 2 * 3 * 35,  # wd lpwd, lwd
    "fig5": 4 * 3 * 35,
    "pretrain": 2,
    # baseline; strengths x wd lpwd, matched, reversed, l2sp; shuffled; adamh; spd; soda; AdamC's and Muon's columns
    "settle": 1 + 5 * 5 + 2 + 1 + 5 + 1 + (1 + 5 * 3) + (1 + 5 * 2),
    "scan": 1 + 12 * 6,  # lambdas; wd lpwd lwd wd15, matched, reversed
}
CPU_CELLS = {"table1": 144, "table3": 24, "fig1": 24, "fig2": 108, "fig3a": 6, "fig3b": 24, "fig4": 108, "fig5": 27}
CPU_CELLS |= {"pretrain": 4, "settle": 5 * 29 + 3 * 33, "scan": 5 * 73}
OURS = ("pretrain", "settle", "scan")  # presets that the paper lacks


def test_table_1_is_the_papers_digit_for_digit():
    for line in TABLE1_TEXT.strip().splitlines():
        method, *values = line.split("\t")
        assert [str(TABLE1[method.lower(), column]) for column in TABLE1_COLUMNS] == values
    assert len(TABLE1) == 32


def test_table_3_is_the_papers_digit_for_digit():
    assert {method: str(value) for (method, _), value in TABLE3.items()} == TABLE3_TEXT


def test_table_2_is_the_papers():
    assert LRS["adam"] == (0.001, 0.0005, 0.0001, 0.00005, 0.00001)
    assert LRS["sgd"] == (0.1, 0.05, 0.01, 0.005, 0.001)
    assert DECAYS == (0.5, 0.1, 0.05, 0.01, 0.005, 0.001, 0.0005)


def test_reported_numbers_exist_for_the_two_tables_and_the_best_of_figure_4_only():
    assert {name for name, preset in PRESETS.items() if preset.reported} == {"table1", "table3", "fig4"}


@pytest.mark.parametrize("name", PRESETS)
def test_cells_are_distinct_and_as_many_as_counted_by_hand(name):
    paper, cpu = PRESETS[name].cells("paper", 1), PRESETS[name].cells("cpu")
    assert (len(paper), len(cpu)) == (PAPER_CELLS[name], CPU_CELLS[name])
    for cells in (paper, cpu):
        assert len({cell.run_id for cell in cells}) == len(cells)
        assert all(RunConfig(**cell.config.model_dump()) == cell.config for cell in cells)


@pytest.mark.parametrize("name", PRESETS)
def test_every_reported_number_has_a_cell_at_both_scales(name):
    preset = PRESETS[name]
    for scale in ("paper", "cpu") if name != "fig4" else ("paper",):  # at scale cpu without Swin
        assert set(preset.reported) <= {(cell.row, cell.column) for cell in preset.cells(scale, 1)}


def test_presets_share_runs_that_are_the_same():
    grid = {cell.run_id for cell in PRESETS["table1"].cells("paper", 1)}
    for name in ("fig1", "fig4"):
        assert {cell.run_id for cell in PRESETS[name].cells("paper", 1)} <= grid
    assert {cell.run_id for cell in PRESETS["fig3b"].cells("paper", 1)} <= {
        cell.run_id for cell in PRESETS["table3"].cells("paper", 1)
    }


@pytest.mark.parametrize("name", sorted(PRESETS.keys() - OURS))
def test_scale_paper_is_the_papers_setting(name):
    for cell in PRESETS[name].cells("paper", 1):
        config = cell.config
        assert (config.batch_size, config.epochs, config.image_size, config.schedule) == (512, 100, 32, "constant")
        assert config.pretrained
        assert config.model.endswith(("in22k",))
        assert config.train_samples is None
        assert (config.betas, config.eps, config.momentum, config.precision) == ((0.9, 0.999), 1e-8, 0.9, "bf16")
        assert config.lr in LRS[config.optimizer]
        assert config.weight_decay in (*DECAYS, 0.0)


@pytest.mark.parametrize("name", sorted(PRESETS.keys() - {"pretrain", "scan"}))
def test_scale_cpu_fine_tunes_starts_of_our_own_at_the_papers_rates_and_says_so(name):
    starts = {pretrained_run(family).run_id for family in regime.CPU_MODELS}
    for cell in PRESETS[name].cells("cpu"):
        config = cell.config
        assert cell.start.run_id in starts
        assert config.init_from.startswith(cell.start.run_id)
        assert (config.model, config.model_kwargs) == (cell.start.model, cell.start.model_kwargs)
        assert not config.pretrained
        assert config.precision == "bf16"
        if name != "settle":
            assert config.lr in LRS[config.optimizer]
            assert config.weight_decay in (*DECAYS, 0.0)
    assert "1,570 steps" in PRESETS[name].scale_note("cpu")


def test_the_settling_figure_goes_from_less_to_more_decay_than_the_papers_figure_1():
    config = PRESETS["fig1"].cells("cpu", 1)[0].config
    steps = config.epochs * -(-(config.train_samples - config.validation_samples) // config.batch_size)
    assert steps == regime.STEPS == 1570
    paper = 0.001 * 0.5 * regime.PAPER_STEPS
    totals = [regime.SETTLE_LR * decay * steps for decay in regime.SETTLE_DECAYS]
    assert totals[0] < 0.1 < paper < totals[-1]


def test_cells_of_scale_cpu_coincide_where_presets_ask_for_the_same():
    ids = {name: {cell.run_id for cell in PRESETS[name].cells("cpu", 1)} for name in PRESETS}
    assert len(ids["settle"] & ids["table3"]) == 3  # baseline; wd, lpwd at lambda 0.5
    assert len(ids["settle"] & ids["fig4"]) == 4  # at 0.5 and 0.1
    assert len(ids["table3"] & ids["table1"]) == 5
    assert len(ids["table3"] & ids["fig5"]) == 3


def test_controls_are_marked_as_not_in_the_paper():
    marks = {cell.row: cell.in_paper for cell in PRESETS["table3"].cells("paper", 1)}
    assert {name for name, mark in marks.items() if not mark} == {"lwd", "lrwd", "wd15"}


def test_figure_2_measures_every_step_and_figure_3a_after_training():
    assert {cell.config.opposing_every for cell in PRESETS["fig2"].cells("paper", 1)} == {1}
    assert all(cell.config.zero_shot for cell in PRESETS["fig3a"].cells("cpu"))


def test_every_cell_has_a_protocol_and_other_runs_are_custom():
    named = {name: {protocol(cell.config) for cell in PRESETS[name].cells("cpu", 1)} for name in PRESETS}
    assert named["fig2"] == {"fine-tuning-1, 3 epochs"}
    assert (named["pretrain"], named["scan"], named["settle"]) == ({"pretraining-1"}, {"scan-1"}, {"fine-tuning-1"})
    assert {protocol(cell.config) for cell in PRESETS["table1"].cells("paper", 1)} == {"paper"}
    assert protocol(RunConfig()) == "custom"


def test_cost_counts_each_run_once():
    cells = PRESETS["table3"].cells("cpu", 1)
    configs = [cell.config for cell in cells]
    once = cost(configs, 1000.0)
    assert once == cost([*configs, *configs], 1000.0)
    assert once.runs == 8
    assert once.training_images == 8 * 10 * 10_000
    assert once.evaluation_images == 8 * 10 * (2000 + 1000)
    assert once.hours == pytest.approx((once.training_images + once.evaluation_images / 3) / 1000 / 3600)


def test_cost_includes_101_evaluations_of_zero_shot_decay_and_takes_a_speed_per_model():
    cells = PRESETS["fig3a"].cells("paper", 1)
    total = cost([cell.config for cell in cells], lambda config: 100.0 if "swin" in config.model else 200.0)
    assert total.training_images == 2 * 100 * 50_000
    assert total.evaluation_images == 2 * (100 + 101) * 10_000


def test_unknown_names_and_numbers_are_refused_in_words():
    with pytest.raises(ConfigError, match="allowed are table1, table3"):
        get_preset("table2")
    with pytest.raises(ConfigError, match="seeds is 0"):
        PRESETS["fig1"].cells("cpu", 0)
    with pytest.raises(ConfigError, match="scale is 'big'"):
        PRESETS["fig1"].cells("big")  # type: ignore[arg-type]
