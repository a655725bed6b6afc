"""The Demo tab: what it knows of pairs, and the page in Chromium from the landing to the verdict."""

from concurrent.futures import Future

import pytest
from browser import CHROMIUM, chromium, open_page, running_app
from synthetic import StillJobs, write_run

from lpwd.config import ConfigError
from lpwd.jobs.rights import User
from lpwd.paper.pair import live_config
from lpwd.paper.presets import Cell
from lpwd.ui.demo.pairs import Pairs, Shown
from lpwd.ui.live import Live
from lpwd.ui.published import Cached

ME, OTHER = User("me"), User("other")


@pytest.fixture
def pairs(store):
    no_hub = Future()
    no_hub.set_result("The Hub cannot be reached.")
    return Pairs(Live(store, StillJobs()), no_hub)


def lane(method, seed, **changes):
    return live_config(method, 1e-3, 17.5, seed, "digits").model_copy(update=changes)


def finish(store, method, seed, top1):
    return write_run(store, Cell(lane(method, seed), "digits", False), lambda config, epoch: top1 + seed / 10)


def both(store, seed, wd=80.0, lpwd=60.0):
    return [finish(store, "wd", seed, wd), finish(store, "lpwd", seed, lpwd)]


# ---- what the server knows


def test_every_press_trains_a_new_seed_and_the_verdict_pools_them(store, pairs):
    before = pairs.situation(ME, 1e-3, 17.5)
    assert (before["finished"], before["next"], before["verdict"]) == ([], 0, "")
    first = both(store, 0)
    once = pairs.situation(ME, 1e-3, 17.5)
    assert (once["finished"], once["shown"], once["next"]) == ([0], first, 1)
    assert "contrary to the paper, but with one seed (n = 1, seed 0)" in once["verdict"]
    both(store, 1, wd=80.2)
    twice = pairs.situation(ME, 1e-3, 17.5)
    assert (twice["finished"], twice["next"], twice["begun"]) == ([0, 1], 2, False)
    assert twice["verdict"].startswith("Contrary to the paper, WD is ahead of LPWD by 20.10 points")
    assert "n = 2, seeds 0, 1" in twice["verdict"]


def test_runs_of_other_settings_are_none_of_this_pairs(store, pairs):
    write_run(store, Cell(lane("wd", 0, weight_decay=10.0), "digits", False))
    write_run(store, Cell(lane("wd", 0, epochs=12), "digits", False))
    assert pairs.situation(ME, 1e-3, 17.5)["begun"] is False


def test_a_stopped_pair_goes_on_and_a_training_one_is_watched(store, pairs):
    for method in ("wd", "lpwd"):
        store.create(lane(method, 0), state="stopped")
    stopped = pairs.situation(ME, 1e-3, 17.5)
    assert (stopped["next"], stopped["begun"], stopped["working"]) == (0, True, False)
    store.update(lane("wd", 0).run_id, owner=OTHER.id)
    assert (pairs.situation(ME, 1e-3, 17.5)["next"], pairs.situation(OTHER, 1e-3, 17.5)["next"]) == (1, 0)
    both(store, 1)
    store.update(lane("wd", 0).run_id, state="running")
    configs, working = pairs.next(ME, 1e-3, 17.5)
    assert ([config.seed for config in configs], working) == ([0, 0], True)


@pytest.mark.parametrize(("lr", "decay"), [(1.0, 1.0), (1e-3, 0.0), (1e-3, 1e3)])
def test_settings_beyond_the_sliders_are_a_sentence(pairs, lr, decay):
    with pytest.raises(ConfigError, match="the Demo goes from"):
        pairs.next(ME, lr, decay)


def test_a_look_sends_the_heatmaps_once_an_epoch(store, pairs):
    ids = both(store, 0)
    first = pairs.look(ME, ids, {}, "")
    assert [len(heat["z"][0]) for heat in first["heats"]] == [15, 15]
    assert first["heats"][0]["rates"] == [17.5] * 3
    assert first["heats"][1]["words"].startswith("LPWD: after epoch 14 the weight norms of the layers stand between")
    cursors = {run_id: delta["cursor"] for run_id, delta in first["curves"].items()}
    again = pairs.look(ME, ids, cursors, first["stamp"])
    assert "heats" not in again
    assert again["curves"][ids[0]]["epochs"]["epoch"] == []


def test_a_link_to_anything_but_a_pair_is_a_sentence(store, pairs):
    ids = both(store, 0)
    other = finish(store, "lpwd", 1, 50.0)
    for wrong in ([ids[0]], [ids[0], other], [*ids, other], [ids[0], ids[0]]):
        with pytest.raises(ConfigError, match="no pair of WD and LPWD"):
            pairs.look(ME, wrong, {}, "")
    with pytest.raises(ConfigError, match="there is no run"):
        pairs.look(ME, ["gone"], {}, "")


def test_the_bundled_pair_is_there_before_the_published_results_are_read():
    shown = Shown(Cached("", after_seconds=60)).since("")
    assert shown["pair"]["line"].endswith("from the snapshot bundled with lpwd.")
    assert "seed 0; scale cpu; CPU, 2 cores" in shown["pair"]["line"]
    assert shown["reading"] is False


# ---- the page

TITLE = "document.querySelector('#lp-demo [data-f=heat-title-1]').textContent"
POINTS = "document.querySelector('#lp-demo [data-chart={}]')?.data?.find(t => t.name === '{}')?.x.length"
SAID = "document.querySelector('#lp-demo [data-f={}]').textContent"


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
@pytest.mark.timeout(240)
def test_from_the_landing_by_one_click_to_the_verdict_and_by_link_to_a_second_browser(tmp_path):
    with running_app(tmp_path / "runs") as app, chromium() as browser:
        seen = open_page(browser, app.url)
        page = seen.page
        page.wait_for_function(f"{POINTS.format('top1', 'LPWD, recorded')} > 2", timeout=20_000)
        assert "Contrary to the paper, WD is ahead" in page.inner_text("#lp-demo [data-f=verdict-recorded]")
        page.focus("#lp-demo [data-f=weightDecay]")
        page.keyboard.press("ArrowLeft")
        assert page.inner_text("#lp-demo [data-f=weightDecay-is]") == "10"
        page.wait_for_function(f"{SAID.format('offer')}.includes('λ 10, 14 epochs')", timeout=20_000)
        page.click("#lp-demo [data-act=run]")
        page.wait_for_function(f"{POINTS.format('loss', 'LPWD')} > 0", timeout=60_000)
        assert "demo_wd=10" in page.url
        other = open_page(browser, page.url)
        other.page.wait_for_function(f"{TITLE}.includes('LPWD, here, seed 0')", timeout=20_000)
        assert other.page.inner_text("#lp-demo [data-f=weightDecay-is]") == "10"
        page.wait_for_function(f"/one seed .n = 1, seed 0/.test({SAID.format('verdict-here')})", timeout=120_000)
        assert page.inner_text("#lp-demo [data-act=run]") == "Run seed 1 here"
        page.wait_for_function(f"{POINTS.format('top1', 'WD')} === 14")
        other.page.wait_for_function(f"/n = 1, seed 0/.test({SAID.format('verdict-here')})", timeout=20_000)
        run = page.url.partition("demo_runs=")[2].partition(",")[0]
        phone = {"viewport": {"width": 390, "height": 844}, "reduced_motion": "reduce"}
        still = open_page(browser, app.url, **phone)
        still.page.wait_for_function(f"{POINTS.format('top1', 'LPWD, recorded')} === 14", timeout=20_000)
        assert still.page.evaluate("document.documentElement.scrollWidth") == 390
        panel = open_page(browser, f"{app.url}/?run={run}")
        panel.page.wait_for_selector("#lp-panel h2:text('WD vs LPWD')")
        for one in (seen, other, still, panel):
            assert one.hosts <= {"127.0.0.1"}
            assert [text for text in one.errors if "ERR_ABORTED" not in text] == []
