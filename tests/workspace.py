"""Runs with invented numbers for the tests of the workspace: own ones, and published ones to stand beside them."""

from publishing import root_files, save
from synthetic import write_run
from waiting import wait_until

from lpwd.config import RunConfig
from lpwd.events import Epoch
from lpwd.paper.presets import Cell
from lpwd.runs import Runs
from lpwd.store import RunStore
from lpwd.ui.published import Cached

EPOCHS = [Epoch(i, i, 4 - i / 50, 4.1, i / 2, None, 1e-3, [1.0], None, None, float(i), 100.0) for i in range(1, 101)]
RESULT = {"best10_mean": 12.345678, "last_top1": 12.0, "train_loss": 2.5}
NOISE = {"wd": [0.0, 0.1, 0.3], "lpwd": [0.0, 0.1, 0.2]}


def top1(config, epoch):
    """LPWD is higher than WD by 1.0, 1.1 and 1.2 points at seeds 0 to 2."""
    return 10 + epoch / 10 + config.seed + (1 + NOISE["lpwd"][config.seed] if config.method == "lpwd" else 0)


def write(store, method, seed, **changes):
    """A finished run of 12 epochs; returns its id."""
    config = RunConfig(**{"method": method, "seed": seed, "epochs": 12, "weight_decay": 5, "scale": "cpu"} | changes)
    return write_run(store, Cell(config, "", True), top1, steps=True)


def six_runs(store):
    """Run ids by method: three seeds of two methods."""
    return {method: [write(store, method, seed) for seed in range(3)] for method in ("wd", "lpwd")}


def published_beside(store, folder):
    """The runs of an app that has `store` for its own, and WD with three seeds bundled with it."""
    return Runs(store, cached_beside(folder).runs)


def cached_beside(folder):
    """The published results of an app with three seeds of WD in its snapshot."""
    elsewhere = RunStore(folder / "elsewhere")
    for seed in range(3):
        write(elsewhere, "wd", seed)
    snapshot = save(folder / "snapshot", root_files(elsewhere))
    cached = Cached("", after_seconds=0, snapshot=snapshot)
    wait_until(cached.runs)
    return cached


def finished(store, **changes):
    """A finished run without curves; returns its id."""
    config = RunConfig(**{"model": "test_convnext", "dataset": "digits"} | changes)
    return store.create(config, state="finished", summary=RESULT, epoch=100, seconds=60.0)
