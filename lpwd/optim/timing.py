"""The bookkeeping of decay around torch's own update: when D acts, and that it acts once a step."""

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import Self

from lpwd.methods import TIMINGS
from lpwd.optim.formulas import Group, Scalar, decay_fraction, decay_rate, shrink, unless_skipped
from lpwd.optim.rivals import cautious_mask, cautious_shrink, stable_rate

DECAYED_BEFORE = ("wd", "cautious", "adams")  # theta - eta U - P with P from the undecayed theta (eq. 1)


class DecayBeforeForward:
    """Forward pre-hook of `attach`: decays once per step, in training mode, for the very model it was attached to.

    A copied or unpickled model (an EMA, a checkpoint) carries an inert hook: it must not decay the original's weights.
    """

    def __init__(self, optimizer: "Decaying | None" = None, model: nn.Module | None = None) -> None:
        self.optimizer = weakref.ref(optimizer) if optimizer is not None else None
        self.model = weakref.ref(model) if model is not None else None

    @torch.compiler.disable
    def __call__(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        optimizer = self.optimizer() if self.optimizer else None
        if optimizer is not None and self.model and self.model() is module and module.training:
            optimizer.decay_()

    def __reduce__(self) -> tuple[type["DecayBeforeForward"], tuple[()]]:
        return DecayBeforeForward, ()


class Decaying(torch.optim.Optimizer):
    """The bookkeeping of decay around torch's own update. Everything it remembers lives in the parameter groups.

    Group keys beside torch's: `decay` (Timing), `decayed` (pwd: D has acted since the last step; a 0-dim bool tensor
    where only the device knows), `lr_0` (eta_0 of decay with eta squared, or None).
    """

    forbidden: tuple[str, ...] = ()  # values of `decay` that the optimizer cannot do
    decouples = False  # torch's update itself does wd

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:  # e.g. loaded from a torch.optim.AdamW
            self._complete(group)

    def add_param_group(self, param_group: Group) -> None:
        """Like torch's. Raises ValueError on an unknown decay, a negative weight_decay and low-precision parameters."""
        super().add_param_group(self._complete(dict(param_group)))
        try:
            self._refuse(self.param_groups[-1])
        except ValueError:
            self.param_groups.pop()
            raise

    def _refuse(self, group: Group) -> None:
        if group["decay"] not in TIMINGS or group["decay"] in self.forbidden:
            allowed = ", ".join(timing for timing in TIMINGS if timing not in self.forbidden)
            raise ValueError(f"decay is {group['decay']!r}: {type(self).__name__} allows {allowed}")
        if group["weight_decay"] < 0:
            raise ValueError(f"weight_decay is {group['weight_decay']}: it must be at least 0")
        if unsupported := [name for name in ("amsgrad", "differentiable") if group.get(name)]:
            raise ValueError(f"{unsupported[0]} is not supported by {type(self).__name__}")
        for p in group["params"]:
            if p.is_floating_point() and p.dtype.itemsize < 4:  # 1 - c rounds to 1 there for the usual c
                raise ValueError(
                    f"parameters of type {p.dtype} would lose decays smaller than their rounding: "
                    "keep them in float32 and train under torch.autocast"
                )

    def _complete(self, group: Group) -> Group:
        for key, value in (("decay", self.defaults.get("decay")), ("decayed", False), ("lr_0", None)):
            group.setdefault(key, value)
        return group

    def attach(self, model: nn.Module) -> Self:
        """Decay (pwd) before the model's forward pass, once per step and in training mode only; returns self.

        Call it on the module that the loop calls. A deep copy of model and optimizer has to be attached anew. Raises
        ValueError where the model holds no parameter of this optimizer.
        """
        own = {id(p) for group in self.param_groups for p in group["params"]}
        if not any(id(p) in own for p in model.parameters()):
            raise ValueError(f"attach: {type(model).__name__} holds none of the optimizer's parameters")
        hooks = model._forward_pre_hooks.values()
        if not any(isinstance(h, DecayBeforeForward) and h.optimizer and h.optimizer() is self for h in hooks):
            model.register_forward_pre_hook(DecayBeforeForward(self, model))
        return self

    def decay_(self) -> None:
        """Decay (pwd) for the coming step, now: call it before the forward pass, with that step's learning rate set.

        Idempotent until the next step: whichever comes first of this, the attached model and a closure decays. Groups
        of other timings are never touched.
        """
        pending = [g for g in self.param_groups if g["decay"] == "pwd" and g["decayed"] is not True]
        pairs: list[tuple[list[Tensor], Scalar]] = []
        for group in pending:
            skipped = group["decayed"] if isinstance(group["decayed"], Tensor) else None  # its D is still in force
            trained = [p for p in group["params"] if p.requires_grad]
            pairs.append((trained, unless_skipped(skipped, decay_fraction(group))))
            group["decayed"] = True
        shrink(pairs)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; with a closure: decay (pwd), closure, update, and its loss is returned.

        Raises RuntimeError where a pwd group was not decayed before the forward pass: it would silently become WD.
        """
        loss = None
        if closure is not None:  # here and not in torch's step, which sees another weight_decay
            self.decay_()
            with torch.enable_grad():
                loss = closure()
        self._refuse_undecayed()
        self._decay_before_update()
        with self._as_torch_sees_it():
            self._update()
        skipped = self._skipped()
        after = [group for group in self.param_groups if group["decay"] == "rwd"]
        shrink([(with_gradient(group), unless_skipped(skipped, decay_fraction(group))) for group in after])
        for group in self.param_groups:
            if group["decay"] == "pwd":
                group["decayed"] = False if skipped is None else skipped
        return loss

    def terms(self) -> Iterator[tuple[list[Tensor], list[Tensor], list[Tensor]]]:
        """theta, eta U and P of the coming step theta - eta U - P (eq. 1), group by group, where decay acts as in WD.

        To be called between backward (with unscaled, clipped gradients) and `step`; changes nothing. Each list runs
        over the group's parameters with a gradient, tensors of their shapes; only one group's terms are held at a time.
        Groups of other timings (none, l2, rwd, pwd) and those with weight_decay 0 are left out.
        """
        mean = self._second_moment_mean()
        for group in self.param_groups:
            if group["decay"] not in DECAYED_BEFORE or group["weight_decay"] == 0:
                continue
            with torch.no_grad():
                params = with_gradient(group)
                directions = self._directions(group, params)
                penalties = [p * like(p, self._fraction(group, mean)) for p in params]
                if group["decay"] == "cautious":
                    torch._foreach_mul_(penalties, cautious_mask(params, directions))
                updates = [u * like(u, group["lr"]) for u in directions]
            yield params, updates, penalties

    def _refuse_undecayed(self) -> None:
        for group in self.param_groups:
            undecayed = group["decay"] == "pwd" and group["decayed"] is not True
            if (
                undecayed and decay_fraction(group) != 0
            ):  # nothing to do at c = 0, the first step of a warm-up or of DCP
                raise RuntimeError(
                    "decay='pwd' acts before the forward pass, and this step's has not been decayed: attach(model) to "
                    "the module that the loop calls in training mode, or call decay_() first, or step with a closure"
                )

    def _decay_before_update(self) -> None:
        """D of wd (where torch does not do it), cautious and adams, for the parameters with a gradient."""
        skipped, mean = self._skipped(), self._second_moment_mean()
        pairs: list[tuple[list[Tensor], Scalar]] = []
        for group in self.param_groups:
            if group["decay"] not in DECAYED_BEFORE or (group["decay"] == "wd" and self.decouples):
                continue
            params, fraction = with_gradient(group), unless_skipped(skipped, self._fraction(group, mean))
            if group["decay"] == "cautious":
                cautious_shrink(params, self._signs(group, params), fraction)
            else:
                pairs.append((params, fraction))
        shrink(pairs)

    def _fraction(self, group: Group, mean: Tensor | None) -> Scalar:
        """c of the coming step; `mean` is the mean of v_hat, where a group needs it."""
        if group["decay"] == "adams" and mean is not None:
            return group["lr"] * stable_rate(decay_rate(group), mean)
        return decay_fraction(group)

    @contextmanager
    def _as_torch_sees_it(self) -> Iterator[None]:
        """Leave torch its own part of the decay: l2, and wd where it decouples. In all other groups it sees 0."""
        rates = [group["weight_decay"] for group in self.param_groups]
        for group in self.param_groups:
            decoupled = group["decay"] == "wd" and self.decouples
            if decoupled:
                group["weight_decay"] = float(decay_rate(group))  # waits only for a tensor lr together with lr_0
            elif group["decay"] != "l2":
                group["weight_decay"] = 0.0
            if self.decouples:
                group["decoupled_weight_decay"] = decoupled
        try:
            yield
        finally:
            for group, rate in zip(self.param_groups, rates, strict=True):
                group["weight_decay"] = rate

    def _skipped(self) -> Tensor | None:
        """Whether GradScaler skips this fused step: a 0-dim bool tensor on the device, None without a scaler."""
        found_inf = getattr(self, "found_inf", None)
        return None if found_inf is None else (found_inf != 0).reshape(())

    def _gradients(self, group: Group, params: list[Tensor]) -> list[Tensor]:
        """The gradients that the update works with: unscaled, and negated to maximize."""
        grads = [p.grad for p in params if p.grad is not None]
        if any(g.is_sparse for g in grads):
            raise ValueError(f"decay {group['decay']!r} needs the update itself and does not support sparse gradients")
        if (scale := getattr(self, "grad_scale", None)) is not None:
            grads = [g / like(g, scale) for g in grads]
        return list(torch._foreach_neg(grads)) if group["maximize"] else grads

    def _update(self) -> None:
        """torch's own step without its profiling wrapper, which would run the step hooks a second time."""
        raise NotImplementedError

    def _directions(self, group: Group, params: list[Tensor]) -> list[Tensor]:
        """U of the coming step."""
        raise NotImplementedError

    def _signs(self, group: Group, params: list[Tensor]) -> list[Tensor]:
        """Tensors with the signs of U, where they are cheaper than U itself."""
        return self._directions(group, params)

    def _second_moment_mean(self) -> Tensor | None:
        """Mean of v_hat over all parameters with a gradient, 0-dim float64; None where no group is adams."""
        return None


def with_gradient(group: Group) -> list[Tensor]:
    """The parameters of a group that have a gradient, those that torch updates."""
    return [p for p in group["params"] if p.grad is not None]


def like(tensor: Tensor, scalar: Scalar) -> Scalar:
    """The scalar where the tensor lives; a Python float lives everywhere."""
    return scalar.to(tensor.device, tensor.dtype) if isinstance(scalar, Tensor) else scalar
