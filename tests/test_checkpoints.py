"""Checkpoints on disk: damaged, killed while they are saved, of older code, and without room."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from test_lanes import numbers

from lpwd.config import ConfigError
from lpwd.events import Checkpoint
from lpwd.jobs.race import run_lanes
from lpwd.paths import Damaged
from lpwd.store import RunStore
from lpwd.training import checkpoints, starts
from lpwd.training.train import train

KILLED_AT_EACH_STEP = """
import os, sys
from lpwd.store import RunStore
from lpwd.training import checkpoints
real, paths = os.replace, RunStore(sys.argv[1]).paths("run")
paths.folder.mkdir()
state = lambda number: {"position": number}
checkpoints.save(paths, state(0))
checkpoints.save(paths, state(1))
# Before which renaming the kill comes; 9 is never. After one before the last there is no checkpoint.pt for a while.
for number, renaming in enumerate([0, 0, 1, 1, 2, 0, 0, 1, 1, 9, 2, 9], 2):
    def replace(*names, left=[renaming]):
        os._exit(9) if left[0] == 0 else real(*names)
        left[0] -= 1
    child = os.fork()
    if child == 0:
        os.replace = replace
        checkpoints.save(paths, state(number))
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    found, warning = checkpoints.take(paths)
    print(number, code, found["position"], warning)
"""


def stopped_run(store, config):
    """A run with a newest checkpoint and the one before, and the two states."""
    run_id = store.create(config)
    states = []
    for event in train(config, device="cpu"):
        if isinstance(event, Checkpoint):
            checkpoints.save(store.paths(run_id), event.state)
            states.append(checkpoints.load(store.paths(run_id))[0])
        else:
            store.append(run_id, [event])
        if len(states) == 2:
            return run_id, states
    raise AssertionError("the run ended first")


def flipped(path, chance):
    """The file with one bit turned; the undo."""
    whole = path.read_bytes()
    data, place = bytearray(whole), chance.randrange(len(whole))
    data[place] ^= 1 << chance.randrange(8)
    path.write_bytes(data)
    return lambda: path.write_bytes(whole)


def flips(store, config, count, seed=0):
    """Outcomes of `count` single bits turned in the newest checkpoint of a small run, all others whole."""
    run_id, (before, newest) = stopped_run(store, config)
    paths, chance = store.paths(run_id), random.Random(seed)
    outcomes = {"named, the one before used": 0, "loaded silently": 0}
    for _ in range(count):
        undo = flipped(paths.checkpoint, chance)
        state, warning = checkpoints.load(paths)
        named = "checkpoint.pt has changed since it was saved" in warning and state["position"] == before["position"]
        outcomes["named, the one before used" if named else "loaded silently"] += 1
        undo()
    state, warning = checkpoints.load(paths)
    assert (state["position"], warning) == (newest["position"], "")
    return outcomes


def test_no_turned_bit_loads_silently(store, tiny):
    assert flips(store, tiny(epochs=3), 60) == {"named, the one before used": 60, "loaded silently": 0}


def test_a_run_goes_on_from_the_checkpoint_before_a_damaged_one_and_ends_the_same(store, tiny, tmp_path):
    config, whole = tiny(epochs=3), RunStore(tmp_path / "whole")
    run_id, _ = stopped_run(store, config)
    flipped(store.paths(run_id).checkpoint, random.Random(1))
    store.update(run_id, state="interrupted")
    messages = []
    run_lanes(store, [run_id], device="cpu", on_event=lambda i, event: messages.append(store.status(i).message))
    run_lanes(whole, [whole.create(config)], device="cpu")
    assert numbers(store, run_id) == numbers(whole, run_id)
    said = f"run {run_id!r} is damaged: checkpoint.pt has changed since it was saved"
    assert said in store.log_tail(run_id)
    assert said in messages[0]
    paths = store.paths(run_id)
    assert not paths.previous.exists()  # the run has ended: nothing goes on from it
    assert checkpoints.load(paths)[1] == ""


def test_where_no_checkpoint_can_be_believed_the_run_fails_with_a_sentence(store, tiny):
    run_id, _ = stopped_run(store, tiny(epochs=3))
    paths = store.paths(run_id)
    for path in (paths.checkpoint, paths.previous):
        flipped(path, random.Random(2))
    with pytest.raises(
        Damaged, match=r"checkpoint\.pt has changed since it was saved \(its SHA-256 is not in checkpoint\.sha2"
    ):
        checkpoints.load(paths)
    store.update(run_id, state="interrupted")
    assert run_lanes(store, [run_id], device="cpu") == {run_id: "failed"}
    assert store.status(run_id).message == store.read_error(run_id)
    assert "checkpoint.pt has changed since it was saved" in store.read_error(run_id)


def test_the_weights_of_a_damaged_finished_run_begin_no_other_run(store, tiny):
    run_id = store.create(tiny(epochs=1))
    run_lanes(store, [run_id], device="cpu")
    assert starts.load(store, run_id)
    flipped(store.paths(run_id).checkpoint, random.Random(3))
    with pytest.raises(ConfigError, match=r"checkpoint\.pt has changed since it was saved"):
        starts.load(store, run_id)


def test_a_kill_between_any_two_steps_of_saving_leaves_a_state(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", KILLED_AT_EACH_STEP, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split(maxsplit=3) for line in done.stdout.splitlines()]
    last, killed = 1, 0
    for number, code, position, *warning in rows:
        assert not warning
        assert int(position) == (int(number) if code == "0" else last)
        last, killed = int(position), killed + (code == "9")
    assert (len(rows), killed) == (12, 10)


def test_a_checkpoint_of_older_code_opens_and_gets_a_digest_when_it_is_gone_on_from(store, tiny):
    run_id, (_, newest) = stopped_run(store, tiny(epochs=3))
    paths = store.paths(run_id)
    paths.digests.unlink()
    paths.previous.unlink()
    assert checkpoints.load(paths)[0]["position"] == newest["position"]
    assert not paths.digests.exists()
    checkpoints.take(paths)
    flipped(paths.checkpoint, random.Random(4))
    with pytest.raises(Damaged):
        checkpoints.load(paths)


def test_what_is_no_checkpoint_at_all_is_damaged_even_without_a_digest(store, tiny):
    paths = store.paths(store.create(tiny()))
    for content in (b"", b"x", b"\x80\x04K\x01.", b"PK\x03\x04" + bytes(100)):
        paths.checkpoint.write_bytes(content)
        with pytest.raises(Damaged, match=r"checkpoint\.pt cannot be read"):
            checkpoints.load(paths)


def test_beginning_anew_forgets_all_checkpoints(store, tiny):
    run_id, _ = stopped_run(store, tiny(epochs=3))
    store.update(run_id, state="stopped")
    store.restart(run_id)
    assert checkpoints.load(store.paths(run_id)) == (None, "")
    assert not list(store.paths(run_id).folder.glob("checkpoint*"))


def test_a_checkpoint_is_a_file_that_torch_reads(store, tiny):
    run_id, (_, newest) = stopped_run(store, tiny(epochs=3))
    state = torch.load(store.paths(run_id).checkpoint, weights_only=True)
    assert state["position"] == newest["position"]
