"""R_op against the paper's inequality, and zero-shot decay."""

import copy
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_paths import PATHS
from torch import Tensor, nn

import lpwd
from lpwd.methods import METHODS
from lpwd.optim.penalty import OpposingMeter
from lpwd.optim.reference import AdamDirection, SGDDirection

numbers = st.floats(-1e3, 1e3, allow_nan=False, width=32).filter(lambda x: x == 0 or abs(x) > 1e-30)


def eq10(theta: Sequence[float], update: Sequence[float], penalty: Sequence[float]) -> list[bool]:
    """(theta - eta U - P)^2 > (theta - eta U)^2 in exact arithmetic."""
    triples = [[Fraction(x) for x in triple] for triple in zip(theta, update, penalty, strict=True)]
    return [(t - u - p) ** 2 > (t - u) ** 2 for t, u, p in triples]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(numbers, numbers, st.floats(2**-20, 1, width=32)), min_size=1, max_size=20))
def test_the_opposing_share_is_that_of_equation_10_on_the_same_tensors(rows: list[tuple[float, float, float]]):
    theta, update, penalty = [r[0] for r in rows], [r[1] for r in rows], [r[0] * r[2] for r in rows]
    opposing = eq10(theta, update, penalty)
    tensors = [torch.tensor(x, dtype=torch.float64) for x in (theta, update, penalty)]
    count_rate, magnitude_rate = lpwd.opposing_penalty(*tensors)
    assert count_rate == sum(opposing) / len(rows)
    total = sum(abs(p) for p in penalty)
    against = sum(abs(p) for p, o in zip(penalty, opposing, strict=True) if o)
    assert magnitude_rate == pytest.approx(against / total if total else 0.0)


def test_a_worked_example_of_the_opposing_penalty():
    theta = torch.tensor([1.0, 1.0, -1.0, 0.0])
    update = torch.tensor([2.0, 0.5, -3.0, 1.0])  # the first and third weight change their sign in this step
    penalty = torch.tensor([0.1, 0.1, -0.2, 0.0])
    count_rate, magnitude_rate = lpwd.opposing_penalty(theta, update, penalty)
    assert count_rate == 2 / 4
    assert magnitude_rate == pytest.approx(0.3 / 0.4)


def test_a_penalty_beyond_twice_the_weight_is_opposing_without_any_update():
    assert lpwd.opposing_penalty(torch.ones(1), torch.zeros(1), torch.tensor([2.1])) == (1.0, 1.0)
    assert lpwd.opposing_penalty(torch.ones(1), torch.zeros(1), torch.tensor([1.9])) == (0.0, 0.0)


def test_lists_of_tensors_are_pooled_and_shapes_must_agree():
    theta = [torch.ones(2, 3), -torch.ones(4)]
    update = [torch.zeros(2, 3), -2 * torch.ones(4)]
    penalty = [0.1 * t for t in theta]
    assert lpwd.opposing_penalty(theta, update, penalty) == pytest.approx((0.4, 0.4))
    assert lpwd.opposing_penalty([], [], []) == (0.0, 0.0)
    with pytest.raises(ValueError, match="equal shapes"):
        lpwd.opposing_penalty(theta, update, penalty[:1])
    with pytest.raises(ValueError, match="equal shapes"):
        lpwd.opposing_penalty(torch.ones(3), torch.ones(3), torch.ones(1))


def test_tiny_weights_do_not_underflow():
    tiny = torch.tensor([1e-30])
    assert lpwd.opposing_penalty(tiny, 2 * tiny, 1e-3 * tiny) == (1.0, 1.0)


def net(dtype: torch.dtype = torch.float64) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.GELU(), nn.LayerNorm(6), nn.Linear(6, 3)).to(dtype)


def backward(model: nn.Module, t: int) -> None:
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(t)).to(next(model.parameters()).dtype)
    model.zero_grad()
    model(x).square().mean().backward()


def values(tensors: Sequence[Tensor]) -> list[float]:
    return torch.cat([t.detach().reshape(-1) for t in tensors]).tolist()


WD_LIKE = ("wd", "lwd", "wd15", "llrd", "wdlr2", "cwd", "adams", "l2sp")
OPTIONS: dict[str, dict[str, object]] = {"adam": {}, "sgd": {"momentum": 0.9, "nesterov": True}}


def joined(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([t.detach().double().reshape(-1) for t in tensors])


class Terms:
    """theta, eta U and P of each coming step, as the papers write them, in float64 and group by group."""

    def __init__(self, built: lpwd.Adam | lpwd.SGD) -> None:
        self.built = built
        adam = isinstance(built, lpwd.Adam)
        self.directions = [AdamDirection() if adam else SGDDirection(0.9, True) for _ in built.param_groups]
        self.starts = [joined(group["params"]) for group in built.param_groups]

    def of_the_coming_step(self) -> tuple[Tensor, Tensor, Tensor]:
        groups = self.built.param_groups
        thetas = [joined(group["params"]) for group in groups]
        us = [U(joined([p.grad for p in g["params"]])) for g, U in zip(groups, self.directions, strict=True)]
        penalties = [self.penalty(*of_group) for of_group in zip(groups, thetas, us, self.starts, strict=True)]
        distances = [theta - start for theta, start in zip(thetas, self.starts, strict=True)]
        moved = distances if groups[0]["decay"] == "l2sp" else thetas
        return torch.cat(moved), torch.cat([g["lr"] * u for g, u in zip(groups, us, strict=True)]), torch.cat(penalties)

    def penalty(self, group: dict[str, Any], theta: Tensor, u: Tensor, start: Tensor) -> Tensor:
        c = group["lr"] * group["weight_decay"]
        if group["decay"] == "adams":
            c /= torch.cat([U.v_hat for U in self.directions if isinstance(U, AdamDirection)]).mean().sqrt()
        if group["decay"] == "cautious":
            return c * torch.where(u * theta >= 0, theta, 0.0)
        return c * (theta - start) if group["decay"] == "l2sp" else c * theta


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize(("method", "optimizer"), [(m, o) for m in WD_LIKE for o in METHODS[m].optimizers])
def test_the_meter_counts_what_equation_10_counts_on_the_step_really_taken(
    method: str, optimizer: str, path: dict[str, object]
):
    model = net()
    built = lpwd.build_optimizer(model, optimizer, method, 0.05, 0.5, **OPTIONS[optimizer], **path)
    terms, seen = Terms(built), 0.0
    for t in range(6):
        backward(model, t)
        theta, update, penalty = terms.of_the_coming_step()
        before = joined([p for group in built.param_groups for p in group["params"]])
        with OpposingMeter(built) as meter:
            built.step()
        after = joined([p for group in built.param_groups for p in group["params"]])
        torch.testing.assert_close(after, before - update - penalty, rtol=1e-12, atol=1e-14)
        opposing = eq10(theta.tolist(), update.tolist(), penalty.tolist())
        assert meter.rates is not None
        assert meter.rates[0] == sum(opposing) / len(opposing)
        total = float(penalty.abs().sum())
        against = float(penalty.abs()[torch.tensor(opposing)].sum())
        assert meter.rates[1] == pytest.approx(against / total if total else 0.0)
        seen += meter.rates[0]
    assert seen > 0  # some step had an opposing penalty: the comparison is not empty


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("method", ["wd", "cwd", "adams"])
def test_in_float32_the_meter_is_within_rounding_of_equation_10(method: str, memory_format: torch.memory_format):
    """3,600 weights a step: at a learning rate of 1e-5 a few of the updates are below the rounding of their weight."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(4, 30, 5), nn.GELU(), nn.Conv2d(30, 2, 3), nn.Flatten())
    model = model.to(memory_format=memory_format)
    weight_decay = 0.5 if method != "adams" else 0.01
    for lr in (1e-2, 1e-3, 1e-5):
        built = lpwd.build_optimizer(model, "adam", method, lr, weight_decay)
        terms = Terms(built)
        for t in range(4):
            model.zero_grad()
            model(torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(t))).square().mean().backward()
            expected = lpwd.opposing_penalty(*terms.of_the_coming_step())
            with OpposingMeter(built) as meter:
                built.step()
            assert meter.rates == pytest.approx(expected, abs=1e-3)


def test_the_copy_of_the_weights_is_kept_from_one_measurement_to_the_next():
    model = net()
    optimizer = lpwd.build_optimizer(model, "adam", "wd", 0.1, 0.5)
    addresses = set()
    for t in range(3):
        backward(model, t)
        with OpposingMeter(optimizer):
            optimizer.step()
        addresses.add(tuple(copied.data_ptr() for copied in optimizer._theta_before.values()))
    assert len(addresses) == 1
    assert "_theta_before" not in optimizer.state_dict()
    assert not hasattr(copy.deepcopy(optimizer), "_theta_before")


@pytest.mark.parametrize("method", METHODS)
def test_measuring_changes_nothing(method: str):
    measured, plain = net(torch.float32), net(torch.float32)
    a = lpwd.build_optimizer(measured, "adam", method, 0.01, 0.3)
    b = lpwd.build_optimizer(plain, "adam", method, 0.01, 0.3)
    for t in range(3):
        backward(measured, t)
        with OpposingMeter(a):
            a.step()
        backward(plain, t)
        b.step()
    assert values(list(measured.parameters())) == values(list(plain.parameters()))


@pytest.mark.parametrize(
    ("method", "rates"),
    [
        ("rwd", (0.0, 0.0)),
        ("pwd", (0.0, 0.0)),
        ("lpwd", (0.0, 0.0)),
        ("lrwd", (0.0, 0.0)),
        ("baseline", None),
        ("l2", None),
        ("adamh", None),
    ],
)
def test_rwd_and_pwd_oppose_nothing_and_methods_without_a_penalty_have_no_rate(
    method: str, rates: tuple[float, float] | None
):
    model = net()
    optimizer = lpwd.build_optimizer(model, "adam", method, 0.1, 0.5)
    backward(model, 0)
    with OpposingMeter(optimizer) as meter:
        optimizer.step()
    assert meter.rates == rates


def test_an_optimizer_of_another_library_has_no_rate():
    model = net()
    optimizer = torch.optim.AdamW(model.parameters())
    backward(model, 0)
    with OpposingMeter(optimizer) as meter:
        optimizer.step()
    assert meter.rates is None


def test_undecayed_norms_and_biases_are_not_counted():
    model = net()
    optimizer = lpwd.build_optimizer(model, "sgd", "wd", 0.1, 0.5, exclude_1d=True)
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(0.01)
            p.grad = torch.ones_like(p)  # every step crosses 0: all that counts is opposing
    with OpposingMeter(optimizer) as meter:
        optimizer.step()
    assert meter.rates == (1.0, pytest.approx(1.0))
    optimizer.param_groups[0]["weight_decay"] = 0.0
    with OpposingMeter(optimizer) as meter:
        optimizer.step()
    assert meter.rates is not None
    assert len(meter._measured) == 1


# Zero-shot decay


def test_zero_shot_decay_scales_theta_0_and_restores_it_bit_for_bit():
    model = net(torch.float32)
    model.register_buffer("statistic", torch.ones(2))
    before = [p.detach().clone() for p in model.parameters()]
    for s in range(101):  # each decay starts from theta_0
        with lpwd.zero_shot_decay(model, s) as decayed:
            assert decayed is model
            for p, b in zip(model.parameters(), before, strict=True):
                torch.testing.assert_close(p.detach(), b - s / 100 * b)
            assert torch.equal(model.statistic, torch.ones(2))
        assert all(torch.equal(p, b) for p, b in zip(model.parameters(), before, strict=True))


def test_the_last_zero_shot_step_is_zero_and_the_number_of_steps_can_be_chosen():
    model = net()
    with lpwd.zero_shot_decay(model, 100):
        assert all(not p.any() for p in model.parameters())
    first = next(model.parameters())
    expected = first.detach() * 0.75
    with lpwd.zero_shot_decay(model, 5, steps=20):
        assert torch.equal(first, expected)


def test_the_weights_come_back_after_an_exception():
    model = net()
    before = values(list(model.parameters()))
    with pytest.raises(KeyboardInterrupt), lpwd.zero_shot_decay(model, 40):
        raise KeyboardInterrupt
    assert values(list(model.parameters())) == before
    with lpwd.zero_shot_decay(model, 40):
        pass


def test_zero_shot_decays_never_compound():
    model = net()
    before = values(list(model.parameters()))
    with (
        pytest.raises(RuntimeError, match="cannot be nested"),
        lpwd.zero_shot_decay(model, 10),
        lpwd.zero_shot_decay(model, 20),
    ):
        pass
    assert values(list(model.parameters())) == before


def test_shared_weights_are_scaled_once():
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model[1].weight = model[0].weight
    expected = model[0].weight.detach() * 0.5
    with lpwd.zero_shot_decay(model, 50):
        assert torch.equal(model[1].weight, expected)


@pytest.mark.parametrize(("s", "steps"), [(-1, 100), (101, 100), (0, 0), (float("nan"), 100)])
def test_zero_shot_steps_outside_the_range_are_refused(s: float, steps: int):
    with pytest.raises(ValueError, match="must lie in"), lpwd.zero_shot_decay(net(), s, steps):
        pass
