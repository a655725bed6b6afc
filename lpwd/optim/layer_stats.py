"""Names, sizes, decay rates and weight norms of the layers of an optimizer, shallow to deep."""

import itertools
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from lpwd.optim.formulas import Group


def layers(optimizer: torch.optim.Optimizer) -> dict[int, list[Tensor]]:
    """Return the parameters by layer id (from 1, shallow to deep); groups without `layer` are appended as layers."""
    params_by_layer: dict[int, list[Tensor]] = {}
    for layer, group in with_layers(optimizer):
        params_by_layer.setdefault(layer, []).extend(group["params"])
    return dict(sorted(params_by_layer.items()))


def with_layers(optimizer: torch.optim.Optimizer) -> Iterator[tuple[int, Group]]:
    """Yield each group with its layer id; groups without `layer` get the ids after the deepest layer."""
    deepest = max((group["layer"] for group in optimizer.param_groups if "layer" in group), default=0)
    further = itertools.count(deepest + 1)
    for group in optimizer.param_groups:
        yield group["layer"] if "layer" in group else next(further), group


@torch.no_grad()
def weight_norms(optimizer: torch.optim.Optimizer) -> list[float]:
    """Return the L2 norm of each layer; synchronizes with the device once."""
    norms = [torch.stack(torch._foreach_norm(layer)).norm() for layer in layers(optimizer).values()]
    return torch.stack(norms).tolist()


def layer_facts(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return the fields of `events.Started` that describe the layers.

    The rate of a layer is the rate of its decayed parameters; the mean rate counts parameters without decay as 0.
    """
    sizes = {layer: sum(p.numel() for p in parameters) for layer, parameters in layers(optimizer).items()}
    names, rates, decayed = {}, dict.fromkeys(sizes, 0.0), 0.0
    for layer, group in with_layers(optimizer):
        names[layer] = group.get("layer_name", f"group {layer}")
        rates[layer] = max(rates[layer], group["weight_decay"])
        decayed += group["weight_decay"] * sum(p.numel() for p in group["params"])
    total = sum(sizes.values())
    return {
        "parameter_count": total,
        "layer_names": [names[layer] for layer in sizes],
        "layer_decay_rates": [rates[layer] for layer in sizes],
        "layer_parameter_counts": list(sizes.values()),
        "mean_decay_rate": decayed / total,
        "initial_weight_norms": weight_norms(optimizer),
    }
