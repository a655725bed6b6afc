"""The angular update: what the meter says against plain float64 vectors, and what a training records of it."""

import copy
import math

import pytest
import torch
from test_train import of
from torch import nn

import lpwd
from lpwd.config import ConfigError
from lpwd.events import Epoch
from lpwd.methods import METHODS
from lpwd.optim.angles import AngleMeter
from lpwd.optim.layer_stats import layer_facts, layers
from lpwd.optim.penalty import OpposingMeter
from lpwd.training.data.batches import load
from lpwd.training.session import Session
from lpwd.training.train import train

EVERY = [(method, optimizer) for method in METHODS for optimizer in METHODS[method].optimizers]


def vectors(optimizer):
    """A float64 vector of all weights a layer."""
    return [torch.cat([p.detach().double().flatten() for p in layer]) for layer in layers(optimizer).values()]


def angle(a, b):
    """Of the two unit vectors, by the lengths of their difference and their sum."""
    u, v = a / a.norm(), b / b.norm()
    return 2 * math.atan2(float((u - v).norm()), float((u + v).norm()))


def net(dtype):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 6, 3), nn.GELU(), nn.Conv2d(6, 4, 3), nn.Flatten(), nn.Linear(64, 5))
    return model.to(dtype, memory_format=torch.channels_last)


@pytest.mark.parametrize(("method", "optimizer"), EVERY)
def test_the_meter_measures_the_angle_of_each_layer(method, optimizer):
    model = net(torch.float64)
    built = lpwd.build_optimizer(model, optimizer, method, 0.05, 0.01 if method == "adams" else 0.5)
    for t in range(4):
        built.zero_grad()
        inputs = torch.randn(8, 3, 8, 8, generator=torch.Generator().manual_seed(t), dtype=torch.float64)
        model(inputs).square().mean().backward()
        before = vectors(built)
        with OpposingMeter(built), AngleMeter(built) as meter:
            built.step()
        assert meter.angles.tolist() == pytest.approx(list(map(angle, before, vectors(built))), rel=1e-9)
        assert meter.angles.min() > 0


def test_groups_without_a_layer_are_measured_as_layers_after_the_others():
    model, added = net(torch.float64), nn.Linear(4, 2).double()
    built = lpwd.build_optimizer(model, "adam", "lpwd", 0.05, 0.5)
    built.add_param_group({"params": added.parameters()})
    plain = torch.optim.AdamW(model.parameters())
    for optimizer, count in ((built, 4), (plain, 1)):
        model(torch.ones(2, 3, 8, 8).double()).square().mean().backward()
        added(torch.ones(1, 4).double()).sum().backward()
        before = vectors(optimizer)
        with AngleMeter(optimizer) as meter:
            optimizer.step()
        assert len(before) == count
        assert meter.angles.tolist() == pytest.approx(list(map(angle, before, vectors(optimizer))), rel=1e-9)
    assert layer_facts(built)["layer_names"] == ["0", "2", "4", "group 4"]


def test_a_run_under_another_default_dtype_is_refused_in_one_sentence(tiny):
    torch.set_default_dtype(torch.float64)
    try:
        with pytest.raises(ConfigError, match=r"torch's default dtype is torch.float64: it must be float32"):
            next(train(tiny(), device="cpu"))
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_trained_model_carries_no_hook(tiny):
    config = tiny(method="lpwd")
    session = Session(config, torch.device("cpu"), load(config, torch.device("cpu")), None)
    session.train_step()
    assert not session.learner.model._forward_pre_hooks


def test_small_angles_of_float32_weights_keep_their_digits_and_shrinking_turns_nothing():
    model = net(torch.float32)
    built = lpwd.build_optimizer(model, "sgd", "wd", 1e-6, 0.0)
    for p in model.parameters():
        p.grad = torch.randn(p.shape, generator=torch.Generator().manual_seed(1))
    before = vectors(built)
    with AngleMeter(built) as meter:
        built.step()
    assert meter.angles.tolist() == pytest.approx(list(map(angle, before, vectors(built))), rel=1e-4)
    assert meter.angles.max() < 2e-5
    with AngleMeter(built) as meter, torch.no_grad():
        for p in model.parameters():
            p.mul_(0.5)
    assert meter.angles.tolist() == pytest.approx([0.0] * 3, abs=1e-7)


def test_weights_that_are_all_zero_have_the_angle_zero():
    model = net(torch.float32)
    built = lpwd.build_optimizer(model, "sgd", "wd", 0.1, 0.5)
    nn.init.zeros_(model[0].weight)
    nn.init.zeros_(model[0].bias)
    with AngleMeter(built) as meter:
        pass
    assert meter.angles.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "lpwd"},
        {"method": "l2sp", "opposing_every": 3},
        {"method": "wd", "train_samples": 20, "batch_size": 32},
    ],
    ids=["lpwd", "other steps for R_op", "one step an epoch"],
)
@pytest.mark.parametrize("threads", [1, 2])
def test_a_short_epoch_tells_the_angles_of_its_last_step_and_of_no_other(tiny, changes, threads):
    own = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        config = tiny(image_size=32, **changes)
        session = Session(config, torch.device("cpu"), load(config, torch.device("cpu")), None)
        for _ in range(2):
            while session.batch < session.steps_per_epoch:
                assert not session.motion
                session.learner.optimizer.decay_()  # of pwd: what the step itself would do first, once a step
                before = vectors(session.learner.optimizer)
                session.learner.model.train()
                session.train_step()
            measured = session.evaluate_epoch(lambda: False).angular_update
            assert measured == pytest.approx(list(map(angle, before, vectors(session.learner.optimizer))), rel=1e-4)
    finally:
        torch.set_num_threads(own)


def test_a_long_epoch_tells_the_mean_angle_of_every_32nd_step_and_a_resumed_one_the_same(tiny):
    config = tiny(train_samples=134, batch_size=2, lr=1e-2)
    new_session = lambda: Session(config, torch.device("cpu"), load(config, torch.device("cpu")), None)  # noqa: E731
    session, measured = new_session(), []
    session.learner.model.train()
    while session.batch < session.steps_per_epoch:
        before = vectors(session.learner.optimizer)
        session.train_step()
        if session.step in (35, 67):
            measured.append(list(map(angle, before, vectors(session.learner.optimizer))))
        if session.step == 50:
            resumed = new_session()
            resumed.load_state_dict(copy.deepcopy(session.state_dict()))
    mean = [sum(turned) / 2 for turned in zip(*measured, strict=True)]
    epoch = session.evaluate_epoch(lambda: False)
    assert epoch.angular_update == pytest.approx(mean, rel=1e-4)
    list(resumed.train_epoch(lambda: False))
    assert resumed.evaluate_epoch(lambda: False).angular_update == epoch.angular_update


def test_a_state_of_older_code_brings_the_motion_of_its_last_step(tiny):
    config = tiny()
    session = Session(config, torch.device("cpu"), load(config, torch.device("cpu")), None)
    session.load_state_dict(session.state_dict() | {"motion": [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]})
    assert session.moved()["angular_update"] == [0.1, 0.2]
    assert session.moved()["relative_gradient"] == [0.5, 0.6]


def test_every_layer_turns_in_every_epoch_of_a_training(tiny):
    events = list(train(tiny(method="pwd"), device="cpu"))
    for epoch in of(Epoch, events):
        assert len(epoch.angular_update) == len(events[0].layer_names)
        assert all(0 < turned < math.pi for turned in epoch.angular_update)


@pytest.mark.parametrize("method", ["wd", "lpwd", "l2"])
def test_the_meter_measures_how_far_a_step_moves_each_layer(method):
    model = net(torch.float64)
    built = lpwd.build_optimizer(model, "adam", method, 0.05, 0.5)
    for t in range(3):
        built.zero_grad()
        inputs = torch.randn(8, 3, 8, 8, generator=torch.Generator().manual_seed(t), dtype=torch.float64)
        model(inputs).square().mean().backward()
        before = vectors(built)
        grads = [torch.cat([p.grad.flatten() for p in layer]) for layer in layers(built).values()]
        with AngleMeter(built) as meter:
            built.step()
        moved = [float((after - old).norm() / old.norm()) for old, after in zip(before, vectors(built), strict=True)]
        assert meter.relative_updates.tolist() == pytest.approx(moved, rel=1e-9)
        pulled = [float(g.norm() / old.norm()) for g, old in zip(grads, before, strict=True)]
        assert meter.relative_gradients.tolist() == pytest.approx(pulled, rel=1e-9)


def test_an_epoch_records_the_motion_of_every_layer(tiny):
    epochs = [event for event in train(tiny(method="lpwd"), device="cpu") if isinstance(event, Epoch)]
    for epoch in epochs:
        assert len(epoch.relative_update) == len(epoch.relative_gradient) == len(epoch.weight_norms)
        assert min(epoch.relative_update) > 0
        assert all(a <= u * 1.5 for a, u in zip(epoch.angular_update, epoch.relative_update, strict=True))
