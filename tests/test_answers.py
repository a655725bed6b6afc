"""Whatever is sent to an endpoint is answered in a sentence, and nothing is written outside the runs folder."""

import http.client
import json
import os
import string
import urllib.error
import urllib.request
from contextlib import contextmanager
from urllib.parse import urlparse

import pytest
from browser import ROOT, App, answers, page_here, running_app
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpwd.config import ConfigError
from lpwd.jobs.rights import Limits
from lpwd.space import ON_ZERO_GPU
from lpwd.store import RunStore
from lpwd.ui.web.answers import answering, checking

# ---- in Python


def double(number: int, text: str = "") -> dict[str, object]:
    return {"doubled": 2 * number}


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("[]", "must be a JSON object, not"),
        ("{", "must be a JSON object, not"),
        ("1" * 10_000, "must be a JSON object, not"),
        ("[" * 100_000, "must be a JSON object, not"),
        (json.dumps({"number": "x" * 300_000}), "a JSON object of at most 200,000 characters"),
        ('{"number": "many"}', "number is 'many': input should be a valid integer"),
        ('{"number": 1, "colour": 2}', "colour is 2: unexpected keyword argument"),
        ("{}", "number is missing"),
    ],
)
def test_a_server_function_answers_bad_input_in_one_sentence(asked, sentence):
    told = json.loads(answering(double)(asked, None))
    assert sentence in told["problem"]
    assert "\n" not in told["problem"]
    assert len(told["problem"]) < 400


def test_a_server_function_answers_what_was_asked():
    assert json.loads(answering(double)('{"number": 4}', None)) == {"problem": "", "doubled": 8}


def test_arguments_by_place_are_named_in_the_sentence():
    with pytest.raises(ConfigError, match="number is 'x'"):
        checking(double)("x")


# ---- over HTTP, against a running app

HOSTILE = [
    *(
        "../../x",
        "/etc/passwd",
        "..",
        ".",
        "",
        "runs/.owner-key",
        "a/../../b",
        "C:\\x",
        "con",
        "%2e%2e%2f",
        "x" * 10_000,
    ),
    *(
        "<img src=x onerror=alert(1)>",
        "{{7*7}}",
        "'; DROP TABLE runs; --",
        "$(touch /tmp/pwned)",
        "\u0000",
        "\ud7ff",
        "－",
        "🙂",
    ),
    *(0, -1, 2**31, 2**63, -(2**63), 10**400, 1e308, -1e308, 5e-324, 0.5, True, False, None),
    *([], {}, [[]], [None], {"a": {"b": []}}, ["../../x"] * 50),
]
anything = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(alphabet=string.printable, max_size=40),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.sampled_from(HOSTILE), max_size=3),
)
POLL, TOPICS = "poll", "topics"  # not served by a component
SERVER = {
    POLL: {"poll": ("run", "shown", "cursors", "topics")},
    TOPICS: {
        "scans": (),
        "seed": ("ids", "cursors"),
        "runs": ("cursor",),
        "compare": ("items", "y", "x", "logs", "smooth", "value", "each", "layer", "stamp"),
        "published": (),
        "published_curves": ("ids", "stamp"),
        "preflight": ("shown",),
        "differences": ("ids", "stamp"),
        "motion": ("ids", "layer", "stamp"),
        "answer": (),
        "scorecard": ("scale", "stamp"),
        "claims": ("files",),
        "benchmark": ("name", "scale", "stamp"),
    },
    "lp-strip": {
        "stop": ("run_ids",),
        "resume": ("run_ids",),
    },
    "lp-demo": {
        "network": (),
        "situation": ("scan", "decay", "methods"),
        "run_seed": ("scan", "decay", "methods"),
    },
    "lp-runs": {
        "about": ("run_id",),
        "edit": ("run_id", "name", "note"),
        "remove": ("run_ids",),
        "export": ("run_ids", "kind"),
        "sparks": ("run_ids",),
        "data": ("items", "y", "layer"),
        "trackio": ("items",),
    },
    "lp-hub": {"use": ("repo",), "plan": ("repo", "replaces"), "send": ("plan",)},
    "lp-benchmark": {"run_cells": ("name", "scale", "run_ids", "sure"), "add_seeds": ("name", "scale", "text", "sure")},
    "lp-explain": {
        "layer_rates": ("model", "n", "rule", "weight_decay"),
        "models": (),
        "audits": (),
        "audit_now": ("name",),
    },
}
NAMED = {"start_run": 13, "get_run": 2, "stop_run": 1, "list_runs": 1, "compare": 2}
FUNCTIONS = [(tab, name) for tab, functions in SERVER.items() for name in functions]
EXAMPLES = int(os.environ.get("LPWD_EXAMPLES", "300"))  # of each; 750 passed on 2026-11-29


def many(wire):
    """Hypothesis draws as many examples as are made of what the requests go to."""
    always = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck), "derandomize": True}
    return settings(max_examples=wire.examples, **always)


def as_sent(data):
    """A poll has objects where a server function has their text; what is none is sent as it is."""
    try:
        return json.loads(data) if isinstance(data, str) and data[:1] == "{" else data
    except json.JSONDecodeError:
        return data


class Wire:
    """Requests to the app as anybody may make them."""

    def __init__(self, app, examples):
        self.app, self.examples = app, examples
        with urllib.request.urlopen(f"{app.url}/config") as answer:
            components = json.load(answer)["components"]
        self.ids = {c["props"].get("elem_id"): c["id"] for c in components}
        self.served = {(c["props"].get("elem_id"), f) for c in components for f in c["props"].get("server_fns") or []}

    def post(self, path, body):
        data = json.dumps(body).encode()
        request = urllib.request.Request(self.app.url + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def serve(self, tab, name, data):
        if tab == POLL:
            return self.post("/lpwd/poll", as_sent(data))
        if tab == TOPICS:
            answer = self.post("/lpwd/poll", {"topics": {name: as_sent(data)}})
            return answer if answer["problem"] else answer["topics"][name]
        body = {"data": data, "component_id": self.ids[tab], "fn_name": name, "session_hash": "fuzz"}
        return json.loads(self.post("/gradio_api/component_server", body))

    def call(self, name, arguments):
        event = self.post(f"/gradio_api/call/{name}", {"data": arguments})["event_id"]
        with urllib.request.urlopen(f"{self.app.url}/gradio_api/call/{name}/{event}", timeout=60) as answer:
            kind, data = answer.read().decode().strip().split("\n")
        return kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))


# What other tests, mypy and Python write in the root at the same time.
OF_OTHER_TESTS = {"__pycache__", "build", ".hypothesis", ".mypy_cache", ".pytest_cache"}


@pytest.fixture(scope="module", params=["page", pytest.param("app", marks=pytest.mark.long)])
def wire(request, tmp_path_factory):
    """To a page where nothing trains: of this process, or of an app with a worker. Nothing is written elsewhere."""
    runs = tmp_path_factory.mktemp("fuzz") / "inner" / "runs"
    if request.param == "app":
        nothing_trains = {"LPWD_MAX_IMAGES": "1", "SPACES_ZERO_GPU": "true"}
        site, examples = running_app(runs, **nothing_trains), EXAMPLES
    else:
        site, examples = page_here(runs, limits=Limits(images=1), refusal=ON_ZERO_GPU), EXAMPLES // 4
    with site as app, nothing_written_beside(runs):
        yield Wire(app, examples)


@contextmanager
def nothing_written_beside(runs):
    def outside():
        here = {path for path in runs.parent.parent.rglob("*") if runs not in path.parents}
        return here | {path for path in ROOT.iterdir() if path.name not in OF_OTHER_TESTS}

    before = outside()
    yield
    assert {path.name for path in outside() - before} <= {"hf"} | cached(runs)
    assert RunStore(runs).ids() == []


def cached(runs):
    """What the Hub's client keeps in HF_HOME, which is beside the runs here."""
    return {path.name for path in (runs.parent / "hf").rglob("*")}


def test_every_server_function_and_topic_is_tried(wire):
    assert wire.served == {(tab, name) for tab, name in FUNCTIONS if tab not in (POLL, TOPICS)}
    topics = wire.post("/lpwd/poll", {"topics": {"?": {}}})["topics"]["?"]["problem"].partition("allowed are ")[2]
    assert set(topics.split(", ")) == set(SERVER[TOPICS])


def test_a_server_function_refuses_in_one_sentence(wire):
    @many(wire)
    @given(data=st.data())
    def ask(data):
        tab, name = data.draw(st.sampled_from(FUNCTIONS))
        fields = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(SERVER[tab][name], anything)))
        raw = data.draw(st.sampled_from([False] * 9 + [True]))
        told = wire.serve(tab, name, data.draw(anything) if raw else json.dumps(fields))
        assert isinstance(told["problem"], str)
        assert "\n" not in told["problem"]
        assert len(told["problem"]) < 2_000

    ask()


def test_a_named_endpoint_refuses_in_one_sentence(wire):
    @many(wire)
    @given(data=st.data())
    def ask(data):
        name = data.draw(st.sampled_from(sorted(NAMED)))
        kind, told = wire.call(name, [data.draw(anything) for _ in range(NAMED[name])])
        if name == "list_runs" and kind == "complete":
            assert told == [[]]
        else:
            assert kind == "error"
            assert 0 < len(told["error"]) < 2_000
            assert "\n" not in told["error"]

    ask()


def test_a_note_of_ten_megabytes_is_refused(wire):
    told = wire.serve("lp-runs", "edit", json.dumps({"run_id": "x", "name": "", "note": "n" * 10_000_000}))
    assert "at most 200,000 characters" in told["problem"]
    connection = http.client.HTTPConnection(urlparse(wire.app.url).netloc)
    connection.putrequest("POST", "/gradio_api/component_server")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", "17000000")
    connection.endheaders()
    assert connection.getresponse().status == 413  # before the body was sent


def test_files_are_neither_taken_nor_given(wire):
    for kind, status in (("multipart/form-data; boundary=x", 415), ("application/json", 403)):
        upload = urllib.request.Request(f"{wire.app.url}/gradio_api/upload", b"x", {"Content-Type": kind})
        with pytest.raises(urllib.error.HTTPError, match=str(status)):
            urllib.request.urlopen(upload)
    for path in (wire.app.runs_dir / ".owner-key", "/etc/passwd", ROOT / "README.md"):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"{wire.app.url}/gradio_api/file={path}")


def test_zero_gpu_is_refused_in_one_sentence(wire):
    from gradio_client import Client

    with pytest.raises(Exception, match="this Space runs on ZeroGPU") as refused:
        Client(wire.app.url, verbose=False).predict(model="test_convnext", api_name="/start_run")
    assert "Choose a CPU or a dedicated GPU" in str(refused.value)
    with urllib.request.urlopen(wire.app.url) as response:
        assert "this Space runs on ZeroGPU" in response.read().decode()


def test_after_all_that_the_app_lives_and_no_secret_is_in_its_log(wire):
    assert answers(wire.app.url)
    if isinstance(wire.app, App):
        log = wire.app.log.read_text()
        assert (wire.app.runs_dir / ".owner-key").read_text() not in log
        assert "Traceback" not in log, log[-3000:]
