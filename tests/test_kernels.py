"""Which of torch's kernels an update runs in: fused wherever torch has it, and never where it would be wrong."""

import copy

import pytest
import torch
from torch import Tensor, nn

import lpwd
from lpwd.methods import METHODS
from lpwd.optim.kernels import merged, runs_fused

KINDS = {"adam": lpwd.Adam, "sgd": lpwd.SGD}
PLAIN = {"foreach": False}
FORMATS = {
    "contiguous": lambda x: x.contiguous(),
    "channels last": lambda x: x.to(memory_format=torch.channels_last),
    "transposed": lambda x: x.transpose(0, 1).contiguous().transpose(0, 1),
    "with gaps": lambda x: torch.cat([x, x], 1)[:, : x.shape[1]],
}


def weight(shape: tuple[int, ...] = (4, 3, 5, 5), seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def fused(optimizer: torch.optim.Optimizer) -> bool:
    return all(runs_fused(group, optimizer.state) for group in optimizer.param_groups)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", KINDS.values())
def test_the_fused_kernel_is_the_default_and_foreach_and_fused_are_as_given(kind: type, dtype: torch.dtype):
    def runs(**options: bool) -> bool:
        p = nn.Parameter(weight().to(dtype))
        p.grad = torch.ones_like(p)
        return fused(kind([p], lr=0.1, **options))

    assert runs()
    assert runs(fused=True)
    assert not runs(foreach=True)
    assert not runs(foreach=False)
    assert not runs(fused=False)


def test_gradients_and_parameters_that_torch_has_no_fused_kernel_for_run_elsewhere():
    table = nn.Embedding(5, 2, sparse=True)
    table(torch.tensor([1])).sum().backward()
    assert not fused(lpwd.SGD(table.parameters(), lr=0.1))
    z = nn.Parameter(torch.ones(3, dtype=torch.complex64))
    z.grad = torch.ones_like(z)
    assert not fused(lpwd.Adam([z]))
    lpwd.Adam([z]).step()
    assert bool(torch.isfinite(z.real).all())
    meta = nn.Parameter(torch.empty(3, device="meta"))
    meta.grad = torch.empty_like(meta)
    assert not fused(lpwd.Adam([meta]))


@pytest.mark.parametrize("of_gradient", FORMATS)
@pytest.mark.parametrize("of_weight", FORMATS)
@pytest.mark.parametrize("optimizer", KINDS)
def test_weights_and_gradients_may_lie_in_memory_in_any_way(optimizer: str, of_weight: str, of_gradient: str):
    """torch's fused kernels for CPUs walk through memory and would pair weights with gradients of others."""
    results = []
    for options in ({}, PLAIN):
        p = nn.Parameter(FORMATS[of_weight](weight()))
        built = KINDS[optimizer]([p], 0.1, **({"momentum": 0.9} if optimizer == "sgd" else {}), **options)
        for t in range(3):
            p.grad = FORMATS[of_gradient](weight(seed=t + 1))
            built.step()
        results.append(p.detach().clone())
    torch.testing.assert_close(*results)


def test_a_state_in_another_memory_format_continues_correctly():
    def trained(first: str, then: str, **options: bool) -> Tensor:
        p = nn.Parameter(FORMATS[first](weight()))
        optimizer = lpwd.Adam([p], lr=0.1, **options)
        p.grad = torch.ones_like(p) * p.detach()
        optimizer.step()
        q = nn.Parameter(FORMATS[then](p.detach()))
        other = lpwd.Adam([q], lr=0.1, **options)
        other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        q.grad = torch.ones_like(q) * q.detach()
        other.step()
        return q.detach()

    torch.testing.assert_close(
        trained("channels last", "contiguous"), trained("contiguous", "contiguous", foreach=False)
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("before", "after"), [({"foreach": True}, {}), ({}, {"foreach": True}), ({"fused": True}, {})])
def test_a_state_of_one_kernel_continues_in_another(method: str, before: dict[str, bool], after: dict[str, bool]):
    """Checkpoints of the time when foreach was the default, and the other way round."""

    def steps(model: nn.Module, optimizer: torch.optim.Optimizer, first: int) -> None:
        for t in range(first, first + 3):
            model(weight((5, 4), t).double()).square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()

    def model() -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 6), nn.GELU(), nn.LayerNorm(6), nn.Linear(6, 3)).double()

    a, b = model(), model()
    first = lpwd.build_optimizer(a, "adam", method, 0.01, 0.1, **before)
    steps(a, first, 0)
    b.load_state_dict(a.state_dict())
    second = lpwd.build_optimizer(b, "adam", method, 0.01, 0.1, **after)
    state = copy.deepcopy(first.state_dict())
    for group in state["param_groups"]:
        group |= {"foreach": after.get("foreach"), "fused": after.get("fused")}
    second.load_state_dict(state)
    steps(a, first, 3)
    steps(b, second, 3)
    for p, q in zip(a.parameters(), b.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-12, atol=1e-14)


def test_groups_of_equal_options_are_one_call_and_the_own_groups_stay():
    groups = [{"params": [1], "lr": 0.1, "betas": [0.9, 0.99]}, {"params": [2], "lr": 0.1, "betas": (0.9, 0.99)}]
    assert merged([*groups, {"params": [3], "lr": 0.2, "betas": (0.9, 0.99)}]) == [
        {"params": [1, 2], "lr": 0.1, "betas": [0.9, 0.99]},
        {"params": [3], "lr": 0.2, "betas": (0.9, 0.99)},
    ]
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    optimizer = lpwd.build_optimizer(model, "adam", "lpwd", 0.1, 0.5)
    own = list(optimizer.param_groups)
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    assert all(group is before for group, before in zip(optimizer.param_groups, own, strict=True))
    assert [len(group["params"]) for group in own] == [2, 2]


def test_gradscaler_hands_its_scale_to_an_update_that_is_fused_by_itself():
    p = nn.Parameter(torch.ones(3))
    optimizer = lpwd.Adam([p], lr=0.1, weight_decay=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    scaler.scale((p * torch.tensor([1.0, 1.0, float("inf")])).sum()).backward()
    assert optimizer._step_supports_amp_scaling
    scaler.step(optimizer)
    assert torch.equal(p, torch.ones(3))
    assert not lpwd.Adam([p], foreach=True)._step_supports_amp_scaling
