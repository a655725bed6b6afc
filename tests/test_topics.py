"""What the tabs of the page ask for: each name stands once, and published curves reach the Train tab."""

from types import SimpleNamespace

import gradio as gr
import pytest
from browser import CHROMIUM, open_page
from synthetic import write_run
from waiting import wait_until

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
def race_of_published_settings(app):
    """Ids of a finished run here whose settings are those of a published one with another seed."""
    cached = Cached("", after_seconds=0)
    records = wait_until(lambda: cached.results).runs.values()
    config = next(r.config for r in records if r.config.method == "lpwd" and r.status.state == "finished")
    cell = SimpleNamespace(config=config.model_copy(update={"seed": 99}), measurement="")
    return [write_run(RunStore(app.runs_dir), cell)]


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_published_curves_stand_beside_a_race_of_their_settings(app, browser, race_of_published_settings):
    (run_id,) = race_of_published_settings
    page = open_page(browser, f"{app.url}/?tab=train&run={run_id}").page
    page.wait_for_function(
        "document.querySelector('#lp-panel [data-f=published]').textContent.includes('published runs with these')"
    )
