"""What a page of another origin can have a visitor's browser do to this app: nothing (CSRF)."""

import functools
import http.server
import json
import threading
from contextlib import contextmanager

import httpx2 as httpx
import pytest
from browser import CHROMIUM, JSON, open_page, owner_link, posted
from synthetic import write_run
from waiting import wait_until

from lpwd.paper.presets import get_preset
from lpwd.store import RunStore


@pytest.fixture(scope="module", autouse=True)
def _two_runs(app):
    for cell in get_preset("table3").cells("cpu", 1)[:2]:
        write_run(RunStore(app.runs_dir), cell)


def removal(app, run_id):
    """Body of the request that deletes a run."""
    components = httpx.get(f"{app.url}/config", timeout=30).json()["components"]
    component = next(c["id"] for c in components if c["props"].get("elem_id") == "lp-runs")
    data = json.dumps({"run_ids": [run_id]})
    return {"data": data, "component_id": component, "fn_name": "remove", "session_hash": "crafted"}


# ---- requests as anybody may craft them


@pytest.mark.parametrize(
    "headers", [{}, {"sec_fetch_site": "none"}, {"sec_fetch_site": "same-origin", "origin": "own"}]
)
def test_the_page_and_programs_are_answered(app, headers):
    own = {name: app.url if value == "own" else value for name, value in headers.items()}
    assert posted(app, content_type=f"{JSON}; charset=utf-8", **own).json()["problem"] == ""


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "https://evil.example", "sec_fetch_site": "same-origin"},
        {"origin": "http://evil.example", "x_forwarded_host": "evil.example"},  # no Space: nobody set it for us
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
@pytest.mark.parametrize(
    "path", ["/lpwd/poll", "/lpwd/dropped", "/gradio_api/component_server", "/gradio_api/call/list_runs", "/any"]
)
def test_another_origin_is_refused_on_every_path(app, path, headers):
    answer = posted(app, path, content_type=JSON, **headers)
    assert answer.status_code == 403
    assert answer.text.startswith("This app accepts requests from its own page and from programs")


def test_another_scheme_or_port_is_another_origin(app):
    for origin in (app.url.replace("http:", "https:"), app.url.rpartition(":")[0]):
        assert posted(app, content_type=JSON, origin=origin).status_code == 403


GUIDE = {"host": "h", "x_forwarded_host": "h", "x_forwarded_proto": "http"}  # of Gradio's guide: `Host $host`


@pytest.mark.parametrize("origin", ["http://h:8080", "https://h", "https://h:8443", "http://H"])
@pytest.mark.parametrize("site", [None, "same-origin"])
def test_behind_a_proxy_that_hides_port_or_scheme_the_page_is_answered(app, origin, site):
    answer = posted(app, content_type=JSON, origin=origin, sec_fetch_site=site, **GUIDE)
    assert (answer.status_code, "access-control-allow-origin" in answer.headers) == (200, False)


@pytest.mark.parametrize(
    "headers",
    [
        *(
            {"origin": origin}
            for origin in ("http://evil.example", "http://h.evil.example", "null", "ftp://h", "http://[")
        ),
        *({"origin": "http://h:9000", "sec_fetch_site": site} for site in ("same-site", "cross-site")),
        {"origin": "http://evil.example", "x_forwarded_host": "evil.example"},
    ],
)
def test_behind_a_proxy_another_origin_is_still_refused(app, headers):
    assert posted(app, content_type=JSON, **(GUIDE | headers)).status_code == 403


def test_behind_a_proxy_a_page_on_another_port_may_neither_ask_to_write_nor_read(app):
    names = {name.replace("_", "-"): value for name, value in GUIDE.items()} | {"origin": "http://h:9000"}
    asking = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    asked = httpx.options(f"{app.url}/lpwd/poll", headers=names | asking)
    read = httpx.get(f"{app.url}/config", headers=names)
    assert (asked.status_code, read.status_code) == (403, 200)
    assert not [name for answer in (asked, read) for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_the_page_shows_why_it_is_refused(app, browser):
    page = open_page(browser, app.url).page
    refusal = {"status": 403, "body": "This app takes requests from friends.", "content_type": "text/plain"}
    page.route("**/lpwd/poll", lambda route: route.fulfill(**refusal))
    page.wait_for_selector("#lp-strip [data-f=offline]:text('This app takes requests from friends; trying again.')")


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x"])
@pytest.mark.parametrize("path", ["/gradio_api/component_server", "/gradio_api/queue/join", "/gradio_api/upload"])
def test_what_is_no_json_is_refused_whoever_sends_it(app, path, kind):
    answer = posted(app, path, content_type=kind, origin=app.url)
    assert (answer.status_code, answer.text) == (
        415,
        "This app accepts only JSON requests (Content-Type: application/json).",
    )


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:1", "null"])
def test_no_other_origin_may_read_an_answer_or_ask_to_write(app, origin):
    asking = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-a"}
    preflight = httpx.options(f"{app.url}/gradio_api/component_server", headers=asking)
    read = httpx.get(f"{app.url}/config", headers={"Origin": origin})
    assert (preflight.status_code, read.status_code) == (403, 200)
    for answer in (preflight, read, posted(app, content_type=JSON, origin=origin)):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_the_app_is_another_origin_to_another_name_of_the_same_machine(app):
    other = app.url.replace("127.0.0.1", "localhost")
    assert posted(app, content_type=JSON, origin=other).status_code == 403
    assert httpx.post(f"{other}/lpwd/poll", json={}, headers={"Origin": other}).status_code == 200


def test_gradio_client_still_works(app):
    from gradio_client import Client

    assert len(Client(app.url, verbose=False).predict(api_name="/list_runs")) == 2


# ---- a foreign page in a real browser, of somebody who may delete everything


@contextmanager
def foreign_page(folder):
    """The address of an empty page of another origin on this machine: cookies go there as they go to ours."""
    (folder / "index.html").write_text("<!doctype html><title>foreign</title>")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


FETCH = """async ([url, body, type, mode]) => {
  const headers = { "Content-Type": type };
  const sent = { method: "POST", mode, credentials: "include", headers, body: JSON.stringify(body) };
  return fetch(url, sent).then((answer) => `answered ${answer.status}`, (error) => `failed: ${error}`);
}"""
FORM = """([url, body]) => {
  const form = document.createElement("form");
  Object.assign(form, { method: "post", action: url, enctype: "text/plain" });
  const field = document.createElement("input");
  const text = JSON.stringify({ ...body, unused: "=" });
  [field.name, field.value] = [text.slice(0, text.lastIndexOf("=")), text.slice(text.lastIndexOf("=") + 1)];
  form.append(field);
  document.body.append(form);
  form.submit();
}"""


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_a_foreign_page_in_the_owners_browser_deletes_and_reads_nothing_and_our_page_does(app, browser, tmp_path):
    store = RunStore(app.runs_dir)
    run_id = store.records()[0].run_id
    body, url = removal(app, run_id), f"{app.url}/gradio_api/component_server"
    with foreign_page(tmp_path) as foreign:
        page = open_page(browser, owner_link(app)).page
        other = page.context.new_page()
        sent = []
        other.on("request", lambda request: sent.append(request))
        other.goto(foreign)
        for kind, mode in (("text/plain", "no-cors"), ("text/plain", "cors"), (JSON, "cors")):
            other.evaluate(FETCH, [url, body, kind, mode])
            assert store.exists(run_id), f"deleted by {kind}, {mode}"
        reading = "u => fetch(u, { credentials: 'include' }).then((a) => a.text(), () => 'unreadable')"
        assert other.evaluate(reading, f"{app.url}/config") == "unreadable"
        with other.expect_navigation():
            other.evaluate(FORM, [url, body])
        assert "not from pages of http://127.0.0.1" in other.inner_text("body")
        assert store.exists(run_id)
        posts = [request for request in sent if request.method == "POST"]
        assert "lpwd-owner" in posts[-1].all_headers()["cookie"]  # the browser did send what could have deleted
        answer = page.evaluate(FETCH, [url, body, JSON, "same-origin"])
        assert answer == "answered 200"
        wait_until(lambda: not store.exists(run_id))
