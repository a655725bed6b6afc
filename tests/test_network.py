"""The landing's last act in Chromium: rates and fractions as the library computes them, moved by hand."""

import pytest
import timm
from browser import CHROMIUM, chromium, open_page, running_app

from lpwd.config import RunConfig
from lpwd.optim.layers import layer_groups
from lpwd.paper import pair

FIELD = "#lp-network [data-f={}]"
RECORDED = pair.bundled()
CONFIG, STEPS = RunConfig(**RECORDED["config"]), RECORDED["lanes"][0]["steps"]
LR, DECAY = CONFIG.lr, CONFIG.weight_decay

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(240),
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
]


@pytest.fixture(scope="module")
def model():
    return timm.create_model(CONFIG.model, num_classes=100, **CONFIG.model_kwargs)


def cells(page, column):
    """A column of the table of numbers, whose fold is closed."""
    read = "(all) => all.map((row) => [...row.cells].map((cell) => cell.textContent))"
    rows = page.eval_on_selector_all(f"{FIELD.format('numbers')} tbody tr", read)
    return [row[column] for row in rows]


def expected(model, steps=STEPS, **options):
    """lambda_i and what is left of a weight after `steps` decays, by layer, as the page writes them."""
    rates = [group["weight_decay"] for group in layer_groups(model, DECAY, **options)]
    left = [1.0] * len(rates)
    for _ in range(steps):
        left = [share * (1 - LR * rate) for share, rate in zip(left, rates, strict=True)]
    return [f"{rate:.4g}" for rate in rates], [100 * share for share in left]


def percents(texts):
    return [float(text.removesuffix(" %")) for text in texts]


def test_the_recorded_counts_are_those_of_the_model(model):
    counts = [sum(p.numel() for p in group["params"]) for group in layer_groups(model, DECAY)]
    assert [lane["heat"]["counts"] for lane in RECORDED["lanes"]] == [counts] * 2


def test_the_clock_and_the_rules_move_the_blocks_as_the_library_would_decay(tmp_path, model):
    with running_app(tmp_path / "runs") as app, chromium() as browser:
        seen = open_page(browser, app.url, viewport={"width": 390, "height": 844})
        page = seen.page
        page.wait_for_selector("#lp-network .lp-net-blocks i", state="attached")
        page.focus(FIELD.format("clock"))
        page.keyboard.press("End")
        rates, left = expected(model)
        assert cells(page, 5) == rates
        assert percents(cells(page, 6)) == pytest.approx(left, rel=5e-3)
        assert f"after {STEPS} steps decay alone leaves " in page.inner_text(FIELD.format("words"))
        norms = [100 * row[-1] for row in RECORDED["lanes"][1]["heat"]["z"]]
        assert percents(cells(page, 7)) == pytest.approx(norms, rel=5e-3)
        for order in ("reversed", "shuffled"):
            page.select_option(FIELD.format("order"), order)
            page.select_option(FIELD.format("mean"), "parameters")
            rates, left = expected(model, order=order, mean="parameters")
            assert cells(page, 5) == rates
            assert percents(cells(page, 6)) == pytest.approx(left, rel=5e-3)
            assert cells(page, 7) == ["–"] * len(rates)
        assert "Over all parameters LPWD decays as much as WD." in page.inner_text(FIELD.format("words"))
        page.select_option(FIELD.format("mean"), "layers")
        page.select_option(FIELD.format("order"), "deep")
        page.keyboard.press("Tab")
        page.click("#lp-network [data-act=play]")
        page.wait_for_function(f"Number(document.querySelector('{FIELD.format('clock')}').value) > 0.2")
        page.click("#lp-network [data-act=play]")
        page.click("#lp-network details[data-f=fold] summary")
        page.wait_for_selector("#lp-network [data-f=heat-1] .hm")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert [text for text in seen.errors if "ERR_ABORTED" not in text] == []
