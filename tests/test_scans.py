"""The scans over lambda beside a snapshot: which runs are in them, and that they say what the tables say."""

import itertools
import json
from statistics import mean, stdev

import pyarrow.compute as pc
import pytest
from publishing import published, root_files, tables
from synthetic import write_run

from lpwd.config import ConfigError
from lpwd.hub.pull import local
from lpwd.hub.push import write_snapshot
from lpwd.hub.scans import as_json, recorded
from lpwd.hub.shards import check, read
from lpwd.paper.presets import Cell
from lpwd.paper.scans import NAMES, file_of, get_scan

SCAN = get_scan("scan")
GAINS = {"lpwd": 1.0, "lwd": 0.9, "lpwd_reversed": -2.0}


def rise(config, epoch):
    """Above WD by GAINS from lambda 3.5 on; seeds differ by a tenth of a point, and less between methods."""
    gain = GAINS.get(config.method, 0.0) * (config.weight_decay >= 3.5) / config.weight_decay
    return 80 + epoch / 2 + config.seed / 10 + gain + 0.01 * ((config.seed * 7 + len(config.method)) % 3)


def trained(store, decays=(0.5, 3.5, 7.0), seeds=range(3), **changes):
    for decay, method, seed in itertools.product(decays, SCAN.methods, seeds):
        write_run(store, Cell(SCAN.config(method, decay, seed), "", False), rise, **changes)
    return store


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    from lpwd.store import RunStore

    folder = tmp_path_factory.mktemp("snapshot")
    write_snapshot(trained(RunStore(folder / "runs")), folder)
    return folder


def test_what_lies_beside_a_snapshot_is_what_its_tables_say(snapshot):
    found = json.loads(file_of("scan", snapshot).read_text())
    runs = read(snapshot, "").runs
    assert found == json.loads(as_json(recorded(SCAN, runs)))
    for method, (place, decay) in itertools.product(SCAN.methods, enumerate(SCAN.decays)):
        cell = found["methods"][method][place]
        if decay not in (0.5, 3.5, 7.0):
            assert cell is None
            continue
        assert cell["seeds"] == [0, 1, 2]
        seeds = [runs[SCAN.config(method, decay, seed).run_id] for seed in cell["seeds"]]
        for key, name, rounding in (("loss", "train_loss", 5e-5), ("top1", "test_top1", 5e-4)):
            curves = [[row[name] for row in run.history.epochs.rows()] for run in seeds]
            assert cell[key]["mean"] == pytest.approx(list(map(mean, zip(*curves, strict=True))), abs=rounding)
            assert cell[key]["std"] == pytest.approx(list(map(stdev, zip(*curves, strict=True))), abs=rounding)
        best = [run.status.summary["best10_mean"] for run in seeds]
        assert cell["best10_mean"] == pytest.approx({"n": 3, "mean": mean(best), "std": stdev(best)}, abs=5e-4)
        assert cell["rates"] == [decay, decay]  # as the invented runs have them


@pytest.mark.long
def test_the_bundled_scans_are_what_the_bundled_tables_say():
    runs = local("", "").runs
    for name in NAMES:
        found = recorded(get_scan(name), runs)
        assert json.loads(file_of(name).read_text()) == json.loads(as_json(found))


def test_it_opens_by_the_rule_and_says_what_holds(snapshot):
    found = json.loads(file_of("scan", snapshot).read_text())
    assert found["open"] == 3.5
    said = dict(zip(SCAN.decays, found["says"]["best10_mean"], strict=True))
    assert said[3.5].startswith("As the paper claims, LPWD is ahead of WD by 0.29 points of best-10 test top-1 (")
    assert "At equal total decay " in said[3.5]
    assert "n = 3, seeds 0 to 2" in said[3.5]
    assert said[1.0] == ""
    assert found["line"].startswith("54 runs, 3 seeds; CPU, 2 cores, 4 GiB; commit abc123; protocol scan-1; 20")


def test_a_diverged_run_is_counted_and_one_without_a_whole_curve_left_out(store):
    trained(store, decays=(3.5,), seeds=(0, 1))
    write_run(store, Cell(SCAN.config("lpwd", 3.5, 2), "", False), rise, diverged=True)
    runs, curves = tables(root_files(store))
    first = SCAN.config("wd", 3.5, 0).run_id
    lost = pc.and_(pc.equal(curves["run_id"], first), pc.equal(curves["epoch"], 7))
    found = recorded(SCAN, check(runs, curves.filter(pc.invert(lost))).runs)
    place = SCAN.decays.index(3.5)
    assert found["methods"]["lpwd"][place]["diverged"] == 1
    assert found["methods"]["wd"][place]["seeds"] == [1]
    assert "n = 1, seed 1" in found["says"]["best10_mean"][place]
    assert "1 LPWD run diverged" in found["says"]["best10_mean"][place]


def test_machines_of_two_kinds_are_not_averaged(store):
    trained(store, decays=(3.5,), seeds=(0, 1))
    trained(store, decays=(7.0,), seeds=(0,), device="NVIDIA H100")
    found = recorded(SCAN, published(store).runs)
    assert found["methods"]["wd"][SCAN.decays.index(7.0)] is None
    assert found["line"].startswith("12 runs, 2 seeds; CPU, 2 cores, 4 GiB;")


def test_without_runs_of_a_scan_there_is_no_file(store, tmp_path):
    file_of("settle", tmp_path).write_text("{}")
    write_snapshot(trained(store, decays=(0.5,), seeds=(0,)), tmp_path)
    assert json.loads(file_of("scan", tmp_path).read_text())["open"] == 0.5
    assert not file_of("settle", tmp_path).exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_scan_has_the_cells_that_every_method_shares(name):
    scan = get_scan(name)
    assert {"wd", "lpwd", "lpwd_matched", "lpwd_reversed"} < set(scan.methods)
    assert "adamh" not in scan.methods
    assert scan.config("lpwd", scan.decays[0], 3).seed == 3
    for wrong in (("lpwd", 0.123), ("baseline", scan.decays[0])):
        with pytest.raises(ConfigError, match="has "):
            scan.config(*wrong, 0)


def test_the_digits_scan_takes_280_steps():
    assert (SCAN.steps, SCAN.frame()["chance"]) == (280, 10.0)
