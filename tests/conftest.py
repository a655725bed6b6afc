"""Shared by all tests: a tiny real configuration, and no network beyond this machine."""

import importlib.util
import os
from pathlib import Path

os.environ.setdefault("HF_ENDPOINT", "http://127.0.0.1:9")  # nothing listens there: a test never reaches the Hub
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # tests share the cores with the processes that they start
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import pytest
from browser import chromium, running_app, without_runs
from xdist.scheduler import LoadFileScheduling

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
    *("look", "workspace_page", "train_tab", "origins", "toy", "polling", "network", "explain", "topics", "landing"),
    *("app", "people", "tools", "faults", "jobs", "demo", "cli", "cluster", "sweep", "checks", "space", "answers"),
    *("hub_panel", "benchmark", "starts", "examples", "cli_paper", "recipes", "preflight", "rights", "packaging"),
    "proxies",
)
# Groups of files with the same app: one worker of pytest takes them all, and starts `shared_app` or `space_app` once.
TOGETHER = {**dict.fromkeys(LONG[: LONG.index("app")], "pages"), **dict.fromkeys(("people", "tools"), "space")}
SPACE = {  # as a Space of lab with accounts has it
    **{"SYSTEM": "spaces", "SPACE_ID": "lab/demo", "SPACE_AUTHOR_NAME": "lab"},
    **{"SPACE_HOST": "lab-demo.hf.space, demo.lab.org", "OPENID_PROVIDER_URL": "http://127.0.0.1:9"},
    **{"OAUTH_CLIENT_ID": "id", "OAUTH_CLIENT_SECRET": "s", "OAUTH_SCOPES": "openid"},
}


# Files whose tests train, start processes, or wait for a silent Hub. `bash tests/run.sh --quick` leaves them out.
SLOW = (
    *("side_by_side", "graph", "shards", "small_maps", "train", "lanes", "checkpoints", "snippet", "layers", "models"),
    *("hub", "autopush", "bounded", "damage", "docs", "data", "torch_suite", "old_runs", "session"),
    *("scans", "scorecard", "strengths", "attach", "locale", "wrapped_models"),
)


def pytest_collection_modifyitems(items):
    """The order is kept with `--no-loadscope-reorder`."""
    rank = {f"test_{name}": place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))
    for item in items:
        if item.path.stem.removeprefix("test_") in (*LONG, *SLOW):
            item.add_marker("slow")


class Groups(LoadFileScheduling):
    """A worker of pytest takes a group, or a file that is in none."""

    def _split_scope(self, nodeid):
        file = super()._split_scope(nodeid)
        return TOGETHER.get(Path(file).stem.removeprefix("test_"), file)


def pytest_xdist_make_scheduler(config, log):
    return Groups(config, log)


@pytest.fixture
def tiny():
    """A function that makes a RunConfig of a 20,000-parameter ConvNeXt on 160 digits: about 30 ms a step."""
    return lambda **changes: RunConfig(**TINY | changes)


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")


@pytest.fixture(scope="session")
def shared_app(tmp_path_factory):
    """To start an app, its worker and its checker takes 15 s of a core. Gradio's own switch opens no MCP tools."""
    with running_app(tmp_path_factory.mktemp("app") / "runs", GRADIO_MCP_SERVER="true") as app:
        yield app


@pytest.fixture(scope="module")
def app(shared_app):
    """The app as `python app.py` starts it, without a run at the beginning of a file."""
    yield shared_app
    without_runs(shared_app)


@pytest.fixture(scope="session")
def space_app(tmp_path_factory):
    """The app under the conditions of a Space, with MCP tools where the package is installed."""
    tools = {"LPWD_MCP": "1"} if importlib.util.find_spec("mcp") else {}
    with running_app(tmp_path_factory.mktemp("space") / "runs", **SPACE, **tools) as app:
        yield app


@pytest.fixture(scope="session")
def chromium_of_all():
    with chromium() as browser:
        yield browser


@pytest.fixture
def browser(chromium_of_all):
    """Chromium; the pages that a test leaves open end with it."""
    yield chromium_of_all
    for context in chromium_of_all.contexts:
        context.close()
