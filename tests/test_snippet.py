"""The Python that the page shows is run, and its numbers are the command line's."""

import shlex
import subprocess
import sys

from lpwd.spelled import command_line, python_snippet
from lpwd.store import RunStore


def test_the_python_of_a_race_prints_the_numbers_of_its_command_line(tiny, tmp_path):
    shown = {"train_samples": 64, "epochs": 1, "clip_grad_norm": 1.0, "scale": "cpu"}
    races = [[tiny(method=method, seed=seed, **shown) for method in ("wd", "lpwd")] for seed in (1, 2)]
    code = python_snippet(races)
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    found = {tuple(line.split()[:3]): line.split()[3:] for line in printed.stdout.splitlines()}
    assert set(found) == {(method, seed, "1") for method in ("wd", "lpwd") for seed in ("1", "2")}
    config = races[1][1]
    words = [*shlex.split(command_line(races[1])), "--device", "cpu", "--runs-dir", str(tmp_path)]
    command = [sys.executable, *words[1:]]
    subprocess.run(command, capture_output=True, timeout=120, check=True)
    epochs = [e for e in RunStore(tmp_path).read_metrics(config.run_id)[0] if e["event"] == "epoch"]
    assert found["lpwd", "2", "1"] == [repr(epochs[0]["train_loss"]), repr(epochs[0]["test_top1"])]


def test_one_run_needs_no_loop(tiny):
    code = python_snippet([[tiny()]])
    assert code.count("for ") == 1
    assert "method='lpwd'" in code
