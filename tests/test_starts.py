"""Starts: half precision, checked by digest, fitted to another task, trained first where they are missing."""

import json
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType

import pytest
import torch
from click.testing import CliRunner
from conftest import TINY
from small_preset import as_json, small_preset

import lpwd.cli.paper as paper_command
from lpwd import starts as published_starts
from lpwd.cli.main import main
from lpwd.config import ConfigError, RunConfig
from lpwd.jobs.race import initial_weights, run_lanes
from lpwd.paper import presets
from lpwd.paper.grids import Cell
from lpwd.store import RunStore
from lpwd.training import models, starts


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where published starts are listed; empty."""
    where = tmp_path / "starts"
    where.mkdir()
    monkeypatch.setenv("LPWD_STARTS_DIR", str(where))
    published_starts._published.cache_clear()
    return where


@pytest.fixture
def start(folder, tmp_path, tiny):
    """A published start: a tiny ConvNeXt after an epoch of digits."""
    elsewhere = RunStore(tmp_path / "elsewhere")
    run_id = elsewhere.create(tiny(method="wd", epochs=1, augment="shift_flip"))
    run_lanes(elsewhere, [run_id], device="cpu", threads=1)
    return starts.export(elsewhere, run_id, folder)


def preset_of(start, tiny, **changes):
    """Two cells that fine-tune a start, which `name_of` names."""
    name = published_starts.name_of(start)
    cells = [Cell(tiny(method=m, epochs=1, init_from=name, **changes), "digits", True, start) for m in ("wd", "lpwd")]
    return small_preset(cells)


def here(*words):
    """`python -m lpwd ...` in this process: to start one takes up to five seconds of a core."""
    done = CliRunner().invoke(main, list(map(str, words)))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def swept(preset, runs, monkeypatch, command="sweep", *more):
    """The same with one more preset."""
    monkeypatch.setattr(presets, "PRESETS", MappingProxyType({**presets.PRESETS, preset.name: preset}))
    monkeypatch.setattr(paper_command.preset_argument, "type", paper_command.PresetName([preset.name]))
    return here(command, preset.name, "--runs-dir", runs, *more)


def lpwd(*words, cells):
    """`python -m lpwd ...` in a process of its own, to which the cells are one more preset."""
    added = [str(Path(__file__).parent / "small_preset.py"), json.dumps([as_json(cell) for cell in cells])]
    command = [sys.executable, *added, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=280)


def cells_of(start, model, name):
    """Fine-tuning 64 digits, WD and LPWD, from a start that `name` names."""
    small = {"dataset": "digits", "epochs": 1, "batch_size": 32, "train_samples": 64, "test_samples": 50}
    methods = ("wd", "lpwd")
    return [Cell(RunConfig(**model, **small, method=m, init_from=name), "digits", True, start) for m in methods]


def test_from_an_empty_store_one_command_fine_tunes_two_cells_from_the_bundled_start_and_another_reports(
    tmp_path, monkeypatch
):
    bundled = next(one for one in published_starts.published().values() if "convnext" in one.config.model)
    cells = cells_of(bundled.config, {"model": bundled.config.model}, bundled.name)
    done = lpwd("sweep", "small", "--device", "cpu", "--workers", 1, "--runs-dir", tmp_path / "runs", cells=cells)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"preset": "small", "scale": "cpu", "cells": 2, "states": {"finished": 2}}
    assert "trained first" not in done.stderr
    store = RunStore(tmp_path / "runs")
    assert sorted(store.ids()) == sorted(cell.run_id for cell in cells)
    assert {store.status(run_id).start_digest for run_id in store.ids()} == {bundled.digest}
    report = swept(small_preset(cells), store.root, monkeypatch, "report", "--out", tmp_path / "out")
    assert report.exit_code == 0, report.stderr
    assert report.stdout.strip() == str(tmp_path / "out" / "small-cpu.html")
    assert "2 of 2 cells done" in (tmp_path / "out" / "small-cpu.html").read_text()


def test_with_another_model_the_same_command_trains_the_start_first(tiny, tmp_path, monkeypatch):
    model = {name: TINY[name] for name in ("model", "model_kwargs")}
    source = tiny(method="wd", epochs=1)
    cells = cells_of(source, model, published_starts.name_of(source))
    words = ["--device", "cpu", "--workers", 1]
    done = swept(small_preset(cells), tmp_path / "runs", monkeypatch, "sweep", *words)
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["states"] == {"finished": 3}
    assert f"start {source.run_id} is trained first, which takes about 1 minute here" in done.stderr
    store = RunStore(tmp_path / "runs")
    assert sorted(store.ids()) == sorted([source.run_id, *(cell.run_id for cell in cells)])
    expected = starts.digest(torch.load(store.paths(source.run_id).checkpoint, weights_only=True)["model"])
    assert {store.status(cell.run_id).start_digest for cell in cells} == {expected}
    assert all(store.status(cell.run_id).started >= store.status(source.run_id).ended for cell in cells)


def test_a_published_start_that_cannot_be_had_is_trained_here_and_the_report_counts_its_cells(
    start, folder, tiny, tmp_path, monkeypatch
):
    preset = preset_of(start.config, tiny)
    (folder / start.file).unlink()
    done = swept(preset, tmp_path / "runs", monkeypatch, "sweep", "--device", "cpu", "--workers", 1)
    assert done.exit_code == 0, done.output
    assert "is not bundled: set LPWD_RESULTS_REPO to a repository that has it" in done.stderr
    store = RunStore(tmp_path / "runs")
    assert {store.config(run_id).init_from for run_id in store.ids()} == {None, start.run_id}
    swept(preset, tmp_path / "runs", monkeypatch, "report", "--out", tmp_path / "out")
    assert "2 of 2 cells done" in (tmp_path / "out/small-cpu.html").read_text()


def test_a_start_keeps_its_body_and_draws_a_new_head_for_another_number_of_classes(start, tiny, store):
    config = tiny(dataset="cifar100", init_from=start.name, seed=3)
    weights = initial_weights(store, config)
    model, fresh = models.create(config, 100), models.create(config, 100)
    starts.adopt(model, weights, start.name)
    for name, value in model.state_dict().items():
        expected = fresh.state_dict()[name] if name.startswith("head.fc") else weights[name].float()
        assert torch.equal(value, expected), name
    same_task = models.create(tiny(), 10)
    starts.adopt(same_task, weights, start.name)
    assert torch.equal(same_task.head.fc.weight, weights["head.fc.weight"].float())


def test_what_does_not_fit_or_is_not_the_same_file_is_one_sentence(start, folder, tiny, store):
    weights = starts.load(store, start.name)
    wider = tiny(model_kwargs={"depths": [1, 1, 1, 1], "dims": [8, 16, 16, 64], "patch_size": 2})
    deeper = tiny(model_kwargs={"depths": [1, 2, 1, 1], "dims": [8, 16, 16, 32], "patch_size": 2})
    with pytest.raises(ConfigError, match=r"head\.norm\.bias has shape \(32,\) in the start and \(64,\)"):
        starts.adopt(models.create(wider, 10), weights, start.name)
    with pytest.raises(ConfigError, match=r"does not fit this model, stages\.1\.blocks\.1\.\S+ is only in the model"):
        starts.adopt(models.create(deeper, 10), weights, start.name)
    with pytest.raises(ConfigError, match="published start not found; available are: convnext_atto-digits"):
        starts.load(store, f"{start.run_id}+00000000")
    path = folder / start.file
    path.write_bytes(path.read_bytes()[:-2] + b"\0\0")
    with pytest.raises(ConfigError, match="contains different weights, with digest"):
        starts.load(store, start.name)
    path.write_bytes(b"garbage")
    with pytest.raises(ConfigError, match="is damaged"):
        starts.load(store, start.name)


def test_a_start_is_half_the_size_and_its_name_is_told_from_a_run_id(start, folder):
    parameters = models.footprint(start.config).parameters
    assert 2 * parameters < start.bytes == (folder / start.file).stat().st_size < 2 * parameters + 10_000
    assert published_starts.split(start.name) == (start.run_id, start.digest[:8])
    assert published_starts.split(start.run_id) == (start.run_id, "")
    odd = RunConfig(weight_decay=1e6).run_id
    assert "+" in odd
    assert published_starts.split(odd) == (odd, "")


def test_a_run_from_a_start_repeats_and_the_command_lists_it(start, tiny, tmp_path):
    store = RunStore(tmp_path / "runs")
    run_id = store.create(tiny(epochs=1, init_from=start.name))
    run_lanes(store, [run_id], device="cpu", threads=1)

    repeated = here("repeat", run_id, "--device", "cpu", "--threads", 1, "--runs-dir", store.root)
    assert json.loads(repeated.stdout)["identical"], repeated.stderr
    assert json.loads(here("start", "list").stdout)["name"] == start.name
    exported = here("start", "export", run_id, "--out", tmp_path / "out", "--runs-dir", store.root)
    assert exported.stdout.startswith(f"{run_id}+"), exported.stderr
