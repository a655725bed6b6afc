"""Rates from a function of a plug-in, and optimizers of one's own: registered, called, refused and resumed."""

import copy
import re
from collections.abc import Iterator

import pytest
import torch
from torch import nn

import lpwd
from lpwd import methods, optimizers
from lpwd.methods import METHODS
from lpwd.optim.layer_stats import layer_facts


@pytest.fixture
def registries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    own, classes = dict(METHODS), dict(optimizers.OPTIMIZERS)
    yield
    for table, before in ((methods._METHODS, own), (optimizers._OPTIMIZERS, classes)):
        for name in table.keys() - before.keys():
            del table[name]


def small_model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2)).double()


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int, first: int = 0) -> list[list[float]]:
    rates = []
    for t in range(first, first + steps):
        optimizer.decay_()
        rates.append([group["weight_decay"] for group in optimizer.param_groups])
        inputs = torch.randn(5, 3, generator=torch.Generator().manual_seed(t), dtype=torch.float64)
        model(inputs).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    return rates


@pytest.mark.usefixtures("registries")
def test_a_function_gets_layers_lambda_and_what_else_it_names():
    calls = []

    def by_size(layers, weight_decay, step, state):
        calls.append((step, len(state)))
        return [weight_decay * len(layer) * (1 + step) for layer in layers]

    lpwd.register_method("by_size", timing="pwd", rates=by_size, every=3, label="By size")
    model = small_model()
    optimizer = lpwd.build_optimizer(model, "adam", "by_size", 1e-3, 0.1, exclude_1d=True)
    rates = train(model, optimizer, 7)
    assert calls == [(0, 0), (3, 6), (6, 6)]
    assert rates[0] == pytest.approx([0.2, 0.0, 0.0, 0.2, 0.0])  # matrices, then biases and norms, which do not decay
    assert rates[2] == rates[0]
    assert rates[3] == pytest.approx([0.8, 0.0, 0.0, 0.8, 0.0])
    assert rates[6] == pytest.approx([1.4, 0.0, 0.0, 1.4, 0.0])
    assert layer_facts(optimizer)["layer_decay_rates"] == pytest.approx([1.4, 0.0, 1.4])


@pytest.mark.usefixtures("registries")
@pytest.mark.parametrize("optimizer", ["adam", "timm:muon"])
def test_a_resumed_run_calls_the_function_at_the_same_steps(optimizer: str):
    def growing(layers, weight_decay, step):
        return [weight_decay * (step + 1)] * len(layers)

    lpwd.register_method("growing", rates=growing, every=4)
    whole, stopped, resumed = small_model(), small_model(), small_model()
    train(whole, lpwd.build_optimizer(whole, optimizer, "growing", 1e-3, 0.1), 10)
    first = lpwd.build_optimizer(stopped, optimizer, "growing", 1e-3, 0.1)
    train(stopped, first, 6)
    second = lpwd.build_optimizer(resumed, optimizer, "growing", 1e-3, 0.1)
    resumed.load_state_dict(stopped.state_dict())
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    train(resumed, second, 4, first=6)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))


@pytest.mark.usefixtures("registries")
@pytest.mark.parametrize(
    ("returned", "sentence"),
    [
        ([0.1], "wrong returned 1 rates for 3 layers"),
        ([0.1, -0.2, 0.1], "wrong returned the rate -0.2: each must be at least 0 and finite"),
        ([0.1, float("nan"), 0.1], "wrong returned the rate nan"),
    ],
)
def test_rates_that_cannot_be_are_refused(returned, sentence):
    def wrong(layers, weight_decay):
        return returned

    lpwd.register_method("wrong", rates=wrong)
    with pytest.raises(ValueError, match=re.escape(sentence)):
        lpwd.build_optimizer(small_model(), "adam", "wrong")


@pytest.mark.usefixtures("registries")
def test_an_optimizer_of_ones_own_is_known_by_its_name_to_runs_and_methods():
    class Mine(torch.optim.SGD):
        """An optimizer of a plug-in."""

    lpwd.register_optimizer("mine", Mine, label="My own", lr=0.05, options={"momentum": 0.5})
    assert optimizers.optimizer_label("mine") == "My own"
    config = lpwd.RunConfig(optimizer="mine", method="lwd", dataset="digits")
    assert "-digits-mine-lwd-" in config.run_id
    optimizer = lpwd.build_optimizer(small_model(), "mine", "lwd", 0.1, 0.3)
    assert isinstance(optimizer, Mine)
    assert optimizer.param_groups[0]["momentum"] == 0.5
    for bad, sentence in (
        (("mine", Mine), "optimizer 'mine' exists already: choose another name"),
        (("Mine", Mine), "optimizer is 'Mine': a name has up to 40 lower-case letters, digits and _"),
        (("other", nn.Linear), "is not a subclass of torch.optim.Optimizer"),
    ):
        with pytest.raises(ValueError, match=re.escape(sentence)):
            lpwd.register_optimizer(*bad)
    with pytest.raises(ValueError, match="optimizer 'other': lr is 0: it must be greater than 0"):
        lpwd.register_optimizer("other", Mine, lr=0)


def test_a_profile_gives_the_layers_their_rates():
    model = small_model()
    optimizer = lpwd.build_optimizer(model, "nadam", "lwd", 1e-3, 0.5, profile=(0, 2))
    assert [group["weight_decay"] for group in optimizer.param_groups] == pytest.approx([0, 0.5, 1.0])
    matched = lpwd.build_optimizer(model, "nadam", "lwd", 1e-3, 0.5, profile=(0, 2), mean="parameters")
    total = sum(g["weight_decay"] * sum(p.numel() for p in g["params"]) for g in matched.param_groups)
    assert total / sum(p.numel() for p in model.parameters()) == pytest.approx(0.5)
    drawn = lpwd.build_optimizer(model, "nadam", "lwd", 1e-3, 0.5, profile=(0, 3), mean="drawn")
    assert [drawn.param_groups[0]["weight_decay"], drawn.param_groups[-1]["weight_decay"]] == [0.0, 1.5]
    with pytest.raises(ValueError, match="profile is only for layer-wise methods"):
        lpwd.build_optimizer(model, "nadam", "wd", profile=(0, 2))
