"""R_op against the paper's inequality, and zero-shot decay."""

from collections.abc import Sequence
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import lpwd
from lpwd.methods import METHODS
from lpwd.optim.penalty import OpposingMeter
from lpwd.optim.rivals import cautious_mask

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


WD_LIKE = ("wd", "lwd", "wd15", "llrd", "wdlr2", "cwd", "adams")
OPTIONS: dict[str, dict[str, object]] = {"adam": {}, "sgd": {"momentum": 0.9, "nesterov": True}}


@pytest.mark.parametrize("path", [{}, {"foreach": True}, {"fused": True}])
@pytest.mark.parametrize(("method", "optimizer"), [(m, o) for m in WD_LIKE for o in METHODS[m].optimizers])
def test_the_meter_counts_what_equation_10_counts_on_the_step_really_taken(
    method: str, optimizer: str, path: dict[str, object]
):
    model = net()
    built = lpwd.build_optimizer(model, optimizer, method, 0.05, 0.5, **OPTIONS[optimizer], **path)
    params = list(model.parameters())
    seen = set()
    for t in range(6):
        backward(model, t)
        theta = [p.detach().clone() for p in params]
        claimed = list(built.terms())
        with OpposingMeter(built) as meter:
            built.step()
        # the terms of eq. (1) add up to the weights that the step left behind
        order = [p for group in built.param_groups for p in group["params"]]
        start = {id(p): before for p, before in zip(params, theta, strict=True)}
        updates = [u for _, us, _ in claimed for u in us]
        penalties = [p for _, _, ps in claimed for p in ps]
        for p, u, penalty in zip(order, updates, penalties, strict=True):
            torch.testing.assert_close(p.detach(), start[id(p)] - u - penalty, rtol=1e-12, atol=1e-15)
        opposing = eq10(values([start[id(p)] for p in order]), values(updates), values(penalties))
        assert meter.rates is not None
        assert meter.rates[0] == sum(opposing) / len(opposing)
        total = sum(map(abs, values(penalties)))
        against = sum(abs(p) for p, o in zip(values(penalties), opposing, strict=True) if o)
        assert meter.rates[1] == pytest.approx(against / total)
        seen.add(meter.rates[0] > 0)
    assert True in seen  # some step had an opposing penalty: the comparison is not empty


def test_the_penalty_of_wd_is_eta_lambda_theta():
    model = net()
    optimizer = lpwd.build_optimizer(model, "adam", "lwd", 0.1, 0.5)
    backward(model, 0)
    for group, (theta, _, penalty) in zip(optimizer.param_groups, optimizer.terms(), strict=True):
        for t, p in zip(theta, penalty, strict=True):
            torch.testing.assert_close(p, 0.1 * group["weight_decay"] * t.detach())


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
    optimizer = lpwd.build_optimizer(model, "adam", "wd", 0.1, 0.5, exclude_1d=True)
    backward(model, 0)
    terms = list(optimizer.terms())
    assert sum(t.numel() for theta, _, _ in terms for t in theta) == 4 * 6 + 6 * 3


def test_the_cautious_penalty_is_zero_where_update_and_weight_differ_in_sign():
    model = net()
    optimizer = lpwd.build_optimizer(model, "adam", "cwd", 0.1, 0.5)
    backward(model, 0)
    for theta, update, penalty in optimizer.terms():
        for t, p, m in zip(theta, penalty, cautious_mask(theta, update), strict=True):
            torch.testing.assert_close(p, 0.05 * t.detach() * m)


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
        pytest.raises(RuntimeError, match="never compound"),
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
