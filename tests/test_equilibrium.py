"""The predicted equilibrium of a layer: against a simulation, and what the page shows of a run."""

import copy
import math

import pytest
import torch
from synthetic import write_run
from test_angles import angle as between
from test_angles import vectors

from lpwd.analysis.equilibrium import angle, memory_epochs, settled_since, steps_to_settle
from lpwd.config import RunConfig
from lpwd.events import Checkpoint
from lpwd.jobs.race import run_lanes
from lpwd.optim.layer_stats import layers
from lpwd.paper.presets import Cell
from lpwd.runs import Runs
from lpwd.training.data.batches import load
from lpwd.training.session import Session
from lpwd.training.train import train
from lpwd.ui.shared.motion import Motion


def test_random_gradients_turn_adamws_weights_by_the_predicted_angle():
    generator = torch.Generator().manual_seed(0)
    weight = torch.nn.Parameter(0.1 * torch.randn(20_000, generator=generator, dtype=torch.float64))
    optimizer = torch.optim.AdamW([weight], lr=1e-2, weight_decay=0.5, betas=(0.9, 0.99))
    angles = []
    for step in range(600):
        before = weight.detach().clone()
        weight.grad = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
        optimizer.step()
        if step >= 500:
            cosine = torch.dot(before, weight.detach()) / before.norm() / weight.detach().norm()
            angles.append(math.acos(float(cosine)))
    config = RunConfig(method="wd", lr=1e-2, weight_decay=0.5, betas=(0.9, 0.99))
    assert sum(angles) / len(angles) == pytest.approx(angle(config, 0.5), rel=0.05)


def test_nothing_is_predicted_without_decoupled_decay_or_at_a_changing_rate():
    assert angle(RunConfig(method="l2"), 0.5) is None
    assert angle(RunConfig(method="wd"), 0.0) is None
    assert angle(RunConfig(method="wd", schedule="cosine"), 0.5) is None
    momentum = angle(RunConfig(method="wd", optimizer="sgd", lr=0.1, momentum=0.5), 0.3)
    assert momentum == pytest.approx(math.sqrt(2 * 0.03 / 1.5))


def test_decay_alone_leaves_a_share_of_1_over_e_after_the_memory():
    steps = 50
    tau = memory_epochs(1e-3, 2.0, steps)
    assert (1 - 2e-3) ** (tau * steps) == pytest.approx(1 / math.e, rel=2e-3)
    assert memory_epochs(1e-3, 0.0, steps) == math.inf
    assert steps_to_settle(1e-3, 2.0) == 250


def test_a_layer_has_settled_once_its_angle_stays_near_the_predicted_one():
    assert settled_since([3.0, 1.1, 0.9], 1.0) == 1
    assert settled_since([1.0, 1.0], 1.0) == 0
    assert settled_since([1.0, 3.0], 1.0) is None
    assert settled_since([], 1.0) is None


def test_the_page_shows_the_recorded_motion_of_the_layer_that_was_chosen(store, tiny):
    ids = [store.create(tiny(method=method)) for method in ("wd", "lpwd")]
    motion = Motion(Runs(store))
    assert motion.look(ids)["lanes"] == []
    run_lanes(store, ids, device="cpu")
    names = store.history(ids[0]).started.layer_names
    answer = motion.look(ids, layer=names[0])
    rows = list(store.history(ids[0]).epochs.rows())
    assert (answer["layers"], answer["layer"]) == (names, names[0])
    assert motion.look(ids)["layer"] == names[-1]
    assert answer["lanes"][0]["angular_update"] == pytest.approx([row["angular_update"][0] for row in rows], rel=1e-5)
    assert answer["lanes"][0]["epoch"] == [row["epoch"] for row in rows]
    assert "radians per step, predicted" in answer["lanes"][0]["said"]
    assert motion.look(ids, layer=names[0], stamp=answer["stamp"]).keys() == {"stamp", "pollMs"}


def test_runs_of_one_method_are_told_apart_by_their_settings_and_seeds_are_not_drawn_twice(store, tiny):
    configs = [tiny(method="wd", weight_decay=decay, seed=seed) for decay in (0.5, 1.0) for seed in (0, 1)]
    ids = [write_run(store, Cell(config, "", True)) for config in configs]
    lanes = Motion(Runs(store)).look(ids)["lanes"]
    assert [lane["label"] for lane in lanes] == ["WD, η 0.001, λ 0.5, #1", "WD, η 0.001, λ 1, #2"]
    assert len({lane["dash"] for lane in lanes}) == 2


def test_the_numbers_of_the_panel_are_those_of_two_saved_states_in_float64(store, tiny):
    config = tiny(method="wd", train_samples=64, batch_size=64)  # one step per epoch, and a checkpoint after it
    run_id, states = store.create(config), []
    for event in train(config, device="cpu"):
        if isinstance(event, Checkpoint):
            states.append(copy.deepcopy(event.state))
        else:
            store.append(run_id, [event])
    session = Session(config, torch.device("cpu"), load(config, torch.device("cpu")), None)
    weights, moments = [], []
    for state in states:
        session.load_state_dict(state)
        weights.append(vectors(session.learner.optimizer))
        moments.append(first_moments(session.learner.optimizer))
    for i, name in enumerate(store.history(run_id).started.layer_names):
        before, after = weights[0][i], weights[1][i]
        gradient = (moments[1][i] - 0.9 * moments[0][i]) / 0.1
        (shown,) = Motion(Runs(store)).look([run_id], layer=name)["lanes"]
        assert shown["angular_update"][-1] == pytest.approx(between(before, after), rel=1e-4)
        assert shown["relative_update"][-1] == pytest.approx(float((after - before).norm() / before.norm()), rel=1e-4)
        assert shown["relative_gradient"][-1] == pytest.approx(float(gradient.norm() / before.norm()), rel=1e-4)
        assert shown["weight_norms"][-1] == pytest.approx(float(after.norm()), rel=1e-4)


def first_moments(optimizer):
    """A float64 vector of Adam's running mean of the gradients for each layer."""
    return [
        torch.cat([optimizer.state[p]["exp_avg"].double().flatten() for p in layer])
        for layer in layers(optimizer).values()
    ]
