"""What an app is given instead of the bundled results: a snapshot of one scan, and two presets of short runs."""

import itertools

from browser import ROOT
from synthetic import write_run

from lpwd.hub.push import write_snapshot
from lpwd.paper.presets import Cell
from lpwd.paper.scans import get_scan
from lpwd.store import RunStore

SCAN = get_scan("scan")
BOTH = ["wd", "lpwd"]
# Loaded by every Python of the app under test: two presets whose cells train in a second each on digits.
SMALL_PRESETS = """
from types import MappingProxyType
from lpwd.paper import presets as paper
from lpwd.config import RunConfig

BASE = dict(model="test_convnext", dataset="digits", epochs=1, train_samples=64, test_samples=50, batch_size=32)

def cell(method, lr, seed):
    return paper.Cell(RunConfig(**BASE, method=method, lr=lr, weight_decay=0.5, seed=seed), "digits, Adam", True)

def grid(scale, seed):
    return (cell(method, lr, seed) for method in ("wd", "lpwd") for lr in (0.001, 0.01))

def two(scale, seed):
    return (cell(method, 0.05, seed) for method in ("wd", "lpwd"))

beats = (paper.Contrast("lpwd", "wd", +1),)
fig4 = paper.Preset("fig4", "Small", "Figure 4", "Does it fill?", "heatmap", grid, beats, cpu_seeds=1)
table1 = paper.Preset("table1", "Two", "Table 1", "Do both run?", "table", two, beats, cpu_seeds=1)
paper.PRESETS = MappingProxyType({**paper.PRESETS, "fig4": fig4, "table1": table1})
"""


def finish(store, seed, decay=5.0, methods=BOTH, top1=80.0, gain=0.0):
    """Finished runs of a cell's seed; LPWD `gain` points above the others."""

    def rise(config, epoch):
        return top1 + epoch / 10 + seed / 10 + gain * (config.method == "lpwd") + (seed * len(config.method)) % 3 / 100

    return [write_run(store, Cell(SCAN.config(method, decay, seed), "", False), rise) for method in methods]


def write_scan(folder):
    """Three published seeds at four strengths: LPWD ahead of WD at 3.5 and 5, far behind at 25. Returns the folder."""
    store = RunStore(folder / "runs")
    for (decay, gain), seed in itertools.product({0.5: 0.0, 3.5: 1.0, 5.0: 0.5, 25.0: -30.0}.items(), range(3)):
        finish(store, seed, decay, SCAN.methods, gain=gain)
    write_snapshot(store, folder)
    return folder


def variables(snapshot):
    """Of the environment of an app that has both; the presets are written into the folder of the snapshot."""
    (snapshot / "sitecustomize.py").write_text(SMALL_PRESETS, encoding="utf-8")
    return {"LPWD_SNAPSHOT_DIR": str(snapshot), "PYTHONPATH": f"{snapshot}:{ROOT}"}


# A claims file: one contrast, three seeds, runs of a second each.
CLAIMS = """
title = "Two on digits"
question = "Does LPWD beat WD at once?"
methods = ["wd", "lpwd"]
margin = 0.5
[base]
model = "test_convnext"
dataset = "digits"
epochs = 1
batch_size = 32
train_samples = 64
test_samples = 50
weight_decay = 0.5
lr = 0.001
[[contrast]]
method = "lpwd"
other = "wd"
claim = "higher"
"""
