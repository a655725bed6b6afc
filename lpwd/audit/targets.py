"""Find the optimizer classes for a name given to `lpwd audit`."""

import inspect
from importlib import import_module, metadata
from typing import Any

import torch

from lpwd.audit.trial import Target
from lpwd.optim.loading import load
from lpwd.optimizers import OPTIMIZERS

PACKAGES = {"torch": "torch.optim", "transformers": "transformers.optimization"}  # name -> module with the optimizers
DISTRIBUTIONS = {"pytorch_optimizer": "pytorch-optimizer"}
OPTIONS: dict[str, dict[str, Any]] = {  # options that make a class use the given learning rate
    "Adafactor": {"scale_parameter": False, "relative_step": False, "warmup_init": False},
}


def targets(name: str) -> list[Target]:
    """Return the classes for `nadam`, `timm:lion`, `package.module:Class` or `package.module.Class`, or all optimizers
    of a package such as `torch` or `timm`. Raises ValueError if there are none, ImportError if a module is missing."""
    if name == "timm":
        from timm.optim import list_optimizers

        return [_timm(f"timm:{key}") for key in list_optimizers()]
    if ":" in name or name in OPTIMIZERS:
        row = OPTIMIZERS.get(name)
        cls, options = load(row.source if row and isinstance(row.source, str) else name)
        return [_target(name, cls, options)]
    module, _, attribute = name.rpartition(".")
    if attribute[:1].isupper():
        return targets(f"{module}:{attribute}")
    found = [_target(f"{name}:{key}", cls) for key, cls in _classes(import_module(PACKAGES.get(name, name)))]
    if not found:
        raise ValueError(f"no subclass of torch.optim.Optimizer found in {name}")
    return found


def version(name: str) -> str:
    """Return package and version, such as `timm 1.0.31`, for a name of `targets`."""
    package = name.partition(":")[0].partition(".")[0]
    package = "torch" if package in OPTIMIZERS else package
    try:
        return f"{package} {metadata.version(DISTRIBUTIONS.get(package, package))}"
    except metadata.PackageNotFoundError:
        return package


def _timm(name: str) -> Target:
    try:
        return _target(name, *load(name))
    except (ImportError, ValueError) as error:
        return Target(name, torch.optim.Optimizer, problem=f"ValueError: {str(error).splitlines()[0][:120]}")


def _target(name: str, cls: type[torch.optim.Optimizer], options: dict[str, Any] | None = None) -> Target:
    parameters = inspect.signature(cls).parameters
    extra = {key: value for key, value in OPTIONS.get(cls.__name__, {}).items() if key in parameters}
    if "momentum" in parameters and parameters["momentum"].default in (0, inspect.Parameter.empty):
        extra["momentum"] = 0.9
    return Target(name, cls, {**extra, **(options or {})})


def _classes(module: Any) -> list[tuple[str, type[torch.optim.Optimizer]]]:
    found = [(key, value) for key, value in vars(module).items() if isinstance(value, type)]
    return sorted((key, cls) for key, cls in found if issubclass(cls, torch.optim.Optimizer) and _usable(cls))


def _usable(cls: type[torch.optim.Optimizer]) -> bool:
    """Exclude torch's base class, abstract classes and wrappers of other optimizers."""
    first = next(iter(inspect.signature(cls).parameters), "")
    return cls is not torch.optim.Optimizer and not inspect.isabstract(cls) and first == "params"
