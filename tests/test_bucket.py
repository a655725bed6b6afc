"""A Space whose storage is a mounted bucket: it is recognised, keeps ended runs, and gives them back."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from browser import ROOT
from synthetic import ramp, write_run
from waiting import wait_until

from lpwd import space
from lpwd.config import RunConfig
from lpwd.hub.bucket import Bucket
from lpwd.paper.presets import PRESETS, Cell
from lpwd.store import RunStore

CELLS = PRESETS["table1"].cells("cpu", 1)
ON_SPACE = {"SPACE_ID": "me/lpwd"}
FLOCK = 73  # number of the system call on x86-64
# Let the kernel refuse flock to this process (ENOLCK), as on a mount without locks, then ask where runs are kept.
REFUSED = """
import ctypes, struct, sys
from pathlib import Path
from lpwd import space
load, jump, ret = 0x20, 0x15, 0x06  # BPF: load the call's number; if it is flock, return an error; else allow
code = [(load, 0, 0, 0), (jump, 0, 1, {flock}), (ret, 0, 0, 0x00050000 | 37), (ret, 0, 0, 0x7FFF0000)]
program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
given = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(code), ctypes.addressof(program)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, given, 0, 0) == 0, ctypes.get_errno()
disk = Path(sys.argv[1])
print(space.bucket({space!r}, disk), space.runs_folder({space!r}, disk))
"""


@pytest.mark.skipif((sys.platform, platform.machine()) != ("linux", "x86_64"), reason="the filter is for x86-64 Linux")
def test_storage_on_which_a_lock_fails_is_a_bucket_and_runs_stay_on_the_local_disk(tmp_path):
    code = REFUSED.format(flock=FLOCK, space=ON_SPACE)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.split() == [str(tmp_path / "lpwd"), "runs"], done.stderr
    assert space.bucket(ON_SPACE, tmp_path) is None  # here a lock works
    assert space.runs_folder(ON_SPACE, tmp_path) == str(tmp_path / "runs")


def test_storage_mounted_over_fuse_or_nfs_is_a_bucket_and_a_variable_names_any_folder(tmp_path):
    mounts = tmp_path / "mounts"
    for kind, found in (("fuse.hf-mount", tmp_path / "lpwd"), ("nfs4", tmp_path / "lpwd"), ("ext4", None)):
        mounts.write_text(f"proc /proc proc rw 0 0\nhf {tmp_path} {kind} rw 0 0\n")
        assert space.bucket(ON_SPACE, tmp_path, mounts) == found
        assert space.bucket({}, tmp_path, mounts) is None
    assert space.bucket({"LPWD_BUCKET": "/mnt/b"}, tmp_path, mounts) == Path("/mnt/b")


def test_ended_runs_are_added_to_the_bucket_and_a_restarted_app_has_them_again(tmp_path):
    first, second, folder = RunStore(tmp_path / "a"), RunStore(tmp_path / "b"), tmp_path / "bucket"
    one = write_run(first, CELLS[0], ramp)
    with_bucket(first, folder, lambda bucket: shards(folder) == 1)
    (kept,) = folder.glob("runs/*.parquet")
    before = kept.read_bytes()
    two = write_run(first, CELLS[1], ramp)
    with_bucket(first, folder, lambda bucket: shards(folder) == 2)
    assert kept.read_bytes() == before
    (folder / "runs" / "2999-01-01T000000-cut.parquet").write_bytes(before[:100])  # a crash in the middle of a write
    with_bucket(second, folder, lambda bucket: "restored from" in bucket.line)
    assert {run.run_id for run in second.records()} == {one, two}
    assert second.status(one).summary["best10_mean"] == first.status(one).summary["best10_mean"]
    assert len(second.history(one).epochs) == len(first.history(one).epochs)
    assert [path.name for path in folder.glob("runs/*.cut")] == ["2999-01-01T000000-cut.cut"]


def test_a_run_with_a_profile_of_its_own_comes_back_with_it(tmp_path):
    first, second, folder = RunStore(tmp_path / "a"), RunStore(tmp_path / "b"), tmp_path / "bucket"
    config = RunConfig(method="custom", profile=(0, 0.5, 2), epochs=12)
    run_id = write_run(first, Cell(config, "", True))
    with_bucket(first, folder, lambda bucket: shards(folder) == 1)
    with_bucket(second, folder, lambda bucket: "restored from" in bucket.line)
    assert second.config(run_id).profile == (0.0, 0.5, 2.0)


def with_bucket(store, folder, done):
    """Synchronise until `done`, as one start of the app would."""
    bucket = Bucket(store, folder, start_after=0, every=0.05, retry=0.2)
    bucket.start()
    try:
        wait_until(lambda: done(bucket))
    finally:
        bucket.close()


def shards(folder):
    return len(list(folder.glob("runs/*.parquet")))
