"""The app as people use it: its process, its endpoints, and its page in Chromium with real clicks."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import httpx2 as httpx
import psutil
import pytest
from browser import CHROMIUM, JSON, ROOT, dead_proxies, open_page, owner, posted, start_app
from synthetic import write_run
from waiting import wait_until

from lpwd.config import RunConfig
from lpwd.events import Epoch
from lpwd.paper.presets import Cell
from lpwd.store import RunStore
from lpwd.ui.app import parse

WARM = "!/starting|idle/.test(document.querySelector('#lp-strip [data-f=device]')?.textContent ?? 'idle')"
CHART = "document.querySelector('#lp-panel [data-chart={}]')"
HAS_POINTS = CHART + "?.chart?.lines.filter(line => line.x.length).length >= {}"
OF_THE_SHOWN_RACE = (  # a chart is drawn a frame after the words beside it
    "[..." + CHART + "?.chart?.plot?.race.split(',') ?? []].sort().join()"
    " === new URLSearchParams(location.search).get('run')?.split(',').sort().join()"
)
SHORT = {"model": "test_convnext", "epochs": 2, "train_samples": 160}
LONG = {"model": "test_convnext", "epochs": 500, "train_samples": 320}
RACE = {"model": "test_convnext", "dataset": "digits", "epochs": 12}
PHONE = {"viewport": {"width": 390, "height": 844}}

browser_test = [pytest.mark.browser, pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")]


def children(app):
    return psutil.Process(app.process.pid).children(recursive=True)


def alive(process):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


# ---- the process


@pytest.mark.long
def test_the_app_of_the_command_line_starts_beside_a_dead_proxy_and_ctrl_c_ends_all_its_processes(tmp_path):
    app = start_app(tmp_path / "runs", ["-m", "lpwd", "app"], **dead_proxies(), LPWD_SNAPSHOT_DIR=str(tmp_path))
    ends(app, signal.SIGINT)


def ends(app, number, earlier=0):
    """The signal ends the app and all its processes, without a traceback in its log but for `earlier` characters."""
    wait_until(lambda: health(app)["worker"] == "alive")
    processes = children(app)
    assert len(processes) >= 3  # the worker, the server of checks, and what follows Python's shared resources
    assert app.end(number) == 0, app.log.read_text()
    assert [process.cmdline() for process in processes if alive(process)] == []
    assert "Traceback" not in app.log.read_text()[earlier:]


def health(app):
    return httpx.get(f"{app.url}/health", timeout=30).json()


def test_a_second_app_in_the_same_folder_is_refused_in_one_sentence(app):
    command = [sys.executable, "app.py", "--runs-dir", str(app.runs_dir)]
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert second.returncode == 2
    assert second.stderr.startswith("error: another app is already using")


def test_a_taken_port_is_one_sentence(app, tmp_path):
    port = app.url.rpartition(":")[2]
    command = [sys.executable, "app.py", "--port", port, "--runs-dir", str(tmp_path / "runs")]
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert second.returncode == 2
    assert port in second.stderr
    assert "Traceback" not in second.stderr


@pytest.mark.parametrize("port", ["80000", "0", "eighty"])
def test_a_port_that_no_machine_has_is_one_sentence(port):
    with pytest.raises(SystemExit) as ended:
        parse(["--port", port])
    assert ended.value.code == 2


def test_a_port_of_the_environment_that_no_machine_has_is_one_sentence(monkeypatch, capsys):
    monkeypatch.setenv("GRADIO_SERVER_PORT", "80000")
    with pytest.raises(SystemExit):
        parse([])
    assert "'80000' is not a port: 1 to 65535 are allowed" in capsys.readouterr().err


IN_A_NOTEBOOK = """
import signal, sys
from lpwd.ui import app
sys.ps1 = "In : "
before = signal.getsignal(signal.SIGINT)
try:
    app.run(app.parse(["--runs-dir", sys.argv[1]]), "error")
except SystemExit as ended:
    print("ended with", ended.code)
print("goes on", signal.getsignal(signal.SIGINT) is before)
"""


def test_a_notebook_goes_on_when_the_app_in_it_ends(tmp_path):
    (tmp_path / "file").touch()
    command = [sys.executable, "-c", IN_A_NOTEBOOK, str(tmp_path / "file")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines() == ["ended with 2", "goes on True"]


# ---- the endpoints


def test_scripts_start_watch_and_list_runs(client):
    ids = client.predict(
        model="test_convnext", method=["wd", "l2"], epochs=1, train_samples=64, test_samples=50, api_name="/start_run"
    )
    assert len(ids) == 2
    done = wait_until(lambda: finished(client, ids[0]))
    assert [e["event"] for e in done["events"]][-1] == "finished"
    assert client.predict(ids[0], done["offset"], api_name="/get_run")["events"] == []
    assert set(ids) <= {run["run_id"] for run in client.predict("finished", api_name="/list_runs")}


def finished(client, run_id):
    run = client.predict(run_id, api_name="/get_run")
    return run if run["status"]["state"] == "finished" else None


def test_scripts_stop_a_run(client):
    ids = client.predict(model="test_convnext", method=["wd"], epochs=500, batch_size=16, api_name="/start_run")
    client.predict(ids[0], api_name="/stop_run")
    wait_until(lambda: client.predict(ids[0], api_name="/get_run")["status"]["state"] == "stopped")


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ({"lr": 0, "api_name": "/start_run"}, "lr is 0"),
        ({"method": ["nope"], "api_name": "/start_run"}, "allowed are"),
        ({"run_id": "../etc", "api_name": "/get_run"}, "run id"),
        ({"run_id": "missing", "api_name": "/stop_run"}, "not found"),
    ],
)
def test_scripts_get_one_sentence_for_bad_input(client, call, sentence):
    with pytest.raises(Exception, match=re.escape(sentence)):
        client.predict(**call)


def test_gradios_own_switch_opens_no_tools_without_ours(app):
    asked = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    answer = posted(app, "/gradio_api/mcp/", asked, content_type=JSON, accept=f"{JSON}, text/event-stream")
    assert answer.status_code in (404, 405)


# ---- the page


def fill(page, **values):
    """Type into the form as a person does; `model` is a dropdown that takes any name."""
    if page.locator("#lp-epochs").count() == 0:
        page.click(".lp-more button.label-wrap")
    for name, value in values.items():
        box = page.locator(f"#lp-{name} input, #lp-{name} textarea").first
        box.fill(str(value))
        box.press("Enter" if name == "model" else "Tab")
        if name == "model":  # the arguments of the model before go
            page.wait_for_function(
                "document.querySelector('#lp-model_kwargs input, #lp-model_kwargs textarea')?.value === ''"
            )


def start(page, **values):
    """Fill in and click; with a seed, wait until the page shows that race."""
    fill(page, **values)
    page.click("#lp-start")
    if "seed" in values:
        shown = f"document.querySelector('#lp-panel [data-f=detail]')?.textContent.endsWith('seed {values['seed']}')"
        page.wait_for_function(shown)


def wait_state(page, pattern):
    page.wait_for_function(
        "words => new RegExp(words, 's').test(document.querySelector('#lp-panel [data-f=lanes]')?.textContent ?? '')",
        arg=pattern,
    )


def wait_points(page, chart="loss", traces=2):
    drawn = f"{HAS_POINTS.format(chart, traces)} && {OF_THE_SHOWN_RACE.format(chart)}"
    page.wait_for_function(drawn)


def epochs_drawn(page):
    return page.evaluate(f"Math.max(0, ...({CHART.format('top1')}?.chart?.lines ?? []).map(line => line.x.length))")


@pytest.fixture(scope="module")
def client(app):
    from gradio_client import Client

    return Client(app.url, verbose=False)


@pytest.fixture
def opened(app, browser):
    """Opens pages of the app; afterwards nothing trains, no page logged an error and none asked another host."""
    pages = []

    def open_one(path="/?tab=train", **context):
        pages.append(open_page(browser, app.url + path, **context))
        return pages[-1].page

    yield open_one
    stop_everything(app)
    for seen in pages:
        assert seen.hosts <= {"127.0.0.1"}
        assert [text for text in seen.errors if "ERR_ABORTED" not in text] == []
        seen.page.close()


def stop_everything(app):
    script = owner(app)
    for run in script.predict("", api_name="/list_runs"):
        if run["status"]["state"] in ("queued", "running"):
            script.predict(run["run_id"], api_name="/stop_run")
    wait_until(lambda: not any(r["status"]["state"] in ("running", "stopping") for r in list_runs(script)))


def list_runs(script):
    return script.predict("", api_name="/list_runs")


@pytest.fixture
def written(app, request):
    """The ids of two finished lanes whose curves have 12 epochs; of another seed in each test."""
    seed = sum(map(ord, request.node.name))
    race = [RunConfig(**RACE, seed=seed, method=method) for method in ("wd", "lpwd")]
    return [write_run(RunStore(app.runs_dir), Cell(config, "", True), steps=True) for config in race]


class TestTraining:
    """What needs a real worker: one click that ends with curves, one race beside others, a stop and a resume."""

    pytestmark = browser_test

    def test_one_click_is_acknowledged_at_once_and_ends_with_both_curves(self, opened):
        page = opened()
        page.wait_for_function(WARM)
        fill(page, **SHORT, seed=1)
        page.click("#lp-start")
        assert "Checking" in page.inner_text("#lp-outcome [role=status]") or "run=" in page.url
        wait_state(page, "finished.*finished")
        wait_points(page, "top1")
        wait_until(lambda: epochs_drawn(page) == 2)
        page.wait_for_selector("#lp-panel [data-f=summary]:text('Test top-1 after epoch 2: WD')")
        assert "run=test_convnext" in page.url

    @pytest.mark.long
    def test_a_race_goes_on_without_its_page_and_a_second_one_waits(self, app, opened):
        page = opened()
        fill(page, **LONG, seed=3)
        page.focus("#lp-start")
        page.keyboard.press("Enter")
        wait_points(page)
        page.close()
        store = RunStore(app.runs_dir)
        run_id = wait_until(lambda: next((r.run_id for r in store.records() if r.status.state == "running"), None))
        step = store.status(run_id).step
        wait_until(lambda: store.status(run_id).step > step + 5)
        page = opened()
        wait_points(page)
        start(page, **LONG, seed=7)
        wait_state(page, "queued.*queued")
        page.wait_for_selector("#lp-panel [data-f=state]:text('1 race is ahead')")
        page.wait_for_selector("#lp-strip [data-f=waiting]:text('1 waiting')")

    def test_the_first_point_comes_soon_after_the_click_and_stop_then_resume(self, opened):
        page = opened()
        page.wait_for_function(WARM)
        wait_until(lambda: page.inner_text("#lp-strip [data-f=race]") == "idle")
        fill(page, **LONG, seed=4)
        clicked = time.monotonic()
        page.click("#lp-start")
        page.wait_for_function(
            "document.querySelector('#lp-panel [data-f=detail]')?.textContent.endsWith('seed 4')"
            " && document.querySelector('#lp-panel [data-chart=loss]')?.chart?.lines.some(line => line.x.length)"
        )
        assert time.monotonic() - clicked < 20  # 3 s on an idle machine; this one is shared
        wait_points(page, "top1")
        page.click("#lp-strip [data-act=stop]")
        wait_state(page, "stopped.*stopped")
        page.wait_for_function("document.querySelector('#lp-strip [data-f=race]')?.textContent === 'idle'")
        drawn = epochs_drawn(page)
        page.click("#lp-panel [data-act=resume]")
        wait_state(page, "running.*running")
        wait_until(lambda: epochs_drawn(page) > drawn)


class TestPage:
    """What a page shows of runs, whoever trained them."""

    pytestmark = browser_test

    def test_without_a_hub_the_page_says_why_it_is_digits(self, opened):
        page = opened()
        page.wait_for_function("document.querySelector('#lp-note')?.textContent.includes('digits')")
        assert "cannot be reached" in page.inner_text("#lp-note")
        page.wait_for_function("document.querySelector('#lp-dataset input')?.value === 'digits'")

    def test_an_unknown_run_in_the_address_is_named(self, opened):
        page = opened("/?run=no-such-run")
        page.wait_for_function("document.querySelector('#lp-panel [role=alert]')?.textContent")
        assert "no-such-run" in page.inner_text("#lp-panel [role=alert]")

    def test_a_phone_in_the_dark_shows_a_race_readably_and_again_after_a_reload(self, opened, written):
        phone = opened(f"/?tab=train&run={','.join(written)}", **PHONE, color_scheme="dark")
        wait_points(phone, "top1")
        detail = phone.inner_text("#lp-panel [data-f=detail]")
        phone.reload()
        wait_points(phone, "top1")
        assert phone.inner_text("#lp-panel [data-f=detail]") == detail
        loss = CHART.format("loss")
        assert phone.evaluate(f"{loss}.chart.lines[0].x[0]") < 0.5  # step 1
        assert phone.evaluate("document.documentElement.scrollWidth") == 390
        assert phone.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 18, 20)"
        ink = phone.evaluate(f"{loss}.chart.plot.axes[0].stroke()")
        assert ink == "#a4abb3"

    def test_zoom_survives_new_points(self, app, opened, written):
        trains(app, written)
        page = opened(f"/?tab=train&run={','.join(written)}")
        wait_points(page, "top1")
        page.locator("#lp-panel [data-chart=loss]").scroll_into_view_if_needed()
        box = page.locator("#lp-panel [data-chart=loss] .u-over").bounding_box()
        axis = (
            "(({x, y}) => [x.min, x.max, y.min, y.max].join())"
            "(document.querySelector('#lp-panel [data-chart=loss]').chart.plot.scales)"
        )
        whole = page.evaluate(axis)
        page.mouse.move(box["x"] + 10, box["y"] + 40)
        page.mouse.down()
        page.mouse.move(box["x"] + 150, box["y"] + 150, steps=5)
        page.mouse.up()
        moved = "(before, now) => before.every((end, i) => end !== now[i])"
        page.wait_for_function(f"({moved})([{whole}], [...{axis}.split(',').map(Number)])")  # both axes
        zoomed, drawn = page.evaluate(axis), epochs_drawn(page)
        trains(app, written, Epoch(260, 13, 3.0, 4.0, 11.0, None, 1e-3, [1.0], None, None, 13.0, 100.0))
        wait_until(lambda: epochs_drawn(page) > drawn)
        assert page.evaluate(axis) == zoomed
        for run_id in written:
            RunStore(app.runs_dir).update(run_id, state="finished")


def trains(app, run_ids, *events):
    """Show the runs as training, in this process, and add what they achieved."""
    store = RunStore(app.runs_dir)
    for run_id in run_ids:
        store.append(run_id, events)
        here = {"pid": os.getpid(), "host": socket.gethostname(), "heartbeat": time.time()}
        store.update(run_id, state="running", **here)
