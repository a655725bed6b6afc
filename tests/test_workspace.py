"""The chart of the workspace: groups, statistics, curves and the endpoint /compare."""

import re
from dataclasses import replace

import pandas as pd
import pytest
from synthetic import opposing
from workspace import published_beside, six_runs, write

from lpwd import history
from lpwd.config import ConfigError
from lpwd.events import Step
from lpwd.runs import Runs
from lpwd.ui.curves import MAX_POINTS
from lpwd.ui.runs import chart, compared, exports, overlay
from lpwd.ui.web.topics import IDLE_MS


@pytest.fixture
def six(store):
    return six_runs(store)


def test_three_seeds_of_two_methods_are_two_groups_with_a_paired_verdict(store, six):
    answer = compared.comparison(Runs(store), [*six["wd"], *six["lpwd"]], "last_top1")
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
    (pair,) = compared.comparison(Runs(store), [*six["wd"], *other], "best10_mean")["pairs"]
    assert pair["n"] == 2
    assert pair["verdict"].startswith("WD, λ 1 minus WD, λ 5: no difference larger than 0.15 points")


def test_runs_on_other_batches_are_not_paired(store, six):
    (pair,) = compared.comparison(Runs(store), [six["wd"][0], write(store, "lpwd", 0, epochs=13)], "best10_mean")[
        "pairs"
    ]
    assert (pair["n"], pair["outcome"]) == (0, "none")
    assert "they differ in epochs" in pair["verdict"]


def test_a_group_key_means_all_its_seeds(store, six):
    runs = Runs(store)
    assert compared.choose(runs, [runs.key(store.record(six["lpwd"][0]))])[0].ids == six["lpwd"]


def test_published_runs_are_named_apart_and_paired_but_never_averaged_with_own_ones(six, store, tmp_path):
    runs = published_beside(store, tmp_path)
    theirs = [run.ref for run in runs.published().values()]
    entries = compared.choose(runs, [*six["wd"], *six["lpwd"], *theirs])
    assert [entry.label for entry in entries] == ["WD, trained here", "LPWD, trained here", "WD, published"]
    assert [sorted(entry.ids) for entry in entries] == [sorted(six["wd"]), sorted(six["lpwd"]), sorted(theirs)]
    shown = chart.view(overlay.Curves(runs), [*six["lpwd"], runs.key(runs.record(theirs[0]))])
    assert shown["origins"] == "3 of the 6 runs drawn are published: snapshot."
    assert "n = 3, seeds 0 to 2" in shown["verdicts"][0]


def test_weight_norms_are_drawn_by_layer_or_of_one(store, six):
    curves = overlay.Curves(Runs(store))
    every = chart.view(curves, [*six["wd"], *six["lpwd"]], y="norm")
    assert every["layers"] == ["stem", "stages.0", "head"]
    assert [trace["name"].partition(" (")[0] for trace in every["figure"]["data"]] == [
        f"{method}, {layer}" for method in ("WD", "LPWD") for layer in every["layers"]
    ]
    (*_, mean) = chart.view(curves, six["wd"], y="norm", layer="head")["figure"]["data"]
    assert (mean["x"][:2], mean["y"][:2]) == ([0, 1], [3.0, 2.9])
    rate = opposing(store.config(six["wd"][0]))
    assert chart.view(curves, six["wd"], y="opposing")["figure"]["data"][-1]["y"] == pytest.approx([rate] * 12)


def test_the_angular_update_is_drawn_by_layer_and_published_with_the_curves(store, six, tmp_path):
    runs = published_beside(store, tmp_path)
    (theirs, *_) = (run.ref for run in runs.published().values())
    for item in (six["wd"][0], theirs):
        shown = chart.view(overlay.Curves(runs), [item], y="angle")
        assert shown["layers"] == ["stem", "stages.0", "head"]
        *_, head = shown["figure"]["data"]
        assert (head["x"][:3], head["y"][:3]) == ([1, 2, 3], [0.03, 0.015, 0.01])
    header, *rows = exports.points(overlay.Curves(runs), compared.choose(runs, six["wd"]), "angle").splitlines()
    assert {"angle", "layer"} <= set(header.split(","))
    assert len(rows) == 3 * 3 * 12


def test_the_picture_has_mean_band_and_raw_seeds_and_smoothing_leaves_the_raw(store, six):
    curves = overlay.Curves(Runs(store))
    plain = chart.view(curves, six["wd"])["figure"]["data"]
    assert len(plain) == 3 + 2 + 1  # seeds, band, mean
    assert plain[-1]["name"] == "WD (n = 3)"
    assert plain[-1]["y"][-1] == pytest.approx(12.2)
    smooth = chart.view(curves, six["wd"], smooth=0.9)["figure"]["data"]
    assert [t["y"] for t in smooth[:5]] == [t["y"] for t in plain[:5]]
    assert smooth[-1]["y"][-1] < 12.2
    for x, y in (("step", "loss"), ("seconds", "train_loss")):
        chart.view(curves, [*six["wd"][:1], six["lpwd"][0]], x=x, y=y, logs="xy", each=True)


def test_an_unchanged_comparison_is_not_sent_again_and_a_growing_one_is(store, six):
    curves = overlay.Curves(Runs(store))
    first = chart.view(curves, six["wd"])
    assert first["pollMs"] == IDLE_MS
    assert chart.view(curves, six["wd"], stamp=first["stamp"]) == {"stamp": first["stamp"], "pollMs": IDLE_MS}
    store.update(six["wd"][0], state="running")
    store.append(six["wd"][0], [Step(281, 13, 0.5, 1e-3, 9.0, 100.0)])
    second = chart.view(curves, six["wd"], stamp=first["stamp"])
    assert second["pollMs"] == chart.FOLLOW_MS
    assert "figure" in second


def test_the_csv_of_a_comparison_quotes_texts_that_a_spreadsheet_would_run(store, six):
    runs = Runs(store)
    entries = [replace(entry, runs=entry.runs.assign(method="=wd")) for entry in compared.choose(runs, six["wd"])]
    lines = exports.points(overlay.Curves(runs), entries, "test_top1").splitlines()
    assert len(lines) == 1 + 3 * 12
    assert all(",'=wd," in line for line in lines[1:])


def test_a_growing_comparison_reads_only_what_was_appended(store, six, monkeypatch):
    curves = overlay.Curves(Runs(store))
    ids = [*six["wd"], *six["lpwd"]]
    first = chart.view(curves, ids)
    parsed = []
    monkeypatch.setattr(history, "from_json", lambda line, real=history.from_json: parsed.append(line) or real(line))
    store.append(six["wd"][0], [Step(281, 13, 0.5, 1e-3, 9.0, 100.0)])
    second = chart.view(curves, ids, y="loss", stamp=first["stamp"])
    assert "figure" in second
    assert len(parsed) == 1


def test_a_damaged_line_or_run_hides_no_other(store, six):
    with open(store.paths(six["wd"][0]).metrics, "ab") as file:
        file.write(b"\0" * 50 + b"\n")
    store.paths(six["lpwd"][0]).status.write_text("[]")
    assert "figure" in chart.view(overlay.Curves(Runs(store)), six["wd"])
    with pytest.raises(ConfigError, match=r"is damaged: status\.json"):
        chart.view(overlay.Curves(Runs(store)), six["lpwd"])


def test_a_curve_has_at_most_a_thousand_points_and_keeps_its_peak():
    values = pd.Series([1.0] * 20_000)
    values[12_345] = 9.0
    x, y = overlay.thinned(pd.Series(range(20_000)), values)
    assert len(x) <= MAX_POINTS
    assert max(y) == 9.0


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [(["nope"], "run 'nope' not found"), (["a*b*c*d"], "group 'a*b*c*d' has no runs"), ([], "run_ids is empty")],
)
def test_bad_input_is_a_sentence(store, asked, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        compared.comparison(Runs(store), asked, "best10_mean")
