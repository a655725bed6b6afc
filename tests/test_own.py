"""Claims of one's own in a TOML file: their runs, their verdicts, and sweeps that end when they are decided."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from own_images import write_folder
from plugins_for_tests import METHOD, forgetting
from synthetic import write_run

from lpwd.cli.main import main
from lpwd.config import ConfigError
from lpwd.jobs.decide import Decision
from lpwd.paper.own import own_preset
from lpwd.paper.presets import PRESETS
from lpwd.paper.scorecard.claims import own_tile
from lpwd.runs import Runs
from lpwd.store import RunStore

EXAMPLE = re.search(r"```toml\n(.*?)```", (Path(__file__).parent.parent / "docs/claims.md").read_text(), re.S)[1]


@pytest.fixture
def write(tmp_path):
    def write(text=EXAMPLE, **changed):
        for old, new in changed.items():
            text = re.sub(rf"^{old} = .*$", f"{old} = {new}", text, flags=re.M)
        path = tmp_path / "my.toml"
        path.write_text(text)
        return path

    return write


def lpwd(*words):
    return CliRunner().invoke(main, list(map(str, words)))


def test_the_example_of_the_documentation_is_a_preset(write):
    preset = own_preset(write())
    cells = preset.cells("cpu")
    assert len({cell.run_id for cell in cells}) == len(cells) == 3 * 3 * 2
    assert {(cell.row, cell.config.weight_decay, cell.config.seed) for cell in cells} == {
        (method, decay, seed) for method in ("wd", "lpwd", "lwd") for decay in (5.0, 20.0) for seed in range(3)
    }
    assert [(one.claim, one.margin) for one in preset.contrasts] == [(1, 0.5), (0, 1.0)]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"epochs": "0"}, "my.toml: epochs is 0: input should be greater than or equal to 1"),
        ({"methods": '["wd", "lpwd"]'}, "my.toml: methods are wd, lpwd: a contrast has lwd too"),
        ({"methods": '["wd", "x", "lwd", "lpwd"]'}, "my.toml: method is 'x': allowed are baseline"),
        ({"lr": "["}, "my.toml is not TOML: "),
        ({"weight_decay": str(list(range(1, 4000)))}, "my.toml: the grid has more than 10,000 cells per seed"),
        ({"title": '"A"\nseed = 3'}, "my.toml: unknown key seed"),
        ({"dataset": '"digits"\nseed = 3'}, "my.toml: seed is set in base or grid"),
        ({"margin": "-1"}, "my.toml: contrast.1.margin is -1: input should be greater than 0"),
    ],
)
def test_what_a_file_may_have_wrong_is_one_sentence(write, changed, said):
    with pytest.raises(ConfigError) as error:
        own_preset(write(**changed))
    assert str(error.value).startswith(said)
    refused = lpwd("sweep", write(**changed), "--plan")
    assert (refused.exit_code, said in refused.stderr) == (2, True)


def test_claims_are_decided_early_or_equivalent_or_open_at_the_budget(write, tmp_path):
    text = EXAMPLE.replace("margin = 1.0 ", 'claim = "higher"\nmargin = 1.0')
    text += '\n[[contrast]]\nmethod = "lwd"\nother = "wd"\nclaim = "higher"\n'
    preset = own_preset(write(text, weight_decay="[20.0]"))
    store, noise = RunStore(tmp_path / "runs"), (0.0, 0.4, -0.3, 0.2, -0.1, 0.3, -0.2, 0.1)
    gains = {"lpwd": lambda seed: 5.0 + noise[seed] / 10, "lwd": lambda seed: 5.0}
    seen = []

    def sweep(seeds):
        seen.append(seeds)
        for cell in preset.cells("cpu", seeds):
            gain = gains.get(cell.row, lambda seed: noise[seed] * 100)
            write_run(store, cell, lambda config, epoch, gain=gain: 50 + gain(config.seed))
        return True

    decision = Decision(preset, "cpu", most=8)
    decision.run(store, sweep)
    assert seen == [3, 5, 8]
    by_pair = {(one["method"], one["other"]): (one["outcome"], one["seeds"]) for one in decision.as_json()}
    assert by_pair == {("lpwd", "wd"): ("undecided", 8), ("lpwd", "lwd"): ("equal", 3), ("lwd", "wd"): ("undecided", 8)}
    said = "\n".join(decision.sentences())
    assert "no difference larger than 1.00 points" in said
    assert said.count("Still undecided at 8 seeds.") == 2
    assert "my.toml claims LPWD is higher. Decided at 3 seeds." in said
    gains["wd"] = lambda seed: 1.0
    early = Decision(preset, "cpu", most=8)
    early.run(RunStore(tmp_path / "second"), lambda seeds: False)
    assert early.as_json() == []  # stopped before the first look


def test_a_setting_that_is_chosen_widens_the_interval_of_the_tile(write, tmp_path):
    preset, store = own_preset(write()), RunStore(tmp_path / "runs")
    for cell in preset.cells("cpu"):
        gain = cell.config.weight_decay * (cell.row == "lpwd") * (1 + cell.config.seed / 50)
        write_run(store, cell, lambda config, epoch, gain=gain: 50 + gain)
    (part,) = own_tile(preset, Runs(store)).parts
    assert part.values == pytest.approx((20, 20.4, 20.8))
    assert (part.naive, part.inflation > 1) == (pytest.approx(20.4), True)
    assert "settings chosen on the other half of the seeds; on the same seeds +20.40 points" in part.text


def test_presets_without_contrasts_cannot_be_decided():
    with pytest.raises(ConfigError, match="preset 'fig2' has no contrast to decide"):
        Decision(PRESETS["fig2"], "cpu")


def test_my_toml_from_plan_to_scorecard(write, tmp_path):
    path = write(epochs="1", train_samples="64", weight_decay="[5.0]")
    folder = ["--runs-dir", tmp_path / "runs"]
    planned = lpwd("sweep", path, "--plan", "--decide", "--max-seeds", 3, *folder)
    assert "cells: 9, distinct runs: 9" in planned.stdout, planned.stderr
    swept = lpwd("sweep", path, "--decide", "--max-seeds", 3, "--workers", 1, "--device", "cpu", *folder)
    last = json.loads(swept.stdout.splitlines()[-1])
    assert (swept.exit_code, last["states"], last["claims"][0]["seeds"]) == (0, {"finished": 9}, 3)
    reported = lpwd("report", path, "--out", tmp_path / "out", *folder)
    assert "my.toml claims LPWD is higher" in reported.stderr
    assert "9 of 9 cells done" in (tmp_path / "out/my-cpu.html").read_text()
    scored = lpwd("scorecard", path, "--no-published", *folder)
    assert scored.stdout.startswith("my.toml: ")
    assert "over seeds and images" in reported.stderr


def test_claims_about_a_folder_and_a_plugins_method_are_swept_and_found_again(write, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))  # of the worker processes
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path / "home"))
    folder = write_folder(tmp_path / "data", count=20, size=(32, 32))
    plugin, claims = tmp_path / "mine.py", tmp_path / "claims.toml"
    plugin.write_text(METHOD, encoding="utf-8")
    claims.write_text(
        f'title = "Mine"\nquestion = "?"\nmethods = ["wd", "mine"]\nseeds = 2\n[base]\nmodel = "test_convnext"\n'
        f'dataset = "folder:{folder}"\nepochs = 1\nbatch_size = 16\n[[contrast]]\nmethod = "mine"\nother = "wd"\n'
    )
    with forgetting():
        given = (claims, "--runs-dir", tmp_path / "runs", "--plugin", plugin)
        swept = lpwd("sweep", *given, "--device", "cpu", "--workers", "1")
        assert swept.exit_code == 0, swept.output
        assert json.loads(swept.stdout.splitlines()[-1])["states"] == {"finished": 4}
        report = lpwd("report", *given, "--out", tmp_path / "out")
        assert report.exit_code == 0, report.output
    (page,) = (tmp_path / "out").rglob("*.html")
    assert "Mine minus WD" in page.read_text(encoding="utf-8")
