"""Every script in examples/ runs as it stands, without a Hub, and prints what it promises."""

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


def test_accelerate_trains_and_a_loaded_state_evaluates_as_before():
    pytest.importorskip("accelerate")
    printed = printed_by("with_accelerate.py")
    losses = numbers(r"loss (\d+\.\d+)", printed)
    assert len(losses) == 10
    assert losses[-1] < losses[0]
    [before], [after] = numbers(r"(\d+\.\d+) before", printed), numbers(r"(\d+\.\d+) after", printed)
    assert before == after > 70


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
