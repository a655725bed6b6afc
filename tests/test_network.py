"""The landing's last act in Chromium: the recorded norms of each layer, by method."""

import pytest
from browser import CHROMIUM, open_page

from lpwd.paper import pair

RECORDED = pair.bundled()
ROWS = "(all) => all.map((row) => [...row.cells].map((cell) => cell.textContent))"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
]


def shown(page):
    """The rates, and the norms in percent, as the table shows them."""
    rows = page.eval_on_selector_all("#lp-network [data-f=norms] tbody tr", ROWS)
    return [float(row[1]) for row in rows], [[float(text.removesuffix(" %")) for text in row[2:]] for row in rows]


def recorded(lane):
    heat = lane["heat"]
    return [pytest.approx(rate, rel=5e-3) for rate in heat["rates"]], [
        [pytest.approx(100 * share, rel=5e-3) for share in row] for row in heat["z"]
    ]


def test_the_table_shows_the_recorded_norms_of_each_method(app, browser):
    seen = open_page(browser, app.url, viewport={"width": 390, "height": 844})
    page = seen.page
    page.wait_for_selector("#lp-network tbody td", state="attached")
    wd, lpwd = RECORDED["lanes"]
    assert shown(page) == recorded(lpwd)
    page.check("#lp-network label:has-text('WD') input >> nth=0")
    assert shown(page) == recorded(wd)
    words = page.inner_text("#lp-network [data-f=words]")
    assert words == pair.heat_words("WD", wd["heat"])
    colors = page.eval_on_selector_all(
        "#lp-network tbody td:nth-child(3)", "(all) => all.map((one) => one.style.background)"
    )
    assert len(set(colors)) == 1  # every layer starts at its own norm: 100 %
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert [text for text in seen.errors if "ERR_ABORTED" not in text] == []
