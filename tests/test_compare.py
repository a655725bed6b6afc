"""Runs from elsewhere: real exports of wandb, MLflow, TensorBoard and Trackio, and tables, compared as our own are.

The ten runs in tests/data/exports are WD and LPWD at λ 5 of preset `scan`, logged by the trackers' own packages. wandb
ran offline: its two CSV files have the columns of the page's exports and the numbers of its .wandb files.
"""

import gzip
import json
import math
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from scipy import stats

import lpwd
from lpwd.analysis.exports import read_files
from lpwd.analysis.pairs import paired
from lpwd.analysis.statistics import runs_frame
from lpwd.cli.main import main
from lpwd.config import ConfigError
from lpwd.hub.pull import local

EXPORTS = Path(__file__).parent / "data/exports"
FILES = ("wandb_runs.csv", "wandb_chart.csv", "mlflow.csv", "tensorboard", "trackio.parquet", "trackio.db")


@pytest.fixture(scope="module")
def ours():
    """The same ten runs as they were published."""
    frame = runs_frame(local("", "").runs.values())
    exported = (frame.dataset == "digits") & (frame.weight_decay == 5) & frame.seed.isin(range(5))
    scan = frame[exported & frame.method.isin(["wd", "lpwd"])]
    return paired(scan, "lpwd", "wd", "last_top1"), scan


@pytest.mark.parametrize("name", FILES)
def test_every_trackers_export_gives_the_verdict_of_our_own_runs(name, ours, tmp_path):
    path = EXPORTS / name
    if name == "trackio.db":
        path = tmp_path / name
        path.write_bytes(gzip.decompress((EXPORTS / "trackio.db.gz").read_bytes()))
    found = lpwd.compare(read_files([path]))
    (pair,) = found.pairs
    own, _ = ours
    assert (pair.method, pair.other, pair.seeds) == ("lpwd", "wd", own.seeds)
    assert pair.differences == pytest.approx(own.differences, abs=1e-5)
    assert pair.outcome == own.outcome == "higher"
    said = "LPWD is higher than WD in test_top1: +2.20 points, 95% interval +0.89 to +3.51 (n = 5, seeds 0 to 4)."
    assert found.sentences[0] == said
    assert found.notes == ()
    assert said in CliRunner().invoke(main, ["compare", str(path)]).stdout


def test_our_own_table_is_read_too(ours, tmp_path):
    own, scan = ours
    scan.to_csv(tmp_path / "ours.csv", index=False)
    (pair,) = lpwd.compare(read_files([tmp_path / "ours.csv"]), value="last_top1").pairs
    assert pair.differences == pytest.approx(own.differences)


def frame(**columns):
    rows = {"optimizer": [*["sgd"] * 4, *["adam"] * 4], "seed": [0, 1, 2, 3] * 2}
    return pd.DataFrame(rows | {"val_acc": [0.70, 0.71, 0.72, 0.69, 0.75, 0.77, 0.74, 0.73]} | columns)


def test_a_frame_is_compared_in_percent_by_the_columns_that_are_named():
    found = lpwd.compare(frame(), method="optimizer", seed="seed", value="val_acc")
    (pair,) = found.pairs
    assert pair.differences == pytest.approx((-5, -6, -2, -4))
    assert found.chosen == "method: optimizer; seed: seed; value: val_acc; margin: 0.15"
    assert str(found).splitlines()[1] == "adam: 74.75±1.71, n = 4"
    assert "sgd is lower than adam in val_acc (percent): −4.25 points" in str(found)


def test_without_seeds_runs_are_not_paired_and_the_sentence_says_so():
    (pair,) = lpwd.compare(frame().drop(columns="seed")).pairs
    theirs = stats.ttest_ind([70, 71, 72, 69], [75, 77, 74, 73], equal_var=False).confidence_interval()
    assert pair.interval == pytest.approx(tuple(theirs))
    found = lpwd.compare(frame(seed=[0, 1, 2, 3, 4, 5, 6, 7]))
    assert found.pairs[0].interval == pytest.approx(tuple(theirs))
    assert "(n = 4 and 4, not paired, Welch)" in found.sentences[0]


def test_failed_and_missing_runs_are_counted():
    state = ["finished"] * 7 + ["crashed"]
    found = lpwd.compare(frame(State=state, val_acc=[math.nan, 0.71, 0.72, 0.69, 0.75, 0.77, 0.74, 0.73]))
    assert found.pairs[0].seeds == (1, 2)
    assert found.notes == (
        "1 adam run has no value or did not finish: counted, not averaged.",
        "adam: no other method has seed 0.",
        "1 sgd run has no value or did not finish: counted, not averaged.",
        "sgd: no other method has seed 3.",
    )


def test_several_methods_are_corrected_for_their_pairs():
    three = pd.concat([frame(), frame(optimizer="lion", val_acc=[0.70, 0.71, 0.72, 0.69] * 2).iloc[:4]])
    found = lpwd.compare(three)
    assert {(pair.method, pair.other) for pair in found.pairs} == {("lion", "adam"), ("sgd", "adam"), ("sgd", "lion")}
    assert "Holm's correction for 3 contrasts" in str(found)
    assert next(pair for pair in found.pairs if pair.other == "lion").outcome == "equal"


@pytest.mark.parametrize(
    ("changed", "named", "said"),
    [
        ({}, {"value": "x"}, "unknown value column 'x': columns are optimizer, seed, val_acc"),
        ({"seed": 0}, {}, "sgd has several runs with seed 0: keep one setting per method"),
        (
            {"optimizer": "adam"},
            {"method": "optimizer"},
            "column optimizer has one method, adam: at least two are needed",
        ),
        ({"optimizer": "adam"}, {}, "could not determine the method column: choose one of optimizer, seed, val_acc"),
        ({"seconds": 1.0}, {"value": "seconds"}, "margin is missing: give the smallest relevant difference in seconds"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(changed, named, said):
    with pytest.raises(ConfigError) as error:
        lpwd.compare(frame(**changed), **named)
    assert str(error.value).startswith(said)


@pytest.mark.parametrize("name", ["x.db", "x.csv", "x.parquet"])
def test_a_file_that_cannot_be_read_is_one_sentence(name, tmp_path):
    (tmp_path / name).write_bytes(b"\x00\xff no table" * 20)
    done = CliRunner().invoke(main, ["compare", str(tmp_path / name)])
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)


def test_the_answer_for_programs_has_every_number():
    done = CliRunner().invoke(main, ["compare", str(EXPORTS / "mlflow.csv"), "--json", "--margin", "3"])
    answer = json.loads(done.stdout)
    assert (answer["pairs"][0]["outcome"], answer["pairs"][0]["margin"]) == ("higher", 3)
    assert answer["read"] == "method: params.method; seed: params.seed; value: metrics.test_top1; margin: 3"
