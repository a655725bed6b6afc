"""Build and check the optimizer of a run."""

from typing import Any

from torch import nn

from lpwd.config import ConfigError, RunConfig
from lpwd.optim.optimizers import build_optimizer
from lpwd.optim.timing import Decaying
from lpwd.optimizers import OWN


def build(model: nn.Module, config: RunConfig) -> Decaying:
    """Build the optimizer. Raises ConfigError if its class is missing, or rejects the options or parameters."""
    try:
        return build_optimizer(
            model, config.optimizer, config.method, config.lr, config.weight_decay, **_options(config)
        )
    except (ImportError, TypeError, ValueError) as error:
        if config.optimizer in OWN and not config.optimizer_kwargs:
            raise
        raise ConfigError(f"optimizer {config.optimizer} cannot be built: {error}".rstrip("."), "optimizer") from error


def check(config: RunConfig) -> None:
    """Raise ConfigError if the optimizer cannot be built for a small network."""
    if config.optimizer not in OWN or config.optimizer_kwargs:
        build(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(2, 2), nn.Linear(2, 2)), config)


def _options(config: RunConfig) -> dict[str, Any]:
    names = ("rule", "order", "mean", "profile", "exclude_1d")
    options: dict[str, Any] = {name: getattr(config, name) for name in names}
    if config.optimizer == "adam":
        options |= {"betas": config.betas, "eps": config.eps, "capturable": config.kernels == "graph"}
    elif config.optimizer == "sgd":
        options |= {"momentum": config.momentum, "nesterov": config.nesterov}
    return options | config.optimizer_kwargs
