"""The scorecard: verdicts from made-up tables whose answer is known; own and published runs by one rule."""

import json
import re

import pytest
from click.testing import CliRunner
from publishing import published
from synthetic import write_run

from lpwd.cli.main import main
from lpwd.paper.presets import PRESETS
from lpwd.paper.scorecard.claims import CLAIMS, scorecard, tile
from lpwd.paper.scorecard.parts import Part, combined, over_columns
from lpwd.paper.scorecard.quantities import TABLE1_GAINS
from lpwd.paper.scorecard.tiles import Tile, holm_adjusted, summary
from lpwd.runs import Runs, repeated_text
from lpwd.store import RunStore


def part(*values, claim="higher"):
    return Part("LPWD minus WD", values, claim)


@pytest.mark.parametrize(
    ("values", "claim", "verdict"),
    [
        ((0.5, 0.6, 0.7), "higher", "confirms"),
        ((-0.5, -0.6, -0.7), "higher", "contradicts"),
        ((-0.5, -0.6, -0.7), "lower", "confirms"),
        ((-0.5, 0.6, 0.7), "higher", "undecided"),
        ((0.5, 0.6, 0.7), "at most", "contradicts"),
        ((-0.5, 0.6, 0.7), "at most", "undecided"),
        ((-0.05, 0.06, 0.07), "at most", "undecided"),
        ((-0.01, 0.02, 0.01), "at most", "confirms"),
        ((-0.01, 0.02, 0.01), "higher", "no difference"),
        ((0.05, 0.06, 0.05), "higher", "no difference"),
        ((0.5, 0.6), "higher", "undecided"),
        ((), "higher", "not run"),
    ],
)
def test_a_verdict_needs_three_seeds_and_an_interval_that_excludes_the_other_verdicts(values, claim, verdict):
    assert part(*values, claim=claim).verdict() == verdict


def test_one_part_against_the_claim_contradicts_it_and_all_confirm_it():
    good, bad, open_one, none = part(0.5, 0.51, 0.52), part(-0.5, -0.51, -0.52), part(-1.0, 0.6, 0.7), part()
    equal = part(0.01, 0.02, 0.0)
    assert combined([good, bad, open_one]) == "contradicts"
    assert combined([good, good]) == "confirms"
    assert (combined([good, equal, open_one]), combined([equal, bad])) == ("no difference", "contradicts")
    assert combined([good, open_one]) == combined([good, none]) == "undecided"
    assert combined([none, none]) == "not run"


def test_the_papers_number_less_the_margin_contradicts_and_a_correlation_stays_within_its_bounds():
    def judged(*values, paper):
        return Part("LPWD minus WD", values, "higher", paper=paper).verdict()

    assert (judged(0.3, 0.31, 0.29, paper=0.6), judged(0.3, 0.31, 0.29, paper=None)) == ("contradicts", "confirms")
    ranks = Part("rank correlation", (-0.99, -0.98, -0.995), "lower", "", points=101, margin=0.1)
    low, high = ranks.interval()
    assert (-1 < low < high < -0.9, ranks.verdict()) == (True, "confirms")


def test_holm_corrects_for_the_tiles_and_says_what_each_says_alone():
    def with_parts(*parts):
        return Tile("x", "X", "A claim.", "none", "cpu", 6, parts=parts, done=6)

    strong, weak = with_parts(part(0.5, 0.5001, 0.5002)), with_parts(part(0.5, 0.9, 0.6))
    first, second, third = holm_adjusted([weak, strong, with_parts(part(0.5))])
    assert (first.verdict, second.verdict, third.verdict) == ("confirms", "confirms", "undecided")
    first, second = holm_adjusted([weak, with_parts(part(0.3, -0.4, 0.3))])
    assert (weak.verdict, first.verdict) == ("confirms", "undecided")
    assert first.notes[0] == "Without correction for the number of tiles: confirms."
    assert first.needs.startswith(
        "3 seeds detect 0.96 points (80% power). A difference as large as measured needs about "
    )


def test_the_hours_of_more_seeds_leave_out_cells_that_have_results():
    def needs(*missing):
        one = Tile("x", "X", "A claim.", "none", "cpu", 6, (part(0.3, -0.4, 0.3),), done=6, hours=2.0, missing=missing)
        return re.search(r"margin of 0.15 points needs about (\d+) more seeds \(([\d.]+) hours at", one.needs).groups()

    seeds, hours = needs()
    assert float(hours) == 2 * int(seeds)
    assert needs(0.0, 0.5) == (seeds, f"{float(hours) - 3:.1f}")


def test_a_seed_of_the_next_look_that_has_run_in_part_costs_only_the_rest(store):
    write(store, "table3", gain)
    whole = tile("table3", Runs(store), "cpu")
    later = PRESETS["table3"].replication("cpu", whole.n)
    write_run(store, later[0], gain)
    assert set(whole.missing) == {1.0}
    assert tile("table3", Runs(store), "cpu").missing == (1 - 1 / len(later), *whole.missing[1:])


def test_two_parts_share_the_level_of_what_one_of_them_can_decide():
    weak = part(-0.5, -0.9, -0.7)  # p = 0.027
    assert combined([weak]) == "contradicts"
    assert combined([weak, part(0.5, 0.6, 0.7)]) == "undecided"


def test_some_columns_contradict_a_claim_about_all_and_do_not_confirm_it():
    part = lambda *values, used: Part("LPWD minus WD", values, "higher", columns=(used, 8))  # noqa: E731
    assert part(0.5, 0.6, 0.7, used=8).verdict() == "confirms"
    assert part(0.5, 0.6, 0.7, used=2).verdict() == "undecided"
    assert part(-0.5, -0.6, -0.7, used=2).verdict() == "contradicts"
    assert part(0.5, 0.6, used=2).text.startswith("LPWD minus WD, 2 of 8 columns: +0.55 points (95% ")


def test_a_seed_counts_that_all_compared_columns_have():
    values = {"a": {0: 1.0, 1: 2.0, 2: 3.0}, "b": {0: 3.0, 1: 4.0, 2: 5.0, 3: 9.0}, "c": {0: 100.0}, "d": {}}
    assert over_columns(values) == ((2.0, 3.0, 4.0), ["a", "b"])
    assert over_columns({"a": {0: 1.0}, "c": {0: 2.0}, "d": {}}) == ((1.5,), ["a", "c"])
    assert over_columns({}) == ((), [])


AHEAD = {"wd": 0, "rwd": 1, "pwd": 2, "lpwd": 3, "lpwd_reversed": -1}


def write(store, name, top1, seeds=(0, 1, 2), methods=AHEAD, wanted=lambda config: True):
    """The runs of some cells."""
    cells = [cell for cell in PRESETS[name].cells("cpu") if cell.config.seed in seeds and cell.row in methods]
    return [write_run(store, cell, top1) for cell in cells if wanted(cell.config)]


def gain(config, epoch):
    """Each method ahead of the one before, by more where lambda is large; seeds differ by a tenth."""
    return 50 + config.weight_decay * AHEAD.get(config.method, 0) * (1 + config.seed / 10) + config.seed / 10


def test_every_claim_is_decided_by_runs_that_show_it_and_by_runs_that_show_the_opposite(store, tmp_path):
    opposite = RunStore(tmp_path / "opposite")
    for name, methods in (("table1", ("wd", "lpwd")), ("table3", AHEAD), ("fig3b", AHEAD), ("fig4", AHEAD)):
        some = lambda config: config.optimizer == "adam" and config.dataset == "cifar100"  # noqa: E731
        write(store, name, gain, methods=methods)
        write(opposite, name, lambda config, epoch: 100 - gain(config, epoch), methods=methods, wanted=some)
        for source, verdict in ((store, "confirms"), (opposite, "contradicts")):
            one = tile(name, Runs(source), "cpu")
            assert (one.verdict, one.n) == (verdict, 3)
            assert f"{one.source}: {verdict}, at scale cpu. {one.claim} Paper: {one.paper}." in one.line
            assert any(line.y for line in one.spark if line.style != "paper")


def test_fig5_asks_whether_the_gain_grows(store):
    sizes = {"half atto": 1, "atto": 2, "pico": 3}
    for cell in PRESETS["fig5"].cells("cpu"):
        ahead = sizes[cell.column] * (cell.row == "lpwd") * (1 + cell.config.seed / 10)
        write_run(store, cell, lambda config, epoch, ahead=ahead: 50 + ahead)
    assert tile("fig5", Runs(store), "cpu").verdict == "confirms"


def test_settle_asks_for_lpwd_above_wd_and_reversed_depth_not(store, tmp_path):
    reverse = RunStore(tmp_path / "reverse")
    higher = lambda config, epoch: gain(config, epoch) + 9 * (config.method == "lpwd_reversed")  # noqa: E731
    for source, top1 in ((store, gain), (reverse, higher)):
        write(source, "settle", top1, methods=("wd", "lpwd", "lpwd_reversed"), wanted=lambda c: c.weight_decay < 1)
    assert tile("settle", Runs(store), "cpu").verdict == "confirms"
    assert tile("settle", Runs(reverse), "cpu").verdict == "contradicts"


def test_zero_shot_and_opposing_penalties_are_rank_correlations(store):
    write(store, "fig3a", gain, methods=("baseline",))
    shrink = tile("fig3a", Runs(store), "cpu")
    assert (shrink.verdict, shrink.parts[0].mean, shrink.parts[1].mean) == ("confirms", pytest.approx(-1), 0)
    write(store, "fig2", gain, seeds=(0,))
    opposing = tile("fig2", Runs(store), "cpu")
    assert (opposing.verdict, [part.n for part in opposing.parts]) == ("undecided", [1, 1])


def test_own_results_fill_their_cells_and_published_ones_the_rest(store, tmp_path):
    elsewhere = RunStore(tmp_path / "elsewhere")
    for cell in PRESETS["table3"].cells("cpu"):
        write_run(elsewhere, cell, lambda config, epoch: 20.0)
    theirs = published(elsewhere).runs
    own = write(store, "table3", lambda config, epoch: 20.5, seeds=(0,))
    store.update(own[0], state="running")
    both = Runs(store, lambda: theirs)
    one = tile("table3", both, "cpu")
    assert (one.done, one.total) == (24, 24)
    assert one.origin == "3 own and 21 published runs"
    apart = "3 cells have a published run too, at most 0.5 points of best-10 top-1 apart: yours count"
    assert repeated_text({run.run_id: run for run in store.records()}, theirs) == apart
    assert both.history(own[0]).epochs.numbers()["test_top1"][-1] == 20.0
    assert both.history(own[1]).epochs.numbers()["test_top1"][-1] == 20.5


def test_nothing_run_is_said_and_the_command_line_prints_every_tile(store, tmp_path):
    tiles = scorecard(Runs(), "cpu")
    assert [one.verdict for one in tiles] == ["not run"] * len(CLAIMS) == ["not run"] * 9
    assert summary(tiles) == "0 confirms, 0 contradicts, 0 no difference, 0 undecided, 9 not run"
    assert (min(TABLE1_GAINS.values()), max(TABLE1_GAINS.values()), len(TABLE1_GAINS)) == (0.15, 0.63, 8)
    empty = CliRunner().invoke(main, ["scorecard", "--runs-dir", str(tmp_path / "none"), "--no-published"])
    assert len(empty.stdout.splitlines()) == 10
    assert not (tmp_path / "none").exists()
    write(store, "table3", gain, methods=("wd", "rwd", "pwd", "lpwd"))
    options = ["scorecard", "--runs-dir", str(store.root), "--no-published", "--json"]
    as_json = {one["name"]: one for one in json.loads(CliRunner().invoke(main, options).stdout)}
    assert as_json["table3"]["verdict"] == "confirms"
    assert as_json["table3"]["line"].startswith("Table 3: confirms, at scale cpu. RWD, PWD and the layer rule each")
    assert "LPWD minus WD: +1.65 points (95% " in as_json["table3"]["line"]
    assert as_json["table1"]["verdict"] == "undecided"  # the same runs fill one of its columns
    assert as_json["table1"]["parts"][0]["text"].startswith("LPWD minus WD, 1 of 8 columns: +1.65 points")
    assert as_json["fig3a"]["verdict"] == "not run"
