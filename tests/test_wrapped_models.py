"""The layers of a model are those of the model alone, whatever wrapper or adapter renames its parameters."""

import warnings
from typing import Any

import pytest
import torch
from torch import nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper
from torch.nn.utils import parametrizations
from torch.optim.swa_utils import AveragedModel

import lpwd
from lpwd.optim.layers import layers_of

timm = pytest.importorskip("timm")


def convnext() -> nn.Module:
    torch.manual_seed(0)
    model: nn.Module = timm.create_model("test_convnext", num_classes=10)
    return model


def shapes(model: nn.Module) -> list[list[torch.Size]]:
    return [[p.shape for p in layer.values()] for layer in layers_of(model)]


def plain() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 6), nn.GELU(), nn.Linear(6, 6), nn.GELU(), nn.Linear(6, 3))


class Lending(nn.Module):
    """Lends its model's attributes under names with a prefix, as PEFT's PeftModel does."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.base_model = nn.ModuleDict({"model": model})

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.base_model["model"], name)


class Named(nn.Module):
    """A wrapper that no list knows."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner


STAGES = {
    "compiled": lambda stage: torch.compile(stage, backend="eager"),
    "checkpointed": checkpoint_wrapper,
    "wrapped by a class of one's own": Named,
    "data parallel": nn.DataParallel,
}
MODELS = {
    "compiled": lambda model: torch.compile(model, backend="eager"),
    "averaged": AveragedModel,
    "checkpointed": checkpoint_wrapper,
    "lent": Lending,
    "lent and compiled": lambda model: torch.compile(Lending(model), backend="eager"),
    "data parallel": nn.DataParallel,
}


@pytest.mark.parametrize("wrap", STAGES)
def test_wrapped_stages_of_a_timm_model_leave_its_layers_as_they_are(wrap: str):
    model = convnext()
    expected = shapes(model)
    assert len(expected) == 11
    for i in range(4):
        model.stages[i] = STAGES[wrap](model.stages[i])
    assert shapes(model) == expected
    names = [group["layer_name"] for group in lpwd.layer_groups(model, 1.0)]
    assert names == [group["layer_name"] for group in lpwd.layer_groups(convnext(), 1.0)]


@pytest.mark.parametrize("wrap", MODELS)
def test_a_wrapped_timm_model_has_its_own_layers(wrap: str):
    model = convnext()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert shapes(MODELS[wrap](model)) == shapes(model)


def test_adapters_of_peft_belong_to_the_layers_that_they_adapt():
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(r=4, target_modules=r".*\.mlp\.fc\d", modules_to_save=["head.fc"])
    model = peft.get_peft_model(convnext(), config)
    groups = lpwd.layer_groups(model, 1.0)
    assert [group["layer"] for group in groups] == list(range(2, 12))  # the stem is frozen
    assert [group["weight_decay"] for group in groups] == pytest.approx([2 * i / 11 for i in range(2, 12)])
    adapted = peft.get_peft_model(plain(), peft.LoraConfig(target_modules=["0", "2"], modules_to_save=["4"]))
    assert [group["layer"] for group in lpwd.layer_groups(adapted, 1.0)] == [1, 2, 3]


def test_adapters_beside_a_base_layer_make_no_layer_of_their_own():
    class Adapted(nn.Module):
        def __init__(self, base: nn.Linear) -> None:
            super().__init__()
            self.base_layer = base.requires_grad_(False)
            self.lora_A = nn.ModuleDict({"default": nn.Linear(base.in_features, 2, bias=False)})
            self.lora_B = nn.ModuleDict({"default": nn.Linear(2, base.out_features, bias=False)})

    model = plain()
    model[0], model[2] = Adapted(model[0]), Adapted(model[2])
    assert [len(layer) for layer in layers_of(model)] == [4, 4, 2]
    assert [(g["layer"], g["layer_name"]) for g in lpwd.layer_groups(model, 1.0)] == [(1, "0"), (2, "2"), (3, "4")]


def test_parametrizations_make_no_layers_of_their_own():
    model = plain()
    parametrizations.weight_norm(model[0])
    parametrizations.orthogonal(model[2])
    assert [len(layer) for layer in layers_of(model)] == [3, 2, 2]
    assert [g["layer_name"] for g in lpwd.layer_groups(model, 1.0)] == ["0", "2", "4"]
    assert len(layers_of(parametrizations.weight_norm(nn.Linear(2, 2)))) == 1


def test_names_that_do_not_fit_the_matcher_fall_back_to_the_order_of_modules_with_a_warning():
    class Split(nn.Module):
        """Has parameters beside the stage that it wraps."""

        def __init__(self, stage: nn.Module) -> None:
            super().__init__()
            self.stage, self.scale = stage, nn.Parameter(torch.ones(1))

    model = convnext()
    for i in range(4):
        model.stages[i] = Split(model.stages[i])
    with pytest.warns(UserWarning, match="the group_matcher of ConvNeXt does not match its parameter names"):
        groups = lpwd.layer_groups(model, 1.0)
    assert len({group["layer"] for group in groups}) > 11
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
    prompted = Lending(convnext())
    prompted.prompt = nn.Parameter(torch.ones(3))
    with pytest.warns(UserWarning, match="group_matcher"):
        groups = lpwd.layer_groups(prompted, 1.0)
    assert any(prompted.prompt is p for group in groups for p in group["params"])
