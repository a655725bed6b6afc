"""A training step made at once, as a CUDA graph's is: the same numbers as in parts, on a CPU without the graph."""

import copy

import pytest
import torch

from lpwd.config import ConfigError
from lpwd.events import Epoch
from lpwd.training.data.batches import load
from lpwd.training.session import Session
from lpwd.training.train import train

EXACT = {"lr": 2.0**-10, "weight_decay": 0.5, "kernels": "timm", "train_samples": 150}  # the last batch is a small one
DROPS = {"model_kwargs": {"depths": [1, 1, 1, 1], "dims": [8, 16, 16, 32], "patch_size": 2, "drop_path_rate": 0.3}}


def session_of(config, *, at_once=False):
    session = Session(config, torch.device("cpu"), load(config, torch.device("cpu")), None)
    if at_once:
        session.learner.graph = session.learner._graph()
    return session


def trained(session):
    """Its events, and its weights in the end."""
    events = [event for _ in range(session.config.epochs) for event in one_epoch(session)]
    return events, session.learner.model.state_dict()


def one_epoch(session):
    yield from session.train_epoch(lambda: False)
    yield session.evaluate_epoch(lambda: False)


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "wd"},
        {"method": "lpwd", "schedule": "cosine", "clip_grad_norm": 1.0},
        {"method": "rwd", "optimizer": "sgd"},
        {"method": "l2sp"},
        {"method": "lpwd", "precision": "bf16", "opposing_every": 2},
        {"method": "wd"} | DROPS,
    ],
    ids=["wd", "lpwd", "sgd", "l2sp", "bf16", "stochastic depth"],
)
def test_a_step_at_once_trains_as_one_in_parts(tiny, changes):
    config = tiny(**EXACT | changes)
    events, weights = trained(session_of(config))
    others, same = trained(session_of(config, at_once=True))
    assert [event.train_loss for event in others if isinstance(event, Epoch)] == pytest.approx(
        [event.train_loss for event in events if isinstance(event, Epoch)], rel=1e-5
    )
    for name, weight in weights.items():
        assert torch.allclose(same[name], weight, rtol=1e-4, atol=1e-6), name


def test_a_loss_stays_what_it_was_when_the_next_step_is_made(tiny):
    session = session_of(tiny(**EXACT | {"method": "wd"}), at_once=True)
    session.learner.model.train()
    first = session.learner.at_once(*session.feed.batch(1, 0), seed=0)
    kept = float(first)
    assert float(session.learner.at_once(*session.feed.batch(1, 1), seed=1)) != kept
    assert float(first) == kept
    assert session.learner.at_once(*session.feed.batch(1, 4), seed=2) is None  # 22 images


def test_rates_are_tensors_again_after_a_resume(tiny):
    config = tiny(**EXACT | {"method": "lpwd"})
    session = session_of(config, at_once=True)
    list(one_epoch(session))
    resumed = session_of(config, at_once=True)
    resumed.load_state_dict(copy.deepcopy(session.state_dict()))
    assert all(isinstance(group["lr"], torch.Tensor) for group in resumed.learner.optimizer.param_groups)
    list(one_epoch(session))
    list(one_epoch(resumed))
    for name, weight in session.learner.model.state_dict().items():
        assert torch.equal(resumed.learner.model.state_dict()[name], weight)


def test_a_graph_is_refused_where_it_cannot_be_had(tiny):
    with pytest.raises(ConfigError, match="kernels is 'graph': this needs a CUDA device, but the device is cpu"):
        next(train(tiny(kernels="graph"), device="cpu"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("method", ["wd", "lpwd"])
def test_a_graph_trains_as_steps_without_one_on_a_gpu(tiny, method):
    config = tiny(method=method, epochs=3)
    last = {}
    for kernels in ("timm", "graph"):
        events = train(config.model_copy(update={"kernels": kernels}), device="cuda")
        last[kernels] = [event.train_loss for event in events if isinstance(event, Epoch)]
    assert last["graph"] == pytest.approx(last["timm"], rel=1e-3)
