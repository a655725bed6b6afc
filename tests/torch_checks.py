"""What torch's test_optim.py asks of an update, for one input of an `OptimizerInfo`; names are those of its tests."""

import copy
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.testing import assert_close
from torch.testing._internal.common_optimizers import OptimizerErrorEnum, OptimizerInfo, OptimizerInput
from torch_inputs import Net, built, step


def descend(net: Net, optimizer: Any, steps: int = 7, schedulers: Any = ()) -> Tensor:
    closure = net.closure(optimizer)
    for _ in range(steps):
        loss = optimizer.step(closure)
        for scheduler in schedulers:
            scheduler.step(loss) if isinstance(scheduler, ReduceLROnPlateau) else scheduler.step()
    return net.flat()


def improves(net: Net, before: float, sample: OptimizerInput) -> None:
    after = net.loss().item()
    assert after > before if sample.kwargs.get("maximize") else after < before


def goes_right_direction(info: OptimizerInfo, sample: OptimizerInput, *, contiguous: bool = True) -> None:
    if not contiguous and sample.kwargs.get("fused"):
        pytest.skip("torch 2.14's fused kernels for CPUs ignore strides; ours are chosen only where that is right")
    net = Net(contiguous=contiguous)
    before = net.loss().item()
    optimizer = built(info, net.params, sample)
    assert str(optimizer)
    descend(net, optimizer)
    improves(net, before, sample)


def goes_right_direction_not_contiguous(info: OptimizerInfo, sample: OptimizerInput) -> None:
    goes_right_direction(info, sample, contiguous=False)


def goes_right_direction_with_lrsched(info: OptimizerInfo, sample: OptimizerInput) -> None:
    for makers in info.scheduler_inputs:
        net = Net()
        before = net.loss().item()
        optimizer = built(info, net.params, sample)
        descend(net, optimizer, 5, [make(optimizer) for make in makers])
        improves(net, before, sample)


def param_groups_lr_and_weight_decay(info: OptimizerInfo, sample: OptimizerInput) -> None:
    net = Net()
    before = net.loss().item()
    groups = [{"params": [net.weight], "lr": 0.01}, {"params": [net.bias], "weight_decay": 0.01}]
    descend(net, built(info, groups, sample))
    improves(net, before, sample)


def same_as(info: OptimizerInfo, sample: OptimizerInput, **other: Any) -> None:
    """The input and its for-loop, or whatever `other` says, from equal starts."""
    a, b = Net(), Net()
    kernels = {"foreach": False, "fused": False} | other
    assert_close(descend(a, built(info, a.params, sample)), descend(b, built(info, b.params, sample, **kernels)))


def foreach_and_fused_match_forloop(info: OptimizerInfo, sample: OptimizerInput) -> None:
    same_as(info, sample)


def tensor_lr(info: OptimizerInfo, sample: OptimizerInput) -> None:
    rate = float(sample.kwargs.get("lr", 1e-3))
    if sample.kwargs.get("foreach"):
        pytest.skip("torch: lr as a tensor is not supported for capturable=False and foreach=True")
    for shape in ((), (1,)):
        a, b = Net(), Net()
        tensor = built(info, a.params, sample, lr=torch.full(shape, rate, dtype=torch.float64))
        assert_close(descend(a, tensor), descend(b, built(info, b.params, sample, lr=rate)))


def mixed_dtypes(info: OptimizerInfo, sample: OptimizerInput) -> None:
    """float32 and float64 in one group move as each in an optimizer of its own (but adams, whose mean is over all)."""
    if sample.kwargs.get("decay") == "adams":
        pytest.skip("adams divides by a mean over all parameters: they are no longer the same when apart")
    together, apart = [Net(dtype=torch.float32), Net()], [Net(dtype=torch.float32), Net()]
    optimizer = built(info, [p for net in together for p in net.params], sample)
    for _ in range(5):
        for net in together:
            optimizer.decay_()
            net.loss().backward()
        optimizer.step()
        optimizer.zero_grad()
    for net, alone in zip(together, apart, strict=True):
        assert_close(net.flat(), descend(alone, built(info, alone.params, sample), 5))


def set_default_dtype_works(info: OptimizerInfo, sample: OptimizerInput) -> None:
    expected = Net()
    descend(expected, built(info, expected.params, sample), 3)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        net = Net()
        descend(net, built(info, net.params, sample), 3)
    finally:
        torch.set_default_dtype(before)
    assert_close(net.flat(), expected.flat())


def complex_matches_real(info: OptimizerInfo, sample: OptimizerInput) -> None:
    if sample.kwargs.get("fused"):
        pytest.skip("torch has no fused kernel for complex parameters; ours take another where the choice is theirs")
    generator = torch.Generator().manual_seed(0)
    z = nn.Parameter(torch.randn(5, 5, generator=generator, dtype=torch.complex128))
    pair = nn.Parameter(torch.view_as_real(z.detach()).clone())
    a, b = built(info, [z], sample), built(info, [pair], sample)
    for _ in range(3):
        z.grad = torch.randn(5, 5, generator=generator, dtype=torch.complex128)
        pair.grad = torch.view_as_real(z.grad).clone()
        step(a)
        step(b)
        assert_close(torch.view_as_real(z.detach()), pair.detach())


def step_is_noop_when_params_have_no_grad(info: OptimizerInfo, sample: OptimizerInput) -> None:
    if sample.kwargs.get("decay") == "pwd":
        pytest.skip("pwd decays before there is a gradient: whatever requires one (documented)")
    net = Net()
    before = net.flat()
    built(info, net.params, sample).step()
    assert torch.equal(net.flat(), before)


def step_is_noop_for_zero_grads(info: OptimizerInfo, sample: OptimizerInput) -> None:
    net = Net()
    before = net.flat()
    optimizer = built(info, net.params, sample, weight_decay=0.0)
    for p in net.params:
        p.grad = torch.zeros_like(p)
    step(optimizer)
    assert_close(net.flat(), before)


def closure_is_called_once_and_its_loss_returned(info: OptimizerInfo, sample: OptimizerInput) -> None:
    net = Net()
    optimizer = built(info, net.params, sample)
    losses: list[Tensor] = []

    def closure() -> Tensor:
        losses.append(net.closure(optimizer)())
        return losses[-1]

    assert optimizer.step(closure) is losses[0]
    assert len(losses) == 1


def fused_does_not_step_if_foundinf(info: OptimizerInfo, sample: OptimizerInput) -> None:
    if not sample.kwargs.get("fused"):
        pytest.skip("torch asks it of fused kernels alone; GradScaler does not call the others")
    net = Net(dtype=torch.float32)
    optimizer = built(info, net.params, sample)
    before = net.flat()
    for p in net.params:
        p.grad = torch.ones_like(p)
    optimizer.found_inf, optimizer.grad_scale = torch.ones(()), torch.ones(())
    decayed = sample.kwargs.get("decay") == "pwd"
    step(optimizer)
    if not decayed:
        assert torch.equal(net.flat(), before)
    once = net.flat()
    step(optimizer)  # pwd: the decay before the skipped step is still in force and does not come twice
    assert torch.equal(net.flat(), once)


def grad_scaling_autocast(info: OptimizerInfo, sample: OptimizerInput) -> None:
    a, b = Net(dtype=torch.float32), Net(dtype=torch.float32)
    scaled, plain = built(info, a.params, sample), built(info, b.params, sample)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    for _ in range(4):
        for net, optimizer in ((a, scaled), (b, plain)):
            optimizer.zero_grad()
            optimizer.decay_()
            with torch.autocast("cpu"):
                loss = net.loss()
            scaler.scale(loss).backward() if optimizer is scaled else loss.backward()
        scaler.step(scaled)
        scaler.update()
        plain.step()
    assert_close(a.flat(), b.flat())


def rosenbrock_sparse(info: OptimizerInfo, sample: OptimizerInput) -> None:
    """A sparse gradient moves as the dense one of the same numbers."""
    needs_update = sample.kwargs.get("decay") in ("cautious", "l2", "adamh", "spd") or sample.kwargs.get("maximize")
    if not info.supports_sparse:
        net = Net()
        net.weight.grad = torch.ones_like(net.weight).to_sparse()
        with pytest.raises((RuntimeError, ValueError), match="sparse"):
            step(built(info, [net.weight], sample))
        return
    if needs_update or sample.kwargs.get("momentum") or sample.kwargs.get("fused"):
        pytest.skip(
            "torch's SGD takes sparse gradients without momentum, l2 and fused alone; cautious and spd are refused"
        )
    results = []
    for sparse in (True, False):
        p = nn.Parameter(torch.tensor([1.5, 1.5], dtype=torch.float64))
        optimizer = built(info, [p], sample)
        for t in range(20):
            optimizer.decay_()
            x, y = p.detach()
            value = -400 * x * (y - x**2) - 2 * (1 - x) if t % 2 else 200 * (y - x**2)
            index = torch.tensor([[1 - t % 2, 1 - t % 2]])
            grad = torch.sparse_coo_tensor(index, torch.stack([value / 4, value * 3 / 4]) * 1e-2, (2,))
            p.grad = grad if sparse else grad.to_dense()
            optimizer.step()
        results.append(p.detach().clone())
    assert_close(*results)
    assert all(math.isfinite(value) for value in results[0].tolist())


def errors(info: OptimizerInfo, sample: OptimizerInput) -> None:
    """`sample` is an `ErrorOptimizerInput`: what torch refuses is refused in the same words."""
    error: Any = sample
    given = error.optimizer_error_input
    params = given.params if given.params is not None else Net().params

    def wrong() -> None:
        optimizer = info.optim_cls(params, **copy.deepcopy(given.kwargs))  # type: ignore[operator]
        if error.error_on is OptimizerErrorEnum.STEP_ERROR:
            optimizer.step()

    if issubclass(error.error_type, Warning):
        with pytest.warns(error.error_type, match=error.error_regex):
            wrong()
    else:
        with pytest.raises(error.error_type, match=error.error_regex):
            wrong()
