"""The Runs tab: what its rows say, and the list as people use it, with two thousand runs in it."""

import csv
import json

import pytest
from browser import CHROMIUM, chromium, open_page, owner_link, running_app

from lpwd.config import ConfigError, RunConfig
from lpwd.events import Epoch
from lpwd.store import RunStore
from lpwd.ui.runs import runlist
from lpwd.ui.runs import tab as runs
from lpwd.ui.shared import form, spreadsheet

EPOCHS = [Epoch(i, i, 4 - i / 50, 4.1, i / 2, None, 1e-3, [1.0], None, None, float(i), 100.0) for i in range(1, 101)]
RESULT = {"best10_mean": 12.345678, "last_top1": 12.0, "train_loss": 2.5}
HTML_NAME = "<img src=x onerror=document.title='owned'>"


def finished(store, **changes):
    config = RunConfig(**{"model": "test_convnext", "dataset": "digits"} | changes)
    return store.create(config, state="finished", summary=RESULT, epoch=100, seconds=60.0)


def columns(rows):
    return [dict(zip(runlist.COLUMNS, row, strict=True)) for row in rows]


# ---- rows


def test_a_row_travels_again_only_when_its_run_changed(store):
    first, second = finished(store, seed=1), finished(store, seed=2)
    listed = runlist.RunList(store)
    start = listed.since()
    assert start["reset"]
    assert {row[0] for row in start["rows"]} == {first, second}
    assert listed.since(start["cursor"])["rows"] == []
    store.update(first, note="again")
    news = listed.since(start["cursor"])
    assert [row["note"] for row in columns(news["rows"])] == ["again"]
    store.delete(second)
    assert listed.since(news["cursor"])["gone"] == [second]


def test_the_cursor_of_another_process_gets_everything(store):
    finished(store)
    assert runlist.RunList(store).since("abcdef.7")["reset"]


@pytest.mark.parametrize("number", ["", "x", "-1", "1.5", "²", "٣", "9" * 5000, "99"])
def test_a_cursor_that_no_answer_gave_gets_everything(store, number):
    run_id = finished(store)
    listed = runlist.RunList(store)
    boot = listed.since()["cursor"].partition(".")[0]
    answer = listed.since(f"{boot}.{number}")
    assert (answer["reset"], [row[0] for row in answer["rows"]]) == (True, [run_id])


def test_damaged_runs_are_named_beside_the_others(store):
    good, *bad = (finished(store, seed=seed) for seed in range(5))
    for run_id in bad:
        store.paths(run_id).config.write_text("null")
    answer = runlist.RunList(store).since()
    assert [row[0] for row in answer["rows"]] == [good]
    assert answer["damaged"].count("is damaged: config.json cannot be right") == 3
    assert answer["damaged"].endswith("; and 1 more")


def test_damaged_lines_are_told_of_the_run(store):
    run_id = finished(store)
    store.append(run_id, EPOCHS)
    assert "Damaged" not in dict(runlist.about(store, run_id)["facts"])
    with open(store.paths(run_id).metrics, "a") as file:
        file.write("\0\0\0\n")
    told = dict(runlist.about(store, run_id)["facts"])
    assert told["Damaged"] == "1 line of metrics.jsonl cannot be read and is left out"


def test_rows_carry_results_in_six_digits_and_gaps_as_none(store, tiny):
    store.create(tiny())
    finished(store)
    top1 = {row["state"]: row["top1"] for row in columns(runlist.RunList(store).since()["rows"])}
    assert top1 == {"finished": 12.3457, "queued": None}


# ---- acts


def test_deleting_several_is_all_or_nothing(store, tiny):
    done, queued = finished(store), store.create(tiny())
    with pytest.raises(ConfigError, match="1 of the 2 runs are queued or training"):
        runlist.delete(store, [done, queued])
    assert store.exists(done)


def test_names_are_one_line_and_too_long_is_a_sentence(store):
    run_id = finished(store)
    runlist.edit(store, run_id, " two\nlines ", "kept\nas it is\n")
    assert (store.status(run_id).name, store.status(run_id).note) == ("two lines", "kept\nas it is")
    with pytest.raises(ConfigError, match="The name has 121 characters: 120 at most"):
        runlist.edit(store, run_id, "x" * 121, "")


def test_exports_hold_settings_results_and_notes_but_no_owner(store):
    run_id = finished(store)
    store.update(run_id, note='a, "b"', owner="secret")
    table, whole = (runlist.export(store, [run_id], kind) for kind in ("csv", "json"))
    assert '"a, ""b"""' in table
    assert "12.345678" in table
    assert json.loads(whole)[0]["config"]["model"] == "test_convnext"
    assert "secret" not in table + whole


def test_a_text_that_a_spreadsheet_would_run_is_quoted_and_a_number_is_not(store):
    run_id = finished(store)
    store.update(
        run_id, name='=HYPERLINK("http://x")', note="-1 is no number here", summary=RESULT | {"last_top1": -1.5}
    )
    table = runlist.export(store, [run_id], "csv")
    row = next(csv.DictReader(table.splitlines()))
    assert (row["name"], row["note"]) == ('\'=HYPERLINK("http://x")', "'-1 is no number here")
    assert row["last_top1"] == "-1.5"
    for text in ("+1", "@sum", "\t=1", "\r=1"):
        assert spreadsheet.plain(text) == f"'{text}"
    for harmless in ("", "wd", "a=b", -1, None, 2.5):
        assert spreadsheet.plain(harmless) is harmless


def test_a_clone_fills_every_control_and_names_what_is_lost(tiny):
    config = tiny(clip_grad_norm=1.5, test_samples=None, betas=(0.8, 0.9))
    values = form.form_values(config)
    assert set(values) == set(form.LABELS)
    assert (values["clip_grad_norm"], values["test_samples"], values["train_samples"]) == ("1.5", "", "160")
    assert '"depths": [1, 1, 1, 1]' in values["model_kwargs"]
    assert form.lost(config) == ["betas"]
    assert "betas, eps" in runs.cloned(["betas", "eps"])


# ---- the page


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory):
    """Two thousand finished runs of 100 epochs, and a failed one on top."""
    store = RunStore(tmp_path_factory.mktemp("runs") / "runs")
    for seed in range(2000):
        run_id = finished(store, seed=seed, method=("wd", "lpwd")[seed % 2])
        if seed % 20 == 0:  # the list reads none of them
            store.append(run_id, EPOCHS)
    failed = store.create(RunConfig(model="test_convnext", dataset="digits", method="pwd", lr=0.02, epochs=3))
    store.save_error(failed, "Traceback (most recent call last):\nRuntimeError: no memory <b>left</b>")
    store.update(failed, state="failed", message="RuntimeError: no memory", name=HTML_NAME, note="<b>bold</b>")
    return store.root


@pytest.fixture(scope="module")
def app(runs_dir):
    with running_app(runs_dir) as app:
        yield app


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(app, browser):
    seen = open_page(browser, owner_link(app))
    yield seen.page
    assert seen.hosts <= {"127.0.0.1"}
    assert [text for text in seen.errors if "ERR_ABORTED" not in text] == []
    seen.page.context.close()


def open_list(page):
    page.click("#lp-tab-runs-button")
    page.wait_for_selector("#lp-runs tbody tr")


def look_into(page, words):
    open_list(page)
    page.fill("#lp-runs [data-f=q]", words)
    page.click("#lp-runs tbody tr .lp-link")
    page.wait_for_selector(".lp-about:not([hidden])")


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
@pytest.mark.timeout(120)
class TestPage:
    def test_two_thousand_runs_are_listed_in_pages(self, page):
        open_list(page)
        assert page.inner_text("#lp-runs [data-f=count]") == "2,001 runs"
        assert page.locator("#lp-runs tbody tr").count() == 50

    def test_search_filter_and_sort_and_a_reload_keeps_them(self, page):
        open_list(page)
        page.select_option("#lp-runs [data-f=method]", "lpwd")
        page.click("#lp-runs th button:text('Seed')")
        page.reload()
        page.wait_for_selector("#lp-runs tbody tr")
        assert page.inner_text("#lp-runs [data-f=count]") == "1,000 of 2,001 runs"
        assert "tab=runs" in page.url
        assert "1999" in page.inner_text("#lp-runs tbody tr:first-child")

    def test_a_failed_run_shows_its_traceback_as_text(self, page):
        look_into(page, "pwd-lr0.02 failed")
        assert "no memory <b>left</b>" in page.inner_text("#lp-runs [data-f=error]")
        assert HTML_NAME in page.inner_text("#lp-runs tbody")
        assert page.title() != "owned"

    def test_clone_fills_the_form(self, page):
        look_into(page, "pwd-lr0.02 failed")
        page.click("#lp-runs [data-act=clone]")
        page.wait_for_function("document.querySelector('#lp-lr input').value === '0.02'")
        page.wait_for_function("document.querySelector('#lp-epochs input').value === '3'")
        page.wait_for_function("document.querySelector('#lp-methods .token')?.innerText.trim() === 'PWD'")
        assert "tab=train" in page.url

    def test_a_name_and_a_note_are_kept(self, page, runs_dir):
        look_into(page, "s7-")
        page.fill("#lp-runs [data-f=name]", "the good one")
        page.click("#lp-runs form button")
        page.wait_for_selector("#lp-runs .lp-link:text('the good one')")
        assert any(record.status.name == "the good one" for record in RunStore(runs_dir).records())

    def test_delete_asks_first(self, page, runs_dir):
        look_into(page, "s8-")
        run_id = page.inner_text("#lp-runs [data-f=id]")
        page.click("#lp-runs [data-act=delete-one]")
        page.click("#lp-runs [data-act=no]")
        assert RunStore(runs_dir).exists(run_id)
        page.click("#lp-runs [data-act=delete-one]")
        page.click("#lp-runs [data-act=yes]")
        page.wait_for_selector(".lp-about", state="hidden")
        assert not RunStore(runs_dir).exists(run_id)

    def test_the_selection_is_downloaded(self, page):
        open_list(page)
        page.fill("#lp-runs [data-f=q]", "s1-")
        page.check("#lp-runs thead input")
        with page.expect_download() as download:
            page.click("#lp-runs [data-act=csv]")
        assert download.value.suggested_filename == "lpwd-runs.csv"
