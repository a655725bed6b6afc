"""What torch's test_optim.py asks of state, hooks and options, for one input of an `OptimizerInfo`."""

import copy
import io
import pickle
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.testing._internal.common_optimizers import OptimizerInfo, OptimizerInput
from torch_checks import descend
from torch_inputs import Net, built


def _trained(info: OptimizerInfo, sample: OptimizerInput, steps: int = 5) -> tuple[Net, Any]:
    net = Net()
    optimizer = built(info, net.params, sample)
    descend(net, optimizer, steps)
    return net, optimizer


def _continues(net: Net, optimizer: Any, other: Net, copied: Any) -> None:
    assert torch.equal(descend(net, optimizer, 5), descend(other, copied, 5))


def _copy_of(net: Net) -> Net:
    other = Net()
    for p, q in zip(other.params, net.params, strict=True):
        p.data.copy_(q.data)
    return other


def state_dict_round_trip(info: OptimizerInfo, sample: OptimizerInput) -> None:
    net, optimizer = _trained(info, sample)
    other = _copy_of(net)
    fresh = built(info, other.params, sample)
    state = copy.deepcopy(optimizer.state_dict())  # torch's loading shares the tensors
    before = copy.deepcopy(state)
    fresh.load_state_dict(state)
    assert str(state) == str(before)  # loading changes nothing in what is loaded
    assert str(fresh.state_dict()) == str(before)
    _continues(net, optimizer, other, fresh)


def state_dict_deterministic(info: OptimizerInfo, sample: OptimizerInput) -> None:
    assert str(_trained(info, sample)[1].state_dict()) == str(_trained(info, sample)[1].state_dict())


def save_load_equality_with_weights_only(info: OptimizerInfo, sample: OptimizerInput) -> None:
    net, optimizer = _trained(info, sample)
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    other = _copy_of(net)
    fresh = built(info, other.params, sample)
    fresh.load_state_dict(torch.load(file, weights_only=True))
    _continues(net, optimizer, other, fresh)


def can_load_older_state_dict(info: OptimizerInfo, sample: OptimizerInput) -> None:
    """States from before a flag existed, ours included."""
    flags = (*info.not_og_supported_flags, "fused", "independent", "decayed", "lr_0")
    for flag in flags:
        _, optimizer = _trained(info, sample, 2)
        state = copy.deepcopy(optimizer.state_dict())
        for group in state["param_groups"]:
            group.pop(flag, None)
        net = Net()
        fresh = built(info, net.params, sample)
        fresh.load_state_dict(state)
        descend(net, fresh, 1)


def load_nontensor_step(info: OptimizerInfo, sample: OptimizerInput) -> None:
    net, optimizer = _trained(info, sample)
    state = copy.deepcopy(optimizer.state_dict())
    for of_param in state["state"].values():
        if "step" in of_param:
            of_param["step"] = of_param["step"].item()
    other = _copy_of(net)
    fresh = built(info, other.params, sample)
    fresh.load_state_dict(state)
    _continues(net, optimizer, other, fresh)


def can_load_from_to_named_state_dict(info: OptimizerInfo, sample: OptimizerInput) -> None:
    names = ("weight", "bias")
    for from_named in (True, False):
        net, other = Net(), Net()
        named, plain = list(zip(names, net.params, strict=True)), net.params
        optimizer = built(info, named if from_named else plain, sample)
        descend(net, optimizer, 3)
        other = _copy_of(net)
        named, plain = list(zip(names, other.params, strict=True)), other.params
        fresh = built(info, plain if from_named else named, sample)
        fresh.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        assert fresh.param_groups[0]["param_names"] == list(names)
        _continues(net, optimizer, other, fresh)


def deepcopy_copies_all_public_attrs(info: OptimizerInfo, sample: OptimizerInput) -> None:
    net, optimizer = _trained(info, sample)

    def public(obj: Any) -> set[str]:
        return {name for name in vars(obj) if not name.startswith("_")}

    copied_net, copied = copy.deepcopy((net, optimizer))
    assert public(copied) == public(optimizer)
    _continues(net, optimizer, copied_net, copied)


def is_picklable(info: OptimizerInfo, sample: OptimizerInput) -> None:
    net, optimizer = _trained(info, sample)
    restored_net, restored = pickle.loads(pickle.dumps((net, optimizer)))
    _continues(net, optimizer, restored_net, restored)


def non_empty_state(info: OptimizerInfo, sample: OptimizerInput) -> None:
    if info.optim_cls.__name__ == "SGD" and not sample.kwargs.get("momentum"):
        pytest.skip("SGD without momentum has no state")
    _, optimizer = _trained(info, sample, 1)
    assert len(optimizer.state) == 2
    assert all(optimizer.state.values())


def step_hooks(info: OptimizerInfo, sample: OptimizerInput) -> None:
    """Hooks before and after a step, of this optimizer and of all, in torch's order, once a step."""
    net, optimizer = _trained(info, sample, 1)
    calls: list[str] = []

    def note(name: str) -> Any:
        return lambda *_: calls.append(name)

    handles = [
        register_optimizer_step_pre_hook(note("all before")),
        register_optimizer_step_post_hook(note("all after")),
        optimizer.register_step_pre_hook(note("before")),
        optimizer.register_step_post_hook(note("after")),
    ]
    descend(net, optimizer, 2)
    for handle in handles:
        handle.remove()
    descend(net, optimizer, 1)
    assert calls == ["all before", "before", "after", "all after"] * 2


def state_dict_hooks(info: OptimizerInfo, sample: OptimizerInput) -> None:
    _, optimizer = _trained(info, sample, 1)
    calls: list[str] = []

    def before(_: Any) -> None:
        calls.append("before reading")

    def after(_: Any, state: dict[str, Any]) -> dict[str, Any]:
        calls.append("after reading")
        return state | {"note": 1}

    def before_load(_: Any, state: dict[str, Any]) -> dict[str, Any]:
        calls.append("before loading")
        return {name: value for name, value in state.items() if name != "note"}

    def after_load(_: Any) -> None:
        calls.append("after loading")

    optimizer.register_state_dict_pre_hook(before)
    optimizer.register_state_dict_post_hook(after)
    optimizer.register_load_state_dict_pre_hook(before_load)
    optimizer.register_load_state_dict_post_hook(after_load)
    state = optimizer.state_dict()
    assert state["note"] == 1
    optimizer.load_state_dict(state)
    assert calls == ["before reading", "after reading", "before loading", "after loading"]


def defaults_changed_to_fused(info: OptimizerInfo, sample: OptimizerInput) -> None:
    """torch's test asks for foreach where nothing is said (on GPUs); ours is the fused kernel, on CPUs too."""
    if any(name in sample.kwargs for name in ("foreach", "fused")):
        pytest.skip("the kernel is given")
    net, optimizer = _trained(info, sample, 1)
    net.loss().backward()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        optimizer.decay_()
        optimizer.step()
    assert any(event.key.startswith("aten::_fused_") for event in profile.key_averages())


def fused_error_on_params_on_meta(info: OptimizerInfo, sample: OptimizerInput) -> None:
    """Parameters without numbers: a step runs where torch's own does and never in the fused kernel unasked."""
    if any(name in sample.kwargs for name in ("foreach", "fused")):
        pytest.skip("the kernel is given: as torch's own")
    if sample.kwargs.get("decay") in ("adams", "adamh"):
        pytest.skip("reads a number from the state, and the meta device has none")
    p = nn.Parameter(torch.empty(3, device="meta"))
    p.grad = torch.empty_like(p)
    optimizer = built(info, [p], sample)
    optimizer.decay_()
    optimizer.step()
    assert p.device.type == "meta"


def refused(info: OptimizerInfo, sample: OptimizerInput) -> None:
    """Options of torch that are not supported say so when the optimizer is built, in one sentence."""
    if sample.desc != "default & automatic":
        pytest.skip("the same for every input")
    options = ("amsgrad", "differentiable") if info.has_capturable_arg else ("differentiable",)
    for option in options:
        with pytest.raises(ValueError, match=f"^{option} is not supported by {info.name}$"):
            built(info, Net().params, sample, **{option: True})
