"""llrd under every scheduler of torch and timm: each layer moves by its own share of the scheduled learning rate."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler
from torch.optim.swa_utils import SWALR

import lpwd
from lpwd.methods import LAYER_LR_DECAY

pytest.importorskip("timm")
from timm import scheduler as timm_schedulers

LR, STEPS, DEPTH = 0.1, 7, 3
Optimizer = torch.optim.Optimizer


def halves(o: Optimizer) -> lr_scheduler.LRScheduler:
    return lr_scheduler.StepLR(o, 2, 0.5)


TORCH: dict[str, Callable[[Optimizer], Any]] = {
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda t: 0.9**t),
    "MultiplicativeLR": lambda o: lr_scheduler.MultiplicativeLR(o, lambda t: 0.9),
    "StepLR": halves,
    "MultiStepLR": lambda o: lr_scheduler.MultiStepLR(o, [1, 3]),
    "ConstantLR": lr_scheduler.ConstantLR,
    "LinearLR": lr_scheduler.LinearLR,
    "ExponentialLR": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.ConstantLR(o), halves(o)], [2]),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS, eta_min=0.01),
    "ChainedScheduler": lambda o: lr_scheduler.ChainedScheduler([halves(o), lr_scheduler.ExponentialLR(o, 0.9)]),
    "ReduceLROnPlateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=0, min_lr=0.02),
    "CyclicLR": lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.2, step_size_up=3, cycle_momentum=False),
    "CosineAnnealingWarmRestarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3, eta_min=0.01),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 0.2, STEPS, cycle_momentum=False),
    "PolynomialLR": lambda o: lr_scheduler.PolynomialLR(o, STEPS),
    "SWALR": lambda o: SWALR(o, 0.05, anneal_epochs=4),
}
TIMM: dict[str, dict[str, Any]] = {
    "CosineLRScheduler": {"t_initial": STEPS, "lr_min": 0.01, "warmup_t": 2, "warmup_lr_init": 0.02},
    "MultiStepLRScheduler": {"decay_t": [2, 4], "decay_rate": 0.5},
    "PlateauLRScheduler": {"patience_t": 0, "decay_rate": 0.5, "mode": "min", "warmup_t": 2},
    "PolyLRScheduler": {"t_initial": STEPS, "lr_min": 0.01, "noise_range_t": [2, 4]},
    "StepLRScheduler": {"decay_t": 2, "decay_rate": 0.5, "warmup_t": 2},
    "TanhLRScheduler": {"t_initial": STEPS, "lr_min": 0.01, "warmup_t": 2},
    "WSDLRScheduler": {"t_initial": STEPS, "decay_t": 3, "lr_min": 0.01, "warmup_t": 2},
}


def net() -> nn.Sequential:
    return nn.Sequential(*(nn.Linear(2, 2, bias=False) for _ in range(DEPTH))).double()


def rates(optimizer: Optimizer, model: nn.Module, make: Callable[[Optimizer], Any]) -> list[list[float]]:
    """How far SGD moves each layer in each step when every gradient is 1: its learning rate."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # timm's plateau
        scheduler = make(optimizer)
    moved = []
    for t in range(1, STEPS + 1):
        before = [p.detach().clone() for p in model.parameters()]
        for p in model.parameters():
            p.grad = torch.ones_like(p)
        optimizer.step()
        moved.append([float((b - p.detach()).mean()) for b, p in zip(before, model.parameters(), strict=True)])
        if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau):
            scheduler.step(1.0)
        elif isinstance(scheduler, timm_schedulers.scheduler.Scheduler):
            scheduler.step(t, 1.0)
        else:
            scheduler.step()
    return moved


def built(method: str, lr: float | torch.Tensor = LR) -> tuple[nn.Sequential, Optimizer]:
    model = net()
    return model, lpwd.build_optimizer(model, "sgd", method, lr, 0.0)


def cases() -> dict[str, Callable[[Optimizer], Any]]:
    of_timm = {name: lambda o, name=name, kw=kw: getattr(timm_schedulers, name)(o, **kw) for name, kw in TIMM.items()}
    return TORCH | of_timm


@pytest.mark.parametrize("scheduler", cases())
def test_each_layer_of_llrd_moves_by_its_share_of_the_scheduled_rate(scheduler: str):
    model, optimizer = built("llrd")
    plain, of_plain = built("wd")
    shares = [LAYER_LR_DECAY ** (DEPTH - i) for i in range(1, DEPTH + 1)]
    scheduled = [step[-1] for step in rates(of_plain, plain, cases()[scheduler])]
    assert len(set(scheduled)) > 1
    for moved, rate in zip(rates(optimizer, model, cases()[scheduler]), scheduled, strict=True):
        assert moved == pytest.approx([rate * share for share in shares], rel=1e-9, abs=1e-15)


def test_every_scheduler_of_torch_and_timm_is_tested():
    assert set(lr_scheduler.__all__) - {"LRScheduler"} | {"SWALR"} == set(TORCH)
    base = timm_schedulers.scheduler.Scheduler
    assert {n for n, c in vars(timm_schedulers).items() if isinstance(c, type) and issubclass(c, base)} == set(TIMM)


@pytest.mark.parametrize("scheduler", ["OneCycleLR", "StepLR", "SWALR"])
def test_a_learning_rate_as_a_tensor_is_scheduled_for_each_layer_too(scheduler: str):
    model, optimizer = built("llrd", torch.tensor(LR, dtype=torch.float64))
    expected, of_expected = built("llrd")
    moved = rates(optimizer, model, TORCH[scheduler])
    for ours, theirs in zip(moved, rates(of_expected, expected, TORCH[scheduler]), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-9)


def test_with_the_deepest_layer_frozen_a_scheduler_of_one_rate_for_all_is_refused():
    def frozen() -> tuple[nn.Sequential, Optimizer]:
        model = net()
        model[-1].requires_grad_(False)
        return model[:-1], lpwd.build_optimizer(model, "sgd", "llrd", LR, 0.0)

    model, optimizer = frozen()
    assert rates(optimizer, model, TORCH["StepLR"])[0] == pytest.approx([LR * 0.75**2, LR * 0.75])
    model, optimizer = frozen()
    with pytest.raises(RuntimeError, match=r"the learning rate of layer 1 is 0\.008, not lr_scale"):
        rates(optimizer, model, TORCH["OneCycleLR"])
