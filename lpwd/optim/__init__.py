"""The optimizers. Needs torch only, and timm for timm's models and optimizers."""

from lpwd.optim.decaying import decaying as decaying
from lpwd.optim.layers import layer_groups as layer_groups
from lpwd.optim.optimizers import SGD as SGD
from lpwd.optim.optimizers import Adam as Adam
from lpwd.optim.optimizers import build_optimizer as build_optimizer
