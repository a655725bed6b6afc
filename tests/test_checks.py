"""Questions about runs that have not begun: whatever they ask, the answer is one sentence and nothing else stops."""

import threading
import time

import psutil
import pytest

from lpwd.config import ConfigError, RunConfig
from lpwd.jobs.checking.checks import Checks
from lpwd.jobs.worker_process import Child, NoAnswer

DEEP = {"depths": [64, 64, 64, 64]}  # as deep as is allowed: 3 s on an idle core
SLOW = {"depths": [16, 16, 16, 16]}


def model(name="test_convnext", **fields):
    return RunConfig(**{"model": name, "dataset": "digits"} | fields)


def question(config):
    return {"check": [config.model_dump(mode="json")]}


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


def process(checks):
    return psutil.Process(checks._child._process.pid)


def test_an_answer_that_came_too_late_belongs_to_no_later_question(tmp_path):
    child = Child("lpwd.jobs.checking.checker", ["--device", "cpu", "--memory", str(2**31)], tmp_path / "log")
    try:
        child.greeting()
        with pytest.raises(NoAnswer, match="gave no answer within 0 s"):
            child.ask(question(model("convnext_base", model_kwargs=SLOW)), 0.01)
        late = child.ask(question(model("convnext_atto")), 60)["footprints"][0]
        assert late["parameters"] == 3_377_730
    finally:
        child.close()


def test_what_a_model_needs_is_found_without_building_it(checks):
    small, large = checks.check([model("convnext_atto"), model("convnext_xxlarge")])
    assert (small.parameters, large.parameters) == (3_377_730, 843_428_746)
    assert 0.5e6 < small.activation_bytes < 1e6
    assert checks.check([model("convnext_atto", batch_size=2)]) == [small]
    assert process(checks).memory_info().rss < 2**31


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (
            model("rexnet_100", image_size=224, model_kwargs={"initial_chs": "wide"}),
            "timm cannot build rexnet_100 with it",
        ),
        (model(model_kwargs={"depths": "deep"}), "timm cannot build test_convnext with it"),
        (model(image_size=33), "image_size is 33"),
        (model(train_samples=5000), "train_samples is 5000"),
    ],
)
def test_a_refusal_is_one_sentence_and_the_same_process_answers_the_next_question(checks, config, sentence):
    checks.check([model()])
    before = process(checks)
    with pytest.raises(ConfigError, match=sentence) as refused:
        checks.check([config])
    assert "\n" not in str(refused.value)
    assert checks.check([model("convnext_femto")])
    assert process(checks) == before


def test_a_model_that_takes_too_much_memory_is_refused_and_the_process_goes_on(make):
    checks = make(memory=4 * 2**20)
    checks.check([model()])
    before = process(checks)
    with pytest.raises(ConfigError, match=r"Trying the model takes more than 0\.0 GB"):
        checks.check([model("convnext_base", model_kwargs=DEEP)])
    assert checks.check([model("test_convnext2")])
    assert process(checks) == before


def test_a_model_that_takes_too_long_is_refused_with_both_ways_out_and_the_next_question_is_answered(make):
    checks = make(check_seconds=0.2)
    seen, ways = (
        r"Trying the model had not ended after 0\.2 s: this machine is busy",
        "Try again .* or choose a smaller",
    )
    with pytest.raises(ConfigError, match=f"{seen}.*{ways}"):
        checks.check([model("convnext_base", model_kwargs=DEEP)])
    checks._check_seconds = 300
    assert checks.check([model()])


def test_a_checker_that_was_killed_is_replaced_at_the_next_question(checks):
    checks.check([model("convnext_pico")])
    before = checks._child
    before.kill()
    assert before.wait(10)
    assert checks.check([model("convnext_nano")])
    assert checks._child is not before
    assert checks.state() == "alive"


def test_a_question_that_ends_the_process_is_answered_with_how_it_ended(make):
    checks = make()

    def kill():
        while not (checks._child and checks._child.greeted()):
            time.sleep(0.01)
        process(checks).kill()

    threading.Thread(target=kill).start()
    with pytest.raises(ConfigError, match=r"The process that tried the model ended \(SIGKILL\)"):
        checks.check([model("convnext_base", model_kwargs=DEEP)])
    assert checks.check([model("convnext_atto")])


def test_one_who_waits_too_long_for_the_questions_of_others_is_told_to_come_back(make):
    checks = make(wait_seconds=0.1)
    checks.check([model()])
    large = threading.Thread(target=checks.check, args=([model("convnext_base", model_kwargs=SLOW)],))
    large.start()
    while not checks._turn.locked():
        pass
    with pytest.raises(ConfigError, match=r"Other models have been tried for 0\.1 s; ask again in a moment\."):
        checks.check([model("convnext_atto")])
    large.join()
    assert checks.check([model("convnext_atto")])


def test_a_model_with_norms_over_the_batch_is_measured_at_any_image_size(checks):
    assert checks.measure(model("levit_128s", image_size=224), 1) > 0
    assert checks.measure(model("levit_128s", image_size=224, batch_size=1), 1) > 0


def test_what_does_not_fit_is_not_measured(checks):
    wide = model("convnext_xxlarge", model_kwargs={"dims": [4096] * 4})
    with pytest.raises(ConfigError, match=r"Weights, gradients and moments alone take .* GB free"):
        checks.measure(wide, 1)


def test_a_checker_ends_with_the_app_even_in_the_middle_of_a_question(tmp_path):
    child = Child("lpwd.jobs.checking.checker", ["--device", "cpu", "--memory", str(2**31)], tmp_path / "log")
    child.greeting()
    child.send(question(model("convnext_base", model_kwargs=DEEP)))
    child.hang_up()
    assert child.wait(10)
