"""What can happen to the folders of runs while they train: each fault is made for real."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from test_jobs import LONG, numbers, state
from waiting import wait_until

from lpwd.config import ConfigError
from lpwd.events import Step
from lpwd.jobs.claim import ClaimLost, claimed
from lpwd.jobs.race import run_lanes
from lpwd.paths import DiskFull
from lpwd.store import RunStore, is_lost


def fill(path, leave=0):
    """Take all room but `leave` bytes; returns the file that has it."""
    filler = path / "filler"
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            file.truncate(max(0, file.tell() - leave))
    return filler


def goes_on(jobs, store, config):
    """Whether the queue takes and finishes another run."""
    (run_id,) = jobs.submit([config])
    return wait_until(lambda: state(store, run_id) == "finished")


def undisturbed(config, folder):
    whole = RunStore(folder)
    run_lanes(whole, [whole.create(config)], device="cpu")
    return numbers(whole, config.run_id)


# ---- the disk


@pytest.fixture
def disk(shared_queue):
    """The disk that holds the runs of the queue, and nothing else."""
    if not shared_queue.has_disk:
        pytest.skip("a disk of its own needs the right to mount")
    return shared_queue.disk


def test_a_run_whose_disk_gets_full_is_interrupted_and_resume_ends_the_same(jobs, disk, tiny, tmp_path):
    store, config = jobs.store, tiny(epochs=40)
    (run_id,) = jobs.submit([config])
    wait_until(lambda: store.status(run_id).epoch > 2)
    filler = fill(disk)
    wait_until(lambda: state(store, run_id) == "interrupted")
    assert f"The disk of {store.root} is full: free some space" in store.status(run_id).message
    with pytest.raises(DiskFull, match="free some space, then resume"):
        store.create(tiny(seed=9))
    filler.unlink()
    assert goes_on(jobs, store, tiny(seed=1))
    jobs.resume([run_id])
    wait_until(lambda: state(store, run_id) == "finished")
    assert numbers(store, run_id) == undisturbed(config, tmp_path / "whole")


@pytest.mark.long
def test_a_checkpoint_that_does_not_fit_interrupts_the_run_and_resume_ends_the_same(jobs, disk, tiny, tmp_path):
    store = jobs.store
    config = tiny(epochs=30, model_kwargs={"depths": [1, 1, 1, 1], "dims": [8, 16, 32, 64], "patch_size": 2})
    (run_id,) = jobs.submit([config])
    wait_until(lambda: store.status(run_id).epoch > 2)
    filler = fill(disk, leave=100_000)
    wait_until(lambda: state(store, run_id) == "interrupted")
    assert "is full: free some space, then resume" in store.status(run_id).message
    assert not [path for path in store.paths(run_id).folder.iterdir() if path.name.startswith(".checkpoint")]
    filler.unlink()
    jobs.resume([run_id])
    wait_until(lambda: state(store, run_id) == "finished")
    assert numbers(store, run_id) == undisturbed(config, tmp_path / "whole")
    assert goes_on(jobs, store, tiny(seed=1))


def test_half_a_line_is_never_left_in_the_metrics(jobs, disk, tiny):
    store = jobs.store
    run_id = store.create(tiny())
    steps = [Step(number, 1, 2.0, 1e-3, 0.1, 100.0) for number in range(1, 6)]
    store.append(run_id, steps)
    filler = fill(disk, leave=8192)
    with pytest.raises(DiskFull):
        store.append(run_id, steps * 100)
    filler.unlink()
    store.append(run_id, steps)
    assert [record["step"] for record in store.read_metrics(run_id)[0]] == [1, 2, 3, 4, 5] * 2


# ---- the folder


def test_a_run_whose_folder_is_removed_while_it_trains_ends_and_the_next_one_starts(jobs, tiny):
    store = jobs.store
    (gone,) = jobs.submit([tiny(**LONG)])
    (waiting,) = jobs.submit([tiny(seed=1)])
    wait_until(lambda: store.status(gone).step > 3)
    shutil.rmtree(store.paths(gone).folder, ignore_errors=True)
    wait_until(lambda: state(store, waiting) == "finished")
    assert not store.paths(gone).folder.exists()
    wait_until(lambda: not jobs.queue())


def test_a_run_whose_status_is_damaged_is_marked_and_the_next_one_starts(jobs, tiny):
    store = jobs.store
    (damaged,) = jobs.submit([tiny(**LONG)])
    (waiting,) = jobs.submit([tiny(seed=1)])
    wait_until(lambda: store.status(damaged).step > 3)
    (store.paths(damaged).folder / "status.json").write_text('{"state": "run')
    wait_until(lambda: state(store, waiting) == "finished")
    assert state(store, damaged) == "interrupted"
    assert "status.json was damaged during training" in store.status(damaged).message


def test_the_runs_folder_may_be_removed_and_the_next_run_starts(jobs, tiny):
    store = jobs.store
    jobs.submit([tiny(**LONG)])
    jobs.submit([tiny(seed=1)])
    wait_until(lambda: store.status(tiny(**LONG).run_id).step > 3)
    shutil.rmtree(store.root, ignore_errors=True)
    wait_until(lambda: not jobs.queue())
    assert goes_on(jobs, store, tiny(seed=2))
    assert jobs.worker_state() == "alive"


# ---- the writer

TRAIN = """
import sys
from lpwd.config import RunConfig
from lpwd.jobs.race import run_lanes
from lpwd.store import RunStore, is_lost
store = RunStore(sys.argv[1], stale_seconds=1)
run_lanes(store, [store.create(RunConfig.model_validate_json(sys.argv[2]))], device="cpu")
"""


@pytest.mark.long
def test_a_training_that_was_stopped_for_a_while_is_not_taken_for_lost(tiny, tmp_path):
    config = tiny(epochs=40)
    store = RunStore(tmp_path / "runs", stale_seconds=1)
    command = [sys.executable, "-c", TRAIN, str(store.root), config.model_dump_json()]
    process = subprocess.Popen(command, cwd=Path(__file__).parent.parent)
    run_id = config.run_id
    try:
        wait_until(lambda: store.exists(run_id) and store.status(run_id).step > 20)
        process.send_signal(signal.SIGSTOP)
        time.sleep(3)
        assert is_lost(store.status(run_id), 1)
        assert store.recover() == []
        with pytest.raises(ConfigError, match=f"is being trained by process {process.pid} on {socket.gethostname()}"):
            run_lanes(store, [run_id], device="cpu")
        process.send_signal(signal.SIGCONT)
        assert process.wait(120) == 0
    finally:
        process.kill()
        process.wait()
    assert state(store, run_id) == "finished"
    assert numbers(store, run_id) == undisturbed(config, tmp_path / "whole")


def test_a_claim_ends_with_its_process(tiny, tmp_path):
    config = tiny(**LONG)
    store = RunStore(tmp_path / "runs")
    process = subprocess.Popen(
        [sys.executable, "-c", TRAIN, str(store.root), config.model_dump_json()], cwd=os.getcwd()
    )
    wait_until(lambda: store.exists(config.run_id) and store.status(config.run_id).step > 0)
    process.kill()
    process.wait()
    assert store.recover() == [config.run_id]
    with claimed(store, [config.run_id]):
        assert state(store, config.run_id) == "running"


def test_a_writer_whose_run_was_removed_and_made_anew_stops_before_it_writes(store, tiny):
    run_id = store.create(tiny())
    with claimed(store, [run_id]) as claims:
        claim = claims[run_id]
        claim.check()
        shutil.rmtree(store.paths(run_id).folder)
        with pytest.raises(ClaimLost, match="was removed during training; nothing more is written"):
            claim.check()
        store.create(tiny())
        with claimed(store, [run_id]) as others:
            others[run_id].check()
            with pytest.raises(ClaimLost):
                claim.check()


# ---- memory


def test_a_race_that_cannot_fit_is_refused_before_anything_is_written(jobs, shared_queue, tiny):
    store, shared_queue.room = jobs.store, 10**9
    with pytest.raises(ConfigError, match=r"image_size is 1024: convnext_atto then needs at least"):
        jobs.submit([tiny(model_kwargs={}, image_size=1024, batch_size=1297, train_samples=None)])
    assert store.ids() == []


def test_a_training_that_takes_more_than_is_free_fails_in_a_sentence_and_the_next_one_starts(jobs, shared_queue, tiny):
    store = jobs.store
    jobs.machine()
    shared_queue.room = 300 * 10**6
    large = tiny(model="test_convnext", model_kwargs={}, image_size=128, batch_size=160, **LONG)
    (run_id,) = jobs.submit([large])
    wait_until(lambda: state(store, run_id) == "failed")
    assert "GB were free at its start: choose a smaller batch_size" in store.status(run_id).message
    shared_queue.room = None
    assert goes_on(jobs, store, tiny(seed=1))


def test_a_child_is_what_the_kernel_ends_first(jobs):
    jobs.machine()
    for child in psutil.Process().children():
        if "lpwd.jobs" in " ".join(child.cmdline()):
            assert Path(f"/proc/{child.pid}/oom_score_adj").read_text(encoding="utf-8").strip() == "500"
