"""Assign parameters to layers, shallow (i = 1) to deep (i = n), and build one parameter group per layer.

timm models define their layers (`group_matcher`); in other models each module with parameters is a layer.
"""

import math
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

from torch import Tensor, nn

from lpwd.depth import LayerOrder, LayerRule, layer_rates
from lpwd.methods import MEANS, Mean

Group = dict[str, Any]  # a parameter group of torch.optim
Layer = dict[str, Tensor]  # name -> parameter
WRAPPED = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}  # children of wrappers
ADAPTED = {"base_layer", "original_module"}  # children of PEFT's modules, next to adapters
UNMATCHED = "\0"  # a name that no matcher matches
MOST_UNMATCHED = 1 / 3  # share of a model's parameters; above it the matcher does not fit the names


def layer_groups(
    model: nn.Module,
    weight_decay: float,
    rule: LayerRule = "2i/n",
    exclude_1d: bool = False,
    *,
    order: LayerOrder = "deep",
    mean: Mean = "layers",
) -> list[Group]:
    """Return parameter groups for any torch optimizer with lambda_i of eq. (9), e.g. 2 lambda i / n, shallow to deep.

    One group per layer, or two if `exclude_1d` excludes norms and biases (at most one dimension) from decay.
    Each group holds `params`, `weight_decay` (lambda_i, dimensionless), `layer` (i, from 1) and `layer_name`. Shared
    parameters occur once, in the first layer that holds them. Frozen parameters are left out; their layers count in n.

    `order` says which layers decay most: `"deep"`, `"reversed"` or `"shuffled"` (a permutation fixed by n). With `mean`
    `"parameters"` all lambda_i are scaled by one factor so that their mean over the decayed parameters is lambda: the
    total decay of uniform weight decay with the same `exclude_1d`.

    Raises ValueError on a negative weight_decay, an unknown rule, order or mean and a model with nothing to train,
    ImportError for a model with timm's `group_matcher` if timm is not installed.
    """
    layers = layers_of(model)
    if not layers:
        raise ValueError(f"{type(model).__name__} has no parameters to group")
    if mean not in MEANS:
        raise ValueError(f"mean is {mean!r}: allowed are {', '.join(MEANS)}")
    rates = layer_rates(len(layers), weight_decay, rule, order)
    if mean == "parameters":
        rates = matched_rates(layers, rates, weight_decay, exclude_1d)
    return group_by_layer(layers, rates, exclude_1d)


def layers_of(model: nn.Module) -> list[Layer]:
    """Return the parameters of layers 1..n, frozen ones included, by name.

    Wrappers (DDP, FSDP, torch.compile, checkpoint_wrapper, PEFT), around the model or inside it, change no layer. A
    model may hold the names of the parameters of each layer as `layer_parameters`. If the names do not fit the model's
    `group_matcher`, warns and uses one layer per module.
    """
    model = unwrap(model)
    if names := getattr(model, "layer_parameters", None):  # of a plug-in's model
        return _named_layers(model, names)
    matcher = getattr(model, "group_matcher", None)
    if not callable(matcher):
        return _module_layers(model)
    named = getattr(matcher, "__self__", model)  # the module whose names it knows: PEFT lends the method of its model
    layers = _timm_layers(named if isinstance(named, nn.Module) else model, matcher)
    grouped = {id(p) for layer in layers for p in layer.values()}
    if all(id(p) in grouped for p in model.parameters()):
        return layers
    warnings.warn(
        f"the group_matcher of {type(model).__name__} does not match its parameter names: using one layer per module",
        stacklevel=3,
    )
    return _module_layers(model)


def _named_layers(model: nn.Module, layers: Sequence[Sequence[str]]) -> list[Layer]:
    """Return the layers given by a model. Raises ValueError unless each parameter is in exactly one of them."""
    params = dict(model.named_parameters())
    names = [name for layer in layers for name in layer]
    if sorted(names) != sorted(params):
        wrong = next(iter({*names} ^ {*params}), "") or next(name for name in names if names.count(name) > 1)
        raise ValueError(f"layers of {type(model).__name__}: parameter {wrong!r} must be in exactly one of them")
    return [{name: params[name] for name in layer} for layer in layers]


def _module_layers(model: nn.Module) -> list[Layer]:
    """Return one layer per module with parameters; parametrizations and PEFT adapters belong to their module."""
    adapted = [f"{path}." for path, module in model.named_modules() if path and ADAPTED & module._modules.keys()]
    layers: dict[str, Layer] = {}
    for name, p in model.named_parameters():  # a shared parameter occurs once, under its first name
        own = re.sub(r"(^|\.)parametrizations\..*", "", name.rpartition(".")[0])
        layers.setdefault(next((path for path in adapted if name.startswith(path)), own), {})[name] = p
    return list(layers.values())


def _timm_layers(model: nn.Module, matcher: Callable[..., Any]) -> list[Layer]:
    """Return the layers of timm's matcher, or none if it matches too few names.

    timm assigns unmatched parameters (the head) to the last layer: at most 23 % of the parameters of its own models.
    """
    try:
        from timm.models import group_parameters
    except ImportError as error:
        raise ImportError(f"{type(model).__name__} has a group_matcher: install timm to read its layers") from error

    def ids_of(names: Iterable[str]) -> dict[str, int]:
        named = SimpleNamespace(named_parameters=lambda: [(name, None) for name in (*names, UNMATCHED)])
        return group_parameters(named, matcher(coarse=False), reverse=True)  # type: ignore[arg-type]

    params = dict(model.named_parameters())
    ids = ids_of(params)
    bare = {name: _without_wrappers(model, name) for name in params if ids[name] == ids[UNMATCHED]}
    params = {bare.get(name, name): p for name, p in params.items()}
    ids = ids_of(params)
    last = ids.pop(UNMATCHED)
    if sum(i == last for i in ids.values()) > MOST_UNMATCHED * len(ids):
        return []
    layers: list[Layer] = [{} for _ in range(max(ids.values(), default=-1) + 1)]
    for name, p in params.items():
        layers[ids[name]][name] = p
    return layers


def _without_wrappers(model: nn.Module, name: str) -> str:
    """Remove wrapper modules (one child, no parameters) from a parameter name."""
    path: list[str] = []
    module = model
    for part in name.split(".")[:-1]:
        children = module._modules
        if isinstance(module, nn.Sequential | nn.ModuleList | nn.ModuleDict) or module._parameters or len(children) > 1:
            path.append(part)
        module = children[part]  # type: ignore[assignment]
    return ".".join([*path, name.rpartition(".")[2]])


def unwrap(model: nn.Module) -> nn.Module:
    """Return the model inside DataParallel, DDP, FSDP, torch.compile, checkpoint_wrapper and AveragedModel."""
    while len(model._modules) == 1 and not model._parameters and WRAPPED.issuperset(model._modules):
        (inner,) = model._modules.values()
        if inner is None:
            break
        model = inner
    return model


def group_by_layer(layers: Sequence[Layer], rates: Sequence[float], exclude_1d: bool = False) -> list[Group]:
    """Return one group per layer and rate. Raises ValueError on a negative rate or without trainable parameters."""
    if any(rate < 0 for rate in rates):
        raise ValueError(f"weight_decay gives the rate {min(rates)}: it must be at least 0")
    groups: list[Group] = []
    for i, (layer, rate) in enumerate(zip(layers, rates, strict=True), 1):
        trained = [p for p in layer.values() if p.requires_grad]
        kept = [p for p in trained if not decays(p, exclude_1d)]
        decayed = [p for p in trained if decays(p, exclude_1d)]
        name = layer_name(list(layer))
        for params, group_rate in ((decayed, rate), (kept, 0.0)):
            if params:
                groups.append({"params": params, "weight_decay": group_rate, "layer": i, "layer_name": name})
    if not groups:
        raise ValueError("the model has no parameter that requires a gradient")
    return groups


def matched_rates(
    layers: Sequence[Layer], rates: Sequence[float], weight_decay: float, exclude_1d: bool = False
) -> list[float]:
    """Scale the rates so that their mean over all decayed parameters is lambda.

    The mean excludes parameters that are not trained or not decayed, so the total decay equals that of uniform decay.
    Raises ValueError if every decayed parameter has the rate 0.
    """
    counts = [sum(p.numel() for p in layer.values() if decays(p, exclude_1d)) for layer in layers]
    total = math.fsum(count * rate for count, rate in zip(counts, rates, strict=True))
    if weight_decay == 0 or sum(counts) == 0:
        return list(rates)
    if total == 0:
        raise ValueError("mean='parameters' is impossible: all decayed parameters are in layers with rate 0")
    return [rate * weight_decay * sum(counts) / total for rate in rates]


def decays(p: Tensor, exclude_1d: bool) -> bool:
    """Return whether a parameter is trained and decayed."""
    return p.requires_grad and not (exclude_1d and p.ndim <= 1)


def head_of(model: nn.Module) -> list[Tensor]:
    """Return the parameters of the classifiers of a timm model, or none for other models."""
    classifier = getattr(unwrap(model), "get_classifier", None)
    heads: Any = classifier() if callable(classifier) else ()
    modules = [heads] if isinstance(heads, nn.Module) else list(heads)
    return [p for module in modules for p in module.parameters()]


def split(groups: Iterable[Group], members: Iterable[Tensor], options: Group) -> Iterator[Group]:
    """Split each group so that the parameters in `members` have these options; other parameters come first."""
    ids = {id(p) for p in members}
    for group in groups:
        for more, is_member in (({}, False), (options, True)):
            if params := [p for p in group["params"] if (id(p) in ids) == is_member]:
                yield {**group, **more, "params": params}


def layer_name(names: Sequence[str]) -> str:
    """Return the common prefixes of parameter names: `stages.0.blocks.1`, `layers.3.blocks.1 + norm`."""
    roots: dict[str, list[list[str]]] = {}
    for name in names:
        modules = name.split(".")[:-1] or [name]  # a parameter of the root module
        roots.setdefault(modules[0], []).append(modules)
    return " + ".join(".".join(_common_start(paths)) for paths in roots.values())


def _common_start(paths: Sequence[Sequence[str]]) -> list[str]:
    common: list[str] = []
    for parts in zip(*paths, strict=False):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    return common
