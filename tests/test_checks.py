"""Questions about runs that have not begun: whatever they ask, the answer is one sentence and nothing else stops."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from lpwd.config import ConfigError, RunConfig
from lpwd.jobs.checking.checks import Checks
from lpwd.jobs.checking.questions import memory_limit

ROOT = str(Path(__file__).parent.parent)
DEEP = {"depths": [64, 64, 64, 64]}  # as deep as is allowed: 3 s on an idle core
SLOW = {"depths": [16, 16, 16, 16]}


def model(name="test_convnext", **fields):
    return RunConfig(**{"model": name, "dataset": "digits"} | fields)


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    """A function that makes Checks, closed at the end."""
    made = []

    def make(**bounds):
        bounds = {"check_seconds": 300} | bounds  # tests share the cores, and a checker comes last
        made.append(Checks(tmp_path_factory.mktemp("checks") / "log", "cpu", **bounds))
        return made[-1]

    yield make
    for checks in made:
        checks.close()


@pytest.fixture(scope="module")
def checks(make):
    return make()


def working(checks):
    """The process that works on a question, once there is one."""
    while not checks._processes:
        time.sleep(0.001)
    return psutil.Process(next(iter(checks._processes)).pid)


def asking(checks, config):
    """A thread that asks about a model which takes seconds, and what it was told."""
    told = []

    def ask():
        try:
            checks.check([config])
        except ConfigError as error:
            told.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    return thread, told


def test_what_a_model_needs_is_found_without_building_it(checks):
    small, large = checks.check([model("convnext_atto"), model("convnext_xxlarge")])
    assert (small.parameters, large.parameters) == (3_377_730, 843_428_746)
    assert 0.5e6 < small.activation_bytes < 1e6
    assert checks.check([model("convnext_atto", batch_size=2)]) == [small]


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (
            model("rexnet_100", image_size=224, model_kwargs={"initial_chs": "wide"}),
            "timm cannot build rexnet_100",
        ),
        (model(model_kwargs={"depths": "deep"}), "timm cannot build test_convnext"),
        (model(image_size=33), "image_size is 33"),
        (model(train_samples=5000), "train_samples is 5000"),
    ],
)
def test_a_refusal_is_one_sentence_and_the_next_question_is_answered(checks, config, sentence):
    with pytest.raises(ConfigError, match=sentence) as refused:
        checks.check([config])
    assert "\n" not in str(refused.value)
    assert checks.check([model("convnext_femto")])


def test_a_model_that_takes_too_much_memory_is_refused_and_the_next_question_is_answered(make):
    checks = make(memory=4 * 2**20)
    with pytest.raises(ConfigError, match=r"Checking the model exceeds the limit of 0\.0 GB"):
        checks.check([model("convnext_base", model_kwargs=DEEP)])
    assert checks.check([model("test_convnext2")])


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        SystemError("<function mul at 0x7f3d> returned NULL without setting an exception"),
        RuntimeError("std::bad_alloc"),
    ],
)
def test_however_memory_runs_out_the_sentence_is_the_same(error):
    with pytest.raises(ConfigError, match=r"Checking the model exceeds the limit of 1\.1 GB"), memory_limit(2**30):
        raise error


def test_a_model_that_takes_too_long_is_refused_with_both_ways_out_and_the_next_question_is_answered(make):
    checks = make(check_seconds=0.2)
    seen, ways = (
        r"Trying the model took longer than 0\.2 s: this machine is busy",
        "Try again .* or choose a smaller",
    )
    with pytest.raises(ConfigError, match=f"{seen}.*{ways}"):
        checks.check([model("convnext_base", model_kwargs=DEEP)])
    checks._check_seconds = 300
    assert checks.check([model()])


def test_a_server_of_processes_that_was_killed_is_replaced_at_the_next_question(checks):
    thread, _ = asking(checks, model("convnext_pico"))
    server = working(checks).parent()
    thread.join()
    server.kill()
    assert checks.check([model("convnext_nano")])


def test_a_question_whose_process_is_killed_is_answered_with_how_it_ended(checks):
    thread, told = asking(checks, model("convnext_base", model_kwargs=DEEP))
    working(checks).kill()
    thread.join()
    assert told == ["The process that checks the model ended (SIGKILL): choose a smaller model, or try again."]
    assert checks.check([model("convnext_atto")])


def test_it_is_alive_once_a_process_could_start_and_dead_after_close(make):
    checks = make()
    assert checks.state() == "dead"
    checks.start()
    checks._warming.join()
    assert checks.state() == "alive"
    checks.close()
    assert checks.state() == "dead"
    with pytest.raises(ConfigError, match="the app is closing"):
        checks.check([model()])


def test_one_who_waits_too_long_for_the_questions_of_others_is_told_to_come_back(make):
    checks = make(wait_seconds=0.1)
    checks.check([model()])
    large = threading.Thread(target=checks.check, args=([model("convnext_base", model_kwargs=SLOW)],))
    large.start()
    while not checks._turn.locked():
        pass
    with pytest.raises(ConfigError, match=r"Still checking other models after 0\.1 s: try again in a moment\."):
        checks.check([model("convnext_atto")])
    large.join()
    assert checks.check([model("convnext_atto")])


def test_a_model_with_norms_over_the_batch_is_measured_at_any_image_size(checks):
    assert checks.measure(model("levit_128s", image_size=224), 1) > 0
    assert checks.measure(model("levit_128s", image_size=224, batch_size=1), 1) > 0


def test_what_does_not_fit_is_not_measured(checks):
    wide = model("convnext_xxlarge", model_kwargs={"dims": [4096] * 4})
    with pytest.raises(ConfigError, match=r"Weights, gradients and optimizer state need .* GB are free"):
        checks.measure(wide, 1)


ASK_AND_DIE = """
import os, pathlib, sys, threading, time
from lpwd.config import RunConfig
from lpwd.jobs.checking.checks import Checks
checks = Checks(pathlib.Path(sys.argv[1]), "cpu")
deep = RunConfig(model="convnext_base", dataset="digits", model_kwargs={"depths": [64, 64, 64, 64]})
threading.Thread(target=checks.check, args=([deep],), daemon=True).start()
while not checks._processes:
    time.sleep(0.001)
print(next(iter(checks._processes)).pid, flush=True)
os._exit(0)
"""


def test_a_process_ends_with_the_app_even_in_the_middle_of_a_question(tmp_path):
    command = [sys.executable, "-c", ASK_AND_DIE, str(tmp_path / "log")]
    app = subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": ROOT}, capture_output=True, text=True)
    deadline = time.monotonic() + 10
    while psutil.pid_exists(int(app.stdout)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"optimizer": "nadam", "optimizer_kwargs": {"foo": 1}},
            "nadam cannot be built: .* unexpected keyword argument",
        ),
        ({"optimizer": "antigravity:Fly"}, "the app does not import modules named by a run"),
        ({"kernels": "graph"}, "this needs a CUDA device"),
    ],
)
def test_another_optimizer_is_another_question_about_the_same_model(checks, changes, sentence):
    checks.check([model(method="wd")])
    with pytest.raises(ConfigError, match=sentence):
        checks.check([model(method="wd", **changes)])
