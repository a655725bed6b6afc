"""Every tab, light, dark and on a phone: pictures to look at in build/screenshots, and what axe-core says of each."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import CHROMIUM, ROOT, chromium, open_page, owner, running_app, wait_until

PICTURES = ROOT / "build" / "screenshots"
LOOKS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}
RACE = {"model": "test_convnext", "dataset": "digits", "epochs": 3, "train_samples": 160, "test_samples": 100}
# What a tab needs in its address to show something, and the selector that tells that it does.
TABS = {
    "demo": ("", "#lp-penalty [data-f=loss] .lp-grid"),
    "train": ("", "#lp-panel [data-chart=top1] .scatterlayer .trace"),
    "runs": ("&runs_id={first}", "#lp-runs .lp-about [data-f=title]:not(:empty)"),
    "runs-chart": ("&runs={all}", "#lp-runs .scatterlayer .trace"),
    "benchmark": ("&preset=table3", "#lp-benchmark table tbody tr"),
    "explain": ("", "#lp-explain .js-plotly-plot"),
}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
]


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """An app with a finished race of two methods, and its address for each tab."""
    with running_app(tmp_path_factory.mktemp("look") / "runs") as app, chromium() as browser:
        ids = owner(app).predict(**RACE, method=["wd", "lpwd"], api_name="/start_run")
        finished = lambda i: owner(app).predict(i, api_name="/get_run")["status"]["state"] == "finished"  # noqa: E731
        wait_until(lambda: all(finished(i) for i in ids), 60, every=1)
        names = {"first": ids[0], "all": ",".join(ids)}
        address = lambda tab, more: f"{app.url}/?tab={tab.split('-')[0]}{more.format(**names)}"  # noqa: E731
        addresses = {tab: address(tab, more) for tab, (more, _) in TABS.items()}
        yield {look: open_page(browser, app.url, **options) for look, options in LOOKS.items()}, addresses


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("tab", TABS)
def test_a_tab_is_shown_whole_and_accessible(shown, tab, look):
    pages, addresses = shown
    seen, page = pages[look], pages[look].page
    page.goto("about:blank")  # requests that this cuts off may be errors of the page before
    seen.errors.clear()
    page.goto(addresses[tab])
    page.wait_for_selector(TABS[tab][1], state="attached", timeout=60_000)  # a line of a chart has no height
    page.wait_for_timeout(500)  # transitions
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{tab}-{look}.png", full_page=True)
    found = Axe().run(page).response["violations"]
    serious = [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in found if v["impact"] in ("serious", "critical")]
    assert serious == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert seen.hosts <= {"127.0.0.1"}
    assert [text for text in seen.errors if "ERR_ABORTED" not in text] == []
