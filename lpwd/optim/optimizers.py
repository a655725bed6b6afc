"""Adam and SGD with decay: torch's update, and D: theta <- (1 - c) theta at a chosen time.

| decay | step t, with c = eta_t lambda and U the direction from the gradient |
|---|---|
| none | theta - eta U |
| l2 | theta - eta U(g + lambda theta): torch's own weight_decay |
| wd | D, then the update with the gradient at theta before D (eq. 1); Adam: exactly torch.optim.AdamW |
| rwd | the update, then D on its result (eq. 7) |
| pwd | D, then forward and backward at the decayed weights, then the update (algorithm 2) |
| cautious | wd, only for weights with U theta >= 0 (arXiv 2510.12402) |
| adams | wd with lambda / sqrt(mean of v_hat over all parameters) (arXiv 2011.11152; Adam only) |
| l2sp | wd towards theta_0, the weights before the first step, instead of 0 (arXiv 1802.01483) |
| spd | theta' - lambda r (theta' - theta_0) for tensors that move against the gradient (arXiv 2411.01713) |
| soda | l2sp with c = 1 / (k + 2), k the number of steps, independent of eta and lambda (arXiv 2605.11172) |
| adamh | W <- R norm(W - eta R U / norm(U)), R the norm before the first step (arXiv 2606.16899; Adam only) |

adamh acts on parameters with two or more dimensions; vectors do not decay, and a matrix of zeros does not change.
With `independent`, c = lambda: the decay does not follow the learning-rate schedule.

A decay uses the current learning rate of its group. With pwd, set it before the forward pass, and evaluate, save and
average the weights after the update and before the next decay. Parameters without a gradient do not change, as in
torch.optim.AdamW, except with pwd, which decays every parameter that requires a gradient.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lpwd.depth import LayerOrder, LayerRule
from lpwd.methods import Mean, Method, Timing, get_method
from lpwd.optim.formulas import Group, adam_heading, adam_momentum, entry_count, next_step, sgd_direction
from lpwd.optim.kernels import with_gradient
from lpwd.optim.layers import Layer, group_by_layer, head_of, layer_groups, layers_of, matched_rates, split
from lpwd.optim.loading import check_method, optimizer_class
from lpwd.optim.own_rates import RatesOverTime, rates_of
from lpwd.optim.rivals import layer_lr_scales, second_moment_sums
from lpwd.optim.timing import Decaying
from lpwd.optim.update import own_groups, unprofiled
from lpwd.rates import check_takes_profile, decay_rates, order_and_mean

__all__ = ["SGD", "Adam", "build_optimizer", "layer_groups"]

Params = Iterable[Tensor] | Iterable[Group] | Iterable[tuple[str, Tensor]]


class Adam(Decaying, torch.optim.Adam):
    """Adam with `decay` none, l2, wd, rwd, pwd, cautious, adams, l2sp, adamh, spd or soda, also per group.

    `lr` is eta and `weight_decay` lambda (dimensionless; a step decays by the fraction eta * lambda, or by lambda with
    `independent`). `params` are tensors, (name, tensor) pairs or parameter groups in float32 or wider. `foreach` and
    `fused` choose torch's kernel; the default is the fused kernel if available. Complex numbers are treated as pairs of
    real numbers. Raises ValueError on invalid values, low-precision parameters, `amsgrad` and `differentiable`.
    With pwd call `attach(model)`, or `decay_()` before each forward pass. After a step, BatchNorm's running statistics
    lag behind the weights by one update, with wd also by one decay.
    """

    decouples = True

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        decay: Timing = "wd",
        independent: bool = False,
        maximize: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        capturable: bool = False,
        amsgrad: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(
            own_groups(params, decay, independent),
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            maximize=maximize,
            foreach=foreach,
            fused=fused,
            capturable=capturable,
            differentiable=differentiable,
            decoupled_weight_decay=False,  # set per group at each step
        )
        self._own_defaults(decay, independent)

    def _update(self) -> None:
        unprofiled(torch.optim.Adam)(self)

    def _signs(self, group: Group, params: list[Tensor]) -> list[Tensor]:
        momenta = [self.state.get(p, {}).get("exp_avg") for p in params]
        return adam_momentum(self._gradients(group, params), momenta, group["betas"][0])

    def _headings(self, group: Group, states: list[dict[str, Any]]) -> list[Tensor]:
        return adam_heading(states, group["betas"][1], group["eps"])

    def _second_moment_mean(self) -> Tensor | None:
        if all(group["decay"] != "adams" for group in self.param_groups):
            return None
        sums: list[Tensor] = []
        count = 0
        for group in self.param_groups:
            if params := with_gradient(group):
                states = [self.state.get(p, {}) for p in params]
                moments, steps = [state.get("exp_avg_sq") for state in states], [next_step(state) for state in states]
                sums += second_moment_sums(self._gradients(group, params), moments, steps, group["betas"][1])
                count += entry_count(params)
        return torch.stack([s.to(sums[0].device) for s in sums]).sum() / count if sums else None


class SGD(Decaying, torch.optim.SGD):
    """SGD with momentum and `decay` none, l2, wd, rwd, pwd, cautious, l2sp, spd or soda; otherwise as `Adam`."""

    forbidden = ("adams", "adamh")

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        *,
        decay: Timing = "wd",
        independent: bool = False,
        nesterov: bool = False,
        dampening: float = 0.0,
        maximize: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        differentiable: bool = False,
    ) -> None:
        super().__init__(
            own_groups(params, decay, independent),
            lr,
            momentum,
            dampening,
            weight_decay,
            nesterov,
            maximize=maximize,
            foreach=foreach,
            fused=fused,
            differentiable=differentiable,
        )
        self._own_defaults(decay, independent)

    def _update(self) -> None:
        unprofiled(torch.optim.SGD)(self)

    def _signs(self, group: Group, params: list[Tensor]) -> list[Tensor]:
        buffers = [self.state.get(p, {}).get("momentum_buffer") for p in params]
        grads = self._gradients(group, params)
        return sgd_direction(grads, buffers, group["momentum"], group["dampening"], group["nesterov"])


def build_optimizer(
    model: nn.Module,
    optimizer: str | type[torch.optim.Optimizer] = "adam",
    method: str = "lpwd",
    lr: float | Tensor = 1e-3,
    weight_decay: float = 1e-2,
    *,
    rule: LayerRule = "2i/n",
    exclude_1d: bool = False,
    order: LayerOrder = "deep",
    mean: Mean = "layers",
    profile: Sequence[float] | None = None,
    head: nn.Module | Iterable[Tensor] | None = None,
    **options: Any,
) -> Decaying:
    """Build the optimizer of a method for a model, with one parameter group per layer; attach it to the model for pwd.

    `optimizer` is "adam" or "sgd", the name of another class (`"nadam"` of torch.optim, `"timm:lion"`, a name of
    `register_optimizer`, `"package.module:Class"`) or a class, which gets a decay around its step (`decaying`). `lr` is
    eta and `weight_decay` lambda before the layer rule; `options` are passed to the class. Groups have the keys `layer`
    (i, from 1), `layer_name`, `weight_decay` (lambda_i) and `lr_scale`, the learning rate of the layer over `lr` (1
    except for llrd). With llrd each step sets the rate of every layer to `lr_scale` times the rate of the deepest
    layer, so that schedulers of torch and timm work; change `lr_scale` to change the rate of a layer.

    `order` and `mean` are described in `layer_groups`; the defaults select those of the method. `profile` replaces the
    rule by multipliers from shallow to deep (`lpwd.depth.profile_rates`), which mean="drawn" uses without scaling.
    `head` (a module or parameters) decays towards 0 with l2sp, because it is new, and as in WD with adamc; the default
    is timm's `get_classifier()`, if the model has it.

    Raises ValueError on an unknown optimizer, method, rule, order or mean, an optimizer that the method does not
    support, an invalid value, or a model without trainable parameters; TypeError on an unknown option.
    """
    row = get_method(method)
    check_method(method, row, optimizer)
    if profile is not None:
        check_takes_profile(method)
    cls, given = optimizer_class(optimizer)
    if row.follows_squared_rate and not lr > 0:
        raise ValueError(
            f"lr is {lr}: method {method} divides by the initial learning rate, which must be greater than 0"
        )
    layers = layers_of(model)
    order, mean = order_and_mean(method, order, mean)
    rates = _rates(row, layers, weight_decay, rule, order, profile, mean)
    if mean == "parameters" and (row.rates == "layerwise" or callable(row.rates)):
        rates = matched_rates(layers, rates, weight_decay * row.scale, exclude_1d)
    new = list(head.parameters() if isinstance(head, nn.Module) else head_of(model) if head is None else head)
    groups = _with_method(group_by_layer(layers, rates, exclude_1d), row, lr, len(layers), new)
    built = cls(groups, lr=lr, weight_decay=weight_decay, decay=row.timing, **{**given, **options})  # type: ignore
    if callable(row.rates) and row.every:
        built.rates_over_time = RatesOverTime(row.rates, row.every, layers, weight_decay * row.scale, exclude_1d)
    if row.timing == "pwd":
        built.attach(model)
    return built


def _rates(
    row: Method,
    layers: Sequence[Layer],
    weight_decay: float,
    rule: LayerRule,
    order: LayerOrder,
    profile: Sequence[float] | None,
    mean: Mean,
) -> list[float]:
    """Return lambda_i of each layer before the first step."""
    if not layers:
        return []
    if callable(row.rates):
        return rates_of(row.rates, layers, weight_decay * row.scale)
    return decay_rates(row, len(layers), weight_decay, rule, order, profile, mean)


def _with_method(
    groups: list[Group], row: Method, lr: float | Tensor, layer_count: int, new: list[Tensor]
) -> list[Group]:
    """Set timing and learning rates of the groups; split off the parameters of a new head if the method needs it."""
    scales = layer_lr_scales(layer_count) if row.rates == "lr_decay" else [1.0] * layer_count
    for group in groups:
        scale = scales[group["layer"] - 1]
        group.update(decay=row.timing, lr_scale=scale, lr=lr if scale == 1 else lr * scale)
        if row.rates == "lr_squared":
            group["lr_0"] = float(lr)
    if row.timing == "l2sp":
        return list(split(groups, new, {"decay": "wd"}))
    if row.rates == "lr_squared_matrices":
        matrices = [p for g in groups for p in g["params"] if p.ndim >= 2 and all(p is not q for q in new)]
        return list(split(groups, matrices, {"lr_0": float(lr)}))
    return groups
