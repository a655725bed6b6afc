import itertools
import threading
import time
from importlib.metadata import version

import pytest
import torch

from lpwd.config import ConfigError
from lpwd.events import Checkpoint, reproducible
from lpwd.jobs.race import run_lanes
from lpwd.training import checkpoints
from lpwd.training.data.datasets import Datasets


def numbers(store, run_id):
    return [reproducible(record) for record in store.read_metrics(run_id)[0] if record["event"] != "stopped"]


def test_a_race_writes_a_run_folder_a_lane(store, tiny):
    run_ids = [store.create(tiny(method=method)) for method in ("wd", "lpwd")]
    seen = []
    states = run_lanes(store, run_ids, device="cpu", on_event=lambda run_id, event: seen.append((run_id, event.step)))
    assert set(states.values()) == {"finished"}
    for run_id in run_ids:
        status = store.status(run_id)
        assert (status.step, status.total_steps, status.epoch) == (10, 10, 2)
        assert status.summary["last_top1"] > 0
        assert status.versions["torch"] == version("torch")
        assert status.device.startswith("CPU")
        assert store.paths(run_id).checkpoint.exists()
        assert "epoch 2: training loss" in store.log_tail(run_id)
        assert [record["event"] for record in numbers(store, run_id)][-1] == "finished"
    lead = [a[1] - b[1] for a, b in itertools.pairwise(seen) if a[0] != b[0]]
    assert max(map(abs, lead)) <= 1  # in lock step


def test_a_trained_run_keeps_its_weights_without_the_moments_which_is_enough_to_end_again(store, tiny):
    run_id = store.create(tiny())
    run_lanes(store, [run_id], device="cpu")
    before = numbers(store, run_id)
    state, _ = checkpoints.load(store.paths(run_id))
    assert state["model"]
    assert state["optimizer"]["state"] == {}
    store.update(run_id, state="interrupted")  # as if killed between its last checkpoint and its end
    assert run_lanes(store, [run_id], device="cpu") == {run_id: "finished"}
    assert numbers(store, run_id) == before


def test_a_failing_lane_keeps_its_traceback_and_the_others_go_on(store, tiny):
    good = store.create(tiny())
    bad = store.create(tiny(init_from="no-such-run"))
    states = run_lanes(store, [bad, good], device="cpu")
    assert states == {bad: "failed", good: "finished"}
    assert "run 'no-such-run' not found" in store.status(bad).message
    assert store.read_error(bad)


def test_a_diverging_lane_is_marked_and_the_others_go_on(store, tiny):
    wild = store.create(tiny(optimizer="sgd", lr=1000.0, weight_decay=10.0, method="wd"))
    calm = store.create(tiny())
    assert run_lanes(store, [wild, calm], device="cpu") == {wild: "diverged", calm: "finished"}
    assert "not finite in step" in store.status(wild).message


def test_a_request_to_stop_in_the_run_folder_is_heard_and_resume_ends_the_same(store, tiny, tmp_path):
    config = tiny(epochs=12)
    run_id = store.create(config)
    thread = threading.Thread(target=run_lanes, args=(store, [run_id]), kwargs={"device": "cpu"})
    thread.start()
    while store.status(run_id).step < 5:
        time.sleep(0.05)
    asked = time.monotonic()
    store.update(run_id, state="stopping")
    thread.join()
    assert time.monotonic() - asked < 5
    assert store.status(run_id).state == "stopped"
    assert run_lanes(store, [run_id], device="cpu") == {run_id: "finished"}

    whole = type(store)(tmp_path / "undisturbed")
    run_lanes(whole, [whole.create(config)], device="cpu")
    assert numbers(store, run_id) == numbers(whole, run_id)


def test_a_finished_run_is_not_trained_again(store, tiny):
    run_id = store.create(tiny(epochs=1))
    run_lanes(store, [run_id], device="cpu")
    before = store.paths(run_id).metrics.stat().st_mtime_ns
    assert run_lanes(store, [run_id], device="cpu") == {run_id: "finished"}
    assert store.paths(run_id).metrics.stat().st_mtime_ns == before


def test_a_run_that_another_process_trains_is_refused(store, tiny):
    run_id = store.create(tiny())
    store.update(run_id, state="running", pid=1, host="elsewhere", heartbeat=time.time())
    with pytest.raises(ConfigError, match="is being trained by process 1 on elsewhere"):
        run_lanes(store, [run_id], device="cpu")


def test_a_run_can_start_from_a_finished_one(store, tiny):
    source = store.create(tiny(epochs=1, method="baseline"))
    follower = store.create(tiny(epochs=1, method="wd", init_from=source))
    run_lanes(store, [source], device="cpu")
    run_lanes(store, [follower], device="cpu")
    started = store.read_metrics(follower)[0][0]
    last_epoch = [record for record in store.read_metrics(source)[0] if record["event"] == "epoch"][-1]
    assert started["initial_weight_norms"] == last_epoch["weight_norms"]


def test_a_tiny_run_saves_a_checkpoint_now_and_then_and_always_where_it_ends(store, tiny):
    run_id, seen = store.create(tiny(epochs=8)), []

    def look(run_id, event):
        if isinstance(event, Checkpoint):
            path = store.paths(run_id).checkpoint
            seen.append(path.stat().st_mtime_ns if path.exists() else 0)

    run_lanes(store, [run_id], device="cpu", on_event=look)
    assert len(seen) == 8
    assert all(seen)  # from the first epoch on
    assert checkpoints.load(store.paths(run_id))[0]["position"] == {"step": 40, "epoch": 9, "batch": 0}


def test_the_next_job_of_a_process_finds_small_data_loaded(store, tiny):
    datasets = Datasets()
    run_ids = [store.create(tiny(epochs=1, method=method)) for method in ("wd", "rwd")]
    run_lanes(store, run_ids[:1], device="cpu", datasets=datasets)
    kept = datasets.load(tiny(), torch.device("cpu"))
    run_lanes(store, run_ids[1:], device="cpu", datasets=datasets)
    assert datasets.load(tiny(), torch.device("cpu")) is kept
    other = datasets.load(tiny(seed=1), torch.device("cpu"))
    datasets.forget_large()
    assert datasets.load(tiny(seed=1), torch.device("cpu")) is other  # the last one alone
    assert datasets.load(tiny(), torch.device("cpu")) is not kept
