"""Who may change what, and how much one may ask for."""

import subprocess
import sys
import time

import pytest

from lpwd.config import ConfigError, RunConfig
from lpwd.jobs.rights import HOST, Limits, User, may_change, require

ANNE, BERT, WATCHER = User("anne"), User("bert"), User()


def test_a_run_is_changed_by_its_owner_or_the_apps():
    assert may_change(ANNE, "anne")
    assert may_change(HOST, "anne")
    assert not may_change(BERT, "anne")
    assert not may_change(WATCHER, "anne")


def test_a_refusal_says_who_may(monkeypatch):
    with pytest.raises(ConfigError, match="run x belongs to another user: only they and the owner"):
        require(BERT, "anne", "x", "delete")


def test_a_run_of_the_command_line_is_changed_there_and_by_the_apps_owner():
    assert may_change(HOST, "")
    assert not may_change(ANNE, "")
    assert not may_change(WATCHER, "")
    with pytest.raises(ConfigError, match="run x was started on the command line: on the page only the owner of this"):
        require(ANNE, "", "x", "delete")


def test_limits_come_from_the_environment_and_are_said_in_one_sentence():
    limits = Limits.from_environment({"LPWD_MAX_EPOCHS": "5", "LPWD_JOBS_PER_USER": "2"})
    assert limits == Limits(epochs=5, jobs_per_user=2)
    assert limits.sentence == "Limits here: 5 epochs per run, 2 queued races per user."
    assert Limits.from_environment({}).sentence == ""
    assert Limits.from_environment({"SPACE_ID": "a/b"}).queue == 20


@pytest.mark.parametrize("text", ["0", "-3", "many", "1.5"])
def test_a_limit_that_is_none_is_refused(text):
    with pytest.raises(ConfigError, match=f"LPWD_MAX_QUEUE is '{text}': it must be an integer of at least 1"):
        Limits.from_environment({"LPWD_MAX_QUEUE": text})


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (Limits(epochs=1), "epochs is 2: at most 1 are allowed here"),
        (Limits(images=300), "epochs times training images is 320: at most 300 are allowed here"),
    ],
)
def test_a_run_beyond_a_limit_is_refused(tiny, limits, sentence):
    with pytest.raises(ConfigError, match=sentence):
        limits.check([tiny()])
    Limits(epochs=2, images=320).check([tiny()])


def test_all_images_count_as_the_whole_data_set():
    with pytest.raises(ConfigError, match="is 100,000: at most 99,999"):
        Limits(images=99_999).check([RunConfig(dataset="cifar10", epochs=2)])


def test_the_queue_holds_so_many_races_of_one_person_and_of_all(jobs, tiny):
    jobs.limits = Limits(queue=3, jobs_per_user=2)
    mine = [jobs.submit([tiny(epochs=500, seed=seed)], user=ANNE)[0] for seed in (0, 1)]
    with pytest.raises(
        ConfigError, match="2 of your races are already queued or training: at most 2 per user are allowed"
    ):
        jobs.submit([tiny(seed=2)], user=ANNE)
    jobs.submit([tiny(seed=3)], user=BERT)
    with pytest.raises(
        ConfigError, match="3 races are already queued or training: at most 3 are allowed here; try again later"
    ):
        jobs.submit([tiny(seed=4)], user=BERT)
    assert not jobs.store.exists(tiny(seed=4).run_id)
    jobs.submit([tiny(seed=5)], user=HOST)  # no limit holds for the owner
    for run_id in mine:
        jobs.stop(run_id, user=ANNE)


def test_what_somebody_began_nobody_else_stops_resumes_or_begins_anew(jobs, tiny):
    config = tiny(epochs=500)
    (run_id,) = jobs.submit([config], user=ANNE)
    with pytest.raises(ConfigError, match="another user"):
        jobs.stop(run_id, user=BERT)
    jobs.stop(run_id, user=ANNE)
    while jobs.queue():
        time.sleep(0.1)
    assert jobs.store.status(run_id).state == "stopped"
    for attempt in (
        lambda: jobs.resume([run_id], user=BERT),
        lambda: jobs.submit([config], user=BERT),
        lambda: jobs.submit([config], user=BERT, again=True),
    ):
        with pytest.raises(ConfigError, match="another user"):
            attempt()
    assert jobs.store.status(run_id).state == "stopped"
    assert jobs.store.status(run_id).owner == "anne"


def test_one_who_may_only_watch_starts_nothing(jobs, tiny):
    with pytest.raises(ConfigError, match="Sign in"):
        jobs.submit([tiny()], user=WATCHER)
    assert jobs.store.ids() == []


def test_a_stranger_who_starts_a_finished_run_sees_it_and_writes_nothing(jobs, tiny):
    store, finished, own = jobs.store, tiny(method="wd"), tiny(method="lpwd")
    run_id = store.create(finished, owner="anne", state="finished", job="annes", seeds=[0, 1])
    before = store.paths(run_id).status.read_bytes()
    shown = jobs.submit_all([[finished, own], [tiny(method="lpwd", seed=1)]], user=BERT)
    assert shown[0] == [run_id, own.run_id]
    assert store.paths(run_id).status.read_bytes() == before
    assert store.status(own.run_id).seeds == [0, 1]
    while jobs.queue():
        time.sleep(0.1)
    assert store.paths(run_id).status.read_bytes() == before


def test_no_request_names_a_module_to_import_not_even_the_owners(jobs, tiny):
    named = tiny(optimizer="antigravity:Optimizer")
    with pytest.raises(ConfigError, match="optimizer is 'antigravity:Optimizer': the app does not import modules"):
        jobs.submit([named], user=HOST)
    assert not jobs.store.exists(named.run_id)


def test_worker_and_checks_refuse_a_module_that_a_run_names(tmp_path, tiny):
    """Whatever wrote the run's folder."""
    named = tiny(optimizer="lpwd_no_such_module:Optimizer")
    asked = f"""
from lpwd.jobs.checking.questions import forbid_modules
from lpwd.config import RunConfig
from lpwd.jobs.race import run_lanes
from lpwd.store import RunStore
forbid_modules()
store = RunStore({str(tmp_path)!r})
run_id = store.create(RunConfig(**{named.model_dump()!r}), state="stopped")
print(run_lanes(store, [run_id], device="cpu", threads=1), store.status(run_id).message)
"""
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=240)
    assert "failed" in done.stdout, done.stderr
    assert "the app does not import modules named by a run" in done.stdout
