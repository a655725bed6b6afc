"""Layer-wise pre-weight decay: optimizers, paired experiments, and a comparison with weight decay.

Names load on first use, so that `import lpwd` needs neither torch nor any other package.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lpwd.analysis.foreign import compare as compare
    from lpwd.config import ConfigError as ConfigError
    from lpwd.config import RunConfig as RunConfig
    from lpwd.facts import register_dataset as register_dataset
    from lpwd.methods import METHODS as METHODS
    from lpwd.methods import register_method as register_method
    from lpwd.networks import register_model as register_model
    from lpwd.optim.decaying import decaying as decaying
    from lpwd.optim.optimizers import SGD as SGD
    from lpwd.optim.optimizers import Adam as Adam
    from lpwd.optim.optimizers import build_optimizer as build_optimizer
    from lpwd.optim.optimizers import layer_groups as layer_groups
    from lpwd.optim.penalty import opposing_penalty as opposing_penalty
    from lpwd.optim.penalty import zero_shot_decay as zero_shot_decay
    from lpwd.optimizers import register_optimizer as register_optimizer
    from lpwd.store import RunStore as RunStore
    from lpwd.training.train import train as train

_HOMES = {
    "ConfigError": "config",
    "RunConfig": "config",
    "METHODS": "methods",
    "register_method": "methods",
    "register_optimizer": "optimizers",
    "decaying": "optim",
    "register_dataset": "facts",
    "register_model": "networks",
    "Adam": "optim",
    "SGD": "optim",
    "build_optimizer": "optim",
    "layer_groups": "optim",
    "opposing_penalty": "optim.penalty",
    "zero_shot_decay": "optim.penalty",
    "RunStore": "store",
    "train": "training.train",
    "compare": "analysis.foreign",
}
__all__ = sorted(_HOMES)
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lpwd' has no attribute {name!r}")
    return getattr(import_module(f"lpwd.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
