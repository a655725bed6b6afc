"""The optimizers against the plain reference and torch's own, and one test for each trap of the design."""

import copy
import math
import pickle
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import pytest
import torch
from kernel_paths import PATHS
from torch import Tensor, nn

import lpwd
from lpwd.depth import LAYER_ORDERS, LAYER_RULES
from lpwd.methods import METHODS
from lpwd.optim.hooks import DecayBeforeForward
from lpwd.optim.layers import layer_name, layers_of
from lpwd.optim.reference import AdamDirection, Direction, SGDDirection, formula, trajectory

pytestmark = pytest.mark.usefixtures("one_thread")

STEPS = 20
LR = {"adam": 2e-3, "sgd": 5e-2}
THEIRS = PATHS | {"automatic": {"fused": True}}  # the option of torch's own optimizers for the same kernel
COSINE = [0.5 * (1 + math.cos(math.pi * t / STEPS)) for t in range(STEPS)]
SCHEDULES = {"constant": [1.0] * STEPS, "cosine": COSINE}


def small_model(seed: int = 0) -> nn.Module:
    """A convolutional net of four layers with weights, biases and norms, in float64."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.GELU(), nn.Flatten(), nn.Linear(48, 6), nn.LayerNorm(6), nn.GELU(), nn.Linear(6, 4)
    ).double()


def batch(t: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(t)
    images = torch.randn(8, 1, 6, 6, generator=generator, dtype=torch.float64)
    return images, torch.randint(4, (8,), generator=generator)


def loss_of(model: nn.Module, t: int) -> Tensor:
    images, labels = batch(t)
    return nn.functional.cross_entropy(model(images), labels)


def flat(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


def gradients(steps: int = STEPS) -> list[Callable[[Tensor], Tensor]]:
    """f_t: the flat gradient of step t's loss at flat weights, on a model that no optimizer touches."""
    model = small_model()

    def at(t: int) -> Callable[[Tensor], Tensor]:
        def f(theta: Tensor) -> Tensor:
            nn.utils.vector_to_parameters(theta, model.parameters())
            return torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss_of(model, t), list(model.parameters()))])

        return f

    return [at(t) for t in range(steps)]


def layer_of_each_entry() -> Tensor:
    """Convolution, linear, norm, linear: the four parameterised leaf modules in order, counted by hand."""
    return torch.repeat_interleave(torch.arange(1, 5), torch.tensor([30, 294, 12, 28]))


MATRICES = [slice(0, 27), slice(30, 30 + 288), slice(336, 336 + 24)]  # weights of the convolution and linear maps
TENSORS = [slice(end - size, end) for size, end in ((27, 27), (3, 30), (288, 318), (6, 324), (6, 330), (6, 336))]
TENSORS += [slice(336, 360), slice(360, 364)]
SHUFFLED = [2, 4, 1, 3]  # of four layers


def head_entries() -> Tensor:
    return (layer_of_each_entry() == 4).double()


@cache
def reference(method: str, optimizer: str, schedule: str, weight_decay: float) -> list[Tensor]:
    direction: Direction = AdamDirection() if optimizer == "adam" else SGDDirection()
    rates = [LR[optimizer] * factor for factor in SCHEDULES[schedule]]
    theta = flat(small_model())
    where = {"head": head_entries(), "matrices": MATRICES, "tensors": TENSORS, "permutation": SHUFFLED}
    return list(trajectory(method, direction, theta, gradients(), rates, weight_decay, layer_of_each_entry(), **where))


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get("lr_scale", 1)


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = STEPS, first: int = 0) -> nn.Module:
    for t in range(first, first + steps):
        loss_of(model, t).backward()
        optimizer.step()
        optimizer.zero_grad()
    return model


def relative_error(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm() / b.norm())


def pairs() -> list[tuple[str, str]]:
    return [(method, optimizer) for method, row in METHODS.items() for optimizer in row.optimizers]


def matrix(methods: Iterable[str] = METHODS) -> list[tuple[str, str, str, str]]:
    """Every method, optimizer and schedule on the automatic kernel; on each other one every method once.

    There optimizer and schedule alternate over the methods and kernels, so that every two values of the four meet.
    """
    rows = [(method, optimizer) for method, optimizer in pairs() if method in methods]
    full = [(*row, schedule, "automatic") for row in rows for schedule in SCHEDULES]
    others = [path for path in PATHS if path != "automatic"]
    for i, method in enumerate(methods):
        for j, path in enumerate(others):
            optimizers, schedules = METHODS[method].optimizers, list(SCHEDULES)
            full.append((method, optimizers[(i + j) % len(optimizers)], schedules[(i // 2 + j) % 2], path))
    return full


def test_every_two_values_of_method_optimizer_schedule_and_kernel_meet_in_the_matrix():
    cases = matrix()
    for path in PATHS:
        mine = [case for case in cases if case[3] == path]
        assert {method for method, *_ in mine} == set(METHODS)
        assert {case[1:3] for case in mine} == {(o, s) for o in ("adam", "sgd") for s in SCHEDULES}


@pytest.mark.parametrize(("method", "optimizer", "schedule", "path"), matrix())
def test_every_method_follows_its_reference(method: str, optimizer: str, schedule: str, path: str):
    weight_decay = 0.01 if method == "adams" else 0.5
    expected = reference(method, optimizer, schedule, weight_decay)
    model = small_model()
    options = {"momentum": 0.9} if optimizer == "sgd" else {}
    lr = LR[optimizer]
    built = lpwd.build_optimizer(model, optimizer, method, lr, weight_decay, head=model[6], **PATHS[path], **options)
    for t, factor in enumerate(SCHEDULES[schedule]):
        set_lr(built, lr * factor)
        loss_of(model, t).backward()
        built.step()
        built.zero_grad()
        error = relative_error(flat(model), expected[t])
        assert error < 1e-12, f"step {t + 1}: {error}"


def test_every_row_names_its_reference_formula():
    assert {name: formula(name).__name__ for name in METHODS} == {
        **{"baseline": "baseline", "l2": "l2", "wd": "wd", "rwd": "rwd", "pwd": "pwd", "lpwd": "pwd", "lwd": "wd"},
        "custom": "pwd",
        **{"lrwd": "rwd", "lpwd_matched": "pwd", "lpwd_reversed": "pwd", "lpwd_shuffled": "pwd", "l2sp": "L2SP"},
        **{"adamh": "Hyperball", "wd15": "wd", "cwd": "cautious", "adams": "adams", "llrd": "wd", "wdlr2": "wd"},
        **{"adamc": "wd", "spd": "SPD", "soda": "SODA"},
    }


INDEPENDENT = [case for case in matrix(("wd", "rwd", "lpwd", "cwd", "adams", "l2sp")) if case[2] == "cosine"]


@pytest.mark.parametrize(("method", "optimizer", "path"), [(m, o, path) for m, o, _, path in INDEPENDENT])
def test_independent_decay_takes_lambda_whatever_the_learning_rate(method: str, optimizer: str, path: str):
    direction: Direction = AdamDirection() if optimizer == "adam" else SGDDirection()
    rates, weight_decay = [LR[optimizer] * factor for factor in COSINE], 1e-5 if method == "adams" else 1e-3
    theta, layers = flat(small_model()), layer_of_each_entry()
    options = {"head": head_entries(), "independent": True}
    expected = list(trajectory(method, direction, theta, gradients(), rates, weight_decay, layers, **options))
    model = small_model()
    more = {"momentum": 0.9} if optimizer == "sgd" else {}
    built = lpwd.build_optimizer(
        model, optimizer, method, rates[0], weight_decay, independent=True, head=model[6], **PATHS[path], **more
    )
    for t, lr in enumerate(rates):
        set_lr(built, lr)
        train(model, built, 1, t)
        assert relative_error(flat(model), expected[t]) < 1e-12


@pytest.mark.parametrize(("weight_decay", "warned"), [(0.5, True), (2.0, True), (1e-3, False)])
def test_independent_decay_that_forgets_at_once_is_warned_of(
    weight_decay: float, warned: bool, recwarn: pytest.WarningsRecorder
):
    lpwd.build_optimizer(small_model(), "adam", "wd", 1e-3, weight_decay, independent=True)
    messages = [str(w.message) for w in recwarn if "independent" in str(w.message)]
    assert bool(messages) == warned
    if warned:
        assert messages[0].startswith(f"independent decay with weight_decay {weight_decay:g} removes")
    with pytest.raises(ValueError, match="independent is True: l2"):
        lpwd.Adam(small_model().parameters(), decay="l2", independent=True)


def test_hyperball_keeps_the_norm_of_every_matrix_and_leaves_a_zero_matrix():
    model = small_model().float()
    with torch.no_grad():
        model[0].weight.zero_()
    before = [p.detach().clone() for p in model.parameters()]
    optimizer = lpwd.build_optimizer(model, "adam", "adamh", 0.1)
    for t in range(20):
        images, labels = batch(t)
        nn.functional.cross_entropy(model(images.float()), labels).backward()
        optimizer.step()
    for p, start in zip(model.parameters(), before, strict=True):
        assert bool(torch.isfinite(p).all())
        assert torch.equal(p, start) == (p.ndim > 1 and not start.any())
        if p.ndim > 1:
            torch.testing.assert_close(p.norm(), start.norm())


def test_the_head_of_l2sp_is_timms_classifier_unless_another_is_given():
    timm = pytest.importorskip("timm")
    model = timm.create_model("test_convnext", num_classes=3)

    def new(**options: object) -> list[int]:
        built = lpwd.build_optimizer(model, "adam", "l2sp", **options)
        assert sum(len(g["params"]) for g in built.param_groups) == len(list(model.parameters()))
        return sorted(id(p) for g in built.param_groups if g["decay"] == "wd" for p in g["params"])

    assert new() == sorted(id(p) for p in model.get_classifier().parameters())
    assert new(head=[]) == []
    assert new(head=model.stem) == sorted(id(p) for p in model.stem.parameters())
    groups = lpwd.build_optimizer(small_model(), "adam", "l2sp").param_groups
    assert {group["decay"] for group in groups} == {"l2sp"}


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_starting_weights_survive_the_state_dict_and_a_deep_copy(optimizer: str):
    model = small_model()
    start = [p.detach().clone() for p in model.parameters()]
    built = lpwd.build_optimizer(model, optimizer, "l2sp", LR[optimizer], 0.5)
    train(model, built, 3)
    other, copied = copy.deepcopy((model, built))
    resumed = small_model(1)
    resumed.load_state_dict(model.state_dict())
    fresh = lpwd.build_optimizer(resumed, optimizer, "l2sp", LR[optimizer], 0.5)
    fresh.load_state_dict(copy.deepcopy(built.state_dict()))
    for net, own in ((other, copied), (resumed, fresh)):
        kept = {p: own.state[p]["theta_0"] for p in net.parameters()}
        assert all(torch.equal(kept[p], s) for p, s in zip(net.parameters(), start, strict=True))
    train(model, built, 3, 3)
    assert torch.equal(flat(train(other, copied, 3, 3)), flat(model))
    assert torch.equal(flat(train(resumed, fresh, 3, 3)), flat(model))


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("method", ["wd", "cwd", "lpwd"])
def test_nesterov_momentum_follows_its_reference(method: str, nesterov: bool):
    direction = SGDDirection(0.8, nesterov)
    args = (flat(small_model()), gradients(20), [0.05] * 20, 0.3, layer_of_each_entry())
    expected = list(trajectory(method, direction, *args))
    model = small_model()
    optimizer = lpwd.build_optimizer(model, "sgd", method, 0.05, 0.3, momentum=0.8, nesterov=nesterov)
    assert relative_error(flat(train(model, optimizer, 20)), expected[-1]) < 1e-12


# Identities


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("maximize", [False, True])
def test_wd_is_adamw_bit_for_bit(path: str, maximize: bool):
    ours, theirs = small_model(), small_model()
    options = {"lr": 0.01, "weight_decay": 0.3, "maximize": maximize}
    train(ours, lpwd.Adam(ours.parameters(), decay="wd", **options, **PATHS[path]))
    train(theirs, torch.optim.AdamW(theirs.parameters(), **options, **THEIRS[path]))
    assert torch.equal(flat(ours), flat(theirs))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("decay", "weight_decay"), [("l2", 0.3), ("none", 0.0)])
def test_l2_and_none_are_torchs_own_optimizers_bit_for_bit(path: str, decay: str, weight_decay: float):
    options = {"lr": 0.01, "weight_decay": weight_decay}
    for ours, theirs, more in ((lpwd.Adam, torch.optim.Adam, {}), (lpwd.SGD, torch.optim.SGD, {"momentum": 0.9})):
        a, b = small_model(), small_model()
        train(a, ours(a.parameters(), decay=decay, **options, **PATHS[path], **more), 20)
        train(b, theirs(b.parameters(), **options, **THEIRS[path], **more), 20)
        assert torch.equal(flat(a), flat(b))


@pytest.mark.parametrize("path", PATHS)
def test_wd_of_sgd_is_a_shrink_and_then_torchs_sgd_bit_for_bit(path: str):
    ours, theirs = small_model(), small_model()
    train(ours, lpwd.SGD(ours.parameters(), lr=0.1, momentum=0.9, weight_decay=0.3, **PATHS[path]), 20)
    sgd = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9, **THEIRS[path])
    for t in range(20):
        loss_of(theirs, t).backward()
        with torch.no_grad():
            for p in theirs.parameters():
                p.mul_(1 - 0.1 * 0.3)
        sgd.step()
        sgd.zero_grad()
    assert torch.equal(flat(ours), flat(theirs))


@pytest.mark.parametrize("path", PATHS)
def test_rwd_is_adamw_with_a_smaller_rate_and_a_larger_decay(path: str):
    lr, decay = 0.01, 3.0
    c = lr * decay
    ours, theirs = small_model(), small_model()
    train(ours, lpwd.Adam(ours.parameters(), lr=lr, weight_decay=decay, decay="rwd", **PATHS[path]))
    train(theirs, torch.optim.AdamW(theirs.parameters(), lr=lr * (1 - c), weight_decay=decay / (1 - c), **THEIRS[path]))
    assert relative_error(flat(ours), flat(theirs)) < 1e-12


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_pwd_and_rwd_share_a_trajectory_but_for_one_decay_and_the_read_point(optimizer: str):
    lr, decay = LR[optimizer], 2.0
    pre, real_time = small_model(), small_model()
    with torch.no_grad():
        for p in real_time.parameters():
            p.mul_(1 - lr * decay)  # D U D U ... against U D U D ... : one decay first
    a = lpwd.build_optimizer(pre, optimizer, "pwd", lr, decay)
    b = lpwd.build_optimizer(real_time, optimizer, "rwd", lr, decay)
    for t in range(STEPS):
        train(pre, a, 1, t)
        train(real_time, b, 1, t)
        assert relative_error(flat(pre) * (1 - lr * decay), flat(real_time)) < 1e-12  # PWD is read before D


def test_decay_proportional_to_the_squared_rate_is_wd_at_a_constant_rate():
    a, b = small_model(), small_model()
    train(a, lpwd.build_optimizer(a, "adam", "wdlr2", 0.01, 0.3))
    train(b, lpwd.build_optimizer(b, "adam", "wd", 0.01, 0.3))
    assert torch.equal(flat(a), flat(b))


# When pwd decays


def pwd_model(**options: object) -> tuple[nn.Module, lpwd.Adam]:
    """One decay takes every weight to 0.9 of itself."""
    model = small_model()
    optimizer = lpwd.build_optimizer(model, "adam", "pwd", 0.1, 1.0, **options)
    assert isinstance(optimizer, lpwd.Adam)
    return model, optimizer


def test_the_gradient_of_pwd_is_that_of_the_decayed_weights():
    model, _ = pwd_model()
    theta = flat(model)
    loss_of(model, 0).backward()
    gradient = torch.cat([p.grad.reshape(-1) for p in model.parameters() if p.grad is not None])
    assert torch.equal(gradient, gradients()[0](theta * 0.9))
    assert not torch.equal(gradient, gradients()[0](theta))


def test_pwd_without_a_decay_before_the_forward_pass_is_refused_and_not_silently_wd():
    model = small_model()
    optimizer = lpwd.Adam(model.parameters(), lr=0.1, weight_decay=1.0, decay="pwd")  # not attached
    loss_of(model, 0).backward()
    theta = flat(model)
    with pytest.raises(RuntimeError, match="attach"):
        optimizer.step()
    assert torch.equal(flat(model), theta)


def test_a_step_pre_hook_still_runs_after_the_decay():
    model, optimizer = pwd_model()
    theta, seen = flat(model), []
    optimizer.register_step_pre_hook(lambda *_: seen.append(flat(model)))
    train(model, optimizer, 1)
    assert torch.equal(seen[0], theta * 0.9)


def test_several_forward_passes_per_step_decay_once():
    model, optimizer = pwd_model()
    theta = flat(model)
    for t in range(3):  # gradient accumulation
        loss_of(model, t).backward()
    assert torch.equal(flat(model), theta * 0.9)
    optimizer.step()
    after = flat(model)
    loss_of(model, 3)
    assert torch.equal(flat(model), after * 0.9)


def test_a_forward_pass_in_evaluation_mode_never_decays():
    model, _ = pwd_model()
    theta = flat(model)
    model.eval()
    loss_of(model, 0)
    assert torch.equal(flat(model), theta)
    model.train()
    loss_of(model, 0)
    assert torch.equal(flat(model), theta * 0.9)


def test_the_explicit_decay_is_idempotent_until_the_next_step():
    model = small_model()
    optimizer = lpwd.Adam(model.parameters(), lr=0.1, weight_decay=1.0, decay="pwd")
    theta = flat(model)
    optimizer.decay_()
    optimizer.decay_()
    assert torch.equal(flat(model), theta * 0.9)
    train(model, optimizer, 1)
    after = flat(model)
    optimizer.decay_()
    assert torch.equal(flat(model), after * 0.9)


@pytest.mark.parametrize("attached", [False, True])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_closure_is_evaluated_once_at_the_decayed_weights(optimizer: str, attached: bool):
    model, expected = small_model(), reference("pwd", optimizer, "constant", 0.5)
    kind = {"adam": lpwd.Adam, "sgd": lpwd.SGD}[optimizer]
    options = {"momentum": 0.9} if optimizer == "sgd" else {}
    built = kind(model.parameters(), lr=LR[optimizer], weight_decay=0.5, decay="pwd", **options)
    if attached:
        built.attach(model)
    calls = 0
    for t in range(10):

        def closure(t: int = t) -> Tensor:
            nonlocal calls
            calls += 1
            built.zero_grad()
            loss = loss_of(model, t)
            loss.backward()
            return loss

        loss = built.step(closure)
        assert loss.item() > 0
        assert relative_error(flat(model), expected[t]) < 1e-12
    assert calls == 10


def test_all_decays_use_the_rate_that_a_scheduler_set_for_their_step():
    for method in ("lpwd", "lrwd", "lwd", "llrd", "wdlr2"):
        model = small_model()
        optimizer = lpwd.build_optimizer(model, "adam", method, LR["adam"], 0.5)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: COSINE[min(t, STEPS - 1)])
        for t in range(STEPS):
            train(model, optimizer, 1, t)
            schedule.step()
        assert relative_error(flat(model), reference(method, "adam", "cosine", 0.5)[-1]) < 1e-12


def test_only_groups_of_pwd_decay_before_the_forward_pass():
    model = small_model()
    first, *rest = model.parameters()
    groups = [{"params": [first], "decay": "pwd"}, {"params": rest, "decay": "wd"}]
    optimizer = lpwd.SGD(groups, lr=0.1, weight_decay=1.0).attach(model)
    theta = [p.detach().clone() for p in model.parameters()]
    loss_of(model, 0).backward()
    assert torch.equal(first, theta[0] * 0.9)
    assert all(torch.equal(p, before) for p, before in zip(rest, theta[1:], strict=True))
    optimizer.step()
    for p, before in zip(model.parameters(), theta, strict=True):
        torch.testing.assert_close(p.detach(), before * 0.9 - 0.1 * p.grad)


# Hooks, copies, pickles


def test_step_hooks_run_exactly_once():
    torch.optim.Adam(small_model().parameters())  # torch wraps its class's step at the first instance
    torch.optim.SGD(small_model().parameters(), lr=0.1)
    for kind in (lpwd.Adam, lpwd.SGD):
        model, calls = small_model(), []
        optimizer = kind(model.parameters(), lr=0.1, weight_decay=1.0, decay="rwd")
        optimizer.register_step_pre_hook(lambda *_, calls=calls: calls.append("pre"))
        optimizer.register_step_post_hook(lambda *_, calls=calls: calls.append("post"))
        train(model, optimizer, 2)
        assert calls == ["pre", "post"] * 2


def test_the_profiler_sees_one_step_a_step():
    model, optimizer = pwd_model()
    with torch.profiler.profile() as profile:
        train(model, optimizer, 3)
    counts = {e.key: e.count for e in profile.key_averages() if e.key.startswith("Optimizer.step#")}
    assert counts == {"Optimizer.step#Adam.step": 3}


def test_a_deep_copy_of_the_model_never_decays_the_original():
    model, _ = pwd_model()
    ema = copy.deepcopy(model)
    theta, copied = flat(model), flat(ema)
    ema.train()
    loss_of(ema, 0)
    assert torch.equal(flat(model), theta)
    assert torch.equal(flat(ema), copied)


def test_another_module_that_carries_the_same_hook_does_not_decay():
    model, _ = pwd_model()
    replica = copy.copy(model)  # as DataParallel's replicas: the hooks are shared objects
    theta = flat(model)
    loss_of(replica, 0)
    assert torch.equal(flat(model), theta)


def test_torchs_averaged_model_works_beside_an_attached_optimizer():
    model, optimizer = pwd_model()
    ema = torch.optim.swa_utils.AveragedModel(model)
    train(model, optimizer, 2)
    ema.update_parameters(model)
    theta = flat(model)
    ema.train()
    loss_of(ema, 0)
    assert torch.equal(flat(model), theta)


def test_an_attached_model_is_picklable_and_its_copy_does_not_decay():
    model, _ = pwd_model()
    loaded = pickle.loads(pickle.dumps(model))
    theta = flat(loaded)
    loss_of(loaded.train(), 0)
    assert torch.equal(flat(loaded), theta)


def test_a_deep_copied_optimizer_has_to_be_attached_again_and_says_so():
    model, optimizer = pwd_model()
    train(model, optimizer, 2)
    other, copied = copy.deepcopy((model, optimizer))
    loss_of(other, 2).backward()
    with pytest.raises(RuntimeError, match="attach"):
        copied.step()
    copied.zero_grad()
    copied.attach(other)
    train(model, optimizer, 3, 2)
    train(other, copied, 3, 2)
    assert torch.equal(flat(model), flat(other))


def test_attaching_twice_decays_once():
    model, optimizer = pwd_model()
    optimizer.attach(model)
    assert sum(isinstance(h, DecayBeforeForward) for h in model._forward_pre_hooks.values()) == 1


def test_attaching_to_a_model_of_other_parameters_is_refused():
    _, optimizer = pwd_model()
    with pytest.raises(ValueError, match="none of the optimizer's parameters"):
        optimizer.attach(small_model())


@pytest.mark.parametrize("where", ["inside", "outside", "in place"])
def test_a_compiled_model_decays_once_a_step_and_dynamo_does_not_trace_the_decay(where: str):
    torch._dynamo.reset()
    model = small_model()
    expected = reference("pwd", "adam", "constant", 0.5)
    if where == "in place":
        model.compile(backend="eager")
        called: nn.Module = model
    else:
        called = torch.compile(model, backend="eager", fullgraph=where == "outside")
    optimizer = lpwd.build_optimizer(called if where == "outside" else model, "adam", "pwd", LR["adam"], 0.5)
    for t in range(5):
        images, labels = batch(t)
        nn.functional.cross_entropy(called(images), labels).backward()
        optimizer.step()
        optimizer.zero_grad()
        assert relative_error(flat(model), expected[t]) < 1e-12


# State


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("decayed", [False, True])
def test_a_pending_decay_survives_the_state_dict(path: str, decayed: bool):
    model, optimizer = pwd_model(**PATHS[path])
    train(model, optimizer, 3)
    if decayed:
        optimizer.decay_()
    resumed = small_model(1)
    resumed.load_state_dict(model.state_dict())
    other = lpwd.build_optimizer(resumed, "adam", "pwd", 0.1, 1.0, **PATHS[path])
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    train(model, optimizer, 3, 3)
    train(resumed, other, 3, 3)
    assert torch.equal(flat(model), flat(resumed))


def test_a_state_dict_round_trip_before_training_as_accelerate_does_changes_nothing():
    for method in METHODS:
        model = small_model()
        optimizer = lpwd.build_optimizer(model, "adam", method, LR["adam"], 0.01, head=model[6])
        optimizer.load_state_dict(optimizer.state_dict())  # replaces every group dict
        for group in optimizer.param_groups:
            assert {"layer", "layer_name", "lr_scale", "decay"} <= set(group)
        set_lr(optimizer, LR["adam"])
        train(model, optimizer, 10)
        expected = reference(method, "adam", "constant", 0.01)[9]
        assert relative_error(flat(model), expected) < 1e-12


@pytest.mark.parametrize("path", PATHS)
def test_a_state_dict_of_adamw_loads_and_continues_as_wd(path: str):
    a, b = small_model(), small_model()
    adamw = torch.optim.AdamW(a.parameters(), lr=0.01, weight_decay=0.3, **THEIRS[path])
    train(a, adamw, 3)
    b.load_state_dict(a.state_dict())
    ours = lpwd.Adam(b.parameters(), lr=1.0)
    ours.load_state_dict(copy.deepcopy(adamw.state_dict()))
    train(a, adamw, 3, 3)
    train(b, ours, 3, 3)
    assert torch.equal(flat(a), flat(b))


def test_a_loaded_state_with_an_option_that_is_refused_changes_nothing():
    model = small_model()
    theirs = torch.optim.AdamW(model.parameters(), amsgrad=True)
    train(model, theirs, 1)
    optimizer = lpwd.Adam(model.parameters(), lr=0.5)
    with pytest.raises(ValueError, match="amsgrad is not supported by Adam"):
        optimizer.load_state_dict(theirs.state_dict())
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert not optimizer.state


@pytest.mark.parametrize("method", ["wdlr2", "l2sp", "llrd"])
def test_a_loaded_state_of_adamw_leaves_what_only_our_groups_hold(method: str):
    model = small_model()
    optimizer = lpwd.build_optimizer(model, "adam", method, 1e-2, 0.5, head=model[6])
    keys = ("decay", "independent", "lr_0", "layer", "layer_name", "lr_scale")
    before = [{key: group[key] for key in keys} for group in optimizer.param_groups]
    theirs = torch.optim.AdamW([{"params": list(group["params"])} for group in optimizer.param_groups], lr=1e-3)
    optimizer.load_state_dict(theirs.state_dict())
    assert [{key: group[key] for key in keys} for group in optimizer.param_groups] == before
    assert optimizer.param_groups[-1]["lr"] == 1e-3


@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.parametrize("method", ["wd", "pwd"])
def test_a_model_that_becomes_bfloat16_later_is_refused_at_its_next_step(method: str, steps: int):
    model = small_model()
    optimizer = train_and_keep(model, method, steps)
    model.bfloat16()
    with pytest.raises(ValueError, match=r"parameters of type torch.bfloat16 would lose decays"):  # noqa: PT012
        model(batch(0)[0].bfloat16()).float().sum().backward()
        optimizer.step()


def train_and_keep(model: nn.Module, method: str, steps: int) -> lpwd.Adam | lpwd.SGD:
    optimizer = lpwd.build_optimizer(model, "adam", method, 1e-3, 0.5)
    train(model, optimizer, steps)
    return optimizer


def test_what_a_group_was_set_to_after_construction_is_checked_at_the_first_step():
    model = small_model()
    optimizer = lpwd.Adam(model.parameters())
    optimizer.param_groups[0]["decay"] = "later"
    with pytest.raises(ValueError, match="decay is 'later'"):
        optimizer.step()


def test_the_optimizer_is_picklable():
    model, optimizer = pwd_model()
    train(model, optimizer, 2)
    loaded = pickle.loads(pickle.dumps(optimizer))
    assert [g["layer_name"] for g in loaded.param_groups] == [g["layer_name"] for g in optimizer.param_groups]
    loaded.add_param_group({"params": [nn.Parameter(torch.zeros(2))]})
    assert loaded.param_groups[-1]["decay"] == "pwd"


def test_an_interrupted_update_leaves_the_decay_rates_as_they_were():
    model = small_model()
    optimizer = lpwd.Adam(model.parameters(), lr=0.1, weight_decay=1.0, decay="rwd")
    first = next(model.parameters())
    first.grad = torch.ones_like(first).to_sparse()  # torch's Adam refuses it
    with pytest.raises(RuntimeError, match="sparse"):
        optimizer.step()
    assert optimizer.param_groups[0]["weight_decay"] == 1.0


# GradScaler and tensor learning rates


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", [m for m in METHODS if m != "wdlr2"])
def test_a_step_that_gradscaler_skips_neither_updates_nor_decays(method: str, path: str):
    model = small_model().float()
    optimizer = lpwd.build_optimizer(model, "adam", method, 1e-2, 0.5, **PATHS[path])
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    undisturbed = small_model().float()
    other = lpwd.build_optimizer(undisturbed, "adam", method, 1e-2, 0.5, **PATHS[path])
    for t in range(4):
        for _ in range(2):  # the first attempt of each step overflows
            images, labels = batch(t)
            scaler.scale(nn.functional.cross_entropy(model(images.float()), labels)).backward()
            if _ == 0:
                before = flat(model)
                next(model.parameters()).grad.view(-1)[0] = math.inf
            scaler.step(optimizer)
            if _ == 0:
                assert torch.equal(flat(model), before)
            scaler.update(4.0)  # powers of two, so that scaling rounds nothing
            optimizer.zero_grad()
        images, labels = batch(t)
        nn.functional.cross_entropy(undisturbed(images.float()), labels).backward()
        other.step()
        other.zero_grad()
        assert relative_error(flat(model), flat(undisturbed)) < 1e-6
    assert torch.isfinite(flat(model)).all()


@pytest.mark.parametrize("method", ["wd", "rwd", "pwd", "cwd"])
def test_a_skipped_fused_step_of_sgd_neither_updates_nor_decays(method: str):
    model = small_model().float()
    optimizer = lpwd.build_optimizer(model, "sgd", method, 1e-2, 0.5, fused=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    images, labels = batch(0)
    scaler.scale(nn.functional.cross_entropy(model(images.float()), labels)).backward()
    next(model.parameters()).grad.view(-1)[0] = math.inf
    before = flat(model)
    scaler.step(optimizer)
    assert torch.equal(flat(model), before)
    model(images.float())
    assert torch.equal(flat(model), before)  # pwd: the decay of the skipped step is still in force


def test_whether_a_step_was_skipped_is_never_read_back_from_the_device():
    """On fake CUDA tensors a read-back raises, so the whole path of skipped steps runs without one."""
    from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

    with FakeTensorMode(allow_non_fake_inputs=True):
        found = torch.zeros((), device="cuda")
        with pytest.raises(DataDependentOutputException):
            bool(found)
        for method in ("rwd", "pwd", "cwd", "adams"):
            p = nn.Parameter(torch.ones(3, device="cuda"))
            row = METHODS[method]
            optimizer = lpwd.Adam([p], lr=0.1, weight_decay=0.1, decay=row.timing, fused=True)
            for _ in range(2):
                optimizer.decay_()
                p.grad = torch.ones(3, device="cuda")
                optimizer.found_inf, optimizer.grad_scale = found, torch.ones((), device="cuda")
                optimizer.step()
            assert p.device.type == "cuda"


@pytest.mark.parametrize("options", [{}, {"fused": True}])
@pytest.mark.parametrize("method", METHODS)
def test_a_tensor_learning_rate_equals_a_float(method: str, options: dict[str, bool]):
    a, b = small_model(), small_model()
    lr = torch.tensor(LR["adam"], dtype=torch.float64)
    tensor = lpwd.build_optimizer(a, "adam", method, lr, 0.01, **options)
    number = lpwd.build_optimizer(b, "adam", method, LR["adam"], 0.01, **options)
    assert relative_error(flat(train(a, tensor, 5)), flat(train(b, number, 5))) < 1e-12


@pytest.mark.parametrize("method", ["wd", "rwd", "cwd"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_maximizing_the_negative_loss_is_minimizing_it(method: str, optimizer: str):
    a, b = small_model(), small_model()
    down = lpwd.build_optimizer(a, optimizer, method, 1e-2, 0.5)
    up = lpwd.build_optimizer(b, optimizer, method, 1e-2, 0.5, maximize=True)
    train(a, down, 10)
    for t in range(10):
        (-loss_of(b, t)).backward()
        up.step()
        up.zero_grad()
    assert relative_error(flat(a), flat(b)) < 1e-12


# Which parameters decay


@pytest.mark.parametrize("method", ["wd", "rwd", "cwd", "adams"])
def test_parameters_without_a_gradient_are_left_alone(method: str):
    used, unused = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    optimizer = lpwd.Adam([used, unused], lr=0.1, weight_decay=0.5, decay=METHODS[method].timing)
    used.grad = torch.ones(2)
    optimizer.step()
    assert torch.equal(unused, torch.ones(2))
    assert not torch.equal(used, torch.ones(2))


def test_pwd_decays_all_parameters_that_require_a_gradient():
    trained, frozen = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2), requires_grad=False)
    lpwd.Adam([trained, frozen], lr=0.5, weight_decay=0.5, decay="pwd").decay_()
    assert torch.equal(trained, torch.full((2,), 0.75))
    assert torch.equal(frozen, torch.ones(2))


def test_sparse_gradients_decay_as_dense_ones_and_cautious_decay_refuses_them():
    table = nn.Embedding(5, 2, sparse=True)
    before = table.weight.detach().clone()
    optimizer = lpwd.SGD(table.parameters(), lr=0.1, weight_decay=1.0)
    table(torch.tensor([1])).sum().backward()
    optimizer.step()
    expected = before * 0.9
    expected[1] -= 0.1
    torch.testing.assert_close(table.weight.detach(), expected)
    optimizer.param_groups[0]["decay"] = "cautious"
    with pytest.raises(ValueError, match="sparse"):
        optimizer.step()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", [lpwd.Adam, lpwd.SGD])
def test_low_precision_parameters_are_refused_in_one_sentence(kind: type, dtype: torch.dtype):
    with pytest.raises(ValueError, match=r"keep them in float32 and train under torch\.autocast"):
        kind(small_model().to(dtype).parameters(), lr=0.1)


def test_a_refused_group_is_not_added():
    optimizer = lpwd.Adam(small_model().parameters())
    with pytest.raises(ValueError, match="decay is 'later'"):
        optimizer.add_param_group({"params": [nn.Parameter(torch.ones(1))], "decay": "later"})
    assert len(optimizer.param_groups) == 1


def test_bad_input_is_refused():
    model = small_model()
    parameters = list(model.parameters())
    refusals: list[tuple[Callable[[], object], str]] = [
        (lambda: lpwd.build_optimizer(model, "lion"), "optimizer is 'lion': allowed are adam, sgd"),  # type: ignore[arg-type]
        (lambda: lpwd.build_optimizer(model, "adam", "magic"), "method is 'magic'"),
        (lambda: lpwd.build_optimizer(model, "sgd", "adams"), "method adams needs optimizer adam, got sgd"),
        (lambda: lpwd.build_optimizer(model, rule="i/n"), "rule is 'i/n'"),  # type: ignore[arg-type]
        (lambda: lpwd.build_optimizer(model, order="up"), "order is 'up': allowed are deep, reversed, shuffled"),  # type: ignore[arg-type]
        (lambda: lpwd.layer_groups(model, 0.1, order="up"), "order is 'up'"),  # type: ignore[arg-type]
        (lambda: lpwd.layer_groups(model, 0.1, mean="median"), "mean is 'median'"),  # type: ignore[arg-type]
        (
            lambda: lpwd.build_optimizer(model, method="lpwd_reversed", order="shuffled"),
            "method lpwd_reversed always uses reversed",
        ),
        (lambda: lpwd.build_optimizer(model, weight_decay=-1), "must be at least 0"),
        (lambda: lpwd.build_optimizer(model, method="wdlr2", lr=0), "must be greater than 0"),
        (lambda: lpwd.build_optimizer(nn.GELU()), "no parameter"),
        (lambda: lpwd.layer_groups(nn.GELU(), 0.1), "no parameters"),
        (lambda: lpwd.layer_groups(model.requires_grad_(False), 0.1), "requires a gradient"),
        (
            lambda: lpwd.SGD(parameters, lr=0.1, decay="adams"),
            "SGD allows none, l2, wd, rwd, pwd, cautious, l2sp, spd, soda",
        ),
        (lambda: lpwd.Adam(parameters, decay="after"), "Adam allows none, l2, wd"),  # type: ignore[arg-type]
        (lambda: lpwd.Adam([{"params": parameters, "weight_decay": -1}]), "weight_decay is -1"),
        (lambda: lpwd.Adam([{"params": parameters, "amsgrad": True}]), "amsgrad is not supported"),
    ]
    for refused, message in refusals:
        with pytest.raises(ValueError, match=message):
            refused()
    with pytest.raises(TypeError, match="should be an iterable of Tensors or dicts"):
        lpwd.Adam(parameters[0])


# Layers


@pytest.mark.parametrize(
    ("name", "layer_count"),
    [("convnext_tiny", 20), ("convnext_small", 38), ("convnext_base", 38), ("swin_tiny_patch4_window7_224", 14)],
)
def test_timm_models_have_the_layers_of_their_group_matcher(name: str, layer_count: int):
    timm = pytest.importorskip("timm")
    with torch.device("meta"):
        model = timm.create_model(name, num_classes=10)
    groups = lpwd.layer_groups(model, 0.5)
    assert [g["layer"] for g in groups] == list(range(1, layer_count + 1))
    assert [g["weight_decay"] for g in groups] == [0.5 * 2 * i / layer_count for i in range(1, layer_count + 1)]
    assert sum(len(g["params"]) for g in groups) == len(list(model.parameters()))
    assert groups[0]["layer_name"] in ("stem", "patch_embed")
    assert "head" in groups[-1]["layer_name"] or "norm" in groups[-2]["layer_name"]
    assert len({g["layer_name"] for g in groups}) == layer_count


class Unusual(nn.Module):
    """Parameters of its own, of an inner module, and shared ones."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(4))
        self.attention = nn.MultiheadAttention(4, 2)
        self.first = nn.Linear(4, 4)
        self.act = nn.GELU()
        self.tied = nn.Linear(4, 4, bias=False)
        self.tied.weight = self.first.weight
        self.last = nn.Linear(4, 2)


def test_any_other_model_has_its_parameterised_modules_in_order():
    model = Unusual()
    groups = lpwd.layer_groups(model, 1.0)
    names = ["token", "attention", "attention.out_proj", "first", "last"]
    assert [g["layer_name"] for g in groups] == names
    assert [g["weight_decay"] for g in groups] == [2 * i / 5 for i in range(1, 6)]
    grouped = [id(p) for g in groups for p in g["params"]]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters())


def test_norms_and_biases_can_be_left_undecayed_in_groups_of_their_own():
    groups = lpwd.layer_groups(small_model(), 1.0, exclude_1d=True)
    assert [(g["layer"], g["weight_decay"], len(g["params"])) for g in groups] == [
        (1, 0.5, 1),
        (1, 0.0, 1),
        (2, 1.0, 1),
        (2, 0.0, 1),
        (3, 0.0, 2),
        (4, 2.0, 1),
        (4, 0.0, 1),
    ]


@pytest.mark.parametrize("exclude_1d", [False, True])
@pytest.mark.parametrize("rule", LAYER_RULES)
@pytest.mark.parametrize("order", LAYER_ORDERS)
def test_matched_rates_have_the_mean_lambda_over_all_decayed_parameters(order: str, rule: str, exclude_1d: bool):
    timm = pytest.importorskip("timm")
    model = timm.create_model("convnext_atto", num_classes=10)
    model.stem.requires_grad_(False)
    groups = lpwd.layer_groups(model, 0.3, rule, exclude_1d, order=order, mean="parameters")
    uniform = lpwd.build_optimizer(model, "adam", "wd", 1e-3, 0.3, exclude_1d=exclude_1d).param_groups

    def total_decay(groups: list[dict[str, Any]]) -> float:
        return math.fsum(g["weight_decay"] * sum(p.numel() for p in g["params"]) for g in groups)

    assert total_decay(groups) == pytest.approx(total_decay(uniform), rel=1e-12)
    if not exclude_1d:
        assert total_decay(groups) / sum(p.numel() for g in groups for p in g["params"]) == pytest.approx(
            0.3, rel=1e-12
        )
    plain = lpwd.layer_groups(model, 0.3, rule, exclude_1d, order=order)
    factors = {g["weight_decay"] / p["weight_decay"] for g, p in zip(groups, plain, strict=True) if p["weight_decay"]}
    assert max(factors) == pytest.approx(min(factors), rel=1e-14)


def test_the_rows_of_the_table_equal_the_options_that_they_stand_for():
    model = small_model()

    def rates(method: str, **options: str) -> list[float]:
        return [
            g["weight_decay"] for g in lpwd.build_optimizer(model, "adam", method, 1e-3, 0.5, **options).param_groups
        ]

    assert rates("lpwd_matched") == rates("lpwd", mean="parameters")
    assert rates("lpwd_reversed") == rates("lpwd", order="reversed", mean="parameters")
    assert rates("lpwd_shuffled") == rates("lpwd_matched", order="shuffled")
    assert rates("lpwd", order="reversed") == rates("lpwd")[::-1]
    assert rates("wd", order="reversed", mean="parameters") == [0.5] * 4


def test_a_mean_that_no_factor_reaches_is_refused():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2).requires_grad_(False))
    with pytest.raises(ValueError, match="all decayed parameters are in layers with rate 0"):
        lpwd.layer_groups(model, 0.5, "2(i-1)/(n-1)", mean="parameters")


def test_frozen_parameters_are_left_out_and_their_layers_still_count():
    model = small_model()
    model[0].requires_grad_(False)
    assert [(g["layer"], g["weight_decay"]) for g in lpwd.layer_groups(model, 1.0)] == [(2, 1.0), (3, 1.5), (4, 2.0)]


def test_wrapped_models_have_the_layers_of_the_model_inside():
    timm = pytest.importorskip("timm")
    model = timm.create_model("test_convnext")
    expected = [list(layer) for layer in layers_of(model)]
    for wrapped in (torch.compile(model, backend="eager"), nn.DataParallel(model)):
        assert [list(layer) for layer in layers_of(wrapped)] == expected


def test_layer_names_are_what_their_parameters_share():
    assert layer_name(["stages.0.blocks.1.norm.weight", "stages.0.blocks.1.mlp.fc1.bias"]) == "stages.0.blocks.1"
    names = ["layers.3.blocks.1.norm.weight", "layers.3.blocks.1.mlp.fc1.bias", "norm.weight"]
    assert layer_name(names) == "layers.3.blocks.1 + norm"
    assert layer_name(["cls_token"]) == "cls_token"


def test_layer_groups_serve_torchs_own_optimizers():
    a, b = small_model(), small_model()
    train(a, torch.optim.AdamW(lpwd.layer_groups(a, 0.5), lr=0.01, fused=True), 10)
    train(b, lpwd.build_optimizer(b, "adam", "lwd", 0.01, 0.5), 10)
    assert torch.equal(flat(a), flat(b))


def test_named_parameters_and_per_group_decay_are_accepted():
    model = small_model()
    optimizer = lpwd.Adam(model.named_parameters(), lr=0.01, weight_decay=0.5, decay="rwd")
    assert optimizer.param_groups[0]["param_names"][0] == "0.weight"
    assert optimizer.param_groups[0]["decay"] == "rwd"
    train(model, optimizer, 1)
