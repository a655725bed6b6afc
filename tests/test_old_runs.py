"""A runs folder written by the code of 3861ed2, before packages: everything in it opens, resumes and repeats."""

import json
import shutil
from pathlib import Path

import pytest

from lpwd.hub.pull import local
from lpwd.jobs.race import run_lanes
from lpwd.runs import Runs
from lpwd.store import RunStore
from lpwd.ui.runs import chart, overlay

OLD = Path(__file__).parent / "data" / "old_runs"
WD, LPWD, PWD = (
    f"convnext_atto-digits-adam-{name}"
    for name in ("wd-lr0.001-wd0.5-s0-123fc5ac", "lpwd-lr0.001-wd0.5-s0-e8b4c7ca", "pwd-lr0.001-wd0.5-s0-9e2a0447")
)


@pytest.fixture
def old(tmp_path):
    return RunStore(shutil.copytree(OLD, tmp_path / "runs"))


def test_every_run_is_listed_under_the_id_that_its_configuration_still_gives(old):
    assert sorted(record.run_id for record in old.records()) == sorted([WD, LPWD, PWD])
    assert old.damaged() == {}
    assert all(record.config.run_id == record.run_id for record in old.records())


def test_statuses_and_events_read_as_they_were_written(old):
    status = old.status(PWD)
    assert (status.state, status.name, status.note) == ("stopped", "An old run", "made by commit 3861ed2")
    events, _ = old.read_metrics(WD)
    assert [event["event"] for event in events] == [
        "started",
        *["step"] * 2,
        "epoch",
        *["step"] * 2,
        "epoch",
        "finished",
    ]
    assert old.status(WD).summary["best10_mean"] == events[-1]["best10_mean"] == 15.0


def test_a_run_that_the_old_code_stopped_goes_on_from_its_checkpoint(old):
    assert run_lanes(old, [PWD], device="cpu", threads=1) == {PWD: "finished"}
    events, _ = old.read_metrics(PWD)
    assert [event["step"] for event in events if event["event"] == "step"] == [1, 2, 3, 4]


def test_runs_without_an_angular_update_show_nothing_and_no_error(old):
    curves = overlay.Curves(Runs(old))
    assert old.history(WD).angles == {}
    shown = chart.view(curves, [WD, LPWD], y="angle")
    assert all(trace["y"] == [] for trace in shown["figure"]["data"])
    assert "an older version" in json.dumps(shown)
    assert chart.view(curves, [WD, LPWD], y="norm")["figure"]["data"][0]["y"]


def test_the_bundled_snapshot_opens():
    results = local("", "")
    assert len(results.runs) > 0
    assert results.bad_count == 0
