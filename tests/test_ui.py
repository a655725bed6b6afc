"""What the page is made of, without a browser: curves, sentences, controls."""

import dataclasses
import itertools
import json
import re
import subprocess
import sys
from concurrent.futures import Future

import pytest
from synthetic import StillJobs

from lpwd.config import ConfigError, RunConfig
from lpwd.events import Epoch, Step
from lpwd.jobs.rights import User
from lpwd.jobs.supervision import Job
from lpwd.ui import look
from lpwd.ui.curves import MAX_POINTS, CurveCache, extremes
from lpwd.ui.live import Live, Pace
from lpwd.ui.shared import defaults, form
from lpwd.ui.views import lanes_beside, race_records, race_view


def step(number, loss=1.0):
    return Step(number, 1, loss, 1e-3, 0.1 * number, 100.0)


def epoch(number, top1=50.0):
    return Epoch(number * 10, number, 1.0, 1.0, top1, None, 1e-3, [1.0], None, None, 1.0 * number, 100.0)


@pytest.fixture
def race(store, tiny):
    """The ids of two lanes that share a job."""
    return [store.create(tiny(method=method), job="j1") for method in ("wd", "lpwd")]


def ask(live, **request):
    return json.loads(json.dumps(live.poll(User("me"), **request)))


# ---- curves


def test_thinning_keeps_first_last_and_the_peaks():
    values = [1.0] * 5000
    values[1234], values[4321] = 9.0, -9.0
    kept = extremes(values)
    assert len(kept) <= MAX_POINTS
    assert {0, 1234, 4321, 4999} <= set(kept)
    assert kept == sorted(kept)


def test_short_curves_are_sent_whole():
    assert extremes([3.0, 1.0, 2.0]) == [0, 1, 2]


def test_only_new_points_travel(store, race):
    curves = CurveCache(store)
    store.append(race[0], [step(1), step(2)])
    first = curves.since(race[0])
    store.append(race[0], [step(3), epoch(1)])
    second = curves.since(race[0], first["cursor"])
    assert first["reset"]
    assert first["losses"]["step"] == [1, 2]
    assert not second["reset"]
    assert second["losses"]["step"] == [3]
    assert second["epochs"]["test_top1"] == [50.0]
    assert curves.since(race[0], second["cursor"])["losses"]["step"] == []


def test_a_lost_answer_is_given_again(store, race):
    curves = CurveCache(store)
    store.append(race[0], [step(1)])
    first = curves.since(race[0])
    store.append(race[0], [step(2)])
    lost = curves.since(race[0], first["cursor"])
    store.append(race[0], [step(3)])
    assert curves.since(race[0], first["cursor"])["losses"]["step"] == [2, 3]
    assert lost["losses"]["step"] == [2]


def test_a_run_that_began_anew_is_sent_whole(store, race):
    curves = CurveCache(store)
    store.append(race[0], [step(1), step(2), step(3)])
    cursor = curves.since(race[0])["cursor"]
    store.rewind_metrics(race[0], 1, 0)
    store.append(race[0], [step(2, loss=7.0), step(3), step(4)])
    answer = curves.since(race[0], cursor)
    assert answer["reset"]
    assert answer["losses"] == {"step": [1, 2, 3, 4], "loss": [1.0, 7.0, 1.0, 1.0]}


def test_a_cursor_of_an_earlier_app_is_worth_nothing(store, race):
    store.append(race[0], [step(1)])
    assert CurveCache(store).since(race[0], "elsewhere:1:0")["reset"]
    assert CurveCache(store).since(race[0], "nonsense")["reset"]


@pytest.mark.parametrize("rest", ["", "1", "1:", "x:y", "1:1:1", "9:0", "0:9", f"{'9' * 5000}:0", "²:0", "-1:0"])
def test_a_cursor_that_no_answer_gave_is_answered_whole(store, race, rest):
    store.append(race[0], [step(1), epoch(1)])
    curves = CurveCache(store)
    generation = curves.since(race[0])["cursor"].partition(":")[0]
    answer = curves.since(race[0], f"{generation}:{rest}")
    assert (answer["reset"], answer["losses"]["step"]) == (True, [1])


def test_numbers_that_json_cannot_carry_are_gaps(store, race):
    bad = dataclasses.replace(epoch(1), test_loss=float("nan"), train_loss=float("inf"))
    store.append(race[0], [step(1, float("inf")), bad])
    answer = CurveCache(store).since(race[0])
    assert (answer["losses"]["loss"], answer["epochs"]["train_loss"], answer["epochs"]["test_loss"]) == (
        [None],
        [None],
        [None],
    )


def test_a_damaged_line_leaves_the_page_its_run(store, race):
    store.append(race[0], [step(1)])
    with open(store.paths(race[0]).metrics, "ab") as file:
        file.write(b"\0" * 50 + b"\n")
    store.append(race[0], [step(2)])
    answer = ask(Live(store, StillJobs()), shown=race)
    assert answer["curves"][race[0]]["losses"]["step"] == [1, 2]


def test_a_damaged_run_is_a_sentence_on_its_page(store, race):
    store.paths(race[0]).config.write_bytes(b"[" * 100_000)
    answer = ask(Live(store, StillJobs()), shown=race)
    assert f"run {race[0]!r} is damaged: config.json" in answer["problem"]
    assert ask(Live(store, StillJobs()))["race"]["ids"] == [race[1]]


def test_steps_without_a_loss_are_no_points(store, race):
    store.append(race[0], [step(1), dataclasses.replace(step(2), loss=None)])
    assert CurveCache(store).since(race[0])["losses"]["step"] == [1]


# ---- what a poll answers


def test_a_page_without_a_run_shows_the_active_race(store, race, tiny):
    store.create(tiny(method="l2"), queued=9e9)  # newer, but not training
    store.update(race[0], state="running")
    answer = ask(Live(store, StillJobs(Job("j1", race, active=True))))
    assert answer["race"]["ids"] == race
    assert answer["strip"]["active"]["title"] == "WD vs LPWD"


def test_a_race_that_has_ended_is_no_longer_active(store, race):
    for run_id in race:
        store.update(run_id, state="finished")
    assert ask(Live(store, StillJobs(Job("j1", race, active=True))))["strip"]["active"] is None


def test_an_idle_page_shows_the_newest_race(store, race, tiny):
    newest = store.create(tiny(method="l2"), queued=9e9)
    assert ask(Live(store, StillJobs()))["race"]["ids"] == [newest]


def test_an_address_with_one_run_shows_the_lanes_beside_it(store, race):
    assert sorted(ask(Live(store, StillJobs()), run=race[1])["race"]["ids"]) == sorted(race)
    assert lanes_beside(store, race[0]) == lanes_beside(store, race[1])


def test_an_address_with_an_unknown_run_says_so(store, race):
    answer = ask(Live(store, StillJobs()), run="no-such-run")
    assert answer["race"] is None
    assert "no-such-run" in answer["problem"]


def test_an_empty_store_has_nothing_to_show(store):
    assert ask(Live(store, StillJobs()))["race"] is None


def test_a_queued_race_knows_how_many_are_ahead(store, race, tiny):
    other = store.create(tiny(method="l2"), state="running", job="j0")
    live = Live(store, StillJobs(Job("j0", [other], active=True), Job("j1", race)))
    assert ask(live, shown=race)["race"]["ahead"] == 1
    assert ask(live, shown=race)["strip"]["waiting"] == 1


def test_the_strip_names_the_machine_once_the_worker_is_warm(store):
    live = Live(store, StillJobs())
    live.machine.result(5)
    assert ask(live)["strip"]["device"] == "CPU, 2 cores"


def test_a_machine_that_failed_is_asked_again(store):
    seconds = itertools.count()
    live = Live(store, StillJobs(), clock=lambda: float(next(seconds)))
    live.machine.result(5)
    live.machine = Future()
    live.machine.set_exception(ConfigError("no worker came up"))
    assert ask(live)["strip"]["device"] == "no worker came up"
    live.machine.result(5)
    assert ask(live)["strip"]["device"] == "CPU, 2 cores"


def test_the_strip_tells_the_memory_that_a_race_holds_of_a_gpu(store, race):
    live = Live(store, StillJobs(Job("j1", race, active=True)))
    for run_id in race:
        store.update(run_id, state="running", gpu_memory=2_400_000_000)
    assert ask(live)["strip"]["memory"].endswith("GB, 2.4 GB of the GPU")


def test_time_left_follows_the_observed_pace():
    now = [0.0]
    pace = Pace(lambda: now[0])
    assert pace.seconds_left("j", 0.0) is None  # data and model are being loaded
    now[0] = 30.0
    assert pace.seconds_left("j", 0.5) is None
    now[0] = 40.0
    assert pace.seconds_left("j", 0.75) == pytest.approx(10.0)
    now[0] = 44.0  # an evaluation
    assert pace.seconds_left("j", 0.75) == pytest.approx(6.0)


def test_lanes_stand_in_the_order_of_the_table_of_methods(store, race):
    view = race_view(race_records(store, race[::-1]))
    assert view["title"] == "WD vs LPWD"
    assert [lane["color"] for lane in view["lanes"]] == ["#D55E00", "#0072B2"]


@pytest.fixture
def seeds(store, tiny):
    """The ids of two methods of each of three seeds, started together; the first seed has ended, the second trains."""
    ids = [
        [store.create(tiny(method=m, seed=s), job=f"j{s}", seeds=[0, 1, 2]) for m in ("wd", "lpwd")] for s in range(3)
    ]
    for run_id in ids[0]:
        store.update(run_id, state="finished")
    for run_id in ids[1]:
        store.update(run_id, state="running", epoch=1)
    return ids


def test_seeds_that_were_started_together_are_one_race(store, seeds):
    jobs = StillJobs(Job("j1", seeds[1], active=True), Job("j2", seeds[2]), Job("other", ["x"]))
    for request in ({}, {"run": seeds[2][1]}):
        answer = ask(Live(store, jobs), **request)
        race, active = answer["race"], answer["strip"]["active"]
        assert sorted(race["ids"]) == sorted(active["ids"]) == sorted(itertools.chain(*seeds))
        assert race["title"] == "WD vs LPWD, 3 seeds"
        assert race["detail"].endswith("seeds 0 to 2")
        assert race["command"].count("python -m lpwd race --method wd --method lpwd") == 3
        assert [lane["seed"] for lane in race["lanes"]] == [0, 1, 2, 0, 1, 2]
        assert race["seeds"] == [
            {"seed": 0, "state": "finished"},
            {"seed": 1, "state": "running"},
            {"seed": 2, "state": "queued"},
        ]
        assert (race["state"], race["ahead"]) == ("running", None)
        assert answer["strip"]["waiting"] == 1, "only the other race waits"


def test_a_page_may_show_a_part_of_the_seeds(store, seeds):
    assert ask(Live(store, StillJobs()), shown=seeds[1])["race"]["ids"] == seeds[1]
    for run_id in seeds[2]:
        store.update(run_id, state="stopped")
        store.delete(run_id)
    left = ask(Live(store, StillJobs()), run=seeds[1][0])["race"]["ids"]
    assert sorted(left) == sorted([*seeds[0], *seeds[1]])


def test_stopping_several_seeds_takes_the_waiting_ones_first(store, seeds):
    stopped = []
    jobs = StillJobs()
    jobs.stop = lambda run_id, user: stopped.append(run_id)
    Live(store, jobs).stop([*seeds[1], *seeds[2]], User("me"))
    assert stopped == [*seeds[2][::-1], *seeds[1][::-1]]


def test_several_seeds_resume_one_after_the_other(store, seeds):
    resumed = []
    jobs = StillJobs()
    jobs.resume = lambda run_ids, user: resumed.append(run_ids)
    Live(store, jobs).resume([*seeds[2], *seeds[1]], User("me"))
    assert resumed == [seeds[1], seeds[2]]


@pytest.mark.parametrize(
    ("states", "expected", "can_stop", "can_resume"),
    [
        (("running", "diverged"), "running", True, False),
        (("queued", "queued"), "queued", True, False),
        (("stopped", "finished"), "stopped", False, True),
        (("interrupted", "stopped"), "interrupted", False, True),
        (("finished", "diverged"), "finished", False, False),
    ],
)
def test_a_race_is_in_the_state_that_matters_most(store, race, states, expected, can_stop, can_resume):
    for run_id, state in zip(race, states, strict=True):
        store.update(run_id, state=state)
    view = race_view(race_records(store, race))
    assert (view["state"], view["canStop"], view["canResume"]) == (expected, can_stop, can_resume)


# ---- controls


def test_the_form_starts_with_valid_races():
    for dataset in defaults.DATASETS:
        configs = form.configs({**defaults.form_values(dataset), "methods": defaults.METHODS})
        assert [config.method for config in configs] == list(defaults.METHODS)


def test_every_control_is_a_field_of_a_run():
    assert set(form.LABELS) - form.BESIDE <= set(RunConfig.model_fields)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"lr": 0}, "Learning rate η is 0: input should be greater than 0"),
        ({"weight_decay": -1}, "Weight decay λ is -1: input should be greater than or equal to 0"),
        ({"epochs": ""}, "Epochs is empty: enter a whole number without separators, such as 5000"),
        ({"methods": []}, "Decay methods, one lane each is empty: choose at least one"),
    ],
)
def test_bad_input_is_one_sentence_in_the_words_of_the_page(change, sentence):
    values = {**defaults.form_values("digits"), "methods": ["wd"]}
    with pytest.raises(ConfigError) as raised:
        form.configs(form.parse_controls(values | change))
    assert str(raised.value) == sentence


def test_the_page_never_imports_torch():
    code = "import sys, app, lpwd.ui.page, lpwd.ui.train.here; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert result.stdout.strip() == "False", result.stderr


def test_no_two_sheets_style_the_same_class():
    sheets = {path.name: path.read_text() for path in look.HERE.glob("*.css") if path.name != "look.css"}
    owners: dict[str, set[str]] = {}
    for name, text in sheets.items():
        for selectors in re.findall(r"^\s*([^{}@\n]+)\{", text, re.MULTILINE):
            for first in (selector.split()[0] for selector in selectors.split(",")):
                owners.setdefault(first, set()).add(name)
    assert {first: names for first, names in owners.items() if len(names) > 1} == {}
