"""The landing's act two: what the server knows of a scan's cells, and the page in Chromium by keys, drag and click."""

import hashlib
import json
import urllib.request

import httpx2 as httpx
import pytest
from browser import CHROMIUM, open_page, owner, resting, without_runs
from own_results import BOTH, SCAN, finish
from synthetic import StillJobs
from waiting import wait_until

from lpwd.config import ConfigError
from lpwd.jobs.rights import User
from lpwd.store import RunStore
from lpwd.ui.demo.penalty_lanes import Lanes
from lpwd.ui.demo.penalty_recorded import Recorded
from lpwd.ui.live import Live
from lpwd.ui.published import Cached

ME, OTHER = User("me"), User("other")


@pytest.fixture
def lanes(store, snapshot):
    return Lanes(Live(store, StillJobs()), Recorded(Cached("", after_seconds=60), snapshot))


def situation(lanes, user=ME, decay=5.0, methods=BOTH):
    return lanes.situation(user, "scan", decay, methods)


# ---- what the server knows


def test_a_press_trains_the_first_seed_that_is_neither_published_nor_finished(store, lanes):
    before = situation(lanes)
    assert (before["finished"], before["next"], before["verdict"]) == ([], 3, "")
    assert situation(lanes, decay=7.0)["next"] == 0
    ids = finish(store, 3, gain=-20.0)
    finish(store, 0)  # of a published seed: it is in the recorded curves
    once = situation(lanes)
    assert (once["finished"], once["shown"], once["next"]) == ([3], ids, 4)
    assert "contrary to the paper. With one seed (n = 1, seed 3)" in once["verdict"]
    assert situation(lanes, methods=["wd", "lpwd", "lwd"])["finished"] == []
    finish(store, 4, gain=-20.2)
    assert "n = 2, seeds 3, 4" in situation(lanes)["verdict"]


def test_a_stopped_seed_goes_on_and_a_training_one_is_watched(store, lanes):
    ids = [store.create(SCAN.config(method, 5.0, 3), state="stopped", owner=ME.id) for method in BOTH]
    stopped = situation(lanes)
    assert (stopped["next"], stopped["begun"], stopped["working"]) == (3, True, False)
    for run_id in ids:
        store.update(run_id, owner=OTHER.id)
    assert (situation(lanes)["next"], situation(lanes, OTHER)["next"]) == (4, 3)
    store.update(ids[0], state="running")
    configs, working = lanes.next(ME, "scan", 5.0, [*BOTH, "lwd"])
    assert ([config.run_id for config in configs], working) == (ids, True)


def test_a_look_sends_what_a_page_has_not_seen(store, lanes):
    ids = finish(store, 3)
    first = lanes.look(ME, ids, {})
    assert (first["scan"], first["decay"], first["seed"]) == ("scan", 5.0, 3)
    assert first["curves"][ids[1]]["epochs"]["epoch"] == list(range(1, 15))
    cursors = {run_id: delta["cursor"] for run_id, delta in first["curves"].items()}
    assert lanes.look(ME, ids, cursors)["curves"][ids[0]]["epochs"]["epoch"] == []


def test_what_is_no_cell_is_a_sentence(store, lanes):
    ids = finish(store, 3)
    others = finish(store, 4), finish(store, 3, decay=7.0)
    for wrong in ([], [ids[0], others[0][1]], [ids[0], others[1][1]], [ids[0], ids[0]]):
        with pytest.raises(ConfigError, match="must be runs of one scan"):
            lanes.look(ME, wrong, {})
    for scan, decay, methods, said in (
        ("else", 5.0, BOTH, "scan is 'else'"),
        ("scan", 6.0, BOTH, "λ is 6"),
        ("scan", 5.0, ["adams"], "methods are adams"),
        ("scan", 5.0, [], "no method is selected"),
    ):
        with pytest.raises(ConfigError, match=said):
            lanes.next(ME, scan, decay, methods)


def test_without_published_runs_of_a_scan_the_page_has_nothing_to_fetch(snapshot, tmp_path):
    assert set(Recorded(Cached("", after_seconds=60), tmp_path).digests().values()) == {""}
    recorded = Recorded(Cached("", after_seconds=60), snapshot)
    assert recorded.news()["reading"] is False
    assert recorded.digests()["settle"] == ""
    assert (recorded.seeds("scan", 5.0), recorded.seeds("scan", 7.0), recorded.seeds("settle", 1.0)) == (
        {0, 1, 2},
        set(),
        set(),
    )


# ---- the page


def trained(app):
    """The runs of seed 4, the first that is neither published nor finished here."""
    return [record.run_id for record in RunStore(app.runs_dir).records() if record.config.seed == 4]


PATH = "document.querySelector('#lp-penalty [data-f={}] .lp-line[data-id={}]')?.getAttribute('d')"
SAID = "document.querySelector('#lp-penalty [data-f={}]')?.textContent"


def says(page, part, name="says"):
    page.wait_for_function(f"{SAID.format(name)}?.includes({json.dumps(part)})")


@pytest.fixture
def app(own_results_app):
    """With a published scan, idle, without own runs."""
    yield own_results_app
    without_runs(own_results_app)


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_the_penalty_is_turned_up_by_keys_and_drag_and_one_live_seed_is_added(app, browser):
    finish(RunStore(app.runs_dir), 3, 25.0)
    seen = open_page(browser, app.url)
    page = seen.page
    says(page, "As the paper claims, LPWD is ahead of WD by 1.00 points")
    assert page.inner_text("#lp-penalty [data-f=decay-is]") == "3.5"
    assert "by 30.0 points at λ 25" in page.inner_text("#lp-penalty [data-f=hint]")
    page.focus("#lp-penalty [data-f=decay]")
    before = page.evaluate(PATH.format("top1", "lpwd"))
    page.keyboard.press("ArrowRight")
    says(page, "LPWD is ahead of WD by 0.50 points")
    page.wait_for_function(f"{PATH.format('top1', 'lpwd')} !== {json.dumps(before)}")
    says(
        page,
        "each step keeps 99.5 % of every weight. After the 280 steps of a run, decay alone leaves 25 % of its initial "
        "value",
        "shrink",
    )
    box = page.locator("#lp-penalty [data-f=result]").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 100, steps=8)
    says(page, "No run is recorded at λ 35 yet.")
    page.mouse.up()
    page.focus("#lp-penalty [data-f=decay]")
    page.keyboard.press("ArrowLeft")
    says(page, "Contrary to the paper, WD is ahead of LPWD by 30.00 points")
    for method in SCAN.methods[2:]:
        page.click(f"#lp-penalty [data-f=legend] button:nth-child({SCAN.methods.index(method) + 1})")
    page.wait_for_function("document.querySelectorAll('#lp-penalty [data-f=top1] .lp-line').length === 2")
    says(page, "(n = 1, seed 3)", "here")
    says(page, "To run: 2 lanes", "offer")
    says(page, "seed 4", "offer")
    page.click("#lp-penalty [data-act=run]")
    says(page, "seed 4 at λ 25", "state")
    page.wait_for_function("document.querySelectorAll('#lp-penalty [data-f=top1] .lp-line').length === 4")
    other = open_page(browser, page.url)
    says(other.page, "seed 4 at λ 25", "state")
    assert other.page.inner_text("#lp-penalty [data-f=decay-is]") == "25"
    other.page.close()
    page.click("#lp-penalty [data-act=stop]")
    wait_until(lambda: {RunStore(app.runs_dir).status(run_id).state for run_id in trained(app)} == {"stopped"})
    says(page, "n = 3, seeds 0 to 2")
    page.focus("#lp-penalty [data-f=decay]")
    page.keyboard.press("Home")
    page.wait_for_function("document.querySelectorAll('#lp-penalty [data-f=top1] .lp-line').length === 0")
    with urllib.request.urlopen(f"{app.url}/lpwd/scans/scan") as answer:
        assert json.load(answer)["open"] == 3.5
    with urllib.request.urlopen(f"{app.url}/lpwd/scans/none") as answer:
        assert json.load(answer) is None
    phone = {"viewport": {"width": 390, "height": 844}, "reduced_motion": "reduce"}
    still = open_page(browser, app.url, **phone)
    says(still.page, "LPWD is ahead of WD by 1.00 points")
    assert still.page.evaluate("document.documentElement.scrollWidth") == 390
    for one in (seen, other, still):
        assert one.hosts <= {"127.0.0.1"}
        assert [text for text in one.errors if "ERR_ABORTED" not in text] == []


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_a_seed_queued_from_the_demo_leaves_the_race_that_is_watched_and_is_its_owners_to_stop(app, browser):
    race = {"model": "test_convnext", "dataset": "digits", "epochs": 5000, "train_samples": 160}
    in_train = "new URLSearchParams(location.search).get('run')"
    ids = owner(app).predict(**race, method=["rwd", "pwd"], api_name="/start_run")
    wait_until(lambda: RunStore(app.runs_dir).status(ids[0]).state == "running")
    with resting(app, ids[0]):
        page = open_page(browser, f"{app.url}/?run={ids[0]}").page
        page.wait_for_selector("#lp-strip [data-f=race]:text('running: RWD vs PWD')")
        page.click("#lp-tab-demo-button")
        says(page, "As the paper claims")
        page.click("#lp-penalty [data-act=run]")
        says(page, "Queued: 1 race is ahead.", "state")
        page.wait_for_selector("#lp-strip [data-f=waiting]:text('1 waiting')")
        assert page.inner_text("#lp-strip [data-f=race]") == "running: RWD vs PWD"
        other = open_page(browser, page.url).page
        says(other, "Queued: 1 race is ahead.", "state")
        assert page.is_visible("#lp-penalty [data-act=stop]")
        assert not other.is_visible("#lp-penalty [data-act=stop]")
        for again in (False, True):
            if again:
                page.reload()
            page.click("#lp-tab-train-button")
            page.wait_for_selector("#lp-panel [data-f=title]:text('RWD vs PWD')")
            assert page.evaluate(in_train) == ",".join(ids)
        page.click("#lp-tab-demo-button")
        says(page, "Queued: 1 race is ahead.", "state")


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
@pytest.mark.parametrize("once", [True, False], ids=["published no more", "never published"])
def test_a_scan_without_published_runs_says_so(own_results_app, browser, once):
    """Its page was made when there were some, or has no digest of any."""
    url = own_results_app.url
    digest = hashlib.sha256(httpx.get(f"{url}/lpwd/scans/scan").content).hexdigest()[:12]
    page = browser.new_context().new_page()
    page.route("**/lpwd/scans/*", lambda route: route.fulfill(body="null", content_type="application/json"))
    document = httpx.get(url).text
    assert digest in document
    if not once:
        without = document.replace(digest, "")
        page.route(f"{url}/", lambda route: route.fulfill(body=without, content_type="text/html"))
    page.goto(url)
    page.wait_for_selector("#lp-penalty [data-f=says]", state="attached")
    says(page, "No run of preset scan is published yet")
    assert page.inner_text("#lp-penalty [data-f=decay-is]") == "0.5"
    page.context.close()
