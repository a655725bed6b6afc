"""Every script in examples/ runs as it stands, without a Hub, and prints what it promises."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def printed_by(name):
    environment = os.environ | {"PYTHONPATH": str(EXAMPLES.parent), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, str(EXAMPLES / name)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout


def numbers(pattern, text):
    return [float(number) for number in re.findall(pattern, text)]


def test_the_plain_loop_prints_the_top1_of_both_methods():
    scores = numbers(r"WD +(\d+\.\d+)", printed_by("plain_loop.py"))
    assert len(scores) == 2
    assert min(scores) > 70


@pytest.mark.long
def test_accelerate_trains_and_a_loaded_state_evaluates_as_before():
    pytest.importorskip("accelerate")
    printed = printed_by("with_accelerate.py")
    losses = numbers(r"loss (\d+\.\d+)", printed)
    assert len(losses) == 10
    assert losses[-1] < losses[0]
    [before], [after] = numbers(r"(\d+\.\d+) before", printed), numbers(r"(\d+\.\d+) after", printed)
    assert before == after > 70


@pytest.mark.long
def test_the_race_prints_an_epoch_a_line_and_no_opposing_penalties_for_lpwd():
    printed = printed_by("race.py")
    rows = [numbers(r"\d+\.\d+", line) for line in printed.splitlines() if re.match(r" +\d+  ", line)]
    assert len(rows) == 8
    wd, lpwd = [row[:3] for row in rows], [row[3:] for row in rows]
    assert wd[-1][0] < wd[0][0]
    assert all(rate > 0 for _, _, rate in wd)
    assert all(rate == 0 for _, _, rate in lpwd)
    assert printed.count("best 10: ") == 2


def test_examples_stay_short():
    assert [path.name for path in EXAMPLES.glob("*.py") if len(path.read_text().splitlines()) > 60] == []


def test_the_plug_in_with_alpha_decay_changes_its_rates_on_the_way():
    rows = [numbers(r"\d+\.\d+", line) for line in printed_by("plugin_alpha_decay.py").splitlines()]
    first, at_100, after = rows
    assert first == at_100 != after
    for rates in (first, after):
        assert min(rates) == 0.0667
        assert max(rates) == 0.3


def test_each_plugin_passes_its_check_and_the_decay_follows_its_formula(tmp_path):
    files = sorted(map(str, EXAMPLES.glob("plugin_*.py")))
    assert len(files) == 3
    printed = lpwd(tmp_path, "check", *files)
    assert re.search(r"method +steep +ok +pwd, #CC3311; follows its reference with adam and sgd", printed)
    assert printed.count(" ok ") == 5


@pytest.mark.long
def test_the_plugin_with_data_and_a_model_trains_as_its_docstring_says(tmp_path):
    text = (EXAMPLES / "plugin_data_and_model.py").read_text()
    command = re.search(r"python -m lpwd (race .*?)\n\"\"\"", text, re.DOTALL)[1].replace("\\\n", " ").split()
    results = [json.loads(line) for line in lpwd(tmp_path, *command, "--runs-dir", tmp_path / "runs").splitlines()]
    assert [result["state"] for result in results] == ["finished", "finished"]
    assert min(result["last_top1"] for result in results) > 90


def lpwd(home, *words):
    environment = os.environ | {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "LPWD_DEVICE": "cpu"}
    command = [sys.executable, "-m", "lpwd", *map(str, words)]
    done = subprocess.run(command, cwd=EXAMPLES.parent, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout
