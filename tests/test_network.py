"""The landing's last act in Chromium: rates and fractions as the library computes them, moved by hand.

Run as a script, it writes the layers of the paper's networks that the page draws.
"""

import json

import pytest
import timm
import torch
from browser import CHROMIUM, open_page

from lpwd.config import RunConfig
from lpwd.optim.layers import layer_groups
from lpwd.paper import pair
from lpwd.paper.numbers import PAPER_STEPS
from lpwd.ui.demo import network
from lpwd.ui.look import HERE

FIELD = "#lp-network [data-f={}]"
RECORDED = pair.bundled()
CONFIG, STEPS = RunConfig(**RECORDED["config"]), RECORDED["lanes"][0]["steps"]
LR, DECAY = CONFIG.lr, CONFIG.weight_decay

PAPER = {"ConvNeXt-T": "convnext_tiny.fb_in22k", "Swin-T": "swin_tiny_patch4_window7_224.ms_in22k"}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
]


def on_meta(name):
    """A network of the paper with a head for CIFAR-100, without weights."""
    with torch.device("meta"):
        return timm.create_model(name, num_classes=100)


def layers_of_the_papers_networks():
    """Names and numbers of parameters of their layers, shallow to deep."""
    groups = {label: layer_groups(on_meta(name), DECAY) for label, name in PAPER.items()}
    count = lambda group: sum(p.numel() for p in group["params"])  # noqa: E731
    return {
        label: {"layers": [one["layer_name"] for one in of], "counts": [count(one) for one in of]}
        for label, of in groups.items()
    }


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


def test_the_layers_of_the_papers_networks_are_those_of_timm():
    kept = json.loads((HERE / "demo" / "networks.json").read_text())
    assert kept == layers_of_the_papers_networks()
    assert [len(known["layers"]) for known in kept.values()] == [20, 14]
    conv, swin = network.networks()
    assert "ConvNeXt-T, 20 layers, 27.9 M parameters" in conv["line"]
    assert (swin["epochs"], swin["lanes"][1]["steps"]) == (100, PAPER_STEPS)


def other_strengths_and_networks(page):
    """Lambda by the mark and by keys, then the paper's ConvNeXt-T after all its steps."""
    page.click("#lp-network [data-act=paper]")
    assert page.inner_text(FIELD.format("decay-is")) == "0.5"
    assert page.inner_text("#lp-network h3 >> nth=0").startswith("WD not recorded with these settings")
    page.select_option(FIELD.format("network"), label="ConvNeXt-T, the paper’s")
    groups = layer_groups(on_meta(PAPER["ConvNeXt-T"]), 0.5)
    left = [100 * (1 - network.PAPER_LR * group["weight_decay"]) ** PAPER_STEPS for group in groups]
    assert percents(cells(page, 6)) == pytest.approx(left, rel=5e-3)
    assert percents(cells(page, 3)) == pytest.approx([100 * (1 - network.PAPER_LR * 0.5) ** PAPER_STEPS] * 20, rel=5e-3)
    assert cells(page, 7) == ["–"] * 20
    words = page.inner_text(FIELD.format("words"))
    assert "after 9,800 steps decay alone leaves 0.744 % of its start" in words
    assert "was learned" not in words
    page.focus(FIELD.format("decay"))
    page.keyboard.press("End")
    assert page.inner_text(FIELD.format("decay-is")) == "50"
    assert cells(page, 5)[-1] == "100"


def test_the_clock_and_the_rules_move_the_blocks_as_the_library_would_decay(app, browser, model):
    seen = open_page(browser, app.url, viewport={"width": 390, "height": 844})
    page = seen.page
    page.wait_for_selector("#lp-network .lp-net-blocks i", state="attached")
    page.focus(FIELD.format("clock"))
    page.keyboard.press("End")
    rates, left = expected(model)
    assert cells(page, 5) == rates
    assert percents(cells(page, 6)) == pytest.approx(left, rel=5e-3)
    assert f"after {STEPS:,} steps decay alone leaves " in page.inner_text(FIELD.format("words"))
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
    other_strengths_and_networks(page)
    assert [text for text in seen.errors if "ERR_ABORTED" not in text] == []


if __name__ == "__main__":
    (HERE / "demo" / "networks.json").write_text(json.dumps(layers_of_the_papers_networks(), indent=1) + "\n")
