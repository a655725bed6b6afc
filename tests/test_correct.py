"""Which test images a run got right: kept when training ends, published, read back, and used for intervals."""

import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from publishing import check, root_files, tables
from synthetic import write_run

from lpwd.analysis.pairs import paired, with_images
from lpwd.analysis.statistics import runs_frame
from lpwd.analysis.verdict import verdict
from lpwd.correct import packed, unpacked
from lpwd.events import Checkpoint, Epoch, Finished
from lpwd.paper.findings import find
from lpwd.paper.presets import PRESETS
from lpwd.store import RunStore
from lpwd.training.train import train

IMAGES = 2000  # of the invented runs
CELLS = [cell for cell in PRESETS["table3"].cells("cpu", 3) if cell.row in ("lpwd", "wd")]


def test_a_trained_run_keeps_which_images_were_right_also_if_it_resumes_after_its_last_epoch(tiny):
    config = tiny(epochs=1, validation_samples=40)
    events = list(train(config, device="cpu"))
    finished, epoch = events[-1], next(event for event in events if isinstance(event, Epoch))
    assert 100 * unpacked(finished.correct, 50).mean() == pytest.approx(epoch.test_top1)
    state = next(event for event in reversed(events) if isinstance(event, Checkpoint)).state
    resumed = list(train(config, device="cpu", resume_from=state))[-1]
    assert isinstance(resumed, Finished)
    assert resumed.correct == finished.correct
    del state["correct"]  # as older checkpoints
    assert list(train(config, device="cpu", resume_from=state))[-1].correct == ""


def test_bits_are_read_back_and_a_wrong_length_is_refused():
    right = np.random.default_rng(0).random(2001) < 0.3
    assert (unpacked(packed(right), 2001) == right).all()
    with pytest.raises(ValueError, match="correct has 251 bytes: 2,000 test images take 250"):
        unpacked(packed(right), 2000)
    with pytest.raises(ValueError, match="correct is not base64"):
        unpacked("!", 2000)


def with_bits(store, cell, top1):
    """A finished run whose last epoch has `top1` percent of the images right, the same ones but for a few per seed."""
    run_id = write_run(store, cell, lambda config, epoch: top1)
    right = np.arange(IMAGES) < round(IMAGES * top1 / 100)
    moved = np.roll(right, 7 * cell.config.seed + 20 * (cell.row == "lpwd"))
    record = store.history(run_id).finished
    store.append(run_id, [replace(record, correct=packed(moved))])
    store.update(run_id, summary=record.summary | {"test_samples": IMAGES, "mean_decay_rate": 1.0})
    return run_id


def test_published_rows_carry_the_bits_and_rows_that_cannot_be_right_are_left_out(tmp_path):
    store = RunStore(tmp_path)
    ids = [with_bits(store, cell, 30.0) for cell in CELLS[:3]]
    ids.append(write_run(store, CELLS[3]))  # without, as older runs
    runs, curves = tables(root_files(store))
    read = check(runs, curves).runs
    assert {run_id: read[run_id].history.finished.correct for run_id in ids} == {
        run_id: store.history(run_id).finished.correct for run_id in ids
    }
    older = check(runs.drop_columns(["correct"]), curves).runs
    assert [older[run_id].history.finished.correct for run_id in ids] == [""] * 4
    bits = runs["correct"].to_pylist()
    place = {run_id: i for i, run_id in enumerate(runs["run_id"].to_pylist())}
    bits[place[ids[0]]], bits[place[ids[1]]] = packed(np.zeros(IMAGES, bool)), packed(np.ones(8, bool))
    wrong = runs.set_column(runs.column_names.index("correct"), "correct", pa.array(bits))
    checked = check(wrong, curves)
    assert set(checked.runs) == set(ids[2:])
    assert "correct means a top-1 of 0 %, but last_top1 is 30" in checked.note
    assert "correct has 1 bytes: 2,000 test images take 250" in checked.note


def test_an_interval_over_seeds_and_images_stands_beside_the_one_over_seeds(tmp_path):
    store = RunStore(tmp_path)
    for cell in CELLS:
        with_bits(store, cell, 30.0 + (cell.row == "lpwd") + cell.config.seed / 10)
    pair = with_images(paired(runs_frame(store.records()), "lpwd", "wd", "last_top1"), store)
    assert pair.interval == pytest.approx((1.0, 1.0))
    assert pair.over_images[0] < 0.5 < 1.5 < pair.over_images[1]  # 40 images of 2,000 differ, of all seeds the same
    assert "95% interval +1.00 to +1.00, over seeds and images " in verdict(pair)
    findings = find(PRESETS["table3"], store, "cpu")
    assert not any("cover seeds alone" in sentence for sentence in findings.sentences)


def test_runs_without_bits_have_an_interval_over_seeds_and_say_so(tmp_path):
    store = RunStore(tmp_path)
    for cell in CELLS:
        write_run(store, cell)
    findings = find(PRESETS["table3"], store, "cpu")
    assert math.isnan(findings.contrasts.images_low.iloc[-1])
    said = "Intervals cover seeds alone, not other test images: their runs did not keep which images were right."
    assert said in findings.sentences
