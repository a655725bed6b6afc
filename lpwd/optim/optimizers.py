"""Adam and SGD with the decay of the paper: torch's own update, and D: theta <- (1 - c) theta at the chosen time.

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
| spd | theta' - lambda r (theta' - theta_0) for the tensors that the gradient sends back (arXiv 2411.01713) |
| soda | l2sp with c = 1 / (k + 2), k the steps taken, whatever eta and lambda are (arXiv 2605.11172) |
| adamh | W <- R norm(W - eta R U / norm(U)), R the norm before the first step (arXiv 2606.16899; Adam only) |

adamh acts on parameters of two and more dimensions; vectors do not decay, and a matrix of zeros does not change.
With `independent`, c = lambda: the decay does not follow the learning-rate schedule.

A decay uses the current learning rate of its group: with pwd, set it before the forward pass. Evaluate, save and
average PWD's weights after the update and before the next decay. Parameters without a gradient do not change, as in
torch.optim.AdamW; pwd acts before there are gradients and decays every parameter that requires one.
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

    `lr` is eta and `weight_decay` lambda (dimensionless; a step decays by the fraction eta * lambda, or by lambda if
    it is `independent`). `params` are tensors, (name, tensor) pairs or parameter groups of any shapes, in float32 or
    wider. `foreach` and `fused` choose torch's kernel; the default is the fused one if torch has one for the
    parameters. A complex number counts as two real ones. Raises ValueError on a bad value, low-precision parameters,
    `amsgrad` and `differentiable` included. With pwd call `attach(model)`, or `decay_()` before each forward pass;
    where weights are read, after the step, BatchNorm's running statistics lag by its update, with wd by a decay too.
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
    """Build the optimizer of a row of METHODS for a model: one group per layer, attached to the model if it is pwd.

    `optimizer` is "adam" or "sgd", the name of another class (`"nadam"` of torch.optim, `"timm:lion"`, that of
    `register_optimizer`, `"package.module:Class"`) or the class, which decays around its own step (`decaying`). `lr` is
    eta and `weight_decay` lambda before the layer rule; `options` are those of the class. A group holds
    `layer` (i, from 1), `layer_name`, `weight_decay` (lambda_i) and `lr_scale`: its learning rate over `lr`, 1 but for
    llrd. There each step sets every layer's rate to its `lr_scale` times the rate of the deepest layer, so that any
    scheduler of torch or timm drives all of them; to give a layer another rate, change its `lr_scale`.

    `order` and `mean` of layer-wise rates are explained in `layer_groups`; their defaults stand for the method's own.
    `profile` replaces the rule by multipliers from shallow to deep (`lpwd.depth.profile_rates`); with mean="drawn"
    they stand as they are, and total decay is their mean times lambda.
    `head` (a module or parameters) decays towards 0 with l2sp, because it is new, and as in WD with adamc; the default
    is timm's `get_classifier()`, or nothing for other models.

    Raises ValueError on an unknown optimizer, method, rule, order or mean, an optimizer that the method does not
    support, a bad value, or a model without anything to train; TypeError on an unknown option.
    """
    row = get_method(method)
    check_method(method, row, optimizer)
    if profile is not None:
        check_takes_profile(method)
    cls, given = optimizer_class(optimizer)
    if row.follows_squared_rate and not lr > 0:
        raise ValueError(
            f"lr is {lr}: method {method} divides by the first learning rate, which must be greater than 0"
        )
    layers = layers_of(model)
    order, mean = order_and_mean(method, order, mean)
    rates = _rates(row, layers, weight_decay, rule, order, profile, mean)
    if mean == "parameters" and (row.rates == "layerwise" or callable(row.rates)):
        rates = matched_rates(layers, rates, weight_decay * row.scale, exclude_1d)
    groups = group_by_layer(layers, rates, exclude_1d)
    _set_learning_rates(groups, row, lr, len(layers))
    new = list(head.parameters() if isinstance(head, nn.Module) else head_of(model) if head is None else head)
    groups = _with_new_head(groups, row, lr, new)
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
    """lambda_i of each layer before the first step."""
    if not layers:
        return []
    if callable(row.rates):
        return rates_of(row.rates, layers, weight_decay * row.scale)
    return decay_rates(row, len(layers), weight_decay, rule, order, profile, mean)


def _with_new_head(groups: list[Group], row: Method, lr: float | Tensor, new: list[Tensor]) -> list[Group]:
    """The groups, split where a method treats the parameters of the new head, or all others, in another way."""
    if row.timing == "l2sp":
        return list(split(groups, new, {"decay": "wd"}))
    if row.rates == "lr_squared_matrices":
        matrices = [p for g in groups for p in g["params"] if p.ndim >= 2 and all(p is not q for q in new)]
        return list(split(groups, matrices, {"lr_0": float(lr)}))
    return groups


def _set_learning_rates(groups: list[Group], row: Method, lr: float | Tensor, layer_count: int) -> None:
    scales = layer_lr_scales(layer_count) if row.rates == "lr_decay" else [1.0] * layer_count
    for group in groups:
        scale = scales[group["layer"] - 1]
        group.update(decay=row.timing, lr_scale=scale, lr=lr if scale == 1 else lr * scale)
        if row.rates == "lr_squared":
            group["lr_0"] = float(lr)
