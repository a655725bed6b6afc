"""The generator: real small trainings on the embedded digits."""

import io
import itertools

import pytest
import torch

from lpwd.config import ConfigError, RunConfig
from lpwd.events import Checkpoint, Diverged, Epoch, Finished, Started, Step, Stopped, reproducible, to_record
from lpwd.training.train import train


def recorded(events):
    """What metrics.jsonl would hold of the events, less what a clock says."""
    return [reproducible(to_record(event)) for event in events if not isinstance(event, Checkpoint | Stopped)]


def of(kind, events):
    return [event for event in events if isinstance(event, kind)]


def saved(state):
    """The state as it comes back from a file."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def test_a_run_learns_and_tells_every_step_and_epoch(tiny):
    events = list(train(tiny(epochs=4, weight_decay=0.0, lr=3e-3), device="cpu"))
    steps, epochs = of(Step, events), of(Epoch, events)
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    assert [step.step for step in steps] == list(range(1, 21))
    assert [epoch.epoch for epoch in epochs] == [1, 2, 3, 4]
    assert epochs[-1].train_loss < epochs[0].train_loss
    assert events[-1].last_top1 == epochs[-1].test_top1
    assert all(len(epoch.weight_norms) == len(events[0].layer_names) for epoch in epochs)


def test_the_same_configuration_gives_the_same_numbers(tiny):
    config = tiny(method="lpwd")
    assert recorded(train(config, device="cpu")) == recorded(train(config, device="cpu"))


def test_another_seed_gives_other_numbers(tiny):
    assert recorded(train(tiny(seed=0), device="cpu")) != recorded(train(tiny(seed=1), device="cpu"))


def test_training_leaves_the_callers_random_numbers_alone(tiny):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    list(train(tiny(epochs=1), device="cpu"))
    assert torch.equal(before, torch.get_rng_state())


SWIN = {
    "model": "swin_tiny_patch4_window7_224",
    "model_kwargs": {
        "embed_dim": 24,
        "depths": [1, 1, 1, 1],
        "num_heads": [1, 2, 4, 8],
        "patch_size": 2,
        "window_size": 4,
    },
}


@pytest.mark.parametrize("stop_after", [*(pytest.param(n, marks=pytest.mark.long) for n in (1, 5)), 7])
@pytest.mark.parametrize(
    "changes",
    [
        {"method": "lpwd", "opposing_every": 1},
        {"method": "pwd", "optimizer": "sgd", "lr": 0.05, "schedule": "cosine"},
        {"method": "wd", "validation_samples": 40, "clip_grad_norm": 1.0, "augment": "shift_flip"},
        SWIN | {"method": "lpwd"},  # has stochastic depth
    ],
    ids=["adam-lpwd", "sgd-pwd-cosine", "adam-wd-validation", "swin-lpwd"],
)
def test_a_stopped_run_continues_bit_for_bit(tiny, changes, stop_after):
    config = tiny(epochs=2, **changes)
    whole = recorded(train(config, device="cpu"))
    first, stop = [], {"now": False}
    for event in train(config, device="cpu", should_stop=lambda: stop["now"]):
        first.append(event)
        stop["now"] = event.step >= stop_after
    assert isinstance(first[-1], Stopped)
    state = saved(of(Checkpoint, first)[-1].state)
    second = list(train(config, device="cpu", resume_from=state))[1:]  # without the second Started
    assert recorded(first) + recorded(second) == whole


def test_a_race_advanced_in_turn_equals_its_runs_alone(tiny):
    configs = [tiny(method=method) for method in ("wd", "lpwd")]
    alone = [recorded(train(config, device="cpu")) for config in configs]
    lanes = [train(config, device="cpu") for config in configs]
    raced = [[], []]
    for events in zip(*lanes, strict=True):
        for lane, event in zip(raced, events, strict=True):
            lane.append(event)
    assert [recorded(lane) for lane in raced] == alone


def test_lanes_of_a_race_share_initial_weights_and_batches(tiny):
    started = [next(train(tiny(method=method), device="cpu")) for method in ("wd", "lpwd")]
    assert started[0].initial_weight_norms == started[1].initial_weight_norms
    first_losses = []
    for method in ("baseline", "wd", "rwd"):  # decay comes after the first forward pass
        events = train(tiny(method=method), device="cpu")
        first_losses.append(next(event.loss for event in events if isinstance(event, Step)))
    assert len(set(first_losses)) == 1


def test_a_non_finite_loss_is_a_result_with_its_step(tiny):
    events = list(train(tiny(optimizer="sgd", lr=1000.0, weight_decay=10.0, method="wd", epochs=3), device="cpu"))
    assert isinstance(events[-1], Diverged)
    assert events[-1].step >= 1


def test_opposing_penalties_are_measured_for_wd_and_zero_for_rwd_and_pwd(tiny):
    def rates(method):
        events = train(tiny(method=method, epochs=1, opposing_every=1, weight_decay=50.0), device="cpu")
        return [event.opposing_count_rate for event in events if isinstance(event, Step)]

    assert all(0 < rate < 1 for rate in rates("wd"))
    assert set(rates("rwd")) == {0.0}
    assert set(rates("pwd")) == {0.0}
    assert set(rates("baseline")) == {None}


def test_the_started_event_tells_each_layers_decay_rate(tiny):
    wd, lpwd = (next(train(tiny(method=method), device="cpu")) for method in ("wd", "lpwd"))
    assert set(wd.layer_decay_rates) == {0.5}
    n = len(lpwd.layer_decay_rates)
    assert lpwd.layer_decay_rates == pytest.approx([0.5 * 2 * i / n for i in range(1, n + 1)])
    assert lpwd.mean_decay_rate > wd.mean_decay_rate == pytest.approx(0.5)


def test_a_validation_split_selects_without_touching_the_test_set(tiny):
    finished = list(train(tiny(validation_samples=40), device="cpu"))[-1]
    assert finished.val_selected_top1 is not None
    started = next(train(tiny(validation_samples=40), device="cpu"))
    assert (started.train_samples, started.validation_samples, started.test_samples) == (120, 40, 50)


def test_a_cosine_schedule_falls_from_eta_towards_zero(tiny):
    steps = of(Step, train(tiny(schedule="cosine", epochs=2), device="cpu"))
    assert steps[0].lr == 1e-3
    assert all(a.lr > b.lr for a, b in itertools.pairwise(steps))
    assert 0 < steps[-1].lr < 1e-4


def test_bf16_autocast_keeps_parameters_in_fp32(tiny):
    events = list(train(tiny(precision="bf16", epochs=1), device="cpu"))
    weights = of(Checkpoint, events)[-1].state["model"].values()
    assert {tensor.dtype for tensor in weights} == {torch.float32}
    assert isinstance(events[-1], Finished)


def test_training_can_start_from_given_weights(tiny):
    source = of(Checkpoint, train(tiny(epochs=1), device="cpu"))[-1].state["model"]
    norms = next(train(tiny(seed=5), device="cpu", initial_weights=source)).initial_weight_norms
    last = of(Epoch, train(tiny(epochs=1), device="cpu"))[-1].weight_norms
    assert norms == last


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model": "convnext_atoo"}, "convnext_atto"),
        ({"train_samples": 100_000}, "train_samples is 100000"),
        ({"image_size": 4, "model_kwargs": {}}, "image_size"),
    ],
)
def test_what_cannot_be_trained_is_answered_with_one_sentence(tiny, changes, sentence):
    with pytest.raises(ConfigError, match=sentence) as caught:
        next(train(tiny(**changes), device="cpu"))
    assert "\n" not in str(caught.value)


def test_a_checkpoint_of_another_run_is_refused(tiny):
    state = of(Checkpoint, train(tiny(epochs=1), device="cpu"))[-1].state
    with pytest.raises(ConfigError, match="the checkpoint belongs to"):
        next(train(tiny(epochs=1, seed=9), device="cpu", resume_from=state))


def test_an_absent_gpu_is_named(tiny):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ConfigError, match="cuda"):
        next(train(RunConfig(dataset="digits"), device="cuda"))
