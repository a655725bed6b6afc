"""Our methods under names of timm's: `timm.optim.create_optimizer_v2(model, "lpwd")`, as timm's own scripts call it.

timm groups the parameters by whether they decay (and by `layer_decay` or a `param_group_fn`), and an optimizer of its
registry sees these groups alone. Layers, and the forward pass that pwd decays before, are known from the model: so the
registry's `create_optimizer` is wrapped, for our names only, to hand the model on; timm's groups are kept and split.
"""

import math
from collections.abc import Callable, Iterable
from functools import partial, wraps
from typing import Any, Literal

import torch
from torch import Tensor, nn

from lpwd.methods import METHODS, LayerRule, Method, layer_rates
from lpwd.optim.formulas import Group
from lpwd.optim.layers import layer_name, layers_of
from lpwd.optim.optimizers import OPTIMIZERS, SGD, Adam

OFFERED = ("lpwd", "lpwd_matched", "lpwd_reversed", "lpwd_shuffled", "pwd", "rwd", "lwd", "lrwd", "cwd")


def register_timm() -> list[str]:
    """Make our methods optimizers of timm; returns their names: `lpwd`, `pwd`, `rwd`..., with SGD `lpwdsgd`...

    timm takes what follows the last underscore for the name, so ours have none (`lpwdmatched`; `lpwd_sgd` is timm's
    own sgd). Options are those of `lpwd.Adam` or `lpwd.SGD`, and `rule` of layer-wise rates; `weight_decay` is lambda,
    and what timm leaves undecayed stays so. Pwd is attached to the model that timm was given. A second call changes
    nothing. Raises ImportError without timm, ValueError where another optimizer has a name already.
    """
    from timm.optim._optim_factory import OptimInfo, default_registry

    names = {(m + suffix).replace("_", ""): (m, o) for m in OFFERED for o, suffix in (("adam", ""), ("sgd", "sgd"))}
    if hasattr(default_registry.create_optimizer, "lpwd_names"):
        return list(names)
    if taken := sorted(set(names) & set(default_registry.list_optimizers())):
        raise ValueError(f"timm has optimizers called {', '.join(taken)} already")
    for name, (method, optimizer) in names.items():
        row, adam = METHODS[method], optimizer == "adam"
        default_registry.register(
            OptimInfo(
                name=name,
                opt_class=partial(for_timm, optimizer=optimizer, method=row),  # type: ignore[arg-type]
                description=f"lpwd: {row.label} with {'Adam' if adam else 'SGD'} ({row.source})",
                has_eps=adam,
                has_betas=adam,
                has_momentum=not adam,
            )
        )
    default_registry.create_optimizer = _with_model(default_registry.create_optimizer, frozenset(names))  # type: ignore[method-assign]
    return list(names)


def _with_model(create: Callable[..., Any], names: frozenset[str]) -> Callable[..., Any]:
    """timm's `create_optimizer`, which for our names hands the model to the optimizer beside its groups."""

    @wraps(create)
    def create_optimizer(model_or_params: Any, opt: str, *args: Any, **options: Any) -> torch.optim.Optimizer:
        if isinstance(model_or_params, nn.Module) and opt.lower().split("_")[-1] in names:
            options["model"] = model_or_params
        built: torch.optim.Optimizer = create(model_or_params, opt, *args, **options)
        return built

    create_optimizer.lpwd_names = names  # type: ignore[attr-defined]
    return create_optimizer


def for_timm(
    params: Iterable[Tensor] | Iterable[Group],
    *,
    optimizer: Literal["adam", "sgd"],
    method: Method,
    model: nn.Module | None = None,
    weight_decay: float = 0.0,
    rule: LayerRule = "2i/n",
    **options: Any,
) -> Adam | SGD:
    """The optimizer of timm's groups, by layer where the method is layer-wise, attached to the model where it is pwd.

    Groups that know their `layer` (of `lpwd.layer_groups`) are taken as they are. Raises ValueError where layers are
    needed and neither the groups nor a model tell them.
    """
    groups: list[Any] = list(params)
    if groups and not isinstance(groups[0], dict):
        groups = [{"params": groups}]
    groups = [{**group, "weight_decay": group.get("weight_decay", weight_decay)} for group in groups]
    if method.rates == "layerwise" and not all("layer" in group for group in groups):
        if model is None:
            raise ValueError(
                f"the layers that {method.label} needs cannot be known from bare parameters: give create_optimizer_v2 "
                "the model, or the groups of lpwd.layer_groups(model, weight_decay)"
            )
        groups = split_by_layer(groups, model, method, rule)
    built = OPTIMIZERS[optimizer](groups, weight_decay=weight_decay, decay=method.timing, **options)
    if method.timing == "pwd" and model is not None:
        built.attach(model)
    return built


def split_by_layer(groups: Iterable[Group], model: nn.Module, method: Method, rule: LayerRule = "2i/n") -> list[Group]:
    """Each group by the model's layers, its weight_decay lambda times lambda_i / lambda of eq. (9), all else kept."""
    layers = layers_of(model)
    factors = layer_rates(len(layers), 1.0, rule, method.order)
    places = {id(p): i for i, layer in enumerate(layers) for p in layer.values()}
    split: list[Group] = []
    for group in groups:
        by_layer: dict[int, list[Tensor]] = {}
        for p in _tensors(group["params"]):
            by_layer.setdefault(places[id(p)], []).append(p)
        for i, members in sorted(by_layer.items()):
            own = {"layer": i + 1, "layer_name": layer_name(list(layers[i])), "params": members}
            split.append({**group, **own, "weight_decay": group["weight_decay"] * factors[i]})
    if method.mean == "parameters":
        _match(split, _total_decay(groups) / (_total_decay(split) or 1.0))
    return split


def _tensors(params: Any) -> list[Tensor]:
    return [params] if isinstance(params, Tensor) else list(params)


def _total_decay(groups: Iterable[Group]) -> float:
    """Sum over all entries of their decay rate."""
    return math.fsum(g["weight_decay"] * sum(p.numel() for p in _tensors(g["params"])) for g in groups)


def _match(groups: Iterable[Group], factor: float) -> None:
    for group in groups:
        group["weight_decay"] *= factor
