"""What a race would cost: counts, recorded speed, one measured in the worker, and never a guess."""

import json
import os
import time

import pytest

from lpwd.config import ConfigError, RunConfig
from lpwd.jobs import costs
from lpwd.jobs.rights import HOST, Limits, User
from lpwd.ui.live import Live
from lpwd.ui.shared import address, form
from lpwd.ui.shared.costs import Costs, duration_text, free_share


def races(**changes):
    values = address.first_values("digits", "test_convnext") | {"train_samples": 160, "test_samples": 50}
    values |= {"batch_size": 128, "epochs": 3}
    return form.races(form.parse_controls(values | changes))


def wait_said(costs, word, **changes):
    """What is said once it holds `word`."""
    deadline = time.monotonic() + 200  # the checker and the measurement may have to wait for a core
    while word not in (told := costs.say(HOST, races(**changes)))["said"]:
        assert time.monotonic() < deadline, told
        time.sleep(0.05)
    return told


def test_work_counts_steps_and_passes(tiny):
    work = costs.work(tiny(train_samples=160, validation_samples=60, batch_size=32, epochs=3, test_samples=30))
    assert (work.training_images, work.steps_per_epoch, work.known) == (100, 4, True)
    assert work.passes() == 3 * (100 + (30 + 60) / 3)
    assert costs.work(tiny(train_samples=None, test_samples=None)).training_images == 1297


def test_bytes_follow_from_the_parameters(tiny):
    assert costs.training_bytes(tiny(), 1000) == 16_000
    assert costs.training_bytes(tiny(optimizer="sgd", momentum=0), 1000) == 8_000
    assert costs.checkpoint_bytes(tiny(optimizer="sgd"), 1000) == 8_000
    assert costs.data_bytes(tiny(image_size=16)) == (160 + 50) * 3 * 16 * 16


def test_a_recorded_speed_is_that_of_runs_with_the_same_costs_on_the_same_device(store, tiny):
    for seed, seconds in ((0, 10.0), (1, 20.0), (2, 40.0)):
        store.create(tiny(seed=seed), state="finished", device="here", seconds=seconds, threads=1)
    store.create(tiny(batch_size=8), state="finished", device="here", seconds=1.0, threads=1)
    store.create(tiny(seed=3), state="finished", device="elsewhere", seconds=1.0)
    passes = costs.work(tiny()).passes()
    assert costs.recorded_speed(store, tiny(lr=0.1), "here", threads=1) == (passes / 20, 3)
    assert costs.recorded_speed(store, tiny(lr=0.1), "here", threads=2) == (0.0, 0)
    assert costs.recorded_speed(store, tiny(model_kwargs={}), "here", threads=1) == (0.0, 0)
    assert costs.recorded_speed(store, tiny(lr=0.1), "here", threads=2, scaled=True) == (2 * passes / 20, 3)
    for seed in range(4, 4 + costs.NEWEST):  # by faster code than that of the runs before
        store.create(tiny(seed=seed), state="finished", device="here", seconds=5.0, threads=1, ended=1e9 + seed)
    assert costs.recorded_speed(store, tiny(lr=0.1), "here", threads=1) == (passes / 5, costs.NEWEST)
    assert costs.seconds([[tiny(), tiny(method="wd")]] * 2, passes / 20) == 80
    assert costs.seconds([[tiny(), tiny(method="wd")]] * 2, passes / 20, at_once=2) == 40


def test_work_done_counts_evaluations_and_a_training_run_tells_its_speed(store, tiny):
    config = tiny(epochs=2)
    facts = {"train_samples": 100, "test_samples": 150, "validation_samples": 0}
    run_id = store.create(config, state="running", device="here", threads=1, total_steps=8, step=4, summary=facts)
    assert costs.share_done(config, store.status(run_id)) == 0.5
    store.update(run_id, step=3)  # three of four steps of the first epoch, which is not evaluated yet
    assert costs.share_done(config, store.status(run_id)) == 75 / 300
    store.update(run_id, seconds=10.0)
    speed = costs.work(config).passes() * 75 / 300 / 10
    assert costs.recorded_speed(store, config, "here", threads=1, running=True) == (speed, 1)
    assert costs.recorded_speed(store, config, "here", threads=1) == (0.0, 0)


def test_the_line_measures_once_and_then_believes_the_runs(jobs):
    store = jobs.store
    live = Live(store, jobs)
    costs = Costs(live)
    said = wait_said(costs, "measured here")["said"]
    assert "2 steps per epoch, 6 per run; 2 methods; 160 training and 50 test images." in said
    assert "2 models of" in said
    assert costs.say(HOST, races(lr=0.01))["again"] is False  # the same model is not measured again
    config = RunConfig(**{"model": "test_convnext", "dataset": "digits", "batch_size": 128, "method": "wd"})
    machine = live.machine.result()
    threads = machine.parallelism(2).threads  # of a lane of such a race
    store.create(config, state="finished", device=machine.label, seconds=60.0, threads=threads)
    assert "in 1 run here" in costs.say(HOST, races())["said"]


def test_nothing_is_measured_beside_a_run_and_nothing_is_guessed(jobs, tiny):
    store = jobs.store
    live = Live(store, jobs)
    live.machine.result(60)
    (run_id,) = jobs.submit([tiny(epochs=400)])
    assert jobs.measure(tiny(), 1) is None
    told = wait_said(Costs(live), "not measured while the machine is busy")
    assert "images/s" not in told["said"]
    store.create(tiny(seed=1), state="finished", device=live.machine.result().label, seconds=10.0, threads=64)
    like = {"model": "convnext_atto", "model_kwargs": tiny().model_kwargs, "batch_size": 32}
    assert "from 1 run here with other thread counts" in wait_said(Costs(live), "images/s", **like)["said"]
    jobs.stop(run_id)


def test_a_busy_machine_leaves_a_share_of_its_time():
    assert 0 < free_share(64 * (os.cpu_count() or 1)) <= 1 / 64
    assert free_share(0) <= 1


def test_what_start_would_refuse_is_said_before(jobs):
    store = jobs.store
    costs = Costs(Live(store, jobs))
    told = wait_said(costs, "unknown model", model="convnext_atoo")
    assert "convnext_atto" in told["refused"]
    assert told["field"] == "model"
    jobs.limits = Limits(epochs=2)
    with pytest.raises(ConfigError, match="Epochs is 3: at most 2 are allowed here"):
        costs.say(User("me"), races())
    with pytest.raises(ConfigError, match="Learning rate"):
        costs.say(HOST, races(lr="x"))


def test_no_question_of_a_stranger_ends_the_process_that_trains(jobs, tiny):
    store = jobs.store
    live = Live(store, jobs)
    costs, worker = Costs(live), jobs._workers.machine(60) and jobs._workers._present
    kwargs = json.dumps({"depth_mult": 1e13})
    with pytest.raises(ConfigError, match=r"[Dd]epth_mult is 1e\+?13|depth_mult is 10000000000000"):
        costs.say(User("stranger"), races(model="rexnet_100", model_kwargs=kwargs))
    told = wait_said(costs, "images/s", model="levit_128s", image_size=224)
    assert "Trying" not in told["said"]
    wait_said(costs, "cannot build", model_kwargs=json.dumps({"depths": "deep"}))
    assert jobs._workers._present is worker
    assert worker.alive()
    (run_id,) = jobs.submit([tiny()])
    while jobs.queue():
        time.sleep(0.1)
    assert store.status(run_id).state == "finished"
    assert jobs.failing() == ""


def test_estimates_are_two_digits():
    assert [duration_text(s) for s in (0.2, 75, 100, 3725, 7300)] == ["1 s", "75 s", "1.7 min", "62 min", "2 h"]
