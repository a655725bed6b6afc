"""The landing's first act in Chromium: its own generator and steps against the plain reference, driven by hand."""

import math
import re
import urllib.request

import pytest
import torch
from browser import CHROMIUM, ROOT, open_page

from lpwd import __version__
from lpwd.optim import reference
from lpwd.optim.penalty import opposing_penalty
from lpwd.ui.shared import paper
from lpwd.ui.web import card

MINIMUM = torch.tensor([1.15, 0.05], dtype=torch.float64)
START = torch.tensor([-0.12, 0.72], dtype=torch.float64)
CURVATURE = torch.tensor([[0.55, 0.35], [0.35, 1.5]], dtype=torch.float64)
STEPS, SEED = 200, 7
USUAL = {"eta": 0.3, "c": 0.2, "noise": 0.35, "optimizer": "sgd", "seed": SEED}
RUN = """([settings, steps]) => {
  const { share, run } = lpwd.toyPhysics, state = run(settings, steps), { distance, opposed } = state;
  const ends = Object.entries(state.paths).map(([method, path]) => [method, path.after]);
  return { share: share(state), distance, opposed, ends: Object.fromEntries(ends) };
}"""
FIELD = "#lp-toy [data-f={}]"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
]


def mulberry32(seed):
    """Tommy Ettinger's generator on 32 bits: numbers in [0, 1)."""
    mask, a = 0xFFFFFFFF, seed
    while True:
        a = (a + 0x6D2B79F5) & mask
        t = ((a ^ (a >> 15)) * (a | 1)) & mask
        t ^= (t + (((t ^ (t >> 7)) * (t | 61)) & mask)) & mask
        yield (t ^ (t >> 14)) / 2**32


def noises(steps):
    """Two normal numbers a step, by Box and Muller."""
    uniform = mulberry32(SEED)
    normal = lambda: math.sqrt(-2 * math.log(1 - next(uniform))) * math.cos(2 * math.pi * next(uniform))  # noqa: E731
    return [torch.tensor([normal(), normal()], dtype=torch.float64) for _ in range(steps)]


def path(method, eta, c, noise, optimizer, steps):
    """theta_0 .. theta_steps by lpwd.optim.reference."""
    direction = reference.AdamDirection() if optimizer == "adam" else reference.SGDDirection(momentum=0.0)
    gradients = [lambda at, e=e: CURVATURE @ (at - MINIMUM) + noise * e for e in noises(steps)]
    one_layer = torch.ones(2, dtype=torch.long)
    lrs = [eta] * steps
    return torch.stack([START, *reference.trajectory(method, direction, START, gradients, lrs, c / eta, one_layer)])


def figures(eta, c, noise, optimizer, steps=STEPS, **_):
    """The two large figures, and where the three methods are in the end."""
    paths = {method: path(method, eta, c, noise, optimizer, steps) for method in ("wd", "rwd", "pwd")}
    before, after = paths["wd"][:-1], paths["wd"][1:]
    penalty = c * before
    share, _ = opposing_penalty(before, before - (after + penalty), penalty)
    way = torch.linalg.vector_norm(START - MINIMUM)
    distance = torch.linalg.vector_norm(paths["wd"] - paths["rwd"], dim=1).max() / way
    return share, float(distance), {method: theta[-1].tolist() for method, theta in paths.items()}


def shown(page):
    """The two large figures on the page, opposing penalties in percent."""
    texts = page.inner_text(FIELD.format("share")), page.inner_text(FIELD.format("distance"))
    return float(texts[0].removesuffix(" %")), float(texts[1])


def rounded(share, distance):
    """As the page writes them; a tie may go either way."""
    return pytest.approx(100 * share, abs=0.0501), pytest.approx(distance, rel=0.0501)


def test_the_pages_own_steps_are_those_of_the_reference(app, browser):
    page = open_page(browser, app.url).page
    for eta, c, noise in ((0.3, 0.2, 0.4), (0.3, 0.0005, 0.4), (0.05, 0.9, 1.0), (0.3, 0.2, 0.0)):
        for optimizer in ("sgd", "adam"):
            settings = {**USUAL, "eta": eta, "c": c, "noise": noise, "optimizer": optimizer}
            share, distance, ends = figures(**settings)
            ran = page.evaluate(RUN, [settings, STEPS])
            assert ran["share"] == pytest.approx(share, abs=1e-12)
            assert ran["distance"] == pytest.approx(distance, rel=1e-9)
            assert (ran["opposed"]["rwd"], ran["opposed"]["pwd"]) == (0, 0)
            for method, end in ends.items():
                assert ran["ends"][method] == pytest.approx(end, rel=1e-9, abs=1e-12)


def test_by_keyboard_to_step_200_and_to_the_papers_shrink_the_figures_are_the_references(app, browser):
    seen = open_page(browser, app.url, reduced_motion="reduce", viewport={"width": 390, "height": 844})
    page = seen.page
    page.wait_for_function(f"document.querySelector('{FIELD.format('steps')}')?.textContent === 'step 120'")
    assert "WD ends at −0.35, further from 0" in page.inner_text(FIELD.format("line-words"))
    assert "RWD ends at −0.10" in page.inner_text(FIELD.format("line-words"))
    assert shown(page) == rounded(*figures(**USUAL, steps=120)[:2])
    page.focus("#lp-toy [data-act=step]")
    for _ in range(STEPS - 120):
        page.keyboard.press("Enter")
    assert page.inner_text(FIELD.format("steps")) == "step 200"
    assert shown(page) == rounded(*figures(**USUAL)[:2])
    page.click("#lp-toy [data-act=paper]")
    small = figures(**USUAL | {"c": 0.0005})
    assert shown(page) == rounded(*small[:2])
    assert "The defect is real, and yet the paths of WD and RWD lie on each other" in page.inner_text(
        FIELD.format("words")
    )
    page.focus(FIELD.format("c"))
    page.keyboard.press("End")
    assert page.inner_text(FIELD.format("c-is")) == "0.9"
    assert "toy_c=0.9" in page.url
    page.check("#lp-toy [value=adam]")
    assert shown(page) == rounded(*figures(**USUAL | {"c": 0.9, "optimizer": "adam"})[:2])
    page.wait_for_function(f"document.querySelector('{FIELD.format('status')}').textContent.includes('c = 0.9')")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert [text for text in seen.errors if "ERR_ABORTED" not in text] == []


def test_it_moves_by_itself_until_it_is_paused_or_its_tab_is_left(app, browser):
    seen = open_page(browser, app.url)
    page = seen.page
    steps = lambda: int(page.inner_text(FIELD.format("steps")).removeprefix("step "))  # noqa: E731
    page.wait_for_function(f"Number(document.querySelector('{FIELD.format('steps')}').textContent.slice(5)) > 1")
    page.click("#lp-tab-explain-button")
    page.wait_for_timeout(300)
    left = page.text_content(FIELD.format("steps"))
    page.wait_for_timeout(2500)
    assert page.text_content(FIELD.format("steps")) == left
    page.click("#lp-tab-demo-button")
    page.wait_for_function(f"document.querySelector('{FIELD.format('steps')}').textContent !== '{left}'")
    page.click("#lp-toy [data-act=play]")
    paused = steps()
    page.wait_for_timeout(1500)
    assert steps() == paused
    assert page.inner_text("#lp-toy [data-act=play]") == "Play"
    page.click("#lp-toy [data-act=reset]")
    assert page.inner_text(FIELD.format("share")) == "–"
    assert [text for text in seen.errors if "ERR_ABORTED" not in text] == []


def test_a_shared_link_shows_a_title_a_description_and_a_picture_of_our_own(app):
    with urllib.request.urlopen(app.url) as answer:
        page = answer.read().decode()
    named = re.findall(r'<meta (?:property|name)="((?:og|twitter):[^"]+)" content="([^"]*)">', page)
    assert len(named) == len(dict(named)) == len(re.findall(r'"(?:og|twitter):', page))
    assert dict(named)["og:title"].startswith("LPWD")
    assert dict(named)["og:image"] == f"{app.url}/lpwd/picture.png"
    with urllib.request.urlopen(dict(named)["og:image"]) as answer:
        picture = answer.read()
    assert picture == card.PICTURE.read_bytes()
    assert [int.from_bytes(picture[at : at + 4], "big") for at in (16, 20)] == [card.WIDTH, card.HEIGHT]


def test_the_paper_is_linked_beside_the_tabs_and_cited_alike_everywhere(app, browser):
    page = open_page(browser, f"{app.url}/?tab=explain").page
    assert page.get_attribute("#lp-paper a", "href") == paper.LINK
    assert page.inner_text("#lp-explain [data-f=bibtex]").strip() == paper.BIBTEX.strip()
    citation = (ROOT / "CITATION.cff").read_text()
    assert f'url: "{paper.LINK}"' in citation
    assert f'title: "{paper.TITLE}"' in citation
    assert f"version: {__version__}" in citation
