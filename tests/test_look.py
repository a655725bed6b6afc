"""Every tab at three widths, light and dark: pictures to look at in build/screenshots, and nothing cut."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import CHROMIUM, ROOT, open_page, owner
from waiting import wait_until

PICTURES = ROOT / "build" / "screenshots"
WIDTHS = {1360: 900, 900: 1100, 390: 844}  # and the height of the window
LOOKS = [(width, scheme) for width in WIDTHS for scheme in ("light", "dark")]
RACE = {"model": "test_convnext", "dataset": "digits", "epochs": 3, "train_samples": 160, "test_samples": 100}
# What is clicked for each picture, one after the other on one page, and the selector that tells that it is drawn.
STEPS = {
    "demo": ("#lp-tab-demo-button", "#lp-penalty [data-f=loss] .lp-line"),
    "train": ("#lp-tab-train-button", "#lp-panel [data-chart=top1] .scatterlayer .trace"),
    "train-more": (".lp-more button.label-wrap", "#lp-seeds"),
    "runs": ("#lp-tab-runs-button", "#lp-runs .lp-overlay .scatterlayer .trace"),
    "run": ("#lp-runs tbody tr .lp-link", "#lp-runs .lp-about [data-f=title]:not(:empty)"),
    "benchmark": ("#lp-tab-benchmark-button", "#lp-benchmark .lp-tile[data-name=settle] svg"),
    "tile": ("#lp-benchmark .lp-tile[data-name=settle]", "#lp-benchmark .lp-figures .scatterlayer .trace"),
    "explain": ("#lp-tab-explain-button", "#lp-explain .js-plotly-plot .scatterlayer .trace"),
}
# Text that somebody is meant to read and that is not all there, as "what: its text".
CUT = """() => {
  const problems = [], scrolls = (node) => /auto|scroll/.test(getComputedStyle(node).overflowX);
  const hides = (node) => /hidden|clip/.test(getComputedStyle(node).overflowX);
  const up = function* (node) { for (let at = node.parentElement; at; at = at.parentElement) yield at; };
  for (const node of document.querySelectorAll("body *")) {
    const text = [...node.childNodes].filter((n) => n.nodeType === 3).map((n) => n.textContent.trim()).join("");
    const box = node.getBoundingClientRect();
    if (!text || box.width < 3 || box.height < 3 || node.closest(".lp-unseen, script, style")) continue;
    if (!node.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (node.ownerSVGElement) {
      const svg = node.ownerSVGElement.getBoundingClientRect(), holder = node.closest(".lp-scroll");
      const out = box.left < svg.left - 2 || box.right > svg.right + 2 || box.bottom > svg.bottom + 2;
      if (out && !(holder?.scrollWidth > holder?.clientWidth)) problems.push(`outside its picture: ${text}`);
      continue;
    }
    const ancestors = [...up(node)], holder = ancestors.find((at) => scrolls(at) || hides(at));
    const edge = holder ? holder.getBoundingClientRect() : { left: 0, right: innerWidth };
    const over = box.right > edge.right + 1 || box.left < edge.left - 1;
    if (over && !(holder && scrolls(holder))) problems.push(`beyond the edge: ${text.slice(0, 60)}`);
    const short = getComputedStyle(node).textOverflow === "ellipsis"; // on purpose, and its title has the whole
    if (hides(node) && !short && node.scrollWidth > node.clientWidth + 1) problems.push(`cut: ${text}`);
  }
  return [...new Set(problems)];
}"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
]


@pytest.fixture(scope="module")
def address(app):
    """Of an app with a finished race of two methods, which are ticked in the workspace."""
    script = owner(app)
    ids = script.predict(**RACE, method=["wd", "lpwd"], api_name="/start_run")
    finished = lambda i: script.predict(i, api_name="/get_run")["status"]["state"] == "finished"  # noqa: E731
    wait_until(lambda: all(finished(i) for i in ids), every=1)
    return f"{app.url}/?runs={','.join(ids)}"


def problems(page, with_axe):
    """What a stranger would call broken in what is shown now."""
    width = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    found = [f"the page is {width} pixels too wide"] if width > 0 else []
    found += page.evaluate(CUT)
    violations = Axe().run(page).response["violations"] if with_axe else []
    serious = [one for one in violations if one["impact"] in ("serious", "critical")]
    return found + [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in serious]


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_tab_is_shown_whole_and_accessible(address, browser, width, scheme):
    seen = open_page(browser, address, color_scheme=scheme, viewport={"width": width, "height": WIDTHS[width]})
    page = seen.page
    PICTURES.mkdir(parents=True, exist_ok=True)
    found = {}
    for name, (click, drawn) in STEPS.items():
        page.click(click)
        page.wait_for_selector(drawn, state="attached")  # a line of a chart has no height
        page.mouse.move(0, 0)
        page.wait_for_timeout(500)  # transitions
        page.screenshot(path=PICTURES / f"{name}-{width}-{scheme}.png", full_page=True)
        found[name] = problems(page, with_axe=(width, scheme) in (LOOKS[0], LOOKS[1], LOOKS[-2]))
    assert {name: texts for name, texts in found.items() if texts} == {}
    assert seen.hosts <= {"127.0.0.1"}
    assert [text for text in seen.errors if "ERR_ABORTED" not in text] == []
