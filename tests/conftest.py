"""Shared by all tests: a tiny real configuration, and no network beyond this machine."""

import os

os.environ.setdefault("HF_ENDPOINT", "http://127.0.0.1:9")  # nothing listens there: a test never reaches the Hub
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # tests share the cores with the processes that they start
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import pytest

from lpwd.config import RunConfig
from lpwd.store import RunStore

TINY = {
    "model": "convnext_atto",
    "model_kwargs": {"depths": [1, 1, 1, 1], "dims": [8, 16, 16, 32], "patch_size": 2},
    "dataset": "digits",
    "epochs": 2,
    "batch_size": 32,
    "train_samples": 160,
    "test_samples": 50,
    "weight_decay": 0.5,
    "lr": 1e-3,
}

# Files that start apps, workers and browsers. They come first, so that at the end no worker of pytest is left with a
# long one while the others idle; xdist's own order, by the number of tests, would leave just these for the end.
LONG = (
    *("faults", "jobs", "app", "cli", "preflight", "people", "workspace_page", "sweep", "starts", "cluster"),
    *("hub_panel", "checks", "packaging", "demo", "origins", "train_tab", "space", "toy", "recipes", "rights"),
    *("benchmark", "examples", "polling", "network", "look", "explain", "landing", "answers", "cli_paper"),
)


def pytest_collection_modifyitems(items):
    """The order is kept with `--no-loadscope-reorder`."""
    rank = {f"test_{name}": place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


@pytest.fixture
def tiny():
    """A function that makes a RunConfig of a 20,000-parameter ConvNeXt on 160 digits: about 30 ms a step."""
    return lambda **changes: RunConfig(**TINY | changes)


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")
