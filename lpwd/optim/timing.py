"""Apply the decay at its time around torch's update."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any, Self

import torch
from torch import Tensor, nn

from lpwd.methods import Timing
from lpwd.optim import hooks, rivals
from lpwd.optim.formulas import Group, Scalar, decay_fraction, shrink, unless_skipped
from lpwd.optim.kernels import settle_steps, with_gradient
from lpwd.optim.own_rates import RatesOverTime
from lpwd.optim.refusals import refuse, refuse_low_precision
from lpwd.optim.update import TorchUpdate

DECAYED_BEFORE = ("wd", "cautious", "adams", "l2sp")  # theta - eta U - P with P from theta before the update (eq. 1)
TO_START = ("l2sp", "soda")  # the same with P = c (theta - theta_0)
ANCHORED = (*TO_START, "spd")  # keep theta_0
LARGE_FRACTION = 0.1  # warn if independent decay removes a larger share per step
KEPT_ON_LOADING = (
    "decay",
    "independent",
    "lr_0",
    "layer",
    "layer_name",
    "lr_scale",
)  # kept if the loaded group lacks them


class Decaying(TorchUpdate):
    """Base class that applies decay around torch's update.

    Additional group keys: `decay` (Timing), `independent` (c is lambda, not eta lambda), `decayed` (pwd: whether the
    decay of the next step is done; a 0-dim bool tensor if the value is on the device), `lr_0` (eta_0 of decay with eta
    squared, or None) and `pulls` (soda: k, the number of steps, 0-dim int64 on the device). Additional state: `theta_0`
    (l2sp, spd, soda) and `radius` (adamh), from the first step of a parameter.
    """

    forbidden: tuple[str, ...] = ()  # unsupported values of `decay`
    second_moment_mean: Tensor | None = None  # adams: mean of v_hat over all parameters in the latest step
    rates_over_time: RatesOverTime | None = None  # for plug-ins that update lambda_i
    _checked = False  # whether the groups were checked

    def __getstate__(self) -> dict[str, Any]:
        own = {"second_moment_mean": self.second_moment_mean}
        return super().__getstate__() | own  # torch returns only its own fields

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the state, also for `load_state_dict`; keep options that the loaded state lacks."""
        loaded = state["param_groups"]
        for group, present in zip(loaded, self.__dict__.get("param_groups", loaded), strict=True):
            for key in KEPT_ON_LOADING:
                if key in present:
                    group.setdefault(key, present[key])
            self._refuse(self._complete(group, self.__dict__.get("defaults") or state["defaults"]))
        super().__setstate__(state)
        self._settle()

    def _settle(self) -> None:
        settle_steps(self.param_groups, self.state)

    def add_param_group(self, param_group: Group) -> None:
        """Add a group. Raises ValueError on an unknown decay, a negative weight_decay and low-precision parameters."""
        super().add_param_group(self._complete(dict(param_group), self.defaults))
        try:
            self._refuse(self.param_groups[-1])
        except ValueError:
            self.param_groups.pop()
            raise

    def _refuse(self, group: Group) -> None:
        refuse(group, type(self).__name__, self.forbidden)

    def _prepare(self) -> None:
        """Check the groups, which may have changed, and set the learning rate of each layer (llrd)."""
        for group in self.param_groups:
            refuse_low_precision(group)
            if not self._checked:
                self._refuse(group)
            if group["decay"] == "soda" and "pulls" not in group:
                group["pulls"] = torch.zeros((), dtype=torch.int64, device=group["params"][0].device)
        rivals.follow_lr_scales(self.param_groups)
        if self.rates_over_time:
            self.rates_over_time.before_step(self)

    def _own_defaults(self, decay: Timing, independent: bool) -> None:
        """Set the options that torch's constructor does not take; warn if an independent decay is too large."""
        self.defaults |= {"decay": decay, "independent": independent}
        largest = max((g["weight_decay"] for g in self.param_groups if g["independent"]), default=0.0)
        if largest >= LARGE_FRACTION:
            warnings.warn(
                f"independent decay with weight_decay {largest:g} removes {100 * largest:g} % of a weight in each step "
                "at any learning rate; usual values are below 0.001",
                stacklevel=3,
            )

    @classmethod
    def _complete(cls, group: Group, defaults: dict[str, Any]) -> Group:
        own = {"decay": defaults.get("decay"), "independent": defaults.get("independent", False)}
        for key, value in (own | {"decayed": False, "lr_0": None}).items():
            group.setdefault(key, value)
        return group

    def attach(self, model: nn.Module) -> Self:
        """Decay (pwd) before the model's forward pass, once per step and in training mode only; returns self.

        Call it on the module that the training loop calls, and again after a deep copy of model and optimizer. Detaches
        other optimizers of the same parameters with a warning. Raises ValueError if the model has no parameter of this
        optimizer.
        """
        own = {id(p) for group in self.param_groups for p in group["params"]}
        if not any(id(p) in own for p in model.parameters()):
            raise ValueError(f"attach: {type(model).__name__} has none of the optimizer's parameters")
        hooks.attach(self, model)
        return self

    def detach(self) -> Self:
        """Remove the hooks of this optimizer from all models; returns self.

        Afterwards torch.export, torch.jit.script and torch.compile(fullgraph=True) also work in training mode. To
        continue training with pwd, attach again or call `decay_()` before each forward pass.
        """
        hooks.detach(self)
        return self

    def decay_(self) -> None:
        """Decay (pwd) for the next step. Call it before the forward pass, after setting the learning rate.

        Only the first call before a step has an effect, including calls by an attached model or a closure. Other
        timings are not changed.
        """
        self._prepare()
        pending = [g for g in self.param_groups if g["decay"] == "pwd" and g["decayed"] is not True]
        pairs: list[tuple[list[Tensor], Scalar]] = []
        for group in pending:
            skipped = (
                group["decayed"] if isinstance(group["decayed"], Tensor) else None
            )  # still decayed from the skipped step
            trained = [p for p in group["params"] if p.requires_grad]
            pairs.append((trained, unless_skipped(skipped, decay_fraction(group))))
            group["decayed"] = True
        shrink(pairs)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Perform one step. With a closure: decay (pwd), call the closure, update, and return its loss.

        Raises RuntimeError if a pwd group was not decayed before the forward pass, which would make it WD.
        """
        loss = None
        if closure is not None:  # here, because torch's step sees another weight_decay
            self.decay_()
            with torch.enable_grad():
                loss = closure()
        self._prepare()
        self._checked = True
        self._refuse_undecayed()
        self.second_moment_mean = self._second_moment_mean()
        self._decay_before_update()
        anchored = list(self._progress())
        starts = self._new_starts()
        with self._as_torch_sees_it():
            self._update()
        for p, start in starts.items():  # after the update, because torch initializes only an empty state
            self.state[p]["theta_0"] = start
        self._decay_after_update()
        for before in anchored:
            rivals.pull_back(before)
        if self.rates_over_time:
            self.rates_over_time.after_step(self)
        return loss

    def _refuse_undecayed(self) -> None:
        for group in self.param_groups:
            undecayed = group["decay"] == "pwd" and group["decayed"] is not True
            if undecayed and decay_fraction(group) != 0:  # c = 0 needs no decay: DCP steps with learning rate 0
                raise RuntimeError(
                    "decay='pwd' was not applied before the forward pass: attach(model) to the module that the loop "
                    "calls in training mode, call decay_() before each forward pass, or step with a closure"
                )

    def fraction(self, group: Group) -> Scalar:
        """Return c of a group, dimensionless; for adams, c of the latest step; for soda, 1 / (k + 2)."""
        if group["decay"] == "soda":
            return 1 / (group["pulls"].double() + 2)
        if group["decay"] == "adams" and self.second_moment_mean is not None:
            return rivals.stable_rate(decay_fraction(group), self.second_moment_mean)
        return decay_fraction(group)

    def _decay_before_update(self) -> None:
        """Apply the decay of wd (unless torch does), cautious, adams, l2sp and soda to parameters with a gradient."""
        skipped = self._skipped()
        pairs: list[tuple[list[Tensor], Scalar]] = []
        for group in self.param_groups:
            if group["decay"] not in (*DECAYED_BEFORE, "soda") or self._torch_decays(group):
                continue
            params, fraction = with_gradient(group), unless_skipped(skipped, self.fraction(group))
            if not params:
                continue
            if group["decay"] == "cautious":
                rivals.cautious_shrink(params, self._signs(group, params), fraction)
            elif group["decay"] in TO_START:
                moved = [p for p in params if "theta_0" in self.state.get(p, {})]
                if moved:
                    rivals.pull(moved, [self.state[p]["theta_0"] for p in moved], fraction)
            else:
                pairs.append((params, fraction))
        shrink(pairs)

    def _progress(self) -> Iterator[rivals.Progress]:
        """Yield SPD's state before the update, for parameters with a gradient and a start."""
        for group in self.param_groups:
            moved = [p for p in with_gradient(group) if "theta_0" in self.state.get(p, {})]
            if group["decay"] == "spd" and group["weight_decay"] != 0 and moved:
                starts = [self.state[p]["theta_0"] for p in moved]
                yield rivals.progress(moved, self._gradients(group, moved), starts, group["weight_decay"])

    def _new_starts(self) -> dict[Tensor, Tensor]:
        """Return theta_0 (the weights before this step) of the anchored parameters in their first step."""
        params = [p for group in self.param_groups if group["decay"] in ANCHORED for p in with_gradient(group)]
        return {p: p.detach().clone() for p in params if "theta_0" not in self.state.get(p, {})}

    def _decay_after_update(self) -> None:
        """Apply the decay of rwd (unless torch does) and adamh's projection; mark pwd as pending unless skipped."""
        skipped = self._skipped()
        after: list[tuple[list[Tensor], Scalar]] = []
        for group in self.param_groups:
            if group["decay"] == "pwd":
                group["decayed"] = False if skipped is None else skipped
            elif group["decay"] == "soda":
                group["pulls"].add_(1 if skipped is None else ~skipped)
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
            if "radius" not in state:  # torch's update did not change the matrix
                state["radius"] = torch.linalg.vector_norm(p)
        radii = [state["radius"] for state in states]
        rivals.project(matrices, self._headings(group, states), radii, group["lr"], skipped)

    def _signs(self, group: Group, params: list[Tensor]) -> list[Tensor]:
        """Return tensors with the signs of the next U."""
        raise NotImplementedError

    def _headings(self, group: Group, states: list[dict[str, Any]]) -> list[Tensor]:
        """Return U of the last update, each tensor up to a positive factor."""
        raise NotImplementedError

    def _second_moment_mean(self) -> Tensor | None:
        """Return the mean of v_hat over all parameters with a gradient, 0-dim float64; None if no group is adams."""
        return None
