"""The workspace: what its rows say, what may be done to a run, and what leaves it as a file."""

import csv
import json
import re

import pytest
from workspace import EPOCHS, RESULT, cached_beside, finished, published_beside, six_runs

from lpwd.config import ConfigError
from lpwd.jobs.rights import User
from lpwd.runs import PUBLISHED, Runs
from lpwd.ui.runs import exports, one_run, runlist
from lpwd.ui.runs import tab as runs
from lpwd.ui.shared import form, spreadsheet


def columns(rows):
    return [dict(zip((*runlist.COLUMNS, "mine"), row, strict=True)) for row in rows]


# ---- rows


def test_a_row_travels_again_only_when_its_run_changed(store):
    first, second = finished(store, seed=1), finished(store, seed=2)
    listed = runlist.RunList(Runs(store))
    start = listed.since()
    assert start["reset"]
    assert {row[0] for row in start["rows"]} == {first, second}
    assert listed.since(start["cursor"])["rows"] == []
    store.update(first, note="again")
    news = listed.since(start["cursor"])
    assert [row["note"] for row in columns(news["rows"])] == ["again"]
    store.delete(second)
    assert listed.since(news["cursor"])["gone"] == [second]


@pytest.mark.parametrize("number", ["", "x", "-1", "1.5", "²", "٣", "9" * 5000, "99"])
def test_a_cursor_that_no_answer_gave_gets_everything(store, number):
    run_id = finished(store)
    listed = runlist.RunList(Runs(store))
    boot = listed.since()["cursor"].partition(".")[0]
    for cursor in (f"{boot}.{number}", "abcdef.7"):
        answer = listed.since(cursor)
        assert (answer["reset"], [row[0] for row in answer["rows"]]) == (True, [run_id])


def test_published_runs_stand_beside_own_ones_and_in_no_group_with_them(store, tmp_path):
    own = six_runs(store)["wd"]
    cached = cached_beside(tmp_path)
    listed = runlist.RunList(Runs(store, cached.runs), cached)
    rows = [row for row in columns(listed.since()["rows"]) if row["method"] == "wd"]
    theirs = [row for row in rows if row["origin"]]
    assert {row["id"] for row in theirs} == {f"{PUBLISHED}{run_id}" for run_id in own}
    assert all(row["origin"].startswith("snapshot, 20") and not row["mine"] for row in theirs)
    assert {row["key"] for row in theirs} == {f"{PUBLISHED}{row['key']}" for row in rows if not row["origin"]}
    assert {row["top1"] for row in theirs} == {row["top1"] for row in rows}
    assert "3 published runs from the snapshot" in listed.since()["published"]


def test_a_stranger_is_told_which_runs_are_not_theirs(store):
    run_id = finished(store)
    store.update(run_id, owner="ada")
    mine = [columns(runlist.RunList(Runs(store)).since("", User(i))["rows"])[0]["mine"] for i in ("ada", "bob")]
    assert mine == [True, False]


def test_a_run_that_trains_shows_its_newest_numbers(store, tiny):
    run_id = store.create(tiny(), state="running")
    store.append(run_id, EPOCHS[:4])
    store.update(run_id, epoch=4, images_per_second=50.0)
    (row,) = columns(runlist.RunList(Runs(store)).since()["rows"])
    assert (row["state"], row["epoch"], row["last"], row["loss"], row["speed"]) == ("running", 4, 2.0, 3.92, 50.0)
    assert row["top1"] is None


def test_small_curves_are_thinned_and_those_of_published_runs_are_there(store, tmp_path):
    runs = published_beside(store, tmp_path)
    own = finished(store)
    store.append(own, EPOCHS)
    (published, *_) = (run.ref for run in runs.published().values())
    curves = runlist.sparks(runs, [own, published, "gone"])
    assert set(curves) == {own, published}
    assert (len(curves[own]), curves[own][0], curves[own][-1]) == (runlist.SPARK_POINTS, 0.5, 50.0)
    assert len(curves[published]) == 12


def test_damaged_runs_are_named_beside_the_others(store):
    good, *bad = (finished(store, seed=seed) for seed in range(5))
    for run_id in bad:
        store.paths(run_id).config.write_text("null")
    answer = runlist.RunList(Runs(store)).since()
    assert [row[0] for row in answer["rows"]] == [good]
    assert answer["damaged"].count("is damaged: config.json is invalid") == 3
    assert answer["damaged"].endswith("; and 1 more")


# ---- one run


def test_damaged_lines_are_told_of_the_run(store):
    run_id = finished(store)
    store.append(run_id, EPOCHS)
    assert "Damaged" not in dict(one_run.about(Runs(store), run_id)["facts"])
    with open(store.paths(run_id).metrics, "a", encoding="utf-8") as file:
        file.write("\0\0\0\n")
    told = dict(one_run.about(Runs(store), run_id)["facts"])
    assert told["Damaged"] == "1 line of metrics.jsonl cannot be read and is skipped"


def test_a_published_run_is_told_in_full_and_is_nobodys_to_change(store, tmp_path):
    runs = published_beside(store, tmp_path)
    (item, *_) = (run.ref for run in runs.published().values())
    told = one_run.about(runs, item)
    assert told["origin"].startswith("snapshot, 20")
    assert dict(told["facts"])["Commit"] == "abc123"
    assert dict(told["results"])["Last epoch"].endswith(" %")
    assert "--weight-decay 5" in told["command"]
    assert "settings = dict(" in told["snippet"]
    assert not any(told[right] for right in ("mine", "canDelete", "canResume", "canStop"))
    for act in (lambda: one_run.edit(store, item, "mine", ""), lambda: one_run.delete(store, [item])):
        with pytest.raises(ConfigError, match="not found"):
            act()


def test_deleting_several_is_all_or_nothing(store, tiny):
    done, queued = finished(store), store.create(tiny())
    with pytest.raises(ConfigError, match="1 of the 2 runs are queued or training"):
        one_run.delete(store, [done, queued])
    assert store.exists(done)


def test_names_are_one_line_and_too_long_is_a_sentence(store):
    run_id = finished(store)
    one_run.edit(store, run_id, " two\nlines ", "kept\nas it is\n")
    assert (store.status(run_id).name, store.status(run_id).note) == ("two lines", "kept\nas it is")
    with pytest.raises(ConfigError, match="The name has 121 characters: 120 at most"):
        one_run.edit(store, run_id, "x" * 121, "")


def test_a_clone_fills_every_control_and_names_what_is_lost(tiny):
    config = tiny(clip_grad_norm=1.5, test_samples=None, betas=(0.8, 0.9))
    values = form.form_values(config)
    assert set(values) == set(form.LABELS)
    assert (values["clip_grad_norm"], values["test_samples"], values["train_samples"]) == ("1.5", "", "160")
    assert '"depths":[1,1,1,1]' in values["model_kwargs"]
    assert form.fields_without_control(config) == ["betas"]
    assert "betas, eps" in runs.clone_message(["betas", "eps"])


# ---- files


def test_exports_hold_settings_results_and_notes_but_no_owner(store, tmp_path):
    runs = published_beside(store, tmp_path)
    run_id, (item, *_) = finished(store), (run.ref for run in runs.published().values())
    store.update(run_id, note='a, "b"', owner="secret")
    whole, text = (exports.table(runs, [run_id, item], kind) for kind in ("json", "csv"))
    assert '"a, ""b"""' in text
    assert "12.345678" in text
    assert [bool(row["published"]) for row in csv.DictReader(text.splitlines())] == [False, True]
    assert json.loads(whole)[0]["config"]["model"] == "test_convnext"
    assert "secret" not in text + whole


def test_a_text_that_a_spreadsheet_would_run_is_quoted_and_a_number_is_not(store):
    run_id = finished(store)
    store.update(
        run_id, name='=HYPERLINK("http://x")', note="-1 is no number here", summary=RESULT | {"last_top1": -1.5}
    )
    row = next(csv.DictReader(exports.table(Runs(store), [run_id], "csv").splitlines()))
    assert (row["name"], row["note"]) == ('\'=HYPERLINK("http://x")', "'-1 is no number here")
    assert row["last_top1"] == "-1.5"
    for text in ("+1", "@sum", "\t=1", "\r=1"):
        assert spreadsheet.plain(text) == f"'{text}"
    for harmless in ("", "wd", "a=b", -1, None, 2.5):
        assert spreadsheet.plain(harmless) is harmless


def test_a_file_for_trackio_has_steps_and_names_that_it_does_not_shorten(store):
    """Of trackio 0.43, imports.import_csv: `step`, then numbers, under names of ten letters, digits and slashes."""
    six, runs = six_runs(store), Runs(store)
    for items in (six["wd"][:1], [*six["wd"], *six["lpwd"]]):
        file = exports.trackio(runs, items)
        names, *rows = list(csv.reader(file["text"].splitlines()))
        assert names[0] == "step"
        assert all(re.fullmatch(r"[A-Za-z0-9/]{1,10}", name) for name in names)
        assert [int(row[0]) for row in rows] == [20 * epoch for epoch in range(1, 13)]
        assert [float(cell) for row in rows for cell in row if cell]
    assert "6/top1" in names
    assert f"# 6: {six['lpwd'][2]}" in file["line"]
    assert re.search(r'trackio\.import_csv\("lpwd-trackio.csv", project="lpwd-\w{8}", name="lpwd-runs"\)', file["line"])
    with pytest.raises(ConfigError, match="nothing for trackio to read"):
        exports.trackio(runs, [finished(store)])
