"""The published pair of the Demo: chosen by rule from real rows, and the one that is bundled."""

import pyarrow as pa
import pytest
from publishing import published, root_files, tables
from synthetic import write_run

from lpwd.config import RunConfig
from lpwd.hub import pull
from lpwd.hub.demo_pair import choose
from lpwd.hub.shards import check
from lpwd.paper import pair
from lpwd.paper.presets import get_preset
from lpwd.store import RunStore


def write(store, preset, seeds, top1=lambda config, epoch: 10 + config.seed, methods=("wd", "lpwd")):
    """Runs of ConvNeXt as the preset has them: lambda 0.1 in tables 1 and 3, 0.5 in figure 1."""
    for cell in get_preset(preset).cells("cpu"):
        config = cell.config
        if config.method in methods and config.seed in seeds and config.model == "convnext_atto":
            write_run(store, cell, top1)


def chosen(store):
    return choose(published(store).runs)


def test_most_seeds_come_first_then_the_decay_nearest_the_papers_whatever_its_outcome(store, tmp_path):
    worse = lambda config, epoch: 5 - 4 * (config.method == "lpwd") + config.seed / 10  # noqa: E731
    write(store, "fig1", {0, 1}, worse)
    write(store, "table3", {0, 1, 2})
    assert chosen(store)["config"]["lr"] == 0.0005
    everything = RunStore(tmp_path / "more")
    write(everything, "table3", {0, 1, 2})
    write(everything, "fig1", {0, 1, 2}, worse)
    found = chosen(everything)
    assert RunConfig(**found["config"]).lr == 0.001


def test_runs_that_fine_tune_come_before_runs_from_scratch(store):
    write(store, "scan", {0, 1, 2})
    assert chosen(store)["config"]["dataset"] == "digits"
    write(store, "table3", {0})
    assert RunConfig(**chosen(store)["config"]).init_from


def test_the_lowest_seed_that_both_methods_have_is_drawn(store):
    write(store, "table3", {0, 1, 2}, methods=("wd",))
    write(store, "table3", {1, 2}, methods=("lpwd",))
    found = chosen(store)
    assert [("-s1-" in run_id) for run_id in found["ids"]] == [True, True]
    assert [lane["method"] for lane in found["lanes"]] == ["wd", "lpwd"]
    assert [len(lane["heat"]["z"][0]) for lane in found["lanes"]] == [11, 11]  # before the first epoch, after each
    assert found["lanes"][0]["heat"]["z"][0] == [round(1 - 0.01 * epoch, 6) for epoch in range(11)]


def test_without_a_pair_there_is_nothing_to_show(store):
    write(store, "table3", {0}, methods=("wd",))
    assert chosen(store) is None


@pytest.mark.parametrize("name", ["layer_names", "layer_decay_rates", "initial_weight_norms"])
def test_a_run_that_lacks_what_is_drawn_is_no_candidate(store, name):
    write(store, "table3", {0})
    runs, curves = tables(root_files(store))
    place = runs.column_names.index(name)
    nothing = runs.set_column(place, name, pa.nulls(len(runs), runs.schema.field(name).type))
    assert choose(check(nothing, curves).runs) is None


def test_the_bundled_pair_is_the_one_that_the_rule_finds_in_the_bundled_tables():
    assert pair.bundled() == choose(pull.local("", "").runs)


def test_a_layer_that_starts_at_zero_has_no_share():
    found = pair.heat(["stem", "head"], [1.0, 2.0], [[0.0, 2.0], [1.0, 0.5]])
    assert found["z"] == [[None, None], [1.0, 0.25]]
    assert pair.heat_words("WD", found) == (
        "WD: after epoch 1 the weight norms of the layers stand between 25 % (head) and 25 % (head) of their start."
    )
