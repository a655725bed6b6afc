"""Every tab at four widths, light and dark: nothing is cut, nothing is inaccessible, and no sentence is long.

With LPWD_PICTURES=1 each is also photographed, to look at in build/screenshots.
"""

import os

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import CHROMIUM, ROOT, open_page
from synthetic import write_run

from lpwd.config import RunConfig
from lpwd.paper.presets import Cell
from lpwd.store import RunStore
from lpwd.ui import terms

PICTURES = ROOT / "build" / "screenshots" if os.environ.get("LPWD_PICTURES") else None
HEIGHTS = {1360: 900, 1100: 900, 900: 1100, 390: 844}  # of the window, by its width
# Of a visit: its colour scheme, its first width, then others.
VISITS = [("light", (390, 1360)), ("dark", (1360,)), ("light", (900, 1100)), ("dark", (1100, 900, 390))]
# What is clicked, one after the other on one page, and the selector that tells that it is drawn.
STEPS = {
    "demo": ("#lp-tab-demo-button", "#lp-penalty [data-f=loss] .lp-line"),
    "train": ("#lp-tab-train-button", "#lp-panel [data-chart=top1] .u-series:not(:first-child, .lp-unnamed)"),
    "train-more": (".lp-more button.label-wrap", "#lp-seeds"),
    "runs": ("#lp-tab-runs-button", "#lp-runs .lp-overlay .scatterlayer .trace"),
    "motion": ("#lp-runs .lp-motion summary", "#lp-runs .lp-motion .scatterlayer .trace"),
    "run": ("#lp-runs tbody tr .lp-link", "#lp-runs .lp-about [data-f=title]:not(:empty)"),
    "benchmark": ("#lp-tab-benchmark-button", "#lp-benchmark .lp-tile[data-name=settle] svg"),
    "tile": ("#lp-benchmark .lp-tile[data-name=settle]", "#lp-benchmark .lp-figures .scatterlayer .trace"),
    "explain": ("#lp-tab-explain-button", "#lp-explain .js-plotly-plot .scatterlayer .trace"),
}
AXE = ("demo", "train-more", "run", "tile", "explain")  # "run" has the open fold of "motion", too
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
# Sentences of more than 25 words that the page shows. Numbers in parentheses and code are not counted.
LONG = r"""() => {
  const lines = (node) => node.innerText.split(/[\n\t]+/);
  const code = new Set([...document.querySelectorAll("code, pre")].flatMap(lines));
  const read = lines(document.body).filter((line) => !code.has(line));
  const sentences = read.flatMap((line) => line.split(/(?<=[.!?])\s+/));
  const words = (text) => text.replace(/\(.*?\)/g, "").split(/\s+/).filter((word) => /[\p{L}\d]/u.test(word));
  return [...new Set(sentences.filter((text) => words(text).length > 25))];
}"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
]


@pytest.fixture(scope="module")
def address(app):
    """Of an app with a finished race of two methods, which are ticked in the workspace."""
    race = [RunConfig(model="test_convnext", dataset="digits", epochs=3, method=method) for method in ("wd", "lpwd")]
    ids = [write_run(RunStore(app.runs_dir), Cell(config, "", True), steps=True) for config in race]
    return f"{app.url}/?runs={','.join(ids)}&run={','.join(ids)}"


def cut(page, width):
    """Wait until the page has the width, and return what of it somebody could not read."""
    page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
    page.mouse.move(0, 0)
    page.wait_for_timeout(300)  # transitions, and charts that follow the width
    wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [f"the page is {wider} pixels too wide"] * (wider > 0) + page.evaluate(CUT)


def inaccessible(page, scheme):
    """What axe calls serious; in the dark it asks for contrast alone, as nothing else there differs."""
    contrast = {"runOnly": {"type": "rule", "values": ["color-contrast"]}} if scheme == "dark" else {}
    violations = Axe().run(page, options={"resultTypes": ["violations"], **contrast}).response["violations"]
    serious = [one for one in violations if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in serious]


@pytest.mark.parametrize(
    ("scheme", "widths"), [*VISITS[:2], *(pytest.param(*visit, marks=pytest.mark.long) for visit in VISITS[2:])]
)
def test_every_tab_is_shown_whole_and_accessible(address, browser, scheme, widths):
    first, *others = widths
    window = {"width": first, "height": HEIGHTS[first]}
    seen = open_page(browser, address, color_scheme=scheme, viewport=window)
    page, found = seen.page, {}
    for name, (click, drawn) in STEPS.items():
        page.click(click)
        page.wait_for_selector(drawn, state="attached")  # a line of a chart has no height
        for width in (first, *others):
            found[name, width] = cut(page, width)
            if PICTURES:
                PICTURES.mkdir(parents=True, exist_ok=True)
                page.screenshot(path=PICTURES / f"{name}-{width}-{scheme}.png", full_page=True)
        page.set_viewport_size(window)
        found[name, "long"] = page.evaluate(LONG)
        found[name, "axe"] = inaccessible(page, scheme) if name in AXE else []
    assert {name: texts for name, texts in found.items() if texts} == {}
    assert seen.hosts <= {"127.0.0.1"}
    assert [text for text in seen.errors if "ERR_ABORTED" not in text] == []


def test_a_term_is_explained_on_focus(address, browser):
    page = open_page(browser, address + "&tab=explain").page
    term = page.locator("#lp-explain .lp-term").first
    term.focus()
    assert "learning rate" in term.evaluate("term => getComputedStyle(term, '::after').content")
    page.close()


def test_a_template_with_an_unknown_term_is_an_error():
    with pytest.raises(KeyError, match="psi"):
        terms.marked("<dfn>psi</dfn>")
