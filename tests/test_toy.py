"""The landing's first act: the fixture of its steps (tests/js/toy.test.js), and the page in Chromium by hand."""

import json
import re
import urllib.request

import pytest
import torch
from browser import CHROMIUM, ROOT, open_page

from lpwd import __version__
from lpwd.optim import reference
from lpwd.optim.penalty import opposing_penalty
from lpwd.ui.shared import paper
from lpwd.ui.web import assets, card

FIXTURE = ROOT / "tests" / "js" / "toy_reference.json"
STEPS = 200
USUAL = {"eta": 0.3, "c": 0.2, "noise": 0.35, "optimizer": "sgd", "seed": 7}
RUN = """async ([address, settings, steps]) => {
  const { opposingShare, run } = await import(new URL(address, document.baseURI));
  const state = run(settings, steps);
  return [opposingShare(state), state.distance];
}"""
FIELD = "#lp-toy [data-f={}]"


def chromium_only(test):
    return pytest.mark.browser(pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")(test))


def path(method, fixture, case):
    """theta_0 .. theta_T by lpwd.optim.reference, shape (T + 1, 2)."""
    minimum, start, curvature = (torch.tensor(fixture[name]).double() for name in ("minimum", "start", "curvature"))
    direction = reference.AdamDirection() if case["optimizer"] == "adam" else reference.SGDDirection(momentum=0.0)
    noises = case["noise"] * torch.tensor(fixture["normal"]).double()
    gradients = [lambda at, noise=noise: curvature @ (at - minimum) + noise for noise in noises]
    lrs, rate = [case["eta"]] * len(noises), case["c"] / case["eta"]
    one_layer = torch.ones(2, dtype=torch.long)
    return torch.stack([start, *reference.trajectory(method, direction, start, gradients, lrs, rate, one_layer)])


def results(fixture, case):
    """Share of WD's opposing penalties, largest gap between WD and RWD, and where the three methods end."""
    paths = {method: path(method, fixture, case) for method in ("wd", "rwd", "pwd")}
    before, after = paths["wd"][:-1], paths["wd"][1:]
    penalty = case["c"] * before
    share, _ = opposing_penalty(before, before - (after + penalty), penalty)
    distance = torch.linalg.vector_norm(paths["wd"][0] - torch.tensor(fixture["minimum"]).double())
    gap = torch.linalg.vector_norm(paths["wd"] - paths["rwd"], dim=1).max() / distance
    return {"share": share, "distance": float(gap), "ends": {name: theta[-1].tolist() for name, theta in paths.items()}}


def test_the_fixture_of_the_pages_steps_holds_what_the_reference_computes():
    fixture = json.loads(FIXTURE.read_text())
    assert len(fixture["cases"]) == 8
    for case in fixture["cases"]:
        expected = results(fixture, case)
        assert case["share"] == expected["share"]
        assert case["distance"] == pytest.approx(expected["distance"], rel=1e-9)
        for method, end in expected["ends"].items():
            assert case["ends"][method] == pytest.approx(end, rel=1e-9, abs=1e-12)


def shown(page):
    """The two large figures on the page, opposing penalties in percent."""
    texts = page.inner_text(FIELD.format("share")), page.inner_text(FIELD.format("distance"))
    return float(texts[0].removesuffix(" %")), float(texts[1])


def rounded(share, distance):
    """As the page writes them; a tie may go either way."""
    return pytest.approx(100 * share, abs=0.0501), pytest.approx(distance, rel=0.0501)


def computed(page, steps=STEPS, **settings):
    """What the page's own steps give with these settings."""
    asked = [f"{assets.address()}/demo/toy_physics.js", USUAL | settings, steps]
    return rounded(*page.evaluate(RUN, asked))


@chromium_only
def test_by_keyboard_to_step_200_and_to_the_papers_shrink_the_figures_are_the_references(app, browser):
    seen = open_page(browser, app.url, reduced_motion="reduce", viewport={"width": 390, "height": 844})
    page = seen.page
    page.wait_for_function(f"document.querySelector('{FIELD.format('steps')}')?.textContent === 'step 120'")
    assert "WD ends at −0.35, further from 0" in page.inner_text(FIELD.format("line-words"))
    assert "RWD ends at −0.10" in page.inner_text(FIELD.format("line-words"))
    assert shown(page) == computed(page, steps=120)
    page.focus("#lp-toy [data-act=step]")
    for _ in range(STEPS - 120):
        page.keyboard.press("Enter")
    assert page.inner_text(FIELD.format("steps")) == "step 200"
    assert shown(page) == computed(page)
    page.click("#lp-toy [data-act=paper]")
    assert shown(page) == computed(page, c=0.0005)
    assert "The defect is real, but the paths of WD and RWD coincide" in page.inner_text(FIELD.format("words"))
    page.focus(FIELD.format("c"))
    page.keyboard.press("End")
    assert page.inner_text(FIELD.format("c-is")) == "0.9"
    assert "toy_c=0.9" in page.url
    page.check("#lp-toy [value=adam]")
    assert shown(page) == computed(page, c=0.9, optimizer="adam")
    page.wait_for_function(f"document.querySelector('{FIELD.format('status')}')?.textContent.includes('c = 0.9')")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert [text for text in seen.errors if "ERR_ABORTED" not in text] == []


@chromium_only
def test_it_moves_by_itself_until_it_is_paused_or_its_tab_is_left(app, browser):
    seen = open_page(browser, app.url, reduced_motion="no-preference")
    page = seen.page
    steps = lambda: int(page.inner_text(FIELD.format("steps")).removeprefix("step "))  # noqa: E731
    page.wait_for_function(f"Number(document.querySelector('{FIELD.format('steps')}')?.textContent.slice(5)) > 1")
    page.click("#lp-tab-explain-button")
    page.wait_for_timeout(300)
    left = page.text_content(FIELD.format("steps"))
    page.wait_for_timeout(2500)
    assert page.text_content(FIELD.format("steps")) == left
    page.click("#lp-tab-demo-button")
    page.wait_for_function(f"document.querySelector('{FIELD.format('steps')}')?.textContent !== '{left}'")
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


@chromium_only
def test_the_paper_is_linked_beside_the_tabs_and_cited_alike_everywhere(app, browser):
    page = open_page(browser, f"{app.url}/?tab=explain").page
    assert page.get_attribute("#lp-paper a", "href") == paper.LINK
    assert page.inner_text("#lp-explain [data-f=bibtex]").strip() == paper.BIBTEX.strip()
    citation = (ROOT / "CITATION.cff").read_text()
    assert f'url: "{paper.LINK}"' in citation
    assert f'title: "{paper.TITLE}"' in citation
    assert f"version: {__version__}" in citation


if __name__ == "__main__":  # writes the fixture
    normal = torch.randn(60, 2, generator=torch.Generator().manual_seed(7)).tolist()
    made = {"minimum": [1.15, 0.05], "start": [-0.12, 0.72], "curvature": [[0.55, 0.35], [0.35, 1.5]], "normal": normal}
    settings = [(0.3, 0.2, 0.4), (0.3, 0.0005, 0.4), (0.05, 0.9, 1.0), (0.3, 0.2, 0.0)]
    made["cases"] = [
        {"eta": eta, "c": c, "noise": noise, "optimizer": optimizer}
        for eta, c, noise in settings
        for optimizer in ("sgd", "adam")
    ]
    made["cases"] = [case | results(made, case) for case in made["cases"]]
    FIXTURE.write_text(json.dumps(made) + "\n")
