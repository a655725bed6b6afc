"""Find the class and options for the name of an optimizer."""

import inspect
from importlib import import_module
from typing import Any

import torch

from lpwd.methods import Method
from lpwd.optim.decaying import decaying
from lpwd.optim.timing import Decaying
from lpwd.optimizers import check_module, get_optimizer

MOMENTUM = 0.9  # default of timm's create_optimizer_v2


def optimizer_class(optimizer: str | type[torch.optim.Optimizer]) -> tuple[type[Decaying], dict[str, Any]]:
    """Return a decaying class and its options for a name of `lpwd.optimizers` or a class.

    Raises ValueError if the name is unknown or not supported or if `decaying` rejects the class; ImportError if timm or
    the named module is missing.
    """
    if not isinstance(optimizer, str):
        return decaying(optimizer), {}  # type: ignore[return-value]
    row = get_optimizer(optimizer)
    if row.refused:
        raise ValueError(f"optimizer {optimizer} {row.refused}")
    check_module(optimizer)
    cls, options = (row.source, {}) if isinstance(row.source, type) else load(row.source)
    return decaying(cls), {**options, **row.options}  # type: ignore[return-value]


def load(source: str) -> tuple[type[torch.optim.Optimizer], dict[str, Any]]:
    """Return the class for `timm:name` or `module:Class`, and timm's options for it."""
    module, _, name = source.partition(":")
    if module == "timm":
        return _from_timm(name)
    cls = getattr(import_module(module), name, None)
    if not (isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer)):
        raise ValueError(f"optimizer {source!r} not found in {module}")
    return cls, {}


def _from_timm(name: str) -> tuple[type[torch.optim.Optimizer], dict[str, Any]]:
    from timm.optim import get_optimizer_info

    info = get_optimizer_info(name)
    if isinstance(info.opt_class, str):  # classes of apex and bitsandbytes are not imported
        raise ValueError(f"optimizer is 'timm:{name}': its class, {info.opt_class}, needs a GPU")
    options: dict[str, Any] = {"momentum": MOMENTUM} if info.has_momentum else {}
    if "always_adapt" in inspect.signature(info.opt_class).parameters:  # LAMB and LARS, whose own decay is disabled
        options["always_adapt"] = True
    return info.opt_class, {**options, **(info.defaults or {})}


def check_method(method: str, row: Method, optimizer: str | type[torch.optim.Optimizer]) -> None:
    """Raise ValueError if the method needs another optimizer."""
    if row.needs and optimizer != row.needs:
        given = optimizer if isinstance(optimizer, str) else optimizer.__name__
        raise ValueError(f"method {method} needs optimizer {row.needs}, got {given}")
