"""Pulling, publishing and taking back, with the real client in processes of their own against the fake Hub."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml
from hub_server import FakeHub, client, closed_port, serve
from publishing import read_files, root_files, save
from synthetic import ramp, write_run

from lpwd.hub.card import CARD
from lpwd.hub.schema import CURVES_FILE, RUNS_FILE
from lpwd.paper.pair import PAIR_FILE
from lpwd.paper.presets import PRESETS
from lpwd.store import RunStore

ROOT = Path(__file__).parent.parent
CELLS = PRESETS["table1"].cells("cpu", 3)
IMPORTS = """
import os, time
from pathlib import Path
from lpwd.hub import pull as hub, push as publish
from lpwd.config import ConfigError
from lpwd.store import RunStore

def timed(ask):
    begun = time.perf_counter()
    return ask() | {"seconds": time.perf_counter() - begun}

def shown(found):
    runs = found.runs.values()
    mean = sum(run.status.summary["best10_mean"] for run in runs)
    tables = {"runs": len(runs), "curves": sum(len(run.history.epochs) for run in runs), "mean": mean}
    return {"source": found.source, "line": found.line, "commit": found.commit, **tables}

def pulled(repo, snapshot):
    return timed(lambda: shown(hub.pull(repo, snapshot=Path(snapshot))))

def pushed(runs, repo, token="hf_write", **options):
    os.environ["HF_TOKEN"] = token
    def ask():
        try:
            report = publish.push(RunStore(runs), repo, **options)
            return vars(report) | {"line": report.line}
        except ConfigError as error:
            return {"error": str(error)}
    found = timed(ask)
    os.environ["HF_TOKEN"] = ""
    return found

result = True
"""


class World:
    """A fake Hub and one process with the real client, shared by the tests of this file; a repository a test."""

    def __init__(self, hub, endpoint, ask, folder):
        self.hub, self.endpoint, self.ask, self.folder = hub, endpoint, ask, folder

    def pull(self, repo, snapshot="/nowhere"):
        return self.ask(f"result = pulled({repo!r}, {str(snapshot)!r})")

    def push(self, store, repo, **options):
        return self.ask(f"result = pushed({str(store.root)!r}, {repo!r}, **{options!r})")

    def published(self, repo):
        """What the repository holds, checked."""
        return read_files(self.folder / "published" / repo, self.hub.repos[f"datasets/{repo}"])

    def reset(self):
        self.hub.status, self.hub.silent_paths, self.hub.failing_paths, self.hub.headers = None, "", "", {}
        self.hub.requests.clear()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    hub, folder = FakeHub(), tmp_path_factory.mktemp("hub")
    with serve(hub) as endpoint, client(endpoint, folder / "hf") as ask:
        ask(IMPORTS)
        yield World(hub, endpoint, ask, folder)


@pytest.fixture
def world(shared):
    shared.reset()
    yield shared
    shared.reset()


def filled(folder, cells, top1=ramp):
    store = RunStore(folder)
    for cell in cells:
        write_run(store, cell, top1)
    return store


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A store with three finished runs."""
    return filled(tmp_path_factory.mktemp("three"), CELLS[:3])


# ---- pull


def test_results_make_the_round_trip_through_the_real_client(world, runs):
    assert world.push(runs, "me/trip")["published"] == 3
    found = world.pull("me/trip")
    epochs = sum(cell.config.epochs for cell in CELLS[:3])
    assert (found["source"], found["runs"], found["curves"]) == ("hub", 3, epochs)
    assert found["mean"] == pytest.approx(sum(runs.status(run_id).summary["best10_mean"] for run_id in runs.ids()))
    assert found["line"] == f"3 published runs from me/trip on the Hub, commit {found['commit'][:7]}, checked just now."


def test_an_unchanged_commit_costs_one_request(world, runs):
    world.hub.put("datasets/me/same", root_files(runs))
    first = world.pull("me/same")
    world.hub.requests.clear()
    assert world.pull("me/same")["commit"] == first["commit"]
    assert world.hub.requests == ["GET /api/datasets/me/same"]


def silent(hub):
    hub.silent_paths = "/"


def silent_downloads(hub):
    hub.silent_paths = "/resolve/"


def status(code, paths="", headers=None):
    def set_fault(hub):
        hub.status, hub.failing_paths, hub.headers = code, paths, headers or {}

    return set_fault


FAULTS = [
    (status(429, headers={"Retry-After": "60"}), "HTTP status 429: too many requests, retry in 60 s."),
    (status(429, "/resolve/", {"Retry-After": "60"}), "HTTP status 429: too many requests, retry in 60 s."),
    (status(500), "answered with HTTP status 500."),
    (status(500, "/resolve/"), "answered with HTTP status 500."),
    (silent, "cannot be reached"),
    (silent_downloads, "cannot be reached"),
]


EVERYDAY = (1, 4)  # files refused, and silence


@pytest.mark.parametrize(
    ("fault", "said", "kept"),
    [
        pytest.param(*fault, True, marks=[] if place in EVERYDAY else pytest.mark.long)
        for place, fault in enumerate(FAULTS)
    ]
    + [(*FAULTS[0], False)],
)
def test_a_hub_in_trouble_is_replaced_within_seconds(world, runs, fault, said, kept):
    repo, snapshot = f"me/fault{FAULTS.index((fault, said))}{kept}", world.folder / "snapshot"
    files = root_files(runs)
    save(snapshot, files)
    world.hub.put(f"datasets/{repo}", files)
    if kept:
        world.pull(repo)
    world.hub.put(f"datasets/{repo}", {"new.txt": b"a new commit, so that the files are asked for"})
    fault(world.hub)
    found = world.pull(repo, snapshot)
    assert found["runs"] == 3
    assert found["seconds"] < 10
    assert said in found["line"]
    start = (
        f"3 published runs from the last good copy of {repo}, commit " if kept else "3 published runs from the snapshot"
    )
    assert found["line"].startswith(start)
    world.reset()
    assert world.pull(repo)["source"] == "hub"


MALFORMED = [
    (lambda files: {RUNS_FILE: files[RUNS_FILE][:2000]}, "results.parquet is not a readable parquet file"),
    (lambda files: {CURVES_FILE: b"garbage"}, "curves.parquet is not a readable parquet file"),
    (lambda files: {RUNS_FILE: files[CURVES_FILE]}, "results.parquet has no column model, dataset, optimizer"),
    (lambda files: {"runs/2026-01-01-x.parquet": b"garbage"}, "runs/2026-01-01-x.parquet is not a readable parquet"),
]


@pytest.mark.parametrize("number", [0, *(pytest.param(n, marks=pytest.mark.long) for n in (1, 2)), 3])
def test_malformed_files_leave_the_last_good_copy(world, runs, number):
    good, repo, (damage, said) = root_files(runs), f"me/malformed{number}", MALFORMED[number]
    world.hub.put(f"datasets/{repo}", good)
    world.pull(repo)
    world.hub.put(f"datasets/{repo}", good | damage(good))
    found = world.pull(repo)
    assert (found["source"], found["runs"]) == ("copy", 3)
    assert said in found["line"]
    assert said in world.push(runs, repo)["error"]
    world.hub.put(f"datasets/{repo}", good)
    assert world.pull(repo)["source"] == ("hub" if number < 3 else "copy")


def test_a_vanished_a_missing_and_an_impossible_repository_are_told_apart(world, runs):
    world.hub.put("datasets/me/vanishing", root_files(runs))
    world.pull("me/vanishing")
    del world.hub.repos["datasets/me/vanishing"]
    gone, missing, odd = (world.pull(repo) for repo in ("me/vanishing", "me/never", "../../etc"))
    assert (gone["source"], missing["source"], odd["source"]) == ("copy", "none", "none")
    assert "dataset me/vanishing does not exist or is private" in gone["line"]
    assert missing["line"].startswith("No published results: no earlier copy and no bundled snapshot found.")
    assert "it must have the form owner/name" in odd["line"]
    assert "No results repository is set (LPWD_RESULTS_REPO=owner/name)." in world.pull("")["line"]
    world.hub.put("datasets/me/empty", {"notes.txt": b""})
    assert "dataset me/empty contains no published runs." in world.pull("me/empty")["line"]


def test_a_damaged_copy_is_fetched_again(world, runs):
    world.hub.put("datasets/me/damaged", root_files(runs))
    world.pull("me/damaged")
    for path in (world.folder / "hf/hub/datasets--me--damaged").glob("snapshots/*/results.parquet"):
        path.write_bytes(b"damaged")
    assert world.pull("me/damaged")["source"] == "hub"
    world.hub.status = 500
    assert world.pull("me/damaged")["source"] == "copy"


def test_the_page_has_something_at_once_and_the_newest_soon(world, runs):
    world.hub.put("datasets/me/page", root_files(runs))
    world.pull("me/page")
    world.hub.silent_paths = "/"
    code = """
def latest():
    begun = time.perf_counter()
    found = puller.latest()
    waited = 1e3 * (time.perf_counter() - begun)
    return {"source": found.source, "line": found.line, "version": puller.version, "ms": waited}
puller = hub.Puller("me/page", snapshot=Path("/nowhere"))
result = [latest()]
while puller.version == 0: time.sleep(0.01)
result.append(latest())
puller.refresh().join()
result.append(latest())
"""
    first, copy, failed = world.ask(code)
    world.reset()
    newest = world.ask("puller.refresh().join()\nresult = latest()")
    world.hub.status = 500
    kept = world.ask("puller.refresh().join()\nresult = latest()")
    assert max(found["ms"] for found in (first, copy, failed, newest)) < 100
    assert first["line"].endswith("Reading results.")
    assert (copy["source"], failed["source"], newest["source"], kept["source"]) == ("copy", "copy", "hub", "copy")
    assert "Waiting for the Hub." in copy["line"]
    assert "cannot be reached" in failed["line"]
    assert [found["version"] for found in (copy, failed, newest, kept)] == [1, 2, 3, 4]


def test_without_a_hub_the_copy_is_there(world, runs):
    world.hub.put("datasets/me/alone", root_files(runs))
    world.pull("me/alone")
    with client(closed_port(), world.folder / "hf") as ask:
        ask(IMPORTS)
        closed = ask("result = pulled('me/alone', '/nowhere')")
        offline = ask("hub.constants.HF_HUB_OFFLINE = True\nresult = pulled('me/alone', '/nowhere')")
    for found, said in ((closed, "cannot be reached"), (offline, "HF_HUB_OFFLINE")):
        assert (found["source"], found["runs"]) == ("copy", 3)
        assert found["seconds"] < 10
        assert said in found["line"]


# ---- push


def test_a_repeated_push_changes_nothing(world, runs):
    first = world.push(runs, "me/again")
    commit = world.hub.commit("datasets/me/again")
    again = world.push(runs, "me/again")
    assert (len(first["added"]), first["commit"]) == (3, commit)
    assert (again["added"], again["commit"]) == ([], commit)
    assert world.hub.commit("datasets/me/again") == commit
    assert again["line"] == "Nothing to send to me/again: 3 runs are published there."
    assert sum("/commit/" in request for request in world.hub.requests) == 1
    assert sorted(name.split("/")[0] for name in world.hub.repos["datasets/me/again"]) == [
        "README.md",
        "curves",
        "runs",
    ]


def test_a_dry_run_lists_what_would_be_sent_and_sends_nothing(world, runs):
    found = world.push(runs, "me/dry", dry_run=True, token="")
    assert sorted(found["added"]) == sorted(runs.ids())
    assert found["line"] == "Would send 3 runs to me/dry: 3 runs would be published there."
    assert "datasets/me/dry" not in world.hub.repos
    assert {request.split()[0] for request in world.hub.requests} == {"GET"}


def test_chosen_runs_alone_are_sent(world, runs):
    chosen = runs.ids()[0]
    found = world.push(runs, "me/chosen", run_ids=[chosen, "nobody"])
    assert (found["added"], found["left_out"]) == ([chosen], ["run 'nobody' not found"])


def test_what_is_published_stays_unless_replaced(world, runs, tmp_path):
    world.push(runs, "me/stays")
    other = filled(tmp_path / "other", CELLS[:1], lambda config, epoch: 50 + ramp(config, epoch))
    found = world.push(other, "me/stays")
    assert (found["added"], found["differing"]) == ([], [CELLS[0].run_id])
    assert "1 run not sent, published with different numbers" in found["line"]
    assert world.push(other, "me/stays", replace=True)["replaced"] == [CELLS[0].run_id]
    assert world.published("me/stays").runs[CELLS[0].run_id].status.summary["best10_mean"] > 50


def test_a_push_adds_files_and_changes_none(world, runs, tmp_path):
    old = root_files(runs)
    world.hub.put("datasets/me/shards", old)
    for name, cells in (("first", CELLS[2:5]), ("second", CELLS[4:8])):
        before = dict(world.hub.repos["datasets/me/shards"])
        world.push(filled(tmp_path / name, cells), "me/shards")
        after = world.hub.repos["datasets/me/shards"]
        assert {path: after[path] for path in before} == before
        assert len([path for path in after if path not in before and path != "README.md"]) == 2
    found = world.pull("me/shards")
    assert (found["source"], found["runs"]) == ("hub", 8)
    assert found["curves"] == sum(cell.config.epochs for cell in CELLS[:8])


@pytest.mark.parametrize("count", [8, pytest.param(50, marks=pytest.mark.long)])
def test_two_publishers_at_once_lose_nothing(world, tmp_path, count):
    cells, repo = CELLS[: 2 * count], f"me/both-{count}"
    stores = [filled(tmp_path / "a", cells[:count]), filled(tmp_path / "b", cells[count:])]
    world.hub.commit_seconds, found = 0.5, {}
    try:
        with client(world.endpoint, tmp_path / "hf") as second:
            second(IMPORTS)

            def publish(ask, store):
                found[store.root.name] = ask(f"result = pushed({str(store.root)!r}, {repo!r})")

            threads = [
                threading.Thread(target=publish, args=pair) for pair in zip((world.ask, second), stores, strict=True)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        world.hub.commit_seconds = 0.0
    assert [len(found[name]["added"]) for name in "ab"] == [count, count]
    published = world.published(repo)
    assert set(published.runs) == {cell.run_id for cell in cells}
    epochs = sum(len(run.history.epochs) for run in published.runs.values())
    assert epochs == sum(cell.config.epochs for cell in cells)
    assert published.bad_count == 0


def test_each_way_to_lack_the_right_to_write_is_one_sentence_without_the_token(world, runs):
    world.hub.put("datasets/me/closed", {"notes.txt": b""})
    said = {
        "": "No access token found: set HF_TOKEN to one with write access to me/closed, or run `hf auth login`.",
        "hf_wrong": "The access token is invalid or has expired on the Hub at http",
        "hf_read": "The access token of me is read-only: create one with write access to me/closed at http",
    }
    for token, sentence in said.items():
        found = world.push(runs, "me/closed", token=token)["error"]
        assert sentence in found
        assert not token or token not in found
        assert "\n" not in found
    assert "is read-only" in world.push(runs, "me/not-there", token="hf_read")["error"]
    assert set(world.hub.repos["datasets/me/closed"]) == {"notes.txt"}


@pytest.mark.parametrize(
    ("code", "headers", "said"),
    [
        (403, {"X-Error-Message": "Private repository storage limit reached, hf_write"},
         "me has no write access to me/limits with this access token "
         "(Private repository storage limit reached, <token>)."),
        pytest.param(413, {}, "rejected the push to me/limits as over its limits", marks=pytest.mark.long),
        pytest.param(429, {"Retry-After": "60"}, "too many requests, retry in 60 s.", marks=pytest.mark.long),
        pytest.param(500, {}, "answered with HTTP status 500.", marks=pytest.mark.long),
        (412, {}, "Another push to me/limits happened at the same time: push again."),
    ],
)  # fmt: skip
def test_a_hub_that_does_not_take_the_commit_is_one_sentence(world, runs, code, headers, said):
    world.hub.put("datasets/me/limits", {"notes.txt": b""})
    status(code, "/commit/", headers)(world.hub)
    found = world.push(runs, "me/limits")
    assert said in found["error"]
    assert "hf_write" not in found["error"]
    assert found["seconds"] < 15
    assert set(world.hub.repos["datasets/me/limits"]) == {"notes.txt"}


def test_a_card_that_people_wrote_stays_theirs(world, runs):
    world.hub.put("datasets/me/card", {"README.md": b"Our own words."})
    world.push(runs, "me/card")
    assert world.hub.repos["datasets/me/card"]["README.md"] == b"Our own words."
    world.hub.put("datasets/me/card", {"README.md": CARD.replace("pull", "pool").encode()})
    world.push(runs, "me/card", replace=True)
    assert len(world.published("me/card").runs) == 3


def test_the_card_names_both_tables_for_the_viewer():
    front = yaml.safe_load(CARD.split("---")[1])
    assert {entry["config_name"]: entry["data_files"] for entry in front["configs"]} == {
        "results": [RUNS_FILE, "runs/*.parquet"],
        "curves": [CURVES_FILE, "curves/*.parquet"],
    }


# ---- back, and the command line


def lpwd(world, *arguments, **variables):
    """Exit code, last line of stdout as JSON, and stderr of `python -m lpwd` with these arguments."""
    code = f"""
from click.testing import CliRunner
from lpwd.cli.main import main
found = CliRunner().invoke(main, {arguments!r}, env={variables!r})
result = [found.exit_code, found.stdout, found.stderr]
"""
    exit_code, stdout, stderr = world.ask(code)
    return exit_code, json.loads(stdout.splitlines()[-1]) if stdout else None, stderr


def test_a_wiped_space_takes_its_runs_back_and_has_nothing_new_to_send(world, runs, tmp_path):
    code, sent, said = lpwd(world, "push", "--repo", "me/space", "--runs-dir", str(runs.root), HF_TOKEN="hf_write")
    assert (code, len(sent["added"])) == (0, 3), said
    variables = {"LPWD_RESULTS_REPO": "me/space", "LPWD_RUNS_DIR": str(tmp_path / "wiped")}
    code, found, said = lpwd(world, "pull", "--restore", **variables)
    assert (code, found["restored"], found["source"]) == (0, 3, "hub")
    assert "3 runs restored. 3 published runs from me/space on the Hub" in said
    wiped = RunStore(tmp_path / "wiped")
    assert sorted(wiped.ids()) == sorted(runs.ids())
    again = world.push(wiped, "me/space")
    assert (again["added"], again["differing"]) == ([], [])


def test_the_snapshot_is_written_from_finished_runs(world, runs, tmp_path):
    code, found, _ = lpwd(world, "push", "--to-folder", str(tmp_path / "snap"), "--runs-dir", str(runs.root))
    assert (code, found["published"]) == (0, 3)
    assert {path.name for path in (tmp_path / "snap").iterdir()} == {
        "runs",
        "curves",
        PAIR_FILE,
        "answer.json",
        "settle.json",
    }
    shown = world.pull("me/nowhere", tmp_path / "snap")
    assert (shown["source"], shown["runs"]) == ("snapshot", 3)
    assert f"the newest of {time.strftime('%Y-%m-%d', time.gmtime())}." in shown["line"]


@pytest.mark.long
def test_a_snapshot_keeps_what_other_stores_put_there(world, runs, tmp_path):
    push = ("push", "--to-folder", str(tmp_path / "snap"), "--runs-dir", str(runs.root))
    first = runs.ids()[0]
    assert lpwd(world, *push, first)[1]["added"] == [first]
    code, planned, _ = lpwd(world, *push, "--dry-run")
    code, found, _ = lpwd(world, *push)
    assert (code, found["added"], found["published"]) == (0, planned["added"], 3)
    assert first not in found["added"]
    assert lpwd(world, *push)[1]["added"] == []


def test_a_pull_that_has_to_do_with_a_copy_says_so_by_its_exit_code(world, runs):
    world.hub.put("datasets/me/command", root_files(runs))
    assert lpwd(world, "pull", "--repo", "me/command")[0] == 0
    world.hub.status = 503
    code, found, said = lpwd(world, "pull", "--repo", "me/command")
    assert (code, found["source"], found["runs"]) == (1, "copy", 3)
    assert "HTTP status 503" in said


def test_a_wrong_command_is_one_sentence_with_exit_code_2(world):
    code, _, said = lpwd(world, "pull")
    assert (code, said) == (2, "Error: no results repository: give --repo owner/name or set LPWD_RESULTS_REPO\n")
    done = subprocess.run(
        [sys.executable, "-m", "lpwd", "--help"], capture_output=True, text=True, timeout=60, cwd=ROOT
    )
    assert "pull" in done.stdout
    assert "push" in done.stdout
