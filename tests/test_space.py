"""The app as a Hugging Face Space runs it: its front matter, its variables, and a file system that is read-only."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import gradio
import psutil
import pytest
import yaml
from browser import ROOT, answers, free_port
from hub_server import FakeHub, serve
from packaging.requirements import Requirement
from waiting import wait_until

from lpwd import __version__, space
from lpwd.config import ConfigError
from lpwd.jobs.queue import Jobs
from lpwd.ui.app import parse

# Everything but the runs folder, /proc, /sys and /dev becomes read-only for this command alone.
READ_ONLY = """
set -e
mount --bind "$1" "$1"
awk '$2 !~ "^/(proc|sys|dev)(/|$)" { print $2 }' /proc/self/mounts | while read -r place; do
  [ "$place" = "$1" ] || mount -o remount,bind,ro "$place"
done
shift
exec "$@"
"""


def namespace(runs, *command):
    """The command line that runs `command` with nothing but `runs` writable."""
    user = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *user, "--mount", "sh", "-c", READ_ONLY, "sh", str(runs), *command]


@pytest.fixture(scope="module")
def can_be_read_only(tmp_path_factory):
    folder = tmp_path_factory.mktemp("probe")
    (folder / "runs").mkdir()
    try:
        probe = f"touch {folder}/runs/yes; touch {folder}/no || exit 42"
        done = subprocess.run(namespace(folder / "runs", "sh", "-c", probe), capture_output=True, timeout=30)
    except FileNotFoundError:
        pytest.skip("this machine has no unshare command")
    if done.returncode != 42 or not (folder / "runs/yes").exists():
        pytest.skip(f"no read-only mounts here: {done.stderr.decode()[:200]}")


def health(url):
    """HTTP status and JSON of /health."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


# ---- the front matter


def test_the_front_matter_fits_this_project():
    front = yaml.safe_load((ROOT / "README.md").read_text().split("---")[1])
    assert (front["sdk"], front["sdk_version"]) == ("gradio", gradio.__version__)
    assert (ROOT / front["app_file"]).is_file()
    assert len(front["short_description"]) <= 60
    assert front["hf_oauth"] is True
    lowest = (ROOT / "pyproject.toml").read_text().split('requires-python = ">=')[1].split('"')[0]
    assert tuple(map(int, front["python_version"].split("."))) >= tuple(map(int, lowest.split(".")))
    assert "suggested_storage" not in front  # the Hub ignores it
    assert front["python_version"] == "3.12"  # ZeroGPU takes 3.12 or 3.10, other hardware any
    (torch,) = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line.startswith("torch>")]
    assert all(version in Requirement(torch).specifier for version in ("2.8.0", "2.11.0"))  # ZeroGPU's
    assert front["tags"]
    assert "gradio[oauth]" in (ROOT / "requirements.txt").read_text()  # the Space's sign-in needs it


def test_the_preloaded_and_named_files_are_those_that_training_asks_for():
    from lpwd.facts import DATASETS
    from lpwd.training import weights

    front = yaml.safe_load((ROOT / "README.md").read_text().split("---")[1])
    repo, files = front["preload_from_hub"][0].split()
    wanted, names = weights.source("convnext_tiny.fb_in22k")
    assert (repo, files) == (wanted, names[0])
    assert set(front["datasets"]) == {facts.hub.repo for facts in DATASETS.values() if facts.hub}


# ---- where it writes


def test_a_space_keeps_its_runs_on_the_disk_that_survives_a_restart(tmp_path):
    disk, on_space = tmp_path / "data", {"SPACE_ID": "me/lpwd"}
    assert space.runs_folder(on_space, disk) == "runs"
    disk.mkdir()
    assert space.runs_folder(on_space, disk) == str(disk / "runs")
    assert space.runs_folder({}, disk) == "runs"
    assert space.runs_folder({**on_space, "LPWD_RUNS_DIR": "elsewhere"}, disk) == "elsewhere"
    assert space.runs_folder(on_space, Path("/proc")) == "runs"


def test_caches_move_only_where_the_home_is_read_only(tmp_path):
    usual = {"HOME": str(tmp_path)}
    space.prepare(tmp_path / "runs", usual)
    assert usual == {"HOME": str(tmp_path)}
    moved = {"HOME": "/proc/home", "MPLCONFIGDIR": "/chosen"}
    space.prepare(tmp_path / "runs", moved)
    assert moved["XDG_CACHE_HOME"] == str(tmp_path / "runs" / ".cache")
    assert moved["MPLCONFIGDIR"] == "/chosen"
    assert (tmp_path / "runs" / ".cache").is_dir()


def test_without_a_temporary_folder_one_is_made_beside_the_runs(tmp_path, monkeypatch):
    def none():
        raise FileNotFoundError

    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "gettempdir", none)
        environment = {"HOME": str(tmp_path)}
        space.prepare(tmp_path / "runs", environment)
    assert environment["TMPDIR"] == str(tmp_path / "runs" / ".cache" / "tmp")
    assert Path(environment["TMPDIR"]).is_dir()


@pytest.mark.parametrize(("variables", "images"), [({}, 30_000), ({"SPACE_ID": "me/x", "LPWD_DEVICE": "cpu"}, 6_000)])
def test_a_cpu_space_starts_with_a_smaller_race(variables, images):
    code = "from lpwd.ui.shared.defaults import DATASETS as d\n"
    code += "print(d['cifar100']['epochs'] * d['cifar100']['train_samples'])"
    environment = {name: value for name, value in os.environ.items() if name != "SPACE_ID"} | variables
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert int(done.stdout) == images, done.stderr


# ---- the process


@contextmanager
def as_a_space(folder, endpoint, **more):
    """The app's URL, process and log under a Space's conditions, only `folder`/data being writable."""
    application, data, home = folder / "app", folder / "data", folder / "home"
    for path in (application, data, home):
        path.mkdir()
    shutil.copy(ROOT / "app.py", application)
    shutil.copytree(ROOT / "lpwd", application / "lpwd", ignore=shutil.ignore_patterns("__pycache__"))
    port = free_port()
    variables = {
        **{"PATH": os.environ["PATH"], "HOME": str(home), "SYSTEM": "spaces", "SPACE_ID": "me/lpwd"},
        **{"SPACE_AUTHOR_NAME": "me", "SPACE_HOST": "me-lpwd.hf.space", "LPWD_RUNS_DIR": str(data / "runs")},
        **{"GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_SERVER_PORT": str(port), "GRADIO_SSR_MODE": "true"},
        **{"HF_ENDPOINT": endpoint, "OMP_NUM_THREADS": "1", **more},
    }
    with open(folder / "log", "w", encoding="utf-8") as log:
        command = namespace(data, sys.executable, "app.py")
        process = subprocess.Popen(command, cwd=application, env=variables, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield f"http://127.0.0.1:{port}", process, folder / "log"
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.long
def test_the_app_starts_and_trains_where_only_the_runs_folder_can_be_written(can_be_read_only, tmp_path):
    from gradio_client import Client

    hub = FakeHub()
    with serve(hub) as endpoint, as_a_space(tmp_path, endpoint) as (url, process, log):
        wait_until(lambda: answers(url) or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        report = wait_until(lambda: (found := health(url))[1]["worker"] == "alive" and found)
        assert report == (200, {"status": "ok", "version": __version__, "worker": "alive", "queue": 0, "active": []})
        client = Client(url, verbose=False, download_files=str(tmp_path / "client"))
        ids = client.predict(
            model="test_convnext", method=["wd"], epochs=1, train_samples=64, test_samples=50, api_name="/start_run"
        )
        status = wait_until(lambda: ended(client, ids[0]))
        assert status["state"] == "finished", status["message"]
        remote = {c.raddr.ip for p in family(process) for c in p.net_connections("tcp") if c.raddr}
        assert remote <= {"127.0.0.1"}
    assert (tmp_path / "data" / "runs" / ids[0] / "metrics.jsonl").is_file()
    assert list((tmp_path / "home").iterdir()) == []
    own = log.read_text().replace("`spaces` package is required to run hot-reloading in Spaces", "")
    assert str(tmp_path / "app") not in own  # no traceback through our files; Gradio's reloader wants `spaces`


def ended(client, run_id):
    status = client.predict(run_id, api_name="/get_run")["status"]
    return status if status["state"] not in ("queued", "running") else None


def family(process):
    parent = psutil.Process(process.pid)
    return [parent, *parent.children(recursive=True)]


@pytest.mark.long
def test_a_device_that_is_not_there_is_named_and_not_healthy(store):
    from starlette.applications import Starlette
    from starlette.testclient import TestClient

    from lpwd.ui.web import routes

    jobs = Jobs(store, device="cuda:99")
    jobs.start()
    try:
        with pytest.raises(ConfigError, match="cuda:99"):
            jobs.machine()
        client = TestClient(Starlette(routes=[routes.health(jobs)]))
        answer = wait_until(lambda: (found := client.get("/health")).status_code == 503 and found)
    finally:
        jobs.close()
    said = answer.json()
    assert (said["status"], said["worker"]) == ("failing", "dead")
    assert said["why"] == f"The worker process cannot start: see {store.worker_log_path}."


def test_the_address_and_port_are_those_that_a_space_sets(tmp_path, monkeypatch):
    for name, value in (("SERVER_NAME", "0.0.0.0"), ("SERVER_PORT", "7861")):
        monkeypatch.setenv(f"GRADIO_{name}", value)
    monkeypatch.setenv("LPWD_RUNS_DIR", str(tmp_path))
    options = parse([])
    assert (options.host, options.port, options.runs_dir) == ("0.0.0.0", 7861, str(tmp_path))
