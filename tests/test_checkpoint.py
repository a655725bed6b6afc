"""Resuming through torch.distributed.checkpoint: a fresh optimizer takes over the state of one that has trained."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed.checkpoint as distributed_checkpoint
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    get_state_dict,
    set_optimizer_state_dict,
    set_state_dict,
)

import lpwd
from lpwd.methods import METHODS

PAIRS = [(method, optimizer) for method, row in METHODS.items() for optimizer in row.optimizers]
PAIRS += [("lpwd", "nadam"), ("cwd", "timm:muon"), ("soda", "timm:lamb"), ("spd", "rmsprop")]  # `decaying` classes
OPTIONS: dict[str, dict[str, float]] = {"adam": {}, "sgd": {"momentum": 0.9}}


def net(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 6), nn.GELU(), nn.LayerNorm(6), nn.Linear(6, 3))


def built(model: nn.Module, method: str, optimizer: str) -> lpwd.Adam | lpwd.SGD:
    return lpwd.build_optimizer(model, optimizer, method, 0.01, 0.3, **OPTIONS.get(optimizer, {}))  # type: ignore


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int, first: int = 0) -> None:
    for t in range(first, first + steps):
        x = torch.randn(5, 4, generator=torch.Generator().manual_seed(t))
        model(x).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()


def flat(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


def state_of(model: nn.Module, optimizer: torch.optim.Optimizer, options: StateDictOptions) -> dict[str, Any]:
    return dict(zip(("model", "optimizer"), get_state_dict(model, optimizer, options=options), strict=True))


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")  # no_dist says so of itself
@pytest.mark.parametrize("flattened", [False, True])
@pytest.mark.parametrize(("method", "optimizer"), PAIRS)
def test_training_resumed_through_distributed_checkpoint_goes_on_bit_for_bit(
    method: str, optimizer: str, flattened: bool, tmp_path: Path
):
    options = StateDictOptions(flatten_optimizer_state_dict=flattened)
    model = net()
    trained = built(model, method, optimizer)
    train(model, trained, 3)
    distributed_checkpoint.save(state_of(model, trained, options), checkpoint_id=tmp_path, no_dist=True)

    resumed = net(1)
    fresh = built(resumed, method, optimizer)
    state = state_of(resumed, fresh, options)
    distributed_checkpoint.load(state, checkpoint_id=tmp_path, no_dist=True)
    set_state_dict(
        resumed, fresh, model_state_dict=state["model"], optim_state_dict=state["optimizer"], options=options
    )
    train(model, trained, 3, 3)
    train(resumed, fresh, 3, 3)
    assert torch.equal(flat(model), flat(resumed))


@pytest.mark.parametrize(("method", "optimizer"), PAIRS)
def test_reading_the_state_of_a_fresh_optimizer_changes_no_weight(method: str, optimizer: str):
    model, undisturbed = net(), net()
    fresh = built(model, method, optimizer)
    state = get_optimizer_state_dict(model, fresh)
    assert torch.equal(flat(model), flat(undisturbed))
    set_optimizer_state_dict(model, fresh, state)
    assert torch.equal(flat(model), flat(undisturbed))
    assert len(get_model_state_dict(model)) == len(list(model.parameters()))


@pytest.mark.parametrize("method", ["pwd", "lpwd"])
def test_a_decay_that_is_pending_travels_through_distributed_checkpoint(method: str):
    model = net()
    trained = built(model, method, "adam")
    train(model, trained, 2)
    trained.decay_()
    weights, state = copy.deepcopy(get_state_dict(model, trained))
    resumed = net(1)
    fresh = built(resumed, method, "adam")
    set_state_dict(resumed, fresh, model_state_dict=weights, optim_state_dict=state)
    train(model, trained, 2, 2)
    train(resumed, fresh, 2, 2)
    assert torch.equal(flat(model), flat(resumed))


def test_a_step_at_learning_rate_0_needs_no_decay():
    model = net()
    before = flat(model)
    optimizer = lpwd.Adam(model.parameters(), lr=0.0, weight_decay=0.5, decay="pwd")
    model(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    assert torch.equal(flat(model), before)
    optimizer.param_groups[0]["lr"] = 0.1
    with pytest.raises(RuntimeError, match="attach"):
        optimizer.step()
