"""The Compare tab: groups, statistics, curves, the endpoint, and the page in Chromium."""

import os
import re
import socket
import time
from dataclasses import replace

import pandas as pd
import pytest
from browser import CHROMIUM, chromium, open_page, running_app
from gradio_client import Client
from synthetic import write_run

from lpwd.config import ConfigError, RunConfig
from lpwd.events import Epoch, Step
from lpwd.paper.presets import Cell
from lpwd.store import RunStore
from lpwd.ui.compare import compared, overlay
from lpwd.ui.compare import tab as compare
from lpwd.ui.curves import MAX_POINTS

NOISE = {"wd": [0.0, 0.1, 0.3], "lpwd": [0.0, 0.1, 0.2]}


def top1(config, epoch):
    return 10 + epoch / 10 + config.seed + (1 + NOISE["lpwd"][config.seed] if config.method == "lpwd" else 0)


def write(store, method, seed, **changes):
    config = RunConfig(**{"method": method, "seed": seed, "epochs": 12, "weight_decay": 5, "scale": "cpu"} | changes)
    return write_run(store, Cell(config, "", True), top1, steps=True)


@pytest.fixture
def six(store):
    """Run ids by method: three seeds of two methods; LPWD is higher by 1.0, 1.1 and 1.2 points."""
    return {method: [write(store, method, seed) for seed in range(3)] for method in ("wd", "lpwd")}


def test_three_seeds_of_two_methods_are_two_groups_with_a_paired_verdict(store, six):
    answer = compared.comparison(store, [*six["wd"], *six["lpwd"]], "last_top1")
    assert [(g["label"], g["n"], g["mean"], g["std"]) for g in answer["groups"]] == [
        ("WD", 3, 12.2, 1.0),
        ("LPWD", 3, 13.3, 1.1),
    ]
    (pair,) = answer["pairs"]
    assert pair["differences"] == pytest.approx([1.0, 1.1, 1.2])
    assert (pair["n"], pair["seeds"], pair["outcome"]) == (3, [0, 1, 2], "higher")
    assert pair["verdict"].startswith("LPWD is higher than WD in test top-1 of the last epoch: +1.10 points")


def test_one_method_at_two_rates_is_paired_and_named_by_the_rate(store, six):
    other = [write(store, "wd", seed, weight_decay=1) for seed in range(2)]
    (pair,) = compared.comparison(store, [*six["wd"], *other], "best10_mean")["pairs"]
    assert pair["n"] == 2
    assert pair["verdict"].startswith("WD, λ 1 minus WD, λ 5: no difference")


def test_runs_on_other_batches_are_not_paired(store, six):
    (pair,) = compared.comparison(store, [six["wd"][0], write(store, "lpwd", 0, epochs=13)], "best10_mean")["pairs"]
    assert (pair["n"], pair["outcome"]) == (0, "none")
    assert "they differ in epochs" in pair["verdict"]


def test_a_group_key_means_all_its_seeds(store, six):
    group = compare.listed(store, "lpwd λ 5")["groups"][0]
    assert group["n"] == 3
    assert compared.choose(store, [group["key"]])[0].ids == six["lpwd"]
    assert compare.listed(store, "nothing like it")["groups"] == []


def test_the_picture_has_mean_band_and_raw_seeds_and_smoothing_leaves_the_raw(store, six):
    curves = overlay.Curves(store)
    plain = compare.view(curves, six["wd"])["figure"]["data"]
    assert len(plain) == 3 + 2 + 1  # seeds, band, mean
    assert plain[-1]["name"] == "WD (n = 3)"
    assert plain[-1]["y"][-1] == pytest.approx(12.2)
    smooth = compare.view(curves, six["wd"], smooth=0.9)["figure"]["data"]
    assert [t["y"] for t in smooth[:5]] == [t["y"] for t in plain[:5]]
    assert smooth[-1]["y"][-1] < 12.2
    for x, y in (("step", "loss"), ("seconds", "train_loss")):
        compare.view(curves, [*six["wd"][:1], six["lpwd"][0]], x=x, y=y, logs="xy", each=True)


def test_an_unchanged_comparison_is_not_sent_again_and_a_growing_one_is(store, six):
    curves = overlay.Curves(store)
    first = compare.view(curves, six["wd"])
    assert first["moving"] is False
    assert compare.view(curves, six["wd"], stamp=first["stamp"]) == {"stamp": first["stamp"], "moving": False}
    store.update(six["wd"][0], state="running")
    store.append(six["wd"][0], [Step(281, 13, 0.5, 1e-3, 9.0, 100.0)])
    second = compare.view(curves, six["wd"], stamp=first["stamp"])
    assert second["moving"] is True
    assert "figure" in second


def test_the_csv_of_a_comparison_quotes_texts_that_a_spreadsheet_would_run(store, six):
    entries = [replace(entry, runs=entry.runs.assign(method="=wd")) for entry in compared.choose(store, six["wd"])]
    lines = overlay.csv(overlay.Curves(store), entries, "test_top1").splitlines()
    assert len(lines) == 1 + 3 * 12
    assert all(",'=wd," in line for line in lines[1:])


def test_a_curve_has_at_most_a_thousand_points_and_keeps_its_peak():
    values = pd.Series([1.0] * 20_000)
    values[12_345] = 9.0
    x, y = overlay.thinned(pd.Series(range(20_000)), values)
    assert len(x) <= MAX_POINTS
    assert max(y) == 9.0


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [(["nope"], "there is no run"), (["a*b*c*d"], "no runs of the group"), ([], "run_ids is empty")],
)
def test_bad_input_is_a_sentence(store, asked, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        compared.comparison(store, asked, "best10_mean")


@pytest.mark.browser
@pytest.mark.timeout(150)
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_compare_by_clicks_then_the_link_in_another_browser_then_by_script(tmp_path):
    store = RunStore(tmp_path / "runs")
    ids = [write(store, method, seed) for method in ("wd", "lpwd") for seed in range(3)]
    said = "(document.querySelector('#lp-compare [data-f=verdicts]')?.textContent ?? '')"
    body = "[...(document.querySelector('#lp-compare [data-f=results]').tBodies[0]?.rows ?? [])]"
    rows = f"{body}.map(row => `${{row.cells[0].textContent}} ${{row.cells[1].textContent}}`).join()"
    drawn = "(document.querySelector('#lp-compare [data-f=plot]').data ?? [])"
    names = f"{drawn}.filter(t => t.name).map(t => t.name).join()"
    with running_app(tmp_path / "runs") as app, chromium() as browser:
        seen = open_page(browser, app.url + "/?tab=compare", permissions=["clipboard-read", "clipboard-write"])
        page = seen.page
        page.wait_for_selector("#lp-compare [data-f=choices] input")
        assert page.is_visible("#lp-compare [data-f=empty]")
        for method in ("WD", "LPWD"):
            page.check(f"#lp-compare [data-f=choices] > li > label > input[aria-label^='{method},']")
        page.check("#lp-compare [data-v=logy]")
        page.wait_for_function(f"{said}.includes('n = 3, seeds 0 to 2')")
        page.wait_for_function(f"{rows} === 'WD 3,LPWD 3'")
        page.wait_for_function(f"{names} === 'WD (n = 3),LPWD (n = 3)'")
        page.click("#lp-compare [data-f=link]")
        page.wait_for_function("document.querySelector('#lp-compare [data-f=link]').textContent === 'Copied'")
        link, verdict = page.evaluate("navigator.clipboard.readText()"), page.evaluate(said)
        with page.expect_download() as csv:
            page.click("#lp-compare [data-f=csv]")
        assert len(csv.value.path().read_text().splitlines()) == 1 + 6 * 12
        with page.expect_download() as png:
            page.click("#lp-compare [data-f=png]")
        assert png.value.path().read_bytes().startswith(b"\x89PNG")
        other = open_page(browser, link)
        other.page.wait_for_function(f"verdict => {said} === verdict", arg=verdict)
        assert other.page.is_checked("#lp-compare [data-v=logy]")
        other.page.wait_for_function(f"{names} === 'WD (n = 3),LPWD (n = 3)'")
        assert seen.errors + other.errors == []
        assert (seen.hosts | other.hosts) - {""} == {"127.0.0.1"}  # "" is the blob that is downloaded
        follow(store, ids, other.page)
        told = Client(app.url, verbose=False).predict(ids, "last_top1", api_name="/compare")
        assert [group["n"] for group in told["groups"]] == [3, 3]
        assert told["pairs"][0]["mean"] == pytest.approx(1.1)


def follow(store, ids, page):
    """A run that goes on training is drawn on while one looks, and no longer once it has ended."""
    longest = "Math.max(...document.querySelector('#lp-compare [data-f=plot]').data.map(t => t.x.length))"
    for run_id in ids:
        store.update(run_id, state="running", heartbeat=time.time(), pid=os.getpid(), host=socket.gethostname())
    page.reload()
    page.wait_for_function(f"document.querySelector('#lp-compare [data-f=plot]')?.data?.length && {longest} === 12")
    for run_id in ids:
        top1, norms = 11.0 + store.config(run_id).seed, [1.0]
        store.append(run_id, [Epoch(260, 13, 3.0, 4.0, top1, None, 1e-3, norms, None, None, 13.0, 100.0)])
    page.wait_for_function(f"{longest} === 13")
    for run_id in ids:
        store.update(run_id, state="finished")
    page.wait_for_function(
        "document.querySelector('#lp-compare [data-f=results]').rows[1].cells[1].textContent === '3'"
    )
