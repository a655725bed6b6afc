"""The queue and its worker process: real processes, real small trainings."""

import os
import signal
import time

import psutil
import pytest
from own_images import write_folder
from plugins_for_tests import METHOD, OPTIMIZER, forgetting
from queues import running_queue
from waiting import wait_until

from lpwd import plugins
from lpwd.config import ConfigError
from lpwd.events import reproducible
from lpwd.jobs.queue import Jobs
from lpwd.jobs.race import run_lanes
from lpwd.jobs.rights import User
from lpwd.store import RunStore

LONG = {"epochs": 400}  # minutes, were it not stopped


def state(store, run_id):
    return store.status(run_id).state


def children():
    alive = [p for p in psutil.Process().children() if p.status() != psutil.STATUS_ZOMBIE]
    return [p for p in alive if "lpwd.jobs.worker" in p.cmdline()]


def numbers(store, run_id):
    return [reproducible(record) for record in store.read_metrics(run_id)[0] if record["event"] != "stopped"]


@pytest.fixture
def store(jobs):
    return jobs.store


def test_a_race_is_trained_by_a_worker_process(jobs, store, tiny):
    run_ids = jobs.submit([tiny(method="wd"), tiny(method="lpwd")], user=User("me"))
    assert [job.run_ids for job in jobs.queue()] == [run_ids]
    wait_until(lambda: {state(store, run_id) for run_id in run_ids} == {"finished"})
    assert store.status(run_ids[0]).pid != os.getpid()
    assert store.status(run_ids[0]).owner == "me"
    wait_until(lambda: not jobs.queue())


def test_the_worker_says_what_machine_it_is_on(jobs):
    machine = jobs.machine()
    assert machine.device == "cpu"
    assert "convnext_atto" in machine.models
    assert machine.precision in ("bf16", "fp32")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model": "convnext_atoo"}, "convnext_atto"),
        ({"train_samples": 5000}, "train_samples is 5000"),
        ({"image_size": 33}, "image_size is 33"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_written(jobs, store, tiny, changes, sentence):
    with pytest.raises(ConfigError, match=sentence):
        jobs.submit([tiny(**changes)])
    assert store.ids() == []


def test_races_of_several_seeds_are_queued_together_or_not_at_all(jobs, store, tiny):
    races = [[tiny(method=method, seed=seed, **LONG) for method in ("wd", "lpwd")] for seed in (0, 1)]
    with pytest.raises(ConfigError, match="image_size is 33"):
        jobs.submit_all([*races, [tiny(image_size=33)]])
    assert store.ids() == []
    (busy,) = jobs.submit([tiny(method="lpwd", seed=1, **LONG)])
    with pytest.raises(ConfigError, match="already"):
        jobs.submit_all(races)
    assert store.ids() == [busy]
    jobs.stop(busy)
    wait_until(lambda: state(store, busy) == "stopped" and not jobs.queue())
    ids = jobs.submit_all(races)
    assert [job.run_ids for job in jobs.queue()] == ids
    assert {tuple(store.status(run_id).seeds) for run_ids in ids for run_id in run_ids} == {(0, 1)}
    for run_ids in ids:
        jobs.stop(run_ids[0])
    wait_until(lambda: not jobs.queue())


def test_jobs_wait_their_turn_and_a_waiting_one_can_be_stopped(jobs, store, tiny):
    (first,) = jobs.submit([tiny(**LONG)])
    (second,) = jobs.submit([tiny(seed=1)])
    (third,) = jobs.submit([tiny(seed=2)])
    wait_until(lambda: state(store, first) == "running")
    assert [job.run_ids for job in jobs.queue()] == [[first], [second], [third]]
    jobs.stop(second)
    assert state(store, second) == "stopped"
    jobs.stop(first)
    wait_until(lambda: state(store, first) == "stopped")
    wait_until(lambda: state(store, third) == "finished")
    assert state(store, second) == "stopped"


def test_stop_takes_effect_within_a_second_and_a_new_start_goes_on_from_there(jobs, store, tiny):
    config = tiny(**LONG)
    (run_id,) = jobs.submit([config])
    wait_until(lambda: store.status(run_id).step > 3)
    with pytest.raises(ConfigError, match="already"):
        jobs.submit([config])
    asked = time.monotonic()
    jobs.stop(run_id)
    wait_until(lambda: state(store, run_id) == "stopped")
    assert time.monotonic() - asked < 3  # a second on an idle machine
    reached = store.status(run_id).step
    jobs.submit([config])
    wait_until(lambda: store.status(run_id).step > reached)
    assert [record["step"] for record in store.read_metrics(run_id)[0] if record["event"] == "step"][:3] == [1, 2, 3]
    jobs.stop(run_id)
    wait_until(lambda: state(store, run_id) == "stopped")


def test_a_killed_worker_is_shown_as_interrupted_and_resume_ends_the_same(jobs, store, tiny, tmp_path):
    config = tiny(epochs=30)
    (run_id,) = jobs.submit([config])
    wait_until(lambda: store.status(run_id).step > 20)
    os.kill(store.status(run_id).pid, signal.SIGKILL)
    wait_until(lambda: state(store, run_id) == "interrupted", seconds=10)
    assert "SIGKILL" in store.status(run_id).message
    jobs.resume([run_id])
    wait_until(lambda: state(store, run_id) == "finished")
    whole = RunStore(tmp_path / "undisturbed")
    run_lanes(whole, [whole.create(config)], device="cpu")
    assert numbers(store, run_id) == numbers(whole, run_id)


@pytest.mark.long
def test_a_plugins_method_and_optimizer_on_a_folder_are_killed_and_resumed_to_the_same_numbers(
    tmp_path, monkeypatch, tiny
):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path / "home"))
    (tmp_path / "my.py").write_text(METHOD + OPTIMIZER, encoding="utf-8")
    folder = write_folder(tmp_path / "data", count=40, size=(32, 32))
    with forgetting():
        plugins.load_all([tmp_path / "my.py"])
        config = tiny(
            method="mine", optimizer="heavy", dataset=f"folder:{folder}", train_samples=64, test_samples=16, epochs=30
        )
        with running_queue(tmp_path / "runs") as jobs:
            (run_id,) = jobs.submit([config])
            wait_until(lambda: jobs.store.status(run_id).step > 10)
            os.kill(jobs.store.status(run_id).pid, signal.SIGKILL)
            wait_until(lambda: state(jobs.store, run_id) == "interrupted", seconds=10)
            jobs.resume([run_id])
            wait_until(lambda: state(jobs.store, run_id) == "finished")
        config = jobs.store.config(run_id)
        assert (len(config.data_digest), sorted(config.plugins)) == (16, ["method", "optimizer"])
        whole = RunStore(tmp_path / "undisturbed")
        run_lanes(whole, [whole.create(config)], device="cpu")
        assert numbers(jobs.store, run_id) == numbers(whole, run_id)
    with running_queue(tmp_path / "runs") as jobs:  # without the plug-in
        for act in (lambda: jobs.resume([run_id]), lambda: jobs.submit([jobs.store.config(run_id)])):
            with pytest.raises(ConfigError, match=r"plug-in my .* is not loaded, so this is view only"):
                act()


def test_the_queue_survives_a_restart(shared_queue, jobs, store, tiny):
    (first,) = jobs.submit([tiny(**LONG)])
    waiting = jobs.submit([tiny(method="wd", seed=1), tiny(method="lpwd", seed=1)])
    wait_until(lambda: store.status(first).step > 0)
    shared_queue.stop()
    assert children() == []
    assert state(store, first) == "interrupted"
    assert {state(store, run_id) for run_id in waiting} == {"queued"}
    shared_queue.start()
    wait_until(lambda: {state(store, run_id) for run_id in waiting} == {"finished"})


def test_two_apps_do_not_share_a_runs_directory(jobs, store):
    with pytest.raises(ConfigError, match="another app is already using"):
        Jobs(RunStore(store.root), device="cpu").start()


def test_a_finished_run_is_kept_unless_it_is_asked_for_again(jobs, store, tiny):
    config = tiny(epochs=1)
    (run_id,) = jobs.submit([config])
    wait_until(lambda: state(store, run_id) == "finished" and not jobs.queue())
    ended = store.status(run_id).ended
    jobs.submit([config])
    assert not jobs.queue()
    jobs.submit([config], again=True)
    wait_until(lambda: state(store, run_id) == "finished" and store.status(run_id).ended != ended)


def test_start_and_stop_leave_one_warm_worker_and_nothing_else(jobs, store, tiny):
    jobs.machine()
    for seed in range(3):
        (run_id,) = jobs.submit([tiny(seed=seed, **LONG)])
        wait_until(lambda: store.status(run_id).step > 0)  # noqa: B023
        jobs.stop(run_id)
        wait_until(lambda: state(store, run_id) == "stopped")  # noqa: B023
    jobs.machine()
    wait_until(lambda: len(children()) == 1)
