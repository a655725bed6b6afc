"""The forward pre-hook of `Decaying.attach`."""

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
    """Forward pre-hook that decays once per step in training mode.

    torch.export and torch.compile trace through it in evaluation mode. In a copied or unpickled model (an EMA, a
    checkpoint) the hook has no optimizer and does nothing, so that it does not decay the original's weights.
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
    """Attach the optimizer to the model; detach other optimizers of the same parameters with a warning.

    The hook is removed by `detach`, and when the optimizer is no longer referenced.
    """
    own = decayed_before_forward(optimizer)
    for other in [o for o in _attached if o is not optimizer and own & decayed_before_forward(o)]:
        warnings.warn(
            "attach: detached another optimizer of these parameters, because they would decay twice per step",
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
    """Return the optimizer's hooks, which are not part of its state, so that copies have none."""
    handles: list[RemovableHandle] = optimizer.__dict__.setdefault("_attach_handles", [])
    return handles


def decayed_before_forward(optimizer: "Decaying") -> set[Tensor]:
    """Return the parameters that the optimizer decays before the forward pass."""
    return {p for group in optimizer.param_groups if group["decay"] == "pwd" for p in group["params"]}
