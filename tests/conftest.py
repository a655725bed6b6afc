"""Shared by all tests: a tiny real configuration, and no network beyond this machine."""

import gc
import importlib.util
import os
from pathlib import Path

os.environ.setdefault("HF_ENDPOINT", "http://127.0.0.1:9")  # nothing listens there: a test never reaches the Hub
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # tests share the cores with the processes that they start
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import own_results
import pytest
from browser import chromium, close_pages, dead_proxies, page_here, running_app, without_runs
from queues import SharedQueue
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

# Files with one app or queue: a worker of pytest takes them all, in this order, and starts it once.
TOGETHER = {
    "races": ("app", "hero", "train_tab", "topics", "look", "strangers_data", "ending"),
    "pages": ("workspace_page", "dropped", "origins", "toy", "polling", "network", "explain", "landing"),
    "queue": ("jobs", "rights", "preflight", "faults"),
    "own results": ("demo", "benchmark", "people", "tools"),
}
# Other files that start processes. They come before the rest, so that at the end no worker of pytest is left with a
# long one while the others idle; xdist's own order, by the number of tests, would leave just these for the end.
WITH_PROCESSES = (
    *("hub_panel", "space", "cli", "answers", "cluster", "sweep", "checks"),
    *("starts", "examples", "cli_paper", "recipes", "packaging", "proxies", "newcomer"),
)
GROUP = {file: name for name, files in TOGETHER.items() for file in files}
SPACE = {  # as a Space of lab with accounts has it
    **{"SYSTEM": "spaces", "SPACE_ID": "lab/demo", "SPACE_AUTHOR_NAME": "lab"},
    **{"SPACE_HOST": "lab-demo.hf.space, demo.lab.org", "OPENID_PROVIDER_URL": "http://127.0.0.1:9"},
    **{"OAUTH_CLIENT_ID": "id", "OAUTH_CLIENT_SECRET": "s", "OAUTH_SCOPES": "openid"},
}
LIMITS = {"LPWD_MAX_EPOCHS": "600", "LPWD_JOBS_PER_USER": "6"}
TOOLS = {"LPWD_MCP": "1"} if importlib.util.find_spec("mcp") else {}

# Files whose tests train, start processes, or wait for a silent Hub. `bash tests/run.sh --quick` leaves them out.
SLOW = (
    *(
        "side_by_side",
        "graph",
        "batch_parts",
        "small_maps",
        "train",
        "lanes",
        "checkpoints",
        "snippet",
        "layers",
        "models",
    ),
    *("hub", "autopush", "bounded", "damage", "docs", "data", "torch_suite", "old_runs", "session", "plugins"),
    *("own_data", "elsewhere", "decaying", "audit", "own", "cached", "bucket", "angles"),
    *("presets", "checkpoint"),
    *("scans", "scorecard", "strengths", "attach", "locale", "wrapped_models"),
)
LONG = ("torch_suite",)  # as a whole


def pytest_ignore_collect(collection_path, config):
    """Do not even import files that are left out as a whole: that takes ten seconds of a core."""
    name, left_out = collection_path.stem.removeprefix("test_"), config.getoption("markexpr")
    slow = "not slow" in left_out and name in (*GROUP, *WITH_PROCESSES, *SLOW)
    return True if slow or ("not long" in left_out and name in LONG) else None


def pytest_collection_finish():
    """A collection of all garbage then looks at what tests made: that of torch, gradio and pandas takes 0.2 s each."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items):
    """The order is kept with `--no-loadscope-reorder`."""
    rank = {f"test_{name}": place for place, name in enumerate((*GROUP, *WITH_PROCESSES))}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))
    for item in items:
        if item.path.stem.removeprefix("test_") in (*GROUP, *WITH_PROCESSES, *SLOW):
            item.add_marker("slow")
        if item.path.stem.removeprefix("test_") in LONG:
            item.add_marker("long")


class Groups(LoadFileScheduling):
    """A worker of pytest takes a group, or a file that is in none."""

    def _split_scope(self, nodeid):
        file = super()._split_scope(nodeid)
        return GROUP.get(Path(file).stem.removeprefix("test_"), file)


def pytest_xdist_make_scheduler(config, log):
    return Groups(config, log)


@pytest.fixture
def tiny():
    """A function that makes a RunConfig of a 20,000-parameter ConvNeXt on 160 digits: about 30 ms a step."""
    return lambda **changes: RunConfig(**TINY | changes)


@pytest.fixture
def one_thread():
    """Sums in one order, whatever ran before."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")


@pytest.fixture(scope="session")
def shared_app(tmp_path_factory):
    """To start an app, its worker and its checker takes 15 s of a core. Gradio's own switch opens no MCP tools, and
    proxies that do not answer are not asked for what is on this machine."""
    with running_app(tmp_path_factory.mktemp("app") / "runs", GRADIO_MCP_SERVER="true", **dead_proxies()) as app:
        yield app


@pytest.fixture(scope="session")
def page_of_this_process(tmp_path_factory):
    with page_here(tmp_path_factory.mktemp("page") / "runs") as app:
        yield app


@pytest.fixture(scope="module")
def app(request):
    """The page without a run at the beginning of a file: in the group `pages` nothing trains, else it is all there."""
    group = GROUP.get(request.path.stem.removeprefix("test_"))
    app = request.getfixturevalue("page_of_this_process" if group == "pages" else "shared_app")
    yield app
    without_runs(app)


@pytest.fixture(scope="session")
def space_app(tmp_path_factory):
    """The app under the conditions of a Space, with MCP tools where the package is installed."""
    with running_app(tmp_path_factory.mktemp("space") / "runs", **SPACE, **TOOLS) as app:
        yield app


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory):
    """The folder of published results that are one scan."""
    return own_results.write_scan(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="session")
def own_results_app(tmp_path_factory, snapshot):
    """The app with results, presets and limits of the tests' own, and with MCP tools where the package is installed."""
    runs = tmp_path_factory.mktemp("own-results") / "runs"
    with running_app(runs, **own_results.variables(snapshot), **LIMITS, **TOOLS) as app:
        yield app


@pytest.fixture(scope="session")
def shared_queue(tmp_path_factory):
    queue = SharedQueue(tmp_path_factory.mktemp("queue"))
    yield queue
    queue.close()


@pytest.fixture
def jobs(shared_queue):
    """A queue with a real worker: idle, without runs and limits."""
    yield shared_queue.jobs
    shared_queue.reset()


@pytest.fixture(scope="session")
def chromium_of_all():
    with chromium() as browser:
        yield browser


@pytest.fixture
def browser(chromium_of_all):
    """Chromium; the pages that a test leaves open end with it."""
    yield chromium_of_all
    close_pages(chromium_of_all)
