"""The predicted equilibrium of a layer: against a simulation, and what the page shows of a run."""

import math

import pytest
import torch

from lpwd.analysis.equilibrium import angle, memory_epochs, settled_since
from lpwd.config import RunConfig
from lpwd.events import Epoch
from lpwd.jobs.race import run_lanes
from lpwd.ui.train.motion import Motion


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


def test_a_layer_has_settled_once_its_angle_stays_near_the_predicted_one():
    assert settled_since([3.0, 1.1, 0.9], 1.0) == 1
    assert settled_since([1.0, 1.0], 1.0) == 0
    assert settled_since([1.0, 3.0], 1.0) is None
    assert settled_since([], 1.0) is None


def test_the_page_shows_what_the_last_step_of_each_epoch_did_to_a_layer(store, tiny):
    ids = [store.create(tiny(method=method)) for method in ("wd", "lpwd")]
    motion = Motion(store)
    assert motion.look(ids)["lanes"] == []
    run_lanes(store, ids, device="cpu")
    answer = motion.look(ids, layer=0)
    rows = list(store.history(ids[0]).epochs.rows())
    assert answer["layers"] == store.history(ids[0]).started.layer_names
    assert answer["lanes"][0]["angular_update"] == pytest.approx([row["angular_update"][0] for row in rows], rel=1e-5)
    assert answer["lanes"][0]["epoch"] == [row["epoch"] for row in rows]
    assert "radians a step, predicted" in answer["lanes"][0]["said"]
    assert motion.look(ids, layer=0, stamp=answer["stamp"]).keys() == {"stamp", "pollMs"}
    assert isinstance(Epoch(**rows[0]), Epoch)
