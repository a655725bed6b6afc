"""timm's own factory builds our optimizers: the layers kept, timm's choice of what decays kept, pwd attached."""

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import lpwd

timm = pytest.importorskip("timm")
from timm.optim import create_optimizer_v2, list_optimizers  # noqa: E402
from timm.optim._optim_factory import default_registry  # noqa: E402
from timm.optim.lookahead import Lookahead  # noqa: E402


@pytest.fixture(autouse=True)
def _registered() -> None:
    lpwd.register_timm()


def tiny(name: str = "test_convnext") -> nn.Module:
    torch.manual_seed(0)
    model: nn.Module = timm.create_model(name, num_classes=10)
    return model


def images(t: int = 0) -> Tensor:
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(t))


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 3) -> Tensor:
    for t in range(steps):
        model(images(t)).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


def rates_of(optimizer: torch.optim.Optimizer, model: nn.Module) -> dict[str, float]:
    by_id = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    return {name: by_id[id(p)] for name, p in model.named_parameters()}


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("method", ["lpwd", "lpwd_matched", "lpwd_reversed", "pwd", "rwd", "lwd", "cwd"])
def test_timm_builds_what_build_optimizer_builds(method: str, optimizer: str):
    a, b = tiny(), tiny()
    options = {"momentum": 0.9} if optimizer == "sgd" else {}  # timm's default
    ours = lpwd.build_optimizer(a, optimizer, method, 0.01, 0.3, exclude_1d=True, **options)
    name = method.replace("_", "") + ("sgd" if optimizer == "sgd" else "")
    theirs = create_optimizer_v2(b, name, lr=0.01, weight_decay=0.3)
    assert rates_of(theirs, b) == pytest.approx(rates_of(ours, a))
    torch.testing.assert_close(train(b, theirs), train(a, ours))


def test_what_timm_leaves_undecayed_stays_so_and_each_layer_keeps_its_rate():
    model = tiny("test_vit")
    optimizer = create_optimizer_v2(model, "lpwd", lr=0.01, weight_decay=0.5)
    rates = rates_of(optimizer, model)
    assert rates["pos_embed"] == rates["cls_token"] == rates["blocks.0.attn.qkv.bias"] == 0
    layers = lpwd.layer_groups(model, 0.5)
    expected = {id(p): group["weight_decay"] for group in layers for p in group["params"]}
    decayed = {name: p for name, p in model.named_parameters() if rates[name] != 0}
    assert all(rates[name] == expected[id(p)] for name, p in decayed.items())
    assert len({rates[name] for name in decayed}) > 3


def test_without_timms_filter_everything_decays():
    model = tiny()
    optimizer = create_optimizer_v2(model, "lpwd", weight_decay=0.5, filter_bias_and_bn=False)
    assert min(rates_of(optimizer, model).values()) > 0


def test_timms_layer_wise_learning_rates_are_kept_beside_ours():
    model = tiny()
    optimizer = create_optimizer_v2(model, "lpwd", lr=0.01, weight_decay=0.5, layer_decay=0.5)
    scales = {group["layer"]: group["lr_scale"] for group in optimizer.param_groups}
    rates = {g["layer"]: g["weight_decay"] for g in optimizer.param_groups if g["weight_decay"] > 0}
    assert [scales[i] for i in sorted(scales)] == sorted(scales.values())
    assert len(set(scales.values())) > 2
    assert rates == {i: pytest.approx(0.5 * 2 * i / len(scales)) for i in rates}


def test_groups_of_ones_own_are_split_and_keep_their_options():
    def halves(model: Any) -> list[dict[str, Any]]:
        return [
            {"params": model.stem.parameters(), "lr": 0.1},
            {"params": model.head.parameters(), "weight_decay": 0.0},
        ]

    model = tiny()
    optimizer = create_optimizer_v2(model, "lpwd", lr=0.01, weight_decay=0.4, param_group_fn=halves)
    assert {g["lr"] for g in optimizer.param_groups if g["layer_name"] == "stem"} == {0.1}
    assert {g["weight_decay"] for g in optimizer.param_groups if "head" in g["layer_name"]} == {0.0}


def test_lookahead_wraps_an_optimizer_that_still_decays_before_the_forward_pass():
    model = tiny()
    optimizer = create_optimizer_v2(model, "lookahead_lpwd", lr=0.01, weight_decay=0.3)
    assert isinstance(optimizer, Lookahead)
    train(model, optimizer, 7)


def test_a_schedule_of_timms_scheduler_drives_the_decay():
    from timm.scheduler import CosineLRScheduler

    model = tiny()
    optimizer = create_optimizer_v2(model, "lpwd", lr=0.01, weight_decay=0.3)
    scheduler = CosineLRScheduler(optimizer, t_initial=10, t_in_epochs=False)
    for t in range(3):
        model(images(t)).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        scheduler.step_update(t + 1)
    rate = optimizer.param_groups[0]["lr"]
    assert rate < 0.01
    before = model.stem[0].weight.detach().clone()
    model(images())
    lambda_1 = rates_of(optimizer, model)["stem.0.weight"]
    torch.testing.assert_close(model.stem[0].weight.detach(), before * (1 - rate * lambda_1))


def test_bare_parameters_are_refused_where_layers_are_needed_and_groups_of_layers_are_not():
    model = tiny()
    with pytest.raises(ValueError, match="cannot be known from bare parameters: give create_optimizer_v2 the model"):
        create_optimizer_v2(model.parameters(), "lpwd", weight_decay=0.1)
    groups = lpwd.layer_groups(model, 0.1)
    built = create_optimizer_v2(groups, "lpwd")
    assert [g["weight_decay"] for g in built.param_groups] == [g["weight_decay"] for g in groups]
    uniform = create_optimizer_v2(model.parameters(), "rwd", weight_decay=0.1)
    assert [(g["decay"], g["weight_decay"]) for g in uniform.param_groups] == [("rwd", 0.1)]


def test_registering_twice_changes_nothing_and_timms_own_optimizers_are_untouched():
    names, wrapped = lpwd.register_timm(), default_registry.create_optimizer
    assert lpwd.register_timm() == names
    assert default_registry.create_optimizer is wrapped
    assert set(names) <= set(list_optimizers())
    assert type(create_optimizer_v2(tiny(), "adamw", weight_decay=0.1)) is torch.optim.AdamW
    assert type(create_optimizer_v2(tiny(), "sgd", weight_decay=0.1)) is torch.optim.SGD


def test_timm_loads_with_the_call_and_not_with_the_library():
    loaded = "print('timm' in sys.modules)"
    code = f"import sys, lpwd; lpwd.register_timm; {loaded}; lpwd.register_timm(); {loaded}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["False", "True"]
