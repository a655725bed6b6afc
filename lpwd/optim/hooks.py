"""The forward pre-hook of `attach`, and which optimizers are attached."""

import warnings
import weakref
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

if TYPE_CHECKING:
    from lpwd.optim.timing import Decaying

_attached: "weakref.WeakSet[Decaying]" = weakref.WeakSet()


class DecayBeforeForward:
    """Forward pre-hook: decays once per step, in training mode, for the model that it was attached to.

    torch.export and torch.compile trace through it in evaluation mode. A copied or unpickled model (an EMA, a
    checkpoint) carries a hook without an optimizer, which does nothing: it must not decay the original's weights.
    """

    def __init__(self, optimizer: "Decaying | None" = None, model: nn.Module | None = None) -> None:
        self.optimizer = weakref.ref(optimizer) if optimizer is not None else None
        self.model = weakref.ref(model) if model is not None else None

    def __call__(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        if self.optimizer is not None and module.training:
            self._decay(module)

    @torch.compiler.disable
    def _decay(self, module: nn.Module) -> None:
        optimizer = self.optimizer() if self.optimizer else None
        if optimizer is not None and self.model and self.model() is module:
            optimizer.decay_()

    def __reduce__(self) -> tuple[type["DecayBeforeForward"], tuple[()]]:
        return DecayBeforeForward, ()


def attach(optimizer: "Decaying", model: nn.Module) -> None:
    """Hook the optimizer to the model; another attached optimizer of the same parameters is detached, with a warning.

    The hook is removed by `detach`, and when the optimizer is no longer referenced.
    """
    own = decayed_before_forward(optimizer)
    for other in [o for o in _attached if o is not optimizer and own & decayed_before_forward(o)]:
        warnings.warn(
            "attach: another optimizer was attached to these parameters; it is detached, because "
            "they would decay twice per step",
            stacklevel=3,
        )
        other.detach()
    hooks = model._forward_pre_hooks.values()
    if any(isinstance(h, DecayBeforeForward) and h.optimizer and h.optimizer() is optimizer for h in hooks):
        return
    handle = model.register_forward_pre_hook(DecayBeforeForward(optimizer, model), prepend=True)  # before FSDP gathers
    _handles(optimizer).append(handle)
    weakref.finalize(optimizer, handle.remove).atexit = False
    _attached.add(optimizer)


def detach(optimizer: "Decaying") -> None:
    """Remove the optimizer's hooks from all models."""
    _attached.discard(optimizer)
    while _handles(optimizer):
        _handles(optimizer).pop().remove()


def _handles(optimizer: "Decaying") -> list[RemovableHandle]:
    """The optimizer's hooks: not part of its state, so that copies have none."""
    handles: list[RemovableHandle] = optimizer.__dict__.setdefault("_attach_handles", [])
    return handles


def decayed_before_forward(optimizer: "Decaying") -> set[Tensor]:
    """The parameters that the optimizer decays before the forward pass."""
    return {p for group in optimizer.param_groups if group["decay"] == "pwd" for p in group["params"]}
