"""pwd's hook: one optimizer decays a model at a time, and `detach` leaves a model without a trace of it."""

import copy
import gc
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import lpwd

ROOT = Path(__file__).parent.parent
C = 0.01 * 0.5  # the decay of one step
X = torch.ones(1, 4, dtype=torch.float64)


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(4, 4, bias=False).double()


def built(model: nn.Module) -> lpwd.Adam:
    return lpwd.Adam(model.parameters(), lr=0.01, weight_decay=0.5, decay="pwd").attach(model)


def step(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """No gradient, no update: the decay alone."""
    (0 * model(X).sum()).backward()
    optimizer.step()
    optimizer.zero_grad()


def flat(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


def test_another_optimizer_takes_the_hook_over_with_a_warning():
    model = net()
    start = flat(model)
    first = built(model)
    scheduler = torch.optim.lr_scheduler.LambdaLR(first, lambda t: 1.0)  # still refers to it
    step(model, first)
    with pytest.warns(UserWarning, match="detached another optimizer of these parameters"):
        second = built(model)
    step(model, second)
    torch.testing.assert_close(flat(model), start * (1 - C) ** 2)
    assert len(model._forward_pre_hooks) == 1
    assert scheduler.optimizer is first


def test_the_hook_is_taken_over_from_another_module_of_the_same_parameters():
    model = nn.Sequential(net())
    start = flat(model)
    old = built(model[0])
    with pytest.warns(UserWarning, match="detached another optimizer"):
        new = built(model)
    step(model, new)
    torch.testing.assert_close(flat(model), start * (1 - C))
    with pytest.raises(RuntimeError, match="attach"):
        old.step()


def test_optimizers_of_different_parameters_decay_one_model_together():
    model = nn.Sequential(net(), net())
    start = flat(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        both = [lpwd.SGD(part.parameters(), lr=0.01, weight_decay=0.5, decay="pwd").attach(model) for part in model]
    model(X)
    torch.testing.assert_close(flat(model), start * (1 - C))
    assert len(both) == len(model._forward_pre_hooks) == 2


def test_a_detached_optimizer_decays_when_told_and_can_be_attached_again():
    model = net()
    start = flat(model)
    optimizer = built(model).detach()
    assert not model._forward_pre_hooks
    (0 * model(X).sum()).backward()
    assert torch.equal(flat(model), start)
    with pytest.raises(RuntimeError, match="attach"):
        optimizer.step()
    optimizer.decay_()
    step(model, optimizer)
    step(model, optimizer.attach(model))
    torch.testing.assert_close(flat(model), start * (1 - C) ** 2)


def test_a_model_keeps_no_hook_of_an_optimizer_that_is_gone():
    model = net()
    optimizer = built(model)
    del optimizer
    gc.collect()
    assert not model._forward_pre_hooks


def compiles(model: nn.Module) -> None:
    """As a whole, by export and by fullgraph, with the numbers of the model itself."""
    torch._dynamo.reset()
    expected = model(X)
    torch.testing.assert_close(torch.export.export(model, (X,), strict=True).module()(X), expected)
    torch.testing.assert_close(torch.compile(model, backend="eager", fullgraph=True)(X), expected)


def test_an_attached_model_is_exported_and_compiled_whole_in_evaluation_mode():
    model = net()
    optimizer = built(model)
    step(model, optimizer)
    compiles(model.eval())
    before = flat(model)
    step(model.train(), optimizer)
    torch.testing.assert_close(flat(model), before * (1 - C))


@pytest.mark.parametrize("training", [False, True])
def test_a_copy_of_an_attached_model_is_exported_and_compiled_whole(training: bool):
    model = net()
    optimizer = built(model)
    step(model, optimizer)
    compiles(copy.deepcopy(model).train(training))


def test_a_detached_model_is_exported_compiled_and_scripted_in_training_mode_too():
    model = net()
    optimizer = built(model)
    step(model, optimizer)
    optimizer.detach()
    compiles(model)
    torch.testing.assert_close(torch.jit.script(model)(X), model(X))


def test_a_lazy_module_is_refused_until_it_has_weights():
    lazy = nn.Sequential(nn.LazyLinear(3), nn.Linear(3, 2)).double()
    with pytest.raises(ValueError, match="run a forward pass before you build the optimizer"):
        lpwd.build_optimizer(lazy, "adam", "pwd")
    lpwd.build_optimizer(lazy, "adam", "wd")  # decays after the forward pass
    lazy(X)
    start = flat(lazy)
    optimizer = lpwd.build_optimizer(lazy, "adam", "pwd", 0.01, 0.5)
    step(lazy, optimizer)
    torch.testing.assert_close(flat(lazy), start * (1 - C))


class ScheduleFreeWrapper:
    """The wrapper of schedulefree 1.4 in what matters: the step is made at z, and the model computes at y."""

    def __init__(self, base: torch.optim.Optimizer) -> None:
        self.base = base
        self.z: dict[Tensor, Tensor] = {}

    @torch.no_grad()
    def step(self) -> None:
        for group in self.base.param_groups:
            for p in group["params"]:
                p.copy_(self.z.setdefault(p, p.clone()))
        self.base.step()


def wrappers() -> list[Any]:
    try:
        import schedulefree
    except ImportError:
        return [ScheduleFreeWrapper]
    return [schedulefree.ScheduleFreeWrapper, schedulefree.ScheduleFreeWrapperReference]


@pytest.mark.parametrize("wrapper", wrappers())
def test_schedule_free_wrappers_refuse_pwd_at_the_first_step(wrapper: Any):
    for decay in ("wd", "rwd", "pwd"):
        model = net()
        base = lpwd.SGD(model.parameters(), lr=0.01, weight_decay=0.5, decay=decay)
        optimizer = wrapper(base.attach(model) if decay == "pwd" else base)
        if hasattr(optimizer, "train"):
            optimizer.train()
        (0 * model(X).sum()).backward()
        if decay == "pwd":
            with pytest.raises(
                ValueError, match=r"decay='pwd' does not work in ScheduleFree\w+: it keeps its own copy"
            ):
                optimizer.step()
        else:
            optimizer.step()


ZERO = """
import os, torch, torch.distributed as dist
from torch import nn
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.nn.parallel import DistributedDataParallel
import lpwd

dist.init_process_group("gloo")
rank = dist.get_rank()

def trained(decay, shards):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    options = {"lr": 0.05, "weight_decay": 2.0, "decay": decay}
    optimizer = (
        ZeroRedundancyOptimizer(model.parameters(), optimizer_class=lpwd.Adam, **options)
        if shards else lpwd.Adam(model.parameters(), **options)
    )
    ddp = DistributedDataParallel(model)
    for t in range(3):
        optimizer.zero_grad()
        ddp(torch.full((1, 4), 1.0 + rank + t).double()).square().sum().backward()
        optimizer.step()
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])

for decay in ("wd", "rwd"):
    assert torch.equal(trained(decay, True), trained(decay, False)), decay
for decay in ("pwd", "adams"):
    try:
        trained(decay, True)
    except ValueError as error:
        if rank == 0:
            print(error)
dist.destroy_process_group()
"""


@pytest.mark.long
def test_sharded_by_zero_redundancy_optimizer_wd_and_rwd_equal_ddp_and_what_needs_all_weights_is_refused(
    tmp_path: Path,
):
    script = tmp_path / "zero.py"
    script.write_text(ZERO)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [
        "decay='pwd' does not work in ZeroRedundancyOptimizer",
        "decay='adams' does not work in ZeroRedundancyOptimizer",
    ]
