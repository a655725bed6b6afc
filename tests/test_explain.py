"""The Explain tab: rates by layer, and the page in Chromium."""

import statistics
from urllib.parse import parse_qs, urlsplit

import pytest
from browser import CHROMIUM, open_page
from synthetic import write_run

from lpwd.config import ConfigError, RunConfig
from lpwd.methods import METHODS
from lpwd.paper.presets import Cell
from lpwd.store import RunStore
from lpwd.ui.explain import rates
from lpwd.ui.explain import tab as explain


def test_a_recorded_model_brings_its_parameter_weighted_mean(store):
    write_run(store, Cell(RunConfig(epochs=12), 0, False))
    known = rates.models(store)
    assert [model.n for model in known] == [3, 20, 38, 14]
    told = rates.view(store, 0, 3, "2i/n", 0.5)
    weighted = (1 * 10 + 2 * 90 + 3 * 900) / 3 / 1000  # lambda_i = 0.5 * 2i/3, over 10, 90 and 900 parameters
    assert f"{weighted:.4g} ({2 * weighted:.3g} λ)" in told["summary"]
    assert told["rows"][1] == ["1", "stem", "0.3333", "0.6667", "10"]
    assert "needs a run" in rates.view(store, 1, 20, "2i/(n+1)", 0.5)["summary"]


def test_the_rates_of_a_drawn_profile_are_shown_and_a_wrong_one_is_a_sentence(store):
    told = rates.view(store, None, 3, "profile", 0.5, "0,1,2")
    assert told["figure"]["data"][0]["y"] == pytest.approx([0, 0.5, 1])
    assert told["figure"]["data"][0]["name"] == "Custom, λᵢ"
    for wrong in ("0,0", "a", "1,-1"):
        with pytest.raises(ConfigError, match="profile"):
            rates.view(store, None, 3, "profile", 0.5, wrong)


def test_every_rule_has_its_difference_marked():
    assert list(explain.RULES) == list(METHODS)[:6]
    marked = {method: "[" in " ".join(lines) for method, (lines, _) in explain.RULES.items()}
    assert marked == {method: method != "baseline" for method in explain.RULES}


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_the_numeric_check_and_the_sliders_in_a_browser(app, browser):
    write_run(RunStore(app.runs_dir), Cell(RunConfig(epochs=12), 0, False))
    seen = open_page(browser, app.url + "/?tab=explain", viewport={"width": 390, "height": 844})
    page = seen.page
    said = page.locator("#lp-explain [data-f=checked]")
    page.wait_for_selector("#lp-explain [data-f=rates-said]:not(:empty)")  # its script has been loaded
    page.fill("#lp-explain [name=lam]", "20")
    page.press("#lp-explain [name=lam]", "Enter")
    page.wait_for_function("document.querySelectorAll('#lp-explain [data-f=checks] tbody tr').length === 5")
    assert "hold to rounding" in said.inner_text()
    page.fill("#lp-explain [name=lam]", "5000")
    page.click("#lp-explain [data-f=check] button")
    page.wait_for_function("document.querySelector('#lp-explain [data-f=checked]')?.textContent.includes('0.5')")
    rates_said = "document.querySelector('#lp-explain [data-f=rates-said]')?.textContent"
    assert page.wait_for_function(f"{rates_said}?.includes('1,000 parameters, as recorded')")
    page.select_option("#lp-explain [data-f=model]", label="ConvNeXt-T (n = 20)")
    page.wait_for_function(f"{rates_said}?.startsWith('20 layers')")
    page.focus("#lp-explain [data-f=n]")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"{rates_said}?.startsWith('21 layers')")
    bars = "document.querySelector('#lp-explain [data-f=rates]')?.data?.[0]?.y?.length"
    assert page.wait_for_function(f"{bars} === 21")
    page.select_option("#lp-explain [data-f=rule]", "2i/(n+1)")
    link = page.evaluate("location.href")
    page.goto(link)
    page.wait_for_function(f"{rates_said}?.startsWith('21')")
    assert page.input_value("#lp-explain [data-f=rule]") == "2i/(n+1)"
    audits = "document.querySelectorAll('#lp-explain [data-f=audits] tbody tr').length"
    page.wait_for_function(f"{audits} === 15")  # torch's classes
    page.fill("#lp-explain [data-f=audit-filter]", "timm: 'in the update'".replace("'", ""))
    page.wait_for_function(f"{audits} < 15 && {audits} > 4")
    page.select_option("#lp-explain [data-f=audit-name]", "adamw")
    page.click("#lp-explain [data-act=audit]")
    page.wait_for_function(f"{audits} === 1", timeout=120_000)
    assert "decoupled" in page.inner_text("#lp-explain [data-f=audits] tbody")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert seen.hosts == {"127.0.0.1"}
    assert seen.errors == []


def at_each_bar(page):
    return page.eval_on_selector_all("#lp-profile-editor .lp-profile-bars input", "all => all.map(one => +one.value)")


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_a_profile_is_drawn_with_keys_kept_in_the_link_and_taken_to_a_race(app, browser):
    seen = open_page(browser, app.url + "/?tab=explain")
    page = seen.page
    page.wait_for_selector("#lp-explain [data-f=rates-said]:not(:empty)")
    page.focus("#lp-explain .lp-profile-bars label:last-child input")
    page.keyboard.press("End")
    said = "document.querySelector('#lp-explain [data-f=rates-said]')?.textContent"
    page.wait_for_function("document.querySelector('#lp-explain [data-f=rates]')?.data?.[0]?.name === 'Custom, λᵢ'")
    shown = page.evaluate(said)
    page.reload()
    page.wait_for_function(f"{said} === {shown!r}")
    page.click("#lp-explain [data-f=race-profile]")
    profile = parse_qs(urlsplit(page.url).query)["profile"][0]
    assert profile.startswith("0.")
    assert profile.endswith(",4")
    page.wait_for_function(
        f"document.querySelector('#lp-plan [data-f=commands]')?.textContent.includes('--profile {profile}')"
    )
    page.wait_for_selector("#lp-profile-editor .lp-profile:not([hidden])")
    bar = "#lp-profile-editor .lp-profile-bars label:last-child input"
    page.wait_for_function(f"document.querySelector('{bar}')?.value === '4'")
    assert page.get_attribute(bar, "aria-valuetext") == f"{4 / statistics.fmean(at_each_bar(page)):.2g} times λ"
    page.uncheck("#lp-profile-editor [data-f=same]")
    page.wait_for_function("document.querySelector('#lp-plan')?.textContent.includes('--mean drawn')")
    assert page.get_attribute(bar, "aria-valuetext") == "4 times λ"
    page.reload()
    page.wait_for_selector("#lp-profile-editor [data-f=same]:not(:checked)")
    page.wait_for_function(
        f"document.querySelector('#lp-plan')?.textContent.includes('--mean drawn --profile {profile}')"
    )
    assert seen.errors == []
