"""What an optimizer's groups say of each layer, shallow to deep: names, sizes, decay rates, weight norms."""

from typing import Any

import torch
from torch import Tensor


def layers(optimizer: torch.optim.Optimizer) -> dict[int, list[Tensor]]:
    """Layer id (1-based, shallow to deep) -> its parameters."""
    params_by_layer: dict[int, list[Tensor]] = {}
    for group in optimizer.param_groups:
        params_by_layer.setdefault(group["layer"], []).extend(group["params"])
    return dict(sorted(params_by_layer.items()))


@torch.no_grad()
def weight_norms(optimizer: torch.optim.Optimizer) -> list[float]:
    """L2 norm of each layer's parameters; one device sync."""
    norms = [torch.stack(torch._foreach_norm(layer)).norm() for layer in layers(optimizer).values()]
    return torch.stack(norms).tolist()


def layer_facts(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The fields of `events.Started` that describe the layers.

    A layer's rate is that of its decayed parameters; the mean over all parameters counts undecayed ones as 0.
    """
    sizes = {layer: sum(p.numel() for p in parameters) for layer, parameters in layers(optimizer).items()}
    names, rates, decayed = {}, dict.fromkeys(sizes, 0.0), 0.0
    for group in optimizer.param_groups:
        names[group["layer"]] = group["layer_name"]
        rates[group["layer"]] = max(rates[group["layer"]], group["weight_decay"])
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
