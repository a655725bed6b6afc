"""Runs with optimizers of timm and torch: stopped and resumed, and what is said of options that a class refuses."""

import itertools

import pytest
from waiting import wait_until

from lpwd.config import ConfigError, race_configs
from lpwd.jobs.race import run_lanes
from lpwd.store import RunStore
from lpwd.training import optimizer


def recorded(store, run_id):
    return [event for event in store.read_metrics(run_id)[0] if event["event"] in ("step", "epoch")]


def numbers(events):
    return [{key: value for key, value in event.items() if "second" not in key and key != "time"} for event in events]


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "timm:muon", "method": "lpwd", "profile": (0, 1, 2)},
        {"optimizer": "nadam", "method": "cwd", "optimizer_kwargs": {"momentum_decay": 0.01}},
    ],
    ids=["muon", "nadam"],
)
def test_a_stopped_run_goes_on_as_if_it_had_not_been(tiny, tmp_path, changes):
    config = tiny(**{"epochs": 3} | changes)
    whole, parts = RunStore(tmp_path / "whole"), RunStore(tmp_path / "parts")
    ids = [store.create(config, state="stopped") for store in (whole, parts)]
    assert run_lanes(whole, ids[:1], device="cpu", threads=1) == {ids[0]: "finished"}
    asked = itertools.count()
    states = run_lanes(parts, ids[:1], device="cpu", threads=1, should_stop=lambda: next(asked) > 12)
    assert states == {ids[0]: "stopped"}
    assert 0 < parts.status(ids[0]).step < whole.status(ids[0]).step
    assert run_lanes(parts, ids[:1], device="cpu", threads=1) == {ids[0]: "finished"}
    assert numbers(recorded(parts, ids[0])) == numbers(recorded(whole, ids[0]))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"optimizer": "nadam", "optimizer_kwargs": {"foo": 1}},
            r"optimizer nadam cannot be built: NAdam.__init__\(\) got an unexpected keyword argument 'foo'$",
        ),
        (
            {"optimizer": "lpwd_no_such_module:Mine"},
            "optimizer lpwd_no_such_module:Mine cannot be built: No module named 'lpwd_no_such_module'$",
        ),
        ({"optimizer": "torch.nn:Linear"}, "optimizer .torch.nn:Linear. not found in torch.nn$"),
    ],
)
def test_what_a_class_refuses_is_one_sentence_before_the_run_begins(tiny, changes, sentence):
    with pytest.raises(ConfigError, match=sentence):
        optimizer.check(tiny(method="wd", **changes))


@pytest.mark.long
def test_the_apps_worker_trains_a_race_with_muon(jobs, tiny):
    lanes = race_configs(["wd", "lpwd"], tiny(method="wd", optimizer="timm:muon").model_dump() | {"profile": (0, 2)})
    run_ids = jobs.submit(lanes)
    wait_until(lambda: {jobs.store.status(run_id).state for run_id in run_ids} == {"finished"})
    assert [config.profile for config in map(jobs.store.config, run_ids)] == [None, (0.0, 2.0)]
