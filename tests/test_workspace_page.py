"""The workspace in Chromium, as people use it, with three hundred runs of their own in it."""

import os
import socket
import time

import pytest
from browser import CHROMIUM, open_page, owner_link
from gradio_client import Client
from workspace import EPOCHS, finished, six_runs

from lpwd.config import RunConfig
from lpwd.events import Epoch
from lpwd.store import RunStore

HTML_NAME = "<img src=x onerror=document.title='owned'>"
PLOT = "document.querySelector('#lp-runs [data-f=plot]')"


@pytest.fixture(scope="module")
def runs_dir(app):
    """Three hundred finished runs of 100 epochs in two settings, and a failed one on top."""
    store = RunStore(app.runs_dir)
    for seed in range(300):
        run_id = finished(store, seed=seed, method=("wd", "lpwd")[seed % 2])
        if seed % 50 == 0:  # the list reads none of them
            store.append(run_id, EPOCHS)
    failed = store.create(RunConfig(model="test_convnext", dataset="digits", method="pwd", lr=0.02, epochs=3))
    store.save_error(failed, "Traceback (most recent call last):\nRuntimeError: no memory <b>left</b>")
    store.update(failed, state="failed", message="RuntimeError: no memory", name=HTML_NAME, note="<b>bold</b>")
    return store.root


@pytest.fixture
def page(app, browser, runs_dir):
    seen = open_page(browser, owner_link(app))
    yield seen.page
    assert seen.hosts <= {"127.0.0.1", ""}
    assert [text for text in seen.errors if "ERR_ABORTED" not in text] == []
    seen.page.close()


def open_list(page):
    page.click("#lp-tab-runs-button")
    page.wait_for_selector("#lp-runs tbody tr")


def look_into(page, words):
    open_list(page)
    page.fill("#lp-runs [data-f=q]", words)
    page.uncheck("#lp-runs [data-f=together]")
    page.click("#lp-runs tbody tr .lp-link")
    page.wait_for_selector(".lp-about:not([hidden])")


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
class TestPage:
    def test_own_and_published_runs_are_one_table_and_the_newest_is_ticked(self, page):
        open_list(page)
        page.wait_for_selector("#lp-runs tr em")  # where a published run is from
        assert page.locator("#lp-runs tbody input:checked").count() == 1
        page.select_option("#lp-runs [data-f=from]", "trained here")
        assert page.inner_text("#lp-runs [data-f=count]").startswith("301 of ")
        assert page.inner_text("#lp-runs [data-f=count]").endswith(" runs, 3 settings")
        page.uncheck("#lp-runs [data-f=together]")
        assert page.locator("#lp-runs .lp-listing tbody tr").count() == 50

    def test_search_filter_sort_and_columns_and_a_reload_keeps_them(self, page):
        open_list(page)
        page.select_option("#lp-runs [data-f=from]", "trained here")
        page.select_option("#lp-runs [data-f=method]", "lpwd")
        page.uncheck("#lp-runs [data-f=together]")
        page.click("#lp-runs .lp-columns summary")
        page.get_by_label("Seed", exact=True).check()
        page.click("#lp-runs th button:text('Seed')")
        page.reload()
        page.wait_for_selector("#lp-runs tbody tr")
        assert page.inner_text("#lp-runs [data-f=count]").startswith("150 of ")
        assert "tab=runs" in page.url
        assert "299" in page.inner_text("#lp-runs tbody tr:first-child")

    def test_a_failed_run_shows_its_traceback_as_text_and_clone_fills_the_form(self, page):
        look_into(page, "pwd-lr0.02 failed")
        assert "no memory <b>left</b>" in page.inner_text("#lp-runs [data-f=error]")
        assert HTML_NAME in page.inner_text("#lp-runs tbody")
        assert page.title() != "owned"
        page.click("#lp-runs [data-act=clone]")
        page.click(".lp-more button.label-wrap")
        page.wait_for_function("document.querySelector('#lp-lr input')?.value === '0.02'")
        page.wait_for_function("document.querySelector('#lp-methods input:checked')?.name === 'pwd'")
        assert "tab=train" in page.url

    def test_a_name_is_kept_and_delete_asks_first(self, page, runs_dir):
        look_into(page, "s8-")
        run_id = page.inner_text("#lp-runs [data-f=id]")
        page.fill("#lp-runs [data-f=name]", "the good one")
        page.click("#lp-runs form button")
        page.wait_for_selector("#lp-runs .lp-link:text('the good one')")
        assert RunStore(runs_dir).status(run_id).name == "the good one"
        page.click("#lp-runs [data-act=delete-one]")
        page.click("#lp-runs [data-act=no]")
        assert RunStore(runs_dir).exists(run_id)
        page.click("#lp-runs [data-act=delete-one]")
        page.click("#lp-runs [data-act=yes]")
        page.wait_for_selector(".lp-about", state="hidden")
        assert not RunStore(runs_dir).exists(run_id)

    def test_a_group_opens_into_its_seeds_and_all_that_match_are_downloaded(self, page):
        open_list(page)
        page.fill("#lp-runs [data-f=q]", "wd-lr0.001 s1-")
        page.check("#lp-runs thead input")
        with page.expect_download() as download:
            page.click("#lp-runs [data-act=csv]")
        assert download.value.suggested_filename == "lpwd-runs.csv"
        page.fill("#lp-runs [data-f=q]", "adam-wd-lr0.001")
        page.select_option("#lp-runs [data-f=from]", "trained here")
        page.click("#lp-runs tbody .lp-link")
        assert page.locator("#lp-runs tr.lp-seed").count() == 50

    def test_a_published_and_an_own_run_are_ticked_together(self, page):
        open_list(page)
        page.fill("#lp-runs [data-f=q]", "pwd-lr0.02 failed")
        page.check("#lp-runs thead input")
        page.fill("#lp-runs [data-f=q]", "")
        page.select_option("#lp-runs [data-f=from]", "published")
        page.check("#lp-runs tbody tr:first-child input")
        page.wait_for_selector("#lp-runs [data-f=origins]:text('published: snapshot')")
        labels = page.inner_text("#lp-runs [data-f=results]")
        assert "published" in labels
        assert "trained here" in labels

    def test_an_old_link_to_compare_lands_here_with_its_runs_ticked_and_is_drawn_on(self, app, browser):
        store = RunStore(app.runs_dir)
        six = six_runs(store)
        ids = [*six["wd"], *six["lpwd"]]
        names = f"({PLOT}?.data ?? []).filter(t => t.name).map(t => t.name).join()"
        old = f"{app.url}/?tab=compare&runs={','.join(ids)}&logy=1"
        seen = open_page(browser, old, permissions=["clipboard-read", "clipboard-write"])
        page = seen.page
        page.wait_for_function(f"{names} === 'WD (n = 3),LPWD (n = 3)'")
        page.wait_for_selector("#lp-runs [data-f=verdicts]:has-text('n = 3, seeds 0 to 2')")
        assert page.locator("#lp-runs tbody input:checked").count() == 2
        assert page.is_checked("#lp-runs [data-v=logy]")
        box = page.locator("#lp-runs tbody input:checked").first
        assert box.evaluate("box => getComputedStyle(box).appearance") == "auto"  # Gradio's own is white on white
        page.click("#lp-runs [data-f=link]")
        assert "tab=runs" in page.evaluate("navigator.clipboard.readText()")
        for button, start in (("png", b"\x89PNG"), ("curves", b"step,"), ("trackio", b"step,")):
            with page.expect_download() as download:
                page.click(f"#lp-runs [data-f={button}]")
            assert download.value.path().read_bytes().startswith(start)
        assert "trackio.import_csv" in page.inner_text("#lp-runs [data-f=line]")
        page.select_option("#lp-runs [data-v=y]", "norm")
        page.wait_for_function(f"{PLOT}?.data?.length === 6")  # two settings of three layers
        page.select_option("#lp-runs [data-v=layer]", "head")
        page.wait_for_function(f"{names} === 'WD, head (n = 3),LPWD, head (n = 3)'")
        page.select_option("#lp-runs [data-v=y]", "test_top1")
        told = Client(app.url, verbose=False).predict(ids, "last_top1", api_name="/compare")
        assert [group["n"] for group in told["groups"]] == [3, 3]
        assert told["pairs"][0]["mean"] == pytest.approx(1.1)
        grows(store, ids, page)
        assert seen.errors == []
        page.close()


def grows(store, ids, page):
    """A run that goes on training is drawn on while one looks."""
    longest = f"Math.max(...({PLOT}?.data ?? []).map(t => t.x.length))"
    for run_id in ids:
        store.update(run_id, state="running", heartbeat=time.time(), pid=os.getpid(), host=socket.gethostname())
    page.reload()
    page.wait_for_function(f"{PLOT}?.data?.length && {longest} === 12")
    for run_id in ids:
        top1, norms = 11.0 + store.config(run_id).seed, [1.0]
        store.append(run_id, [Epoch(260, 13, 3.0, 4.0, top1, None, 1e-3, norms, None, None, 13.0, 100.0)])
    page.wait_for_function(f"{longest} === 13")
    for run_id in ids:
        store.update(run_id, state="finished")
