"""Runs that go to the Hub as they end and come back from it, and publishing as the page does it; the real client."""

import pytest
from hub_server import FakeHub, client, serve
from publishing import read_files
from synthetic import ramp, write_run
from waiting import wait_until

from lpwd.paper.presets import PRESETS
from lpwd.store import RunStore

CELLS = PRESETS["table1"].cells("cpu", 1)
IMPORTS = """
import os, time
from lpwd.hub.autopush import AutoPush, from_environment
from lpwd.config import ConfigError
from lpwd.store import RunStore
from lpwd.ui.benchmark.publishing import Publishing

def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "not true in time"
        time.sleep(0.02)
    return value

def begin(runs, repo, token="hf_write", **options):
    global pusher
    os.environ["HF_TOKEN"] = token
    pusher = AutoPush(RunStore(runs), repo, **{"start_after": 0, "every": 0.05, "retry": 0.2, **options})
    pusher.start()
    return True

def refused(act):
    try:
        act()
    except ConfigError as error:
        return str(error)

result = True
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The fake Hub, and a function that runs code in a process with the real client."""
    hub, folder = FakeHub(), tmp_path_factory.mktemp("autopush")
    with serve(hub) as endpoint, client(endpoint, folder / "hf") as ask:
        ask(IMPORTS)
        yield hub, ask


def published(hub, repo, folder):
    """Ids of the runs that a repository holds."""
    return set(read_files(folder / "published", hub.repos.get(f"datasets/{repo}", {})).runs)


def commits(hub, repo):
    return sum(f"{repo}/commit/" in request for request in hub.requests)


def test_a_run_is_sent_as_it_ends_and_once(world, tmp_path):
    hub, ask = world
    store = RunStore(tmp_path / "runs")
    ask(f"result = begin({str(store.root)!r}, 'me/live')\ntold = []\npusher.on_sent = told.append")
    first = write_run(store, CELLS[0], ramp)
    wait_until(lambda: published(hub, "me/live", tmp_path) == {first})
    second = write_run(store, CELLS[1], ramp)
    wait_until(lambda: published(hub, "me/live", tmp_path) == {first, second})
    asked = len(hub.requests)
    line = ask("time.sleep(0.5)\nresult = pusher.line\npusher.close()")
    assert (commits(hub, "me/live"), len(hub.requests)) == (2, asked)
    assert line == "Sent 1 run to me/live: 2 runs are published there."
    assert ask("result = told") == ["me/live", "me/live"]


def test_a_repository_that_is_not_there_yet_delays_nothing(world, tmp_path):
    hub, ask = world
    store = RunStore(tmp_path / "runs")
    ask(f"result = begin({str(store.root)!r}, 'me/first', retry=60)")
    ask("result = until(lambda: pusher.line.startswith('Not restored; next attempt in 60 s. dataset me/first does'))")
    run_id = write_run(store, CELLS[0], ramp)
    wait_until(lambda: published(hub, "me/first", tmp_path) == {run_id})
    ask("result = pusher.close()")


def test_what_could_not_be_sent_is_sent_later(world, tmp_path):
    hub, ask = world
    store = RunStore(tmp_path / "runs")
    hub.status = 500
    run_id = write_run(store, CELLS[2], ramp)
    ask(f"result = begin({str(store.root)!r}, 'me/later')")
    line = ask("result = until(lambda: 'HTTP status 500' in pusher.line and pusher.line)")
    assert line.startswith("Not sent; next attempt in ")
    assert "\n" not in line
    hub.status = None
    wait_until(lambda: published(hub, "me/later", tmp_path) == {run_id})
    ask("result = pusher.close()")


def test_a_wiped_folder_takes_its_runs_back_and_sends_nothing(world, tmp_path):
    hub, ask = world
    store = RunStore(tmp_path / "runs")
    ids = {write_run(store, cell, ramp) for cell in CELLS[:3]}
    ask(f"result = begin({str(store.root)!r}, 'me/wiped')")
    wait_until(lambda: published(hub, "me/wiped", tmp_path) == ids)
    ask("result = pusher.close()")
    sent = commits(hub, "me/wiped")
    wiped = RunStore(tmp_path / "wiped")
    ask(f"result = begin({str(wiped.root)!r}, 'me/wiped')")
    wait_until(lambda: set(wiped.ids()) == ids)
    line = ask("result = until(lambda: 'Nothing to send' in pusher.line and pusher.line)\npusher.close()")
    assert line == "Nothing to send to me/wiped: 3 runs are published there."
    assert commits(hub, "me/wiped") == sent


def test_without_a_token_or_a_repository_it_says_so_and_asks_nothing(world, tmp_path):
    hub, ask = world
    asked = len(hub.requests)
    for repo, token, said in (("me/x", "", "needs an access token"), ("", "hf_write", "needs a results repository")):
        ask(f"result = begin({str(tmp_path)!r}, {repo!r}, {token!r})")
        assert said in ask("pusher._thread.join(5)\nresult = pusher.line")
    assert len(hub.requests) == asked
    assert ask(f"result = [from_environment(RunStore({str(tmp_path)!r}), {{'LPWD_PUSH_RESULTS': v}}) is None "
               "for v in ('', '0', '1')]") == [True, True, False]  # fmt: skip


def test_the_page_sends_exactly_what_it_listed(world, tmp_path):
    hub, ask = world
    store = RunStore(tmp_path / "runs")
    ids = {write_run(store, cell, ramp) for cell in CELLS[:2]}
    listed = ask(f"""
os.environ["HF_TOKEN"] = "hf_write"
publishing = Publishing(RunStore({str(store.root)!r}))
publishing.look("me/page")
result = until(lambda: not (view := publishing.view())["busy"] and view)
""")
    assert (listed["phase"], listed["count"], set(listed["runs"])) == ("looked", 2, ids)
    assert listed["line"] == "Would send 2 runs to me/page: 2 runs would be published there."
    assert "datasets/me/page" not in hub.repos
    write_run(store, CELLS[3], ramp)  # ended after the look: not in the list
    sent = ask("publishing.send(1)\nresult = until(lambda: not (view := publishing.view())['busy'] and view)")
    assert (sent["phase"], sent["line"]) == ("sent", "Sent 2 runs to me/page: 2 runs are published there.")
    assert published(hub, "me/page", tmp_path) == ids
    again = ask("result = refused(lambda: publishing.send(1))")
    assert "Press Preview first" in again


def test_what_the_hub_refuses_is_one_sentence_without_the_token(world, tmp_path):
    _, ask = world
    store = RunStore(tmp_path / "runs")
    write_run(store, CELLS[0], ramp)
    code = f"""
os.environ["HF_TOKEN"] = "hf_read"
publishing = Publishing(RunStore({str(store.root)!r}))
publishing.look("me/refused")
until(lambda: not publishing.view()["busy"])
publishing.send(1)
result = until(lambda: not (view := publishing.view())["busy"] and view)
"""
    failed = ask(code)
    assert failed["phase"] == "failed"
    assert "is read-only: create one with write access to me/refused" in failed["problem"]
    assert "hf_read" not in str(failed)
    assert "must have the form owner/name" in ask("result = refused(lambda: publishing.look('../etc'))")
