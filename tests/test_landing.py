"""What a first visit fetches and runs."""

import pytest
from browser import CHROMIUM


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_plotly_is_fetched_when_the_first_chart_is_seen_and_never_by_the_landing(app, browser):
    page = browser.new_context().new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(app.url)
    page.wait_for_selector("#lp-network tbody td", state="attached")
    page.wait_for_function("document.querySelector('#lp-toy [data-f=steps]')?.textContent > 'step 1'")
    assert asked
    assert not [url for url in asked if "plotly.min.js" in url]
    page.click("#lp-tab-explain-button")
    page.wait_for_selector("#lp-explain .js-plotly-plot .trace")
    assert len([url for url in asked if "plotly.min.js" in url]) == 1
