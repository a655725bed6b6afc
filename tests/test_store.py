import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from lpwd.config import ConfigError
from lpwd.events import Diverged, Step
from lpwd.store import replacing


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
        store.folder(name)


def test_an_unknown_run_is_named(store):
    with pytest.raises(ConfigError, match="there is no run 'nothing-here'"):
        store.status("nothing-here")


def test_metrics_are_read_from_where_the_reader_left_off(store, tiny):
    run_id = store.create(tiny())
    assert store.read_metrics(run_id) == ([], 0)
    store.append(run_id, [step(1), step(2)])
    first, offset = store.read_metrics(run_id)
    store.append(run_id, [step(3)])
    second, _ = store.read_metrics(run_id, offset)
    assert [record["step"] for record in first] == [1, 2]
    assert [record["step"] for record in second] == [3]


def test_a_half_written_line_is_read_once_it_is_whole(store, tiny):
    run_id = store.create(tiny())
    store.append(run_id, [step(1)])
    with open(store.metrics_path(run_id), "a") as file:
        file.write('{"event": "step", "st')
    records, offset = store.read_metrics(run_id)
    assert len(records) == 1
    with open(store.metrics_path(run_id), "a") as file:
        file.write('ep": 2}\n')
    assert store.read_metrics(run_id, offset)[0] == [{"event": "step", "step": 2}]


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
    with pytest.raises(ConfigError, match="is queued: stop it before you delete it"):
        store.delete(run_id)
    store.update(run_id, state="stopped")
    store.delete(run_id)
    assert store.ids() == []


def test_an_active_run_cannot_be_begun_anew_and_keeps_its_metrics(store, tiny):
    run_id = store.create(tiny())
    store.append(run_id, [step(1)])
    store.update(run_id, state="running")
    with pytest.raises(ConfigError, match="is running: stop it before you begin it anew"):
        store.restart(run_id)
    assert len(store.read_metrics(run_id)[0]) == 1


def test_a_broken_folder_is_named_and_hides_no_other_run(store, tiny):
    good = store.create(tiny())
    bad = store.create(tiny(seed=1))
    (store.folder(bad) / "status.json").write_text("{")
    assert [record.run_id for record in store.records()] == [good]
    assert store.broken() == [bad]


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "status.json"
    path.write_text(json.dumps({"old": True}))
    with contextlib.suppress(RuntimeError), replacing(path) as temporary:
        temporary.write_text("{")
        raise RuntimeError
    assert json.loads(path.read_text()) == {"old": True}
    assert [entry.name for entry in tmp_path.iterdir()] == ["status.json"]
