"""The bookkeeping of decay around torch's own update: when D acts, and that it acts once a step."""

import math
import warnings
from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from lpwd.methods import TIMINGS, Timing
from lpwd.optim import hooks
from lpwd.optim.formulas import Group, Scalar, decay_fraction, shrink, unless_skipped
from lpwd.optim.kernels import settle_steps, with_gradient
from lpwd.optim.rivals import cautious_shrink, project, pull, stable_rate
from lpwd.optim.update import TorchUpdate

DECAYED_BEFORE = ("wd", "cautious", "adams", "l2sp")  # theta - eta U - P with P from the undecayed theta (eq. 1)
LARGE_FRACTION = 0.1  # of independent decay, a step: warned of
KEPT_ON_LOADING = ("decay", "independent", "lr_0", "layer", "layer_name", "lr_scale")  # if the loaded group lacks them


class Decaying(TorchUpdate):
    """The bookkeeping of decay around torch's own update. All that it has to remember lives in groups and state.

    Group keys beside torch's: `decay` (Timing), `independent` (c is lambda, not eta lambda), `decayed` (pwd: D has
    acted since the last step; a 0-dim bool tensor where only the device knows), `lr_0` (eta_0 of decay with eta
    squared, or None). State beside torch's: `theta_0` (l2sp) and `radius` (adamh), both from a parameter's first step.
    """

    forbidden: tuple[str, ...] = ()  # values of `decay` that the optimizer cannot do
    second_moment_mean: Tensor | None = None  # adams: mean of v_hat over all parameters in the latest step
    _checked = False  # whether a step has checked the groups

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "second_moment_mean": self.second_moment_mean}  # torch names its own alone

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Also called by `load_state_dict`: what a state of another optimizer lacks keeps its present value."""
        loaded = state["param_groups"]
        for group, present in zip(loaded, self.__dict__.get("param_groups", loaded), strict=True):
            for key in KEPT_ON_LOADING:
                if key in present:
                    group.setdefault(key, present[key])
            self._refuse(self._complete(group, self.__dict__.get("defaults") or state["defaults"]))
        super().__setstate__(state)
        settle_steps(self.param_groups, self.state)

    def add_param_group(self, param_group: Group) -> None:
        """Like torch's. Raises ValueError on an unknown decay, a negative weight_decay and low-precision parameters."""
        super().add_param_group(self._complete(dict(param_group), self.defaults))
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
        if group["independent"] and group["decay"] == "l2":
            raise ValueError(
                "independent is True: l2 adds to the gradient and has no fraction that could be independent"
            )
        if unsupported := [name for name in ("amsgrad", "differentiable") if group.get(name)]:
            raise ValueError(f"{unsupported[0]} is not supported by {type(self).__name__}")
        self._refuse_low_precision(group)
        if group["decay"] in ("pwd", "adams"):
            hooks.refuse_wrapper(group["decay"])
        if group["decay"] == "pwd" and any(is_lazy(p) for p in group["params"]):
            raise ValueError(
                "decay='pwd' acts before the forward pass, and a lazy module has no weights before its first one: "
                "run a forward pass before you build the optimizer"
            )

    def _refuse_low_precision(self, group: Group) -> None:
        for dtype in {p.dtype for p in group["params"]}:
            if dtype.is_floating_point and dtype.itemsize < 4:  # 1 - c rounds to 1 there for the usual c
                raise ValueError(
                    f"parameters of type {dtype} would lose decays smaller than their rounding: "
                    "keep them in float32 and train under torch.autocast"
                )

    def _prepare(self) -> None:
        """Before a step and its decay: check what may have changed since construction, set each layer's rate."""
        for group in self.param_groups:
            self._refuse_low_precision(group)
            if not self._checked:
                self._refuse(group)
        follow_lr_scales(self.param_groups)

    def _own_defaults(self, decay: Timing, independent: bool) -> None:
        """The options that torch's constructor does not take. Warns of independent decay that forgets at once."""
        self.defaults |= {"decay": decay, "independent": independent}
        largest = max((g["weight_decay"] for g in self.param_groups if g["independent"]), default=0.0)
        if largest >= LARGE_FRACTION:
            warnings.warn(
                f"independent decay with weight_decay {largest:g} takes {100 * largest:g} % of a weight in every step, "
                "whatever the learning rate: usual are values below 0.001",
                stacklevel=3,
            )

    @staticmethod
    def _complete(group: Group, defaults: dict[str, Any]) -> Group:
        own = {"decay": defaults.get("decay"), "independent": defaults.get("independent", False)}
        for key, value in (own | {"decayed": False, "lr_0": None}).items():
            group.setdefault(key, value)
        return group

    def attach(self, model: nn.Module) -> Self:
        """Decay (pwd) before the model's forward pass, once per step and in training mode only; returns self.

        Call it on the module that the loop calls. Another optimizer that is attached to the same parameters is
        detached, with a warning. A deep copy of model and optimizer has to be attached itself. Raises ValueError if the
        model holds no parameter of this optimizer.
        """
        own = {id(p) for group in self.param_groups for p in group["params"]}
        if not any(id(p) in own for p in model.parameters()):
            raise ValueError(f"attach: {type(model).__name__} holds none of the optimizer's parameters")
        hooks.attach(self, model)
        return self

    def detach(self) -> Self:
        """Undo every `attach`: the models carry no hook of this optimizer any more; returns self.

        Afterwards torch.export, torch.jit.script and torch.compile(fullgraph=True) see a plain model, in training mode
        too. To train on with pwd, attach again or call `decay_()` before each forward pass.
        """
        hooks.detach(self)
        return self

    def decay_(self) -> None:
        """Decay (pwd) for the coming step, now: call it before the forward pass, with that step's learning rate set.

        Idempotent until the next step: whichever comes first of this, the attached model and a closure decays. Groups
        of other timings are never touched.
        """
        self._prepare()
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
        self._prepare()
        self._checked = True
        self._refuse_undecayed()
        self.second_moment_mean = self._second_moment_mean()
        self._decay_before_update()
        starts = self._new_starts()
        with self._as_torch_sees_it():
            self._update()
        for p, start in starts.items():  # after the update: torch fills a state only where it finds none
            self.state[p]["theta_0"] = start
        self._decay_after_update()
        return loss

    def _refuse_undecayed(self) -> None:
        for group in self.param_groups:
            undecayed = group["decay"] == "pwd" and group["decayed"] is not True
            if undecayed and decay_fraction(group) != 0:  # c = 0 needs no decay: DCP makes a step at learning rate 0
                raise RuntimeError(
                    "decay='pwd' acts before the forward pass, and this step's has not been decayed: attach(model) to "
                    "the module that the loop calls in training mode, or call decay_() first, or step with a closure"
                )

    def fraction(self, group: Group) -> Scalar:
        """c of a group, dimensionless; for adams that of the latest step."""
        if group["decay"] == "adams" and self.second_moment_mean is not None:
            return stable_rate(decay_fraction(group), self.second_moment_mean)
        return decay_fraction(group)

    def _decay_before_update(self) -> None:
        """D of wd (where torch does not do it), cautious, adams and l2sp, for the parameters with a gradient."""
        skipped = self._skipped()
        pairs: list[tuple[list[Tensor], Scalar]] = []
        for group in self.param_groups:
            if group["decay"] not in DECAYED_BEFORE or self._torch_decays(group):
                continue
            params, fraction = with_gradient(group), unless_skipped(skipped, self.fraction(group))
            if not params:
                continue
            if group["decay"] == "cautious":
                cautious_shrink(params, self._signs(group, params), fraction)
            elif group["decay"] == "l2sp":
                moved = [p for p in params if "theta_0" in self.state.get(p, {})]
                if moved:
                    pull(moved, [self.state[p]["theta_0"] for p in moved], fraction)
            else:
                pairs.append((params, fraction))
        shrink(pairs)

    def _new_starts(self) -> dict[Tensor, Tensor]:
        """theta_0 of the l2sp parameters whose first step this is: the weights before it."""
        params = [p for group in self.param_groups if group["decay"] == "l2sp" for p in with_gradient(group)]
        return {p: p.detach().clone() for p in params if "theta_0" not in self.state.get(p, {})}

    def _decay_after_update(self) -> None:
        """D of rwd (where torch does not do it), the projection of adamh; pwd is due again, if nothing was skipped."""
        skipped = self._skipped()
        after: list[tuple[list[Tensor], Scalar]] = []
        for group in self.param_groups:
            if group["decay"] == "pwd":
                group["decayed"] = False if skipped is None else skipped
            elif group["decay"] == "adamh":
                self._project(group, skipped)
            elif group["decay"] == "rwd" and not self._torch_decays(group):
                after.append((with_gradient(group), unless_skipped(skipped, decay_fraction(group))))
        shrink(after)

    def _project(self, group: Group, skipped: Tensor | None) -> None:
        matrices = [p for p in with_gradient(group) if p.ndim >= 2]
        if not matrices:
            return
        states = [self.state[p] for p in matrices]
        for p, state in zip(matrices, states, strict=True):
            if "radius" not in state:  # torch's update left the matrix as it was
                state["radius"] = torch.linalg.vector_norm(p)
        radii = [state["radius"] for state in states]
        project(matrices, self._headings(group, states), radii, group["lr"], skipped)

    def _signs(self, group: Group, params: list[Tensor]) -> list[Tensor]:
        """Tensors with the signs of the coming U."""
        raise NotImplementedError

    def _headings(self, group: Group, states: list[dict[str, Any]]) -> list[Tensor]:
        """U of the update just made, each tensor up to a factor above 0."""
        raise NotImplementedError

    def _second_moment_mean(self) -> Tensor | None:
        """Mean of v_hat over all parameters with a gradient, 0-dim float64; None where no group is adams."""
        return None


def follow_lr_scales(groups: list[Group]) -> None:
    """llrd: set the learning rate of each layer to its `lr_scale` times that of the deepest layer.

    Schedulers change rates in several ways: torch's most often by a factor, OneCycleLR, CyclicLR and SWALR to one rate
    for all groups, timm's by `lr_scale` once more. All leave the deepest layer's alone, whose scale is 1. If that layer
    is frozen, raises RuntimeError unless the rates follow the scales already.
    """
    scaled = [group for group in groups if "layer" in group and "lr_scale" in group]
    if all(group["lr_scale"] == 1 for group in scaled):
        return
    deepest = max(scaled, key=lambda group: group["lr_scale"])
    eta = deepest["lr"] / deepest["lr_scale"]
    for group in scaled:
        rate = eta * group["lr_scale"]
        if deepest["lr_scale"] != 1 and not math.isclose(group["lr"], rate, rel_tol=1e-5):
            raise RuntimeError(
                f"the learning rate of layer {group['layer']} is {float(group['lr']):g}, not lr_scale * lr = "
                f"{float(rate):g}: with the deepest layer frozen, give the scheduler one rate per group, in proportion "
                "to lr_scale"
            )
        if not isinstance(group["lr"], Tensor):
            group["lr"] = rate
        elif group["lr_scale"] != deepest["lr_scale"]:
            group["lr"].copy_(rate)  # stays on the device
