import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time

import pytest
from filelock import FileLock

from lpwd.config import ConfigError
from lpwd.events import Diverged, Step
from lpwd.paths import Damaged, replacing


def step(number, epoch=1):
    return Step(number, epoch, 2.0, 1e-3, 0.1, 100.0)


def test_creating_a_run_twice_keeps_what_is_there(store, tiny):
    run_id = store.create(tiny(), owner="a")
    store.update(run_id, state="finished", note="keep me")
    assert store.create(tiny(), owner="b") == run_id
    assert store.status(run_id).note == "keep me"
    assert store.status(run_id).owner == "a"
    assert store.config(run_id) == tiny()


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a\x00b", "x" * 201, "..", None, 7])
def test_a_name_that_no_run_can_have_never_reaches_the_file_system(store, name):
    with pytest.raises(ConfigError, match="run id"):
        store.paths(name)


def test_an_unknown_run_is_named(store):
    with pytest.raises(ConfigError, match="run 'nothing-here' not found"):
        store.status("nothing-here")


def test_rewinding_keeps_what_came_before_the_checkpoint(store, tiny):
    run_id = store.create(tiny())
    store.append(run_id, [step(1), step(2), step(3, epoch=2), Diverged(4, 2)])
    store.rewind_metrics(run_id, step=2, epoch=2)
    assert [record["step"] for record in store.read_metrics(run_id)[0]] == [1, 2]


def test_a_run_whose_process_is_gone_becomes_interrupted(store, tiny):
    lost, alive, finished = (store.create(tiny(seed=seed)) for seed in range(3))
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    here = {"host": socket.gethostname(), "heartbeat": time.time(), "state": "running"}
    store.update(lost, pid=process.pid, **here)
    store.update(alive, pid=os.getpid(), **here)
    store.update(finished, state="finished")
    assert store.recover() == [lost]
    assert store.status(lost).state == "interrupted"
    assert store.status(alive).state == "running"


def test_a_run_on_another_host_is_lost_once_its_heartbeat_is_old(store, tiny):
    run_id = store.create(tiny())
    store.update(run_id, state="running", pid=1, host="elsewhere", heartbeat=time.time())
    assert store.recover() == []
    store.update(run_id, heartbeat=time.time() - 60)
    assert store.recover() == [run_id]


def test_a_run_whose_heartbeat_lies_in_the_future_is_lost_unless_its_claim_is_held(store, tiny):
    dead, alive = (store.create(tiny(seed=seed)) for seed in range(2))
    ahead = {"state": "running", "host": socket.gethostname(), "pid": os.getpid(), "heartbeat": time.time() + 3600}
    store.update(dead, **ahead)  # the clock was set back, and another process has got the process number
    store.update(alive, **ahead)
    with FileLock(str(store.paths(alive).claim), is_singleton=False):
        assert store.recover() == [dead]
    assert store.status(alive).state == "running"


def test_a_clock_that_is_ahead_on_another_host_makes_no_run_lost(store, tiny):
    run_id = store.create(tiny())
    store.update(run_id, state="running", pid=1, host="elsewhere", heartbeat=time.time() + 3600)
    assert store.recover() == []


def test_an_update_from_many_threads_loses_nothing(store, tiny):
    run_id = store.create(tiny())

    def count():
        for _ in range(20):
            store.update_if(run_id, lambda status: True, note="x")
            with_lock = store.status(run_id)
            assert with_lock.note == "x"

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    store.update(run_id, name="kept")
    for thread in threads:
        thread.join()
    assert store.status(run_id).name == "kept"


def test_an_active_run_cannot_be_deleted_and_an_ended_one_can(store, tiny):
    run_id = store.create(tiny())
    with pytest.raises(ConfigError, match="is queued: stop it before deleting it"):
        store.delete(run_id)
    store.update(run_id, state="stopped")
    store.delete(run_id)
    assert store.ids() == []


def test_an_active_run_cannot_be_begun_anew_and_keeps_its_metrics(store, tiny):
    run_id = store.create(tiny())
    store.append(run_id, [step(1)])
    store.update(run_id, state="running")
    with pytest.raises(ConfigError, match="is running: stop it before retraining it"):
        store.restart(run_id)
    assert len(store.read_metrics(run_id)[0]) == 1


DAMAGES = {
    "config.json": [
        *(b"null", b"[]", b"1", b"", b"{", b"[" * 100_000, b"\xff\xfe", b"\0" * 40, b'{"self": 1}', b'{"lr": "fast"}'),
        *(b'{"colour": 1}', b'{"seed": 99}', b'{"model_kwargs": ' + b'{"a":' * 500 + b"1" + b"}" * 501, b" " * 2**21),
    ],
    "status.json": [
        *(b"null", b"[]", b"1", b"", b"{", b"[" * 100_000, b"\xff\xfe", b"\0" * 40, b'{"state": "lost"}', None),
        *(b'{"step": 1e400}', b'{"created": 1e300}', b'{"summary": {"best10_mean": "x"}}', b'{"pid": 99999999999}'),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content"), [(name, content) for name, contents in DAMAGES.items() for content in contents]
)
def test_a_damaged_run_is_named_with_its_file_and_hides_no_other(store, tiny, name, content):
    good, bad = store.create(tiny()), store.create(tiny(seed=1))
    path = store.paths(bad).folder / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert [record.run_id for record in store.records()] == [good]
    assert store.damaged().keys() == {bad}
    assert store.damaged()[bad].startswith(f"run {bad!r} is damaged: {name} ")
    assert "\n" not in store.damaged()[bad]
    with pytest.raises(Damaged, match=name):
        store.record(bad)
    if name == "status.json":
        with pytest.raises(Damaged, match=name):
            store.update(bad, note="x")
    assert store.recover() == []


def test_a_folder_that_cannot_be_a_run_is_none(store, tiny):
    (store.root / "backup").mkdir()
    assert (store.records(), store.damaged()) == ([], {})
    run_id = store.create(tiny())
    shutil.copytree(store.paths(run_id).folder, store.root / "copy-of-it")
    assert "its settings belong to run" in store.damaged()["copy-of-it"]


def test_a_file_with_the_time_of_the_one_before_is_read_again(store, tiny):
    run_id = store.create(tiny())
    path = store.paths(run_id).status
    before = path.stat()
    assert store.status(run_id).note == ""
    store.update(run_id, note="another file")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert store.status(run_id).note == "another file"


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "status.json"
    path.write_text(json.dumps({"old": True}))
    with contextlib.suppress(RuntimeError), replacing(path) as temporary:
        temporary.write_text("{")
        raise RuntimeError
    assert json.loads(path.read_text()) == {"old": True}
    assert [entry.name for entry in tmp_path.iterdir()] == ["status.json"]
