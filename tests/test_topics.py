"""What the tabs of the page ask for: each name stands once, and each topic is answered."""

import json
import time

import gradio as gr
import pytest
from browser import CHROMIUM, JSON, posted
from own_results import CLAIMS, finish
from synthetic import write_run
from waiting import PATIENCE, wait_until

from lpwd.paper.presets import Cell
from lpwd.store import RunStore
from lpwd.ui import page as whole_page
from lpwd.ui.published import Cached
from lpwd.ui.web.answers import server_functions
from lpwd.ui.web.topics import Topics


def test_a_second_topic_server_function_element_or_endpoint_of_a_name_is_an_error():
    def act() -> str:
        return ""

    topics = Topics()
    topics.add("published", act)
    with pytest.raises(ValueError, match="two topics are named 'published'"):
        topics.add("published", act)
    with pytest.raises(ValueError, match="two server functions are named 'act'"):
        server_functions(act, act)
    with gr.Blocks() as page:
        gr.HTML(elem_id="lp-a")
        gr.HTML(elem_id="lp-a")
    with pytest.raises(ValueError, match="two elements have the id 'lp-a'"):
        whole_page.check_names(page)
    with gr.Blocks() as page:
        gr.api(act)
        gr.api(act)
    with pytest.raises(ValueError, match="two endpoints are named 'act'"):
        whole_page.check_names(page)


@pytest.fixture
def runs(app):
    """Run ids: a race of two methods and two seeds with the settings of a published run, and two lanes of act two."""
    store, cached = RunStore(app.runs_dir), Cached("", after_seconds=0)
    records = wait_until(lambda: cached.results).runs.values()
    config = next(r.config for r in records if r.config.method == "lpwd" and r.status.state == "finished")
    lanes = [config.model_copy(update={"seed": seed, "method": m}) for seed in (98, 99) for m in ("wd", "lpwd")]
    return [write_run(store, Cell(lane, "", True)) for lane in lanes], finish(store, 9)


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_every_topic_of_every_tab_is_answered_without_a_problem(app, browser, runs):
    given = posted(app, body=json.dumps({"topics": {"?": {}, "scans": {}}}), content_type=JSON).json()["topics"]
    assert given["scans"]["problem"] == ""  # a page asks it only while a results repository is read
    known = set(given["?"]["problem"].partition("allowed are ")[2].split(", ")) - {"scans"}
    assert known >= {"seed", "published_curves", "compare"}
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    answers = []

    def note(response):
        if response.url.endswith("/lpwd/poll") and response.ok:
            answers.extend(response.json()["topics"].items())

    page.on("response", note)
    race, lanes = map(",".join, runs)
    page.goto(f"{app.url}/?tab=train&run={race}&runs={race}&demo_runs={lanes}")
    page.wait_for_selector("#lp-panel [data-f=published]:text('published runs with these')")
    page.click("#lp-motion summary")
    page.wait_for_selector("#lp-motion .js-plotly-plot")
    page.click("#lp-tab-runs-button")
    page.click("#lp-runs .lp-motion summary")
    page.wait_for_selector("#lp-runs .lp-motion [data-f=said] li:nth-child(2):has-text('predicted')")
    page.click("#lp-tab-benchmark-button")
    page.click("#lp-benchmark .lp-tile")
    page.wait_for_selector("#lp-benchmark .lp-found")
    claims = {"name": "my.toml", "mimeType": "", "buffer": CLAIMS.encode()}  # asked only with a file
    page.set_input_files("#lp-benchmark [data-f=claims-file]", [claims])
    page.wait_for_selector("#lp-benchmark [data-f=claims] .lp-tile")
    deadline = time.monotonic() + PATIENCE
    while missing := known - {name for name, _ in answers}:
        assert time.monotonic() < deadline, f"no tab asked for {missing}"
        for tab in ("demo", "runs", "explain", "train"):
            page.click(f"#lp-tab-{tab}-button")
            page.wait_for_timeout(500)
    assert {name: answer["problem"] for name, answer in answers if answer["problem"]} == {}
    page.context.close()
