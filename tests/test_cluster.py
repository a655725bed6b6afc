"""Engine ray on a local cluster of two nodes, one of which is killed on the way."""

import sys
import threading

import pytest
from click.testing import CliRunner
from plugins_for_tests import OPTIMIZER, forgetting
from waiting import wait_until

from lpwd import plugins
from lpwd.cli.main import main
from lpwd.config import ConfigError
from lpwd.events import reproducible
from lpwd.jobs.race import run_lanes
from lpwd.jobs.sweep import Sweep, states
from lpwd.store import RunStore

pytest.importorskip("ray", reason="Ray is an optional extra")

from ray.cluster_utils import Cluster

from lpwd.jobs.ray_cluster import run_on_ray

SLOW_METHOD = """
import time

import lpwd


def rates(layers, weight_decay):
    time.sleep(0.05)  # at each step, so that a run is stopped on the way however late the driver looks
    return [weight_decay * (len(layers) - i) for i in range(len(layers))]


lpwd.register_method("mine", timing="pwd", rates=rates, every=1, label="Mine", color="#CC3311")
"""


def numbers(store, run_id):
    return [reproducible(record) for record in store.read_metrics(run_id)[0]]


@pytest.mark.long
def test_a_cluster_that_loses_a_node_ends_with_the_numbers_of_one_machine(tiny, tmp_path):
    configs = [tiny(method=method, epochs=60, seed=seed) for seed in (0, 1) for method in ("wd", "lpwd")]
    follower = tiny(method="rwd", epochs=1, init_from=configs[0].run_id)
    configs = [follower, *configs]  # listed first, yet it waits for its source
    spread = Sweep(RunStore(tmp_path / "ray"), configs)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    errors = []

    def work():
        try:
            run_on_ray(spread, address=cluster.address, device="cpu", should_stop=lambda: False)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        wait_until(spread.store.ids)
        doomed = cluster.add_node(num_cpus=1)  # after the driver has joined: it lives and dies with its own node
        statuses = lambda: map(spread.store.status, spread.store.ids())  # noqa: E731
        well_begun = lambda: sum(s.step > 10 and s.state == "running" for s in statuses()) >= 2  # noqa: E731
        wait_until(lambda: errors or well_begun())
        cluster.remove_node(doomed, allow_graceful=False)
        thread.join(240)
    finally:
        cluster.shutdown()
    assert not errors
    assert states(spread) == {"finished": len(configs)}
    assert any("lost its node" in spread.store.log_tail(run_id) for run_id in spread.store.ids())

    alone = RunStore(tmp_path / "local")
    for config in [*configs[1:], follower]:
        run_lanes(alone, [alone.create(config)], device="cpu", threads=1)
        assert numbers(spread.store, config.run_id) == numbers(alone, config.run_id)


@pytest.mark.long
def test_nodes_get_a_plugins_optimizer_and_stopped_cells_go_on_from_a_checkpoint_to_the_same_numbers(tiny, tmp_path):
    (tmp_path / "my.py").write_text(SLOW_METHOD + OPTIMIZER, encoding="utf-8")
    with forgetting():
        plugins.load(tmp_path / "my.py")  # LPWD_PLUGINS stays unset: the driver has to send the file
        configs = [tiny(method="mine", optimizer=name, epochs=40) for name in ("heavy", "timm:muon")]
        spread, alone = Sweep(RunStore(tmp_path / "ray"), configs), RunStore(tmp_path / "local")
        run_ids = spread.missing()

        def stop_each_on_the_way() -> bool:
            for run_id in filter(spread.store.exists, run_ids):
                spread.store.update_if(run_id, lambda s: s.state == "running" and s.step > 20, state="stopping")
            return False

        run_on_ray(spread, device="cpu", should_stop=stop_each_on_the_way)
        assert states(spread) == {"interrupted": 2}
        assert all(spread.store.paths(run_id).checkpoint.exists() for run_id in run_ids)
        run_on_ray(spread, device="cpu", should_stop=lambda: False)
        assert states(spread) == {"finished": 2}
        for config in configs:
            run_lanes(alone, [alone.create(config)], device="cpu", threads=1)
            assert numbers(spread.store, config.run_id) == numbers(alone, config.run_id)


def test_a_cluster_that_is_not_there_is_named(tiny, store):
    with pytest.raises(ConfigError, match=r"Ray cluster '127\.0\.0\.1:9' is not reachable"):
        run_on_ray(Sweep(store, [tiny()]), address="127.0.0.1:9", should_stop=lambda: False)


def test_without_ray_the_error_says_how_to_install_it(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "ray" or name == "lpwd.jobs.ray_cluster"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ray", None)
    done = CliRunner().invoke(main, ["sweep", "table3", "--engine", "ray", "--runs-dir", str(tmp_path)])
    assert done.exit_code == 2
    assert 'pip install "lpwd[ray]"' in done.stderr
