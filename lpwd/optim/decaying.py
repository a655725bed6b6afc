"""`decaying(cls)`: add this project's decay around the step of any optimizer class.

| decay | step t, with c = eta_t lambda and theta' the result of the class's step without its own decay |
|---|---|
| none | theta' |
| l2 | the class gets the gradient g + lambda theta |
| wd | theta' - c theta: the update is computed at theta, before the decay |
| rwd | theta' - c theta' |
| pwd | theta <- (1 - c) theta, then forward, backward and the class's step |
| cautious | theta' - c theta where (theta - theta') theta >= 0 |
| l2sp | theta' - c (theta - theta_0) |
| soda | l2sp with c = 1 / (k + 2), k the number of steps taken |
| spd | theta' - lambda r (theta' - theta_0): see `lpwd.optim.rivals` |

The class is a black box: the formulas also hold if its update depends on the weights (LAMB, LARS, Muon), and for any of
its kernels. wd, cautious, l2sp and soda keep a copy of the weights during the step.
"""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from lpwd.methods import Timing
from lpwd.optim.formulas import Group, Scalar, as_real
from lpwd.optim.kernels import with_gradient
from lpwd.optim.refusals import refuse
from lpwd.optim.rivals import cautious_mask
from lpwd.optim.timing import TO_START, Decaying
from lpwd.optim.update import like, own_groups, unprofiled

FROM_BEFORE = ("wd", "cautious", *TO_START)  # decays proportional to the weights before the step
OWN_KEYS = frozenset(
    ["decay", "independent", "decayed", "lr_0", "lr_scale", "layer", "layer_name", "pulls"]
)  # of a parameter group


class AroundStep(Decaying):
    """The base class that `decaying` adds. Raises ValueError as `Adam` does, but allows amsgrad."""

    forbidden = ("adams", "adamh")
    own: type[torch.optim.Optimizer]  # the wrapped class
    _before: Sequence[tuple[Group, list[Tensor], list[Tensor]]] = ()  # weights before the step; empty between steps

    def __init__(
        self,
        params: Any,
        *args: Any,
        weight_decay: float = 0.0,
        decay: Timing = "wd",
        independent: bool = False,
        **options: Any,
    ) -> None:
        if "weight_decay" in inspect.signature(self.own).parameters:
            options["weight_decay"] = 0.0
        groups = own_groups(params, decay, independent)
        if isinstance(groups, list):
            groups = [{"weight_decay": weight_decay, **group} for group in groups]
        super().__init__(groups, *args, **options)
        if taken := OWN_KEYS & self.defaults.keys():
            raise ValueError(f"{self.own.__name__} has its own option {min(taken)!r}, which the decay would overwrite")
        self.defaults["weight_decay"] = weight_decay
        self._own_defaults(decay, independent)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the wrapped class, because the class of this object cannot be imported by name."""
        return _empty, (self.own,), self.__getstate__()

    @property
    def _step_supports_amp_scaling(self) -> bool:
        """False: GradScaler unscales gradients before the step and skips the step if they are not finite."""
        return False

    @_step_supports_amp_scaling.setter
    def _step_supports_amp_scaling(self, value: bool) -> None:
        """Ignore the value that torch's classes set if `fused` is given."""

    @classmethod
    def _complete(cls, group: Group, defaults: dict[str, Any]) -> Group:
        group.setdefault("weight_decay", defaults.get("weight_decay", 0.0))
        return super()._complete(group, defaults)

    def _refuse(self, group: Group) -> None:
        name = self.own.__name__
        if group.get("lr") is None:
            raise ValueError(f"lr is None: a decay fraction is eta * lambda, so {name} needs a learning rate")
        refuse(group, name, self.forbidden, ("differentiable",))

    def _settle(self) -> None:
        """Do nothing: the class moves its own state."""

    def _update(self) -> None:
        unprofiled(self.own)(self)

    @contextmanager
    def _as_torch_sees_it(self) -> Iterator[None]:
        """Disable the class's own decay and add lambda theta to the gradients of l2 during its step."""
        rates = [group["weight_decay"] for group in self.param_groups]
        grads = {p: p.grad for group in self.param_groups if group["decay"] == "l2" for p in with_gradient(group)}
        for group in self.param_groups:
            if group["decay"] == "l2":
                self._add_penalty(group)
            group["weight_decay"] = 0.0
        try:
            yield
        finally:
            for group, rate in zip(self.param_groups, rates, strict=True):
                group["weight_decay"] = rate
            for p, grad in grads.items():
                p.grad = grad

    def _add_penalty(self, group: Group) -> None:
        rate = -group["weight_decay"] if group.get("maximize") else group["weight_decay"]
        for p in with_gradient(group):
            grad = p.grad
            if grad is None or grad.is_sparse or grad.grad_fn is not None:
                kind = (
                    "sparse gradients" if grad is not None and grad.is_sparse else "gradients that are differentiated"
                )
                raise ValueError(f"decay 'l2' adds to the gradient and does not support {kind}: use decay='wd'")
            p.grad = grad.add(p, alpha=rate)

    def _decay_before_update(self) -> None:
        """Keep a copy of the weights for decays proportional to them, because the update must see undecayed weights."""
        groups = [group for group in self.param_groups if group["decay"] in FROM_BEFORE and _acts(self.fraction(group))]
        pairs = [(group, with_gradient(group)) for group in groups]
        self._before = [(group, params, [p.detach().clone() for p in params]) for group, params in pairs if params]

    def _decay_after_update(self) -> None:
        for group, params, before in self._before:
            penalties = self._penalties(group, params, before)
            _subtract(params, penalties, self.fraction(group))
        self._before = ()
        super()._decay_after_update()

    def _penalties(self, group: Group, params: list[Tensor], before: list[Tensor]) -> list[Tensor]:
        """Return P / c of a group: theta, theta with the cautious mask, or theta - theta_0; may overwrite `before`."""
        if group["decay"] == "cautious":
            real = as_real(before)
            mask = cautious_mask(real, torch._foreach_sub(real, as_real(params)))
            torch._foreach_mul_(real, mask)
        elif group["decay"] in TO_START:  # in the first step theta_0 equals theta
            torch._foreach_sub_(before, [self.state[p]["theta_0"] for p in params])
        return before


def _acts(fraction: Scalar) -> bool:
    return isinstance(fraction, Tensor) or fraction != 0


def _subtract(params: Sequence[Tensor], penalties: Sequence[Tensor], fraction: Scalar) -> None:
    """theta <- theta - c P in place."""
    if not isinstance(fraction, Tensor):
        torch._foreach_add_(list(params), list(penalties), alpha=-fraction)
        return
    for p, penalty in zip(params, penalties, strict=True):
        p.sub_(penalty * like(p, fraction))


_MADE: dict[type, type[torch.optim.Optimizer]] = {}


def decaying(cls: type[torch.optim.Optimizer]) -> type[torch.optim.Optimizer]:
    """Return a subclass of the optimizer class `cls` that decays as this project does, around the class's own step.

        optimizer = decaying(torch.optim.NAdam)(model.parameters(), lr=1e-3, weight_decay=0.1, decay="rwd")

    It takes the arguments of `cls` (`weight_decay` by name), and `decay` (none, l2, wd, rwd, pwd, cautious, l2sp, spd,
    soda) and `independent` as `lpwd.Adam` does, also per parameter group; with pwd call `attach(model)` or `decay_()`.
    The own weight decay of `cls` is off. Raises ValueError for a class whose step this cannot surround.
    """
    if not (isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer)):
        raise ValueError(f"{cls!r} is not a subclass of torch.optim.Optimizer")
    if issubclass(cls, Decaying):
        return cls
    if cls not in _MADE:
        _check(cls)
        names = {"own": cls, "__module__": __name__, "__qualname__": cls.__name__, "__doc__": cls.__doc__}
        metaclass: Any = type(cls)
        _MADE[cls] = metaclass(cls.__name__, (AroundStep, cls), names)
    return _MADE[cls]


def _check(cls: type[torch.optim.Optimizer]) -> None:
    """Raise ValueError if a decay around the step would be incorrect."""
    closure = inspect.signature(unprofiled(cls)).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise ValueError(
            f"{cls.__name__} evaluates the loss several times per step and assumes that nothing else changes the "
            "weights: a decay would corrupt its estimate of the curvature"
        )
    if callable(getattr(cls, "train", None)) and callable(getattr(cls, "eval", None)):
        raise ValueError(
            f"{cls.__name__} keeps its own copy of the weights, which a decay of the model's weights does not reach: "
            "use its own weight_decay"
        )
    if "lr" not in inspect.signature(cls).parameters:
        raise ValueError(f"{cls.__name__} takes no lr, and a decay fraction is eta * lambda")


def _empty(cls: type[torch.optim.Optimizer]) -> torch.optim.Optimizer:
    made = decaying(cls)
    return made.__new__(made)
