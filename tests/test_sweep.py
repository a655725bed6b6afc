"""Sweeps on worker processes of this machine, and what is left where one was cut short."""

import os
import signal
import threading

import pytest
from waiting import wait_until

from lpwd.events import reproducible
from lpwd.jobs.race import run_lanes
from lpwd.jobs.sweep import Sweep, run_local, states
from lpwd.store import RunStore


def numbers(store, run_id):
    return [reproducible(record) for record in store.read_metrics(run_id)[0] if record["event"] != "stopped"]


def never():
    return False


def test_a_sweep_runs_the_missing_cells_and_a_failing_one_stops_no_other(store, tiny):
    source = tiny(method="baseline", epochs=1)
    follower = tiny(method="wd", epochs=1, init_from=source.run_id)
    failing = tiny(epochs=1, init_from="no-such-run")
    sweep = Sweep(store, [follower, failing, source, tiny(method="rwd", epochs=1), source])
    assert states(sweep) == {"missing": 4}
    run_local(sweep, device="cpu", workers=2, should_stop=never)
    assert states(sweep) == {"finished": 3, "failed": 1}
    assert sweep.missing() == [failing.run_id]
    assert sweep.images_done() >= 3 * 160

    ended = {run_id: store.status(run_id).ended for run_id in store.ids()}
    run_local(sweep, device="cpu", workers=1, should_stop=never)
    again = [run_id for run_id in store.ids() if store.status(run_id).ended != ended[run_id]]
    assert again == [failing.run_id]  # tried again; the finished ones were skipped


@pytest.mark.long
def test_a_sweep_cut_short_goes_on_where_it_was_and_ends_with_the_same_numbers(store, tiny, tmp_path):
    configs = [tiny(method=method, epochs=20) for method in ("wd", "lpwd", "rwd")]
    sweep = Sweep(store, configs)
    stop = threading.Event()
    thread = threading.Thread(
        target=run_local, args=(sweep,), kwargs={"device": "cpu", "workers": 2, "should_stop": stop.is_set}
    )
    thread.start()
    wait_until(lambda: any(store.status(run_id).step > 20 for run_id in store.ids()))
    stop.set()
    thread.join()
    assert states(sweep)["interrupted"] >= 1
    assert all(store.status(run_id).state != "running" for run_id in store.ids())
    run_local(sweep, device="cpu", workers=1, should_stop=never)
    assert states(sweep) == {"finished": 3}

    whole = RunStore(tmp_path / "undisturbed")
    first = configs[0].run_id
    run_lanes(whole, [whole.create(configs[0])], device="cpu", threads=1)
    assert numbers(store, first) == numbers(whole, first)


@pytest.mark.long
def test_a_killed_worker_loses_its_cell_alone(store, tiny):
    sweep = Sweep(store, [tiny(method=method, epochs=20) for method in ("wd", "rwd")])
    thread = threading.Thread(
        target=run_local, args=(sweep,), kwargs={"device": "cpu", "workers": 1, "should_stop": never}
    )
    thread.start()
    first = sweep.configs[0].run_id
    wait_until(lambda: store.exists(first) and store.status(first).step > 5)
    os.kill(store.status(first).pid, signal.SIGKILL)
    thread.join()
    assert states(sweep) == {"interrupted": 1, "finished": 1}
    run_local(sweep, device="cpu", workers=1, should_stop=never)
    assert states(sweep) == {"finished": 2}
