"""Each rival against its paper's formula, written out as a plain loop over single weights."""

import math

import pytest
import torch
from kernel_paths import PATHS
from torch import Tensor, nn

import lpwd
from lpwd.optim.formulas import decay_rate
from lpwd.optim.rivals import cautious_mask, cautious_shrink, layer_lr_scales, second_moment_sums, stable_rate

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


def two_parameters() -> list[nn.Parameter]:
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(3, 2, dtype=torch.float64)), nn.Parameter(torch.randn(4, dtype=torch.float64))]


def gradient(t: int, p: Tensor) -> Tensor:
    """A gradient without a model, so that the loop can work weight by weight."""
    return torch.randn(p.shape, generator=torch.Generator().manual_seed(10 * t + p.ndim), dtype=p.dtype)


def run(optimizer: torch.optim.Optimizer, params: list[nn.Parameter], steps: int = 30) -> list[float]:
    for t in range(steps):
        for p in params:
            p.grad = gradient(t, p)
        optimizer.step()
    return torch.cat([p.detach().reshape(-1) for p in params]).tolist()


def plain_adam(method: str, lr: float, weight_decay: float, steps: int = 30) -> list[float]:
    """Adam weight by weight with the decay of CWD's or AdamS's paper."""
    params = two_parameters()
    theta = torch.cat([p.detach().reshape(-1) for p in params]).tolist()
    m, v = [0.0] * len(theta), [0.0] * len(theta)
    for t in range(1, steps + 1):
        g = torch.cat([gradient(t - 1, p).reshape(-1) for p in params]).tolist()
        m = [BETA1 * a + (1 - BETA1) * b for a, b in zip(m, g, strict=True)]
        v = [BETA2 * a + (1 - BETA2) * b * b for a, b in zip(v, g, strict=True)]
        m_hat = [a / (1 - BETA1**t) for a in m]
        v_hat = [a / (1 - BETA2**t) for a in v]
        mean = sum(v_hat) / len(v_hat)
        for j, w in enumerate(theta):
            u = m_hat[j] / (math.sqrt(v_hat[j]) + EPS)
            rate = {"cwd": weight_decay * (u * w >= 0), "adams": weight_decay / math.sqrt(mean)}[method]
            theta[j] = w - lr * u - lr * rate * w
    return theta


@pytest.mark.parametrize("options", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize(("decay", "method"), [("cautious", "cwd"), ("adams", "adams")])
def test_adam_with_a_rivals_decay_follows_its_papers_formula(decay: str, method: str, options: dict[str, bool]):
    params = two_parameters()
    optimizer = lpwd.Adam(params, lr=0.05, weight_decay=0.4, decay=decay, **options)
    assert run(optimizer, params) == pytest.approx(plain_adam(method, 0.05, 0.4), rel=1e-12)


@pytest.mark.parametrize("options", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_with_cautious_decay_follows_its_papers_formula(nesterov: bool, options: dict[str, bool]):
    params = two_parameters()
    optimizer = lpwd.SGD(params, 0.05, 0.9, 0.4, decay="cautious", nesterov=nesterov, **options)
    theta = torch.cat([p.detach().reshape(-1) for p in params]).tolist()
    b = [0.0] * len(theta)
    for t in range(30):
        g = torch.cat([gradient(t, p).reshape(-1) for p in params]).tolist()
        b = [0.9 * x + y for x, y in zip(b, g, strict=True)]
        for j, w in enumerate(theta):
            u = g[j] + 0.9 * b[j] if nesterov else b[j]
            theta[j] = w - 0.05 * (u + 0.4 * (w if u * w >= 0 else 0.0))
    assert run(optimizer, params) == pytest.approx(theta, rel=1e-12)


def test_cautious_decay_acts_where_the_signs_agree_or_one_is_zero():
    theta = torch.tensor([1.0, 1.0, -1.0, -1.0, 1.0, 1e-30])
    update = torch.tensor([1.0, -1.0, 1.0, -1.0, 0.0, -1e-30])  # the last product underflows to -0
    assert cautious_mask([theta], [update])[0].tolist() == [1, 0, 0, 1, 1, 0]
    for fraction in (0.25, torch.tensor(0.25)):
        shrunk = theta.clone()
        cautious_shrink([shrunk], [update], fraction)
        torch.testing.assert_close(shrunk, theta * torch.tensor([0.75, 1, 1, 0.75, 0.75, 1]))


def test_the_mean_second_moment_is_bias_corrected_and_over_all_groups_and_steps():
    first, second = two_parameters()
    optimizer = lpwd.Adam([{"params": [first]}, {"params": [second], "weight_decay": 0.0}], decay="adams")
    for t in range(3):
        first.grad = gradient(t, first)
        second.grad = gradient(t, second) if t == 1 else None  # its own step count
        if t < 2:
            optimizer.step()
    second.grad = gradient(2, second)

    def v_hat(p: Tensor, seen: list[int]) -> Tensor:
        v = torch.zeros_like(p)
        for t in seen:
            v = BETA2 * v + (1 - BETA2) * gradient(t, p) ** 2
        return v / (1 - BETA2 ** len(seen))

    expected = torch.cat([v_hat(first, [0, 1, 2]).reshape(-1), v_hat(second, [1, 2])]).mean()
    mean = optimizer._second_moment_mean()
    assert mean is not None
    torch.testing.assert_close(mean, expected, rtol=1e-13, atol=0)


def test_the_stable_rate_is_lambda_over_the_root_and_zero_without_any_gradient():
    assert stable_rate(0.3, torch.tensor(0.25)).item() == pytest.approx(0.6)
    assert stable_rate(0.3, torch.tensor(0.0)).item() == 0.0
    p = nn.Parameter(torch.ones(3))
    p.grad = torch.zeros(3)
    lpwd.Adam([p], lr=0.1, weight_decay=0.5, decay="adams").step()
    assert torch.equal(p, torch.ones(3))


def test_second_moment_sums_start_from_zero():
    g = torch.tensor([3.0, 4.0])
    (total,) = second_moment_sums([g], [None], [1.0], BETA2)
    assert total.item() == pytest.approx(25.0)  # v_hat_1 = g^2


def test_layer_wise_learning_rates_decay_from_the_deepest_layer():
    assert layer_lr_scales(3) == [0.75**2, 0.75, 1.0]
    model = nn.Sequential(nn.Linear(2, 2), nn.GELU(), nn.Linear(2, 2), nn.Linear(2, 1)).double()
    optimizer = lpwd.build_optimizer(model, "sgd", "llrd", 0.1, 0.5)
    assert [g["lr"] for g in optimizer.param_groups] == [0.1 * 0.75**2, 0.1 * 0.75, 0.1]
    assert [g["lr_scale"] for g in optimizer.param_groups] == [0.75**2, 0.75, 1.0]
    assert [g["weight_decay"] for g in optimizer.param_groups] == [0.5] * 3  # times the group's rate: decay follows it
    before = [p.detach().clone() for p in model.parameters()]
    model(torch.ones(1, 2, dtype=torch.float64)).sum().backward()
    grads = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    optimizer.step()
    for i, (p, b, g) in enumerate(zip(model.parameters(), before, grads, strict=True)):
        eta = 0.1 * 0.75 ** (2 - i // 2)
        torch.testing.assert_close(p.detach(), b - eta * g - eta * 0.5 * b, rtol=1e-13, atol=1e-15)


def test_decay_with_the_squared_rate_is_lambda_eta_squared_over_eta_0():
    group = {"weight_decay": 0.5, "lr": 0.02, "lr_0": 0.1, "independent": False}
    assert decay_rate(group) == pytest.approx(0.5 * 0.02 / 0.1)
    p = nn.Parameter(torch.ones(2, dtype=torch.float64))
    optimizer = lpwd.SGD([{"params": [p], "lr_0": 0.1}], lr=0.1, weight_decay=0.5)
    optimizer.param_groups[0]["lr"] = 0.02
    p.grad = torch.zeros_like(p)
    optimizer.step()
    torch.testing.assert_close(p.detach(), torch.full_like(p, 1 - 0.5 * 0.02**2 / 0.1), rtol=1e-15, atol=0)
