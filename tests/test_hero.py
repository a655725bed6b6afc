"""The head of the landing: the question, the answer as measured, and a race at one press."""

import json

import pytest
from browser import CHROMIUM, open_page

from lpwd.hub.pull import local
from lpwd.paper.pair import SNAPSHOT
from lpwd.paper.scorecard.answer import answer, bundled
from lpwd.paper.scorecard.claims import scorecard
from lpwd.runs import Runs

LIVE = """() => ["wd", "lpwd"].every((method) =>
  [...document.querySelectorAll(`#lp-hero [data-f=${method}] path.lp-line`)].some(
    (line) => line.dataset.id.includes("-s") && line.getAttribute("d")))"""


def test_the_bundled_answer_is_what_the_bundled_results_say():
    runs = local("", "").runs
    assert bundled(SNAPSHOT) == answer(scorecard(Runs(published=lambda: runs), "cpu"))


def test_without_results_the_answer_says_so(tmp_path):
    said = answer(scorecard(Runs(), "cpu"))
    assert said["counts"].endswith("0 confirmed, 0 contradicted, 9 undecided.")
    assert "not run yet" in said["main"]
    assert bundled(tmp_path) == {"counts": "", "main": ""}


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_one_press_races_both_methods_in_view(app, browser):
    seen = open_page(browser, app.url, viewport={"width": 390, "height": 844})
    page = seen.page
    page.wait_for_selector("#lp-hero [data-f=wd] path.lp-line >> nth=0", state="attached")
    assert page.inner_text("#lp-hero h1") == "Does it matter when, and where, weight decay acts?"
    assert page.inner_text("#lp-hero [data-f=counts]") == json.loads((SNAPSHOT / "answer.json").read_text())["counts"]
    walk(page, "Tab", "#lp-hero [data-act=race]")
    page.keyboard.press("Enter")
    page.wait_for_function(LIVE)
    assert page.evaluate("scrollY") == 0
    bottom = page.locator("#lp-hero .lp-hero-lanes").bounding_box()
    assert bottom["y"] + bottom["height"] < 844
    assert "Training seed" in page.inner_text("#lp-hero [data-f=state]") or "Finished seed" in page.inner_text(
        "#lp-hero [data-f=state]"
    )
    page.click("#lp-hero [data-act=use]")
    assert "lpwd.build_optimizer(model" in page.inner_text("#lp-hero [data-f=code]")
    assert seen.errors == []


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
@pytest.mark.long
def test_the_keyboard_alone_leads_from_the_landing_to_a_verdict(app, browser):
    seen = open_page(browser, app.url)
    page = seen.page
    page.wait_for_selector("#lp-hero [data-f=wd] path.lp-line >> nth=0", state="attached")
    walk(page, "Tab", "#lp-hero [data-act=race]")
    page.keyboard.press("Enter")
    page.wait_for_function(LIVE)
    page.wait_for_selector("#lp-strip [data-f=race]:not(.lp-idle)")
    walk(page, "Shift+Tab", "#lp-strip [data-f=race]")
    page.keyboard.press("Enter")
    page.wait_for_selector("#lp-panel [data-f=summary]:has-text('after epoch 14')")
    assert "with one seed per method, so seed noise is unknown" in page.inner_text("#lp-panel [data-f=summary]")
    assert seen.errors == []


def walk(page, key, selector):
    """Press the key until the element has the focus, as somebody without a mouse does."""
    for _ in range(60):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{key} does not lead to {selector}")
