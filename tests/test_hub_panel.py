"""Published results on the page of a real app, beside a Hub in every kind of trouble; choosing and publishing."""

import json
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass

import psutil
import pytest
from browser import CHROMIUM, ROOT, open_page, running_app
from hub_server import FakeHub, serve
from publishing import read_files, root_files
from synthetic import ramp, write_run
from waiting import wait_until

from lpwd.hub.schema import CURVES_FILE, RUNS_FILE
from lpwd.paper.presets import PRESETS
from lpwd.store import RunStore

CELLS = PRESETS["table3"].cells("cpu", 1)
PAGE_SECONDS = 10.0  # 3 s on a machine of its own, whatever the Hub does; this one is shared
REPO = "me/results"


@dataclass
class Panel:
    """The server functions of the panel as a page's script asks them, with the cookie of the app's owner or without."""

    url: str
    cookie: str = ""
    component: int = 0

    def ask(self, function, **arguments):
        body = {"data": json.dumps(arguments), "fn_name": function, "session_hash": "test"}
        body["component_id"] = self.component = self.component or self.find()
        return json.loads(self.post("gradio_api/component_server", body))

    def about(self):
        """What the page polls."""
        return self.post("lpwd/poll", {"topics": {"published": {}}})["topics"]["published"]

    def post(self, path, body):
        headers = {"Content-Type": "application/json", "Cookie": self.cookie}
        request = urllib.request.Request(f"{self.url}/{path}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=PAGE_SECONDS) as response:
            return json.load(response)

    def find(self):
        with urllib.request.urlopen(f"{self.url}/config", timeout=PAGE_SECONDS) as response:
            components = json.load(response)["components"]
        return next(c["id"] for c in components if c["props"].get("elem_id") == "lp-hub")

    def line(self, part):
        """The line, once it is read to the end and says `part`; the page is asked all the while."""

        def found():
            begun = time.monotonic()
            with urllib.request.urlopen(self.url, timeout=PAGE_SECONDS) as response:
                assert response.status == 200
            told = self.about()
            assert time.monotonic() - begun < PAGE_SECONDS
            return not told["reading"] and part in told["line"] and told["line"]

        return wait_until(found, every=0.5)

    def use(self, repo):
        assert self.ask("use", repo=repo)["problem"] == ""

    def done(self):
        """What publishing has come to."""
        return wait_until(lambda: not (told := self.about()["publishing"])["busy"] and told)


def owner_cookie(app):
    return f"lpwd-owner={(app.runs_dir / '.owner-key').read_text()}"


def filled(folder, cells):
    store = RunStore(folder)
    for cell in cells:
        write_run(store, cell, ramp)
    return store


@pytest.fixture(scope="module")
def hub():
    return FakeHub()


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The files of a repository with three runs."""
    return root_files(filled(tmp_path_factory.mktemp("published"), CELLS[:3]))


@pytest.fixture(scope="module")
def app(hub, good, tmp_path_factory):
    """The app beside the fake Hub, with two runs of its own that are published nowhere."""
    hub.put(f"datasets/{REPO}", good)
    runs = tmp_path_factory.mktemp("panel") / "runs"
    filled(runs, CELLS[3:5])
    variables = {"LPWD_RESULTS_REPO": REPO, "HF_TOKEN": "hf_write", "HF_HUB_OFFLINE": "0"}
    with serve(hub) as endpoint, running_app(runs, HF_ENDPOINT=endpoint, **variables) as app:
        yield app


@pytest.fixture
def owner(app, hub):
    yield Panel(app.url, owner_cookie(app))
    hub.status, hub.silent_paths, hub.failing_paths, hub.headers = None, "", "", {}


def faults(good):
    """What goes wrong with the Hub, and what the line says of it."""
    cut, swapped = {RUNS_FILE: good[RUNS_FILE][:2000]}, {RUNS_FILE: good[CURVES_FILE]}
    return [
        (
            {"status": 429, "headers": {"Retry-After": "60"}},
            {},
            "HTTP status 429: too many requests, retry in 60 s",
        ),
        ({"status": 500}, {}, "answered with HTTP status 500"),
        ({"silent_paths": "/"}, {}, "cannot be reached"),
        ({}, cut, "results.parquet is not a readable parquet file"),
        ({}, {CURVES_FILE: b"garbage"}, "curves.parquet is not a readable parquet file"),
        ({}, swapped, "results.parquet has no column model"),
        ({}, None, f"dataset {REPO} does not exist or is private"),
    ]


@pytest.mark.parametrize(
    "places", [(2, 3, 6), pytest.param((0, 1, 4, 5), marks=pytest.mark.long)], ids=["three", "others"]
)
def test_whatever_the_hub_does_the_page_answers_and_shows_the_last_good_copy(app, hub, good, owner, places):
    fresh = f"3 published runs from {REPO} on the Hub"
    assert owner.line(fresh).endswith("checked just now.")
    for fault, files, said in [faults(good)[place] for place in places]:
        if files is None:
            del hub.repos[f"datasets/{REPO}"]
        else:
            hub.put(f"datasets/{REPO}", files)
        for name, value in fault.items():
            setattr(hub, name, value)
        owner.use(REPO)
        line = owner.line(said)
        assert line.startswith(f"3 published runs from the last good copy of {REPO}, commit "), line
        hub.status, hub.silent_paths, hub.headers = None, "", {}
        hub.put(f"datasets/{REPO}", good)
        owner.use(REPO)
        owner.line(fresh)


NEW_APP = """
import sys, time
from lpwd.ui.published import Cached
cached = Cached(after_seconds=0)
while cached.view()["reading"]:
    time.sleep(0.05)
print(cached.view()["line"])
"""


def test_an_app_that_starts_beside_a_silent_hub_shows_the_last_good_copy(app, hub, owner):
    """What it shows is asked of a process of its own, as the client of the Hub reads the environment but once."""
    owner.line(f"from {REPO} on the Hub")  # it is kept in the HF_HOME of `app`
    hub.silent_paths = "/"
    environment = psutil.Process(app.process.pid).environ()
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-c", NEW_APP], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert "cannot be reached" in done.stdout, done.stderr
    assert done.stdout.startswith(f"3 published runs from the last good copy of {REPO}, commit ")
    assert time.monotonic() - begun < 60  # 6 s on a machine of its own; without our bound the client takes 300 s


def test_only_the_owner_chooses_and_publishes_whatever_a_request_claims(app, hub, owner):
    stranger = Panel(app.url, "lpwd=somebody")
    claims = {"user": {"owner": True}}
    for function, arguments in (("use", {"repo": "me/other"}), ("plan", {"repo": REPO}), ("send", {"plan": 1})):
        for more in ({}, claims):
            assert "Only the owner of this app" in stranger.ask(function, **arguments, **more)["problem"]
    told = stranger.about()
    assert "publishing" not in told
    assert told["repo"] == REPO
    for wrong in ("../../etc", "me", "me/<b>"):
        assert "must have the form owner/name" in owner.ask("use", repo=wrong)["problem"]
        assert "must have the form owner/name" in owner.ask("plan", repo=wrong)["problem"]
    assert owner.about()["repo"] == REPO


def test_the_hubs_refusals_reach_the_page_as_sentences_without_the_token(app, hub, owner):
    hub.put("datasets/me/closed", {"notes.txt": b""})
    assert owner.ask("plan", repo="me/closed")["problem"] == ""
    plan = owner.done()
    assert (plan["phase"], plan["count"]) == ("looked", 2)
    hub.status, hub.failing_paths = 403, "/commit/"
    hub.headers = {"X-Error-Message": "Private repository storage limit reached, hf_write"}
    owner.ask("send", plan=plan["plan"])
    failed = owner.done()
    assert "Private repository storage limit reached, <token>" in failed["problem"]
    assert "hf_write" not in json.dumps(owner.about())
    assert set(hub.repos["datasets/me/closed"]) == {"notes.txt"}
    assert "hf_write" not in app.log.read_text()


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_the_owner_publishes_by_hand_and_others_see_only_the_line(app, hub, owner, browser, tmp_path):
    owner.line(f"3 published runs from {REPO} on the Hub")
    stranger = open_page(browser, f"{app.url}/?tab=benchmark").page
    line = "document.querySelector('#lp-hub [data-f=line]')?.textContent"
    stranger.wait_for_function(f"{line}.includes('on the Hub')")
    assert not stranger.is_visible("#lp-hub [data-f=owner]")

    name, _, value = owner.cookie.partition("=")
    cookie = {"name": name, "value": value, "domain": "127.0.0.1", "path": "/"}
    seen = open_page(browser, f"{app.url}/?tab=benchmark", cookies=[cookie])
    page = seen.page
    page.click("#lp-hub summary")
    assert page.input_value("#lp-hub [data-f=repo]") == REPO
    assert page.is_disabled("#lp-hub [data-act=send]")
    page.click("#lp-hub [data-act=look]")
    page.click("#lp-hub [data-act=send]:not([disabled]):text('Send 2 runs')")
    told = f"Sent 2 runs to {REPO}: 5 runs are published there."
    page.wait_for_function("told => document.querySelector('#lp-hub [data-f=told]')?.textContent === told", arg=told)
    now = f"{line}.startsWith('5 published runs')"
    page.wait_for_function(now)
    page.fill("#lp-hub [data-f=repo]", "not a name")
    page.press("#lp-hub [data-f=repo]", "Enter")
    page.wait_for_function("document.querySelector('#lp-hub [data-f=wrong]')?.textContent.includes('owner/name')")
    stranger.wait_for_function(now)
    assert "hf_write" not in page.content()
    assert seen.hosts <= {"127.0.0.1"}
    assert [text for text in seen.errors if "ERR_ABORTED" not in text] == []
    assert len(read_files(tmp_path / "published", hub.repos[f"datasets/{REPO}"]).runs) == 5
