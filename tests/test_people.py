"""Whom a request is from, and what two people may do to each other's runs: by page, endpoint and crafted request."""

import base64
import hashlib
import json
import time
import urllib.request
from types import SimpleNamespace

import itsdangerous
import pytest
from browser import CHROMIUM, JSON, open_page, owner, posted, resting
from click.testing import CliRunner
from waiting import wait_until

from lpwd.cli.main import main
from lpwd.store import RunStore
from lpwd.ui.web import people
from lpwd.ui.web.people import COOKIE, OWNER_COOKIE, People

RACE = {"model": "test_convnext", "epochs": 500, "train_samples": 160}


def request(session=None, **cookies):
    return SimpleNamespace(cookies=cookies, headers={}, scope={"session": session})


# ---- who asks


def test_a_browser_is_known_by_its_secret_which_is_not_its_name(store):
    who = People(store).who
    assert who(request(**{COOKIE: "a"})) == who(request(**{COOKIE: "a"}))
    assert who(request(**{COOKIE: "a"})).id != who(request(**{COOKIE: "b"})).id
    assert "a" * 20 not in who(request(**{COOKIE: "a" * 20})).id
    assert who(request()).id == ""


def test_the_owners_key_is_in_no_run_folder_and_nobody_elses_to_read(store):
    key = store.owner_key()
    assert store.owner_key() == key
    assert (store.root / ".owner-key").stat().st_mode & 0o077 == 0
    assert store.ids() == []
    assert People(store).who(request(**{OWNER_COOKIE: key})).owner
    assert not People(store).who(request(**{OWNER_COOKIE: key[:-1]})).owner
    assert not People(store).who(request(**{OWNER_COOKIE: ""})).owner


@pytest.fixture
def on_a_space(monkeypatch):
    monkeypatch.setattr(people, "WITH_ACCOUNTS", True)
    monkeypatch.setenv("SPACE_AUTHOR_NAME", "lab")


def signed_in(name, expires_at=9e12, orgs=()):
    return request({"oauth_info": {"expires_at": expires_at, "userinfo": {"preferred_username": name, "orgs": orgs}}})


def test_on_a_space_the_account_counts_and_not_the_cookie(store, on_a_space):
    who = People(store).who
    assert who(request(**{COOKIE: "a", OWNER_COOKIE: store.owner_key()})) == people.User()
    assert who(signed_in("anne")).name == "anne"
    assert not who(signed_in("anne")).owner
    assert who(signed_in("anne", expires_at=1)) == people.User()
    assert who(signed_in("lab")).owner
    assert who(signed_in("anne", orgs=[{"preferred_username": "lab", "roleInOrg": "admin"}])).owner
    assert not who(signed_in("anne", orgs=[{"preferred_username": "lab", "roleInOrg": "read"}])).owner


# ---- two people and one app


@pytest.fixture
def app(own_results_app):
    return own_results_app


@pytest.fixture
def script(app):
    from gradio_client import Client

    return lambda: Client(app.url, verbose=False)


def test_a_script_stops_its_own_run_and_no_other(app, script):
    anne, bert = script(), script()
    (run_id,) = anne.predict(**RACE, method=["wd"], api_name="/start_run")
    with pytest.raises(Exception, match="another user"):
        bert.predict(run_id, api_name="/stop_run")
    more = [anne.predict(**RACE, method=["wd"], seed=seed, api_name="/start_run")[0] for seed in range(1, 6)]
    with pytest.raises(
        Exception, match="6 of your races are already queued or training: at most 6 per user are allowed"
    ):
        anne.predict(**RACE, method=["l2"], seed=6, api_name="/start_run")
    with pytest.raises(Exception, match="epochs is 601: at most 600 are allowed here"):
        bert.predict(**RACE | {"epochs": 601}, api_name="/start_run")
    known = bert.predict(run_id, api_name="/get_run")
    assert not {"owner", "host", "pid"} & known["status"].keys()
    for one in (*more, run_id):
        anne.predict(one, api_name="/stop_run")
    wait_until(lambda: bert.predict(run_id, api_name="/get_run")["status"]["state"] == "stopped")


def test_the_owner_may_stop_everything(app, script):
    (run_id,) = script().predict(**RACE, method=["rwd"], api_name="/start_run")
    link = CliRunner().invoke(main, ["owner", "--runs-dir", str(app.runs_dir), "--url", app.url]).stdout.strip()
    assert link.startswith(f"{app.url}/owner?key=")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(link[:-1])
    owner(app).predict(run_id, api_name="/stop_run")
    wait_until(lambda: RunStore(app.runs_dir).status(run_id).state == "stopped")


def session_cookie(secret, name):
    """What Gradio gives a person who signed in: their profile, signed with the Space's secret."""
    profile = {"preferred_username": name, "name": name, "picture": "", "profile": ""}
    info = {"userinfo": profile, "access_token": "hf_secret", "scope": "openid", "expires_at": time.time() + 600}
    signer = itsdangerous.TimestampSigner(hashlib.sha256(f"{secret}-v4".encode()).hexdigest())
    return "session=" + signer.sign(base64.b64encode(json.dumps({"oauth_info": info}).encode())).decode()


# What begins a run, by tab.
STARTS = {"demo": "#lp-penalty [data-act=run]", "train": "#lp-start", "benchmark": "#lp-benchmark .lp-cell"}


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_on_a_space_one_who_is_not_signed_in_is_offered_nothing_to_start(space_app, browser):
    def offered(page):
        shown = {}
        for tab, selector in STARTS.items():
            page.click(f"#lp-tab-{tab}-button")
            page.wait_for_selector(selector, state="attached")
            shown[tab] = page.is_visible(selector)
        return shown

    page = open_page(browser, f"{space_app.url}/?preset=fig2").page
    page.wait_for_selector("#lp-strip .lp-watching:text('sign in to start runs')")
    page.click("#lp-tab-benchmark-button")
    page.wait_for_selector("#lp-benchmark .lp-found")
    assert offered(page) == dict.fromkeys(STARTS, False)
    page.click("#lp-hub summary")
    assert not page.is_visible("#lp-hub [data-act=look]")
    name, value = session_cookie("s", "anne").split("=", 1)
    page.context.add_cookies([{"name": name, "value": value, "url": space_app.url}])
    page.reload()
    page.click("#lp-tab-benchmark-button")
    page.wait_for_selector("#lp-benchmark .lp-cell")
    assert not page.is_visible("#lp-strip .lp-watching")
    assert offered(page) == dict.fromkeys(STARTS, True)
    page.click("#lp-tab-benchmark-button")
    page.click("#lp-hub summary")
    assert not page.is_visible("#lp-hub [data-act=look]")  # the author's alone


def test_on_a_space_one_signs_in_to_start_and_the_author_may_stop_it(space_app):
    from gradio_client import Client

    stranger, anne, lab = (
        Client(space_app.url, verbose=False, headers={"cookie": session_cookie(secret, name)})
        for secret, name in (("forged", "lab"), ("s", "anne"), ("s", "lab"))
    )
    with pytest.raises(Exception, match="Sign in"):
        stranger.predict(**RACE, api_name="/start_run")
    with pytest.raises(Exception, match="epochs is 500: at most 100 are allowed here"):
        anne.predict(**RACE, api_name="/start_run")
    (run_id,) = anne.predict(**RACE | {"epochs": 100}, method=["wd"], api_name="/start_run")
    with pytest.raises(Exception, match="another user"):
        stranger.predict(run_id, api_name="/stop_run")
    lab.predict(run_id, api_name="/stop_run")
    wait_until(lambda: RunStore(space_app.runs_dir).status(run_id).state == "stopped")
    assert "hf_secret" not in "".join(path.read_text() for path in space_app.runs_dir.rglob("*.json"))
    assert "hf_secret" not in space_app.log.read_text()


def test_behind_the_proxy_of_a_space_its_own_names_are_own_and_others_are_not(space_app):
    inside = {"host": "10.0.0.7:7860", "content_type": JSON}
    through = inside | {"x_forwarded_host": "lab-demo.hf.space", "x_forwarded_proto": "https"}
    for headers in (
        {"host": "lab-demo.hf.space", "content_type": JSON, "x_forwarded_proto": "https,http"},
        {"host": "preview.hf.space", "content_type": JSON, "x_forwarded_proto": "https"},
        through,
        inside,
    ):
        name = "preview.hf.space" if headers["host"] == "preview.hf.space" else "lab-demo.hf.space"
        assert posted(space_app, **headers, origin=f"https://{name}").status_code == 200
    assert posted(space_app, **inside, origin="https://demo.lab.org").status_code == 200
    for origin in ("https://evil.hf.space", "https://huggingface.co", "http://lab-demo.hf.space", "null"):
        assert posted(space_app, **through, origin=origin).status_code == 403


def serve(page, component, function, **arguments):
    """What a page's script may send at most: a request to a server function, made by hand."""
    return page.evaluate(
        """async ([component, name, data]) => {
          const id = window.gradio_config.components.find((c) => c.props.elem_id === component).id;
          const body = { data, component_id: id, fn_name: name, session_hash: "crafted" };
          const headers = { "Content-Type": "application/json" };
          const url = new URL("gradio_api/component_server", document.baseURI);
          const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
          return answer.json();
        }""",
        [component, function, json.dumps(arguments)],
    )


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_a_second_browser_watches_and_changes_nothing(app, browser):
    store = RunStore(app.runs_dir)
    first = open_page(browser, f"{app.url}/?tab=train").page
    assert "600 epochs" in first.inner_text("#lp-limits")
    first.click(".lp-more button.label-wrap")
    for name, value in (RACE | {"seed": 7}).items():
        box = first.locator(f"#lp-{name} input, #lp-{name} textarea").first
        box.fill(str(value))
        box.press("Enter" if name == "model" else "Tab")
    first.click("#lp-start")
    running = "document.querySelector('#lp-panel [data-f=lanes]')?.textContent.includes('running')"
    first.wait_for_function(running)
    run_id = wait_until(lambda: next((r.run_id for r in store.records() if r.status.state == "running"), None))

    with resting(app, run_id):
        second = open_page(browser, first.url).page
        second.wait_for_function(running)
        first.wait_for_selector("#lp-strip [data-act=stop]")
        second.wait_for_selector("#lp-strip [data-f=race]:text('running')")
        assert not second.is_visible("#lp-strip [data-act=stop]")
        assert not second.is_visible("#lp-panel [data-act=stop]")
        for component, function, arguments in (
            ("lp-strip", "stop", {"run_ids": [run_id]}),
            ("lp-strip", "stop", {"run_ids": [run_id], "user": {"id": store.status(run_id).owner, "owner": True}}),
            ("lp-strip", "resume", {"run_ids": [run_id]}),
            ("lp-runs", "edit", {"run_id": run_id, "name": "mine", "note": ""}),
            ("lp-runs", "remove", {"run_ids": [run_id]}),
        ):
            told = json.loads(serve(second, component, function, **arguments))
            assert "another user" in told["problem"] or "already running" in told["problem"]
        assert store.status(run_id).state == "running"
        assert store.status(run_id).name == ""

    assert json.loads(serve(first, "lp-runs", "edit", run_id=run_id, name="<b>x</b>", note=""))["problem"] == ""
    first.click("#lp-strip [data-act=stop]")
    wait_until(lambda: store.status(run_id).state == "stopped")
    told = json.loads(serve(second, "lp-runs", "remove", run_ids=[run_id]))
    assert "only they and the owner of this app can delete it" in told["problem"]
    second.goto(f"{app.url}/?tab=runs&runs_id={run_id}")
    second.wait_for_selector("#lp-runs .lp-about [data-f=title]:not(:empty)")
    assert not second.is_visible("#lp-runs [data-act=delete-one]")
    assert second.locator("#lp-runs b", has_text="x").count() == 0  # a name is text
    assert json.loads(serve(first, "lp-runs", "remove", run_ids=[run_id]))["problem"] == ""
    assert not store.exists(run_id)
