"""The equilibrium of weight decay: predicted angle per step and memory of the weights (arXiv 2305.17212).

Decay shrinks weights and updates lengthen them. In equilibrium each step turns a layer by the same angle on average.
The prediction assumes scale-invariant weights (before a normalization) and random gradients.
"""

import math
from collections.abc import Sequence

from lpwd.analysis.words import general
from lpwd.config import RunConfig
from lpwd.methods import METHODS

DECOUPLED = (
    "wd",
    "rwd",
    "pwd",
)  # timings with a prediction; the order of decay and update changes it by a factor of 1 - c only
WITHIN = 1.25  # an angle within this factor of the predicted one counts as settled


def angle(config: RunConfig, rate: float) -> float | None:
    """Return the predicted angle per step in radians for lambda_i = `rate`, or None without a prediction.

    sqrt(2 eta lambda (1 - beta1) / (1 + beta1)) for Adam, sqrt(2 eta lambda / (1 + momentum)) for SGD.
    """
    row = METHODS.get(config.method)  # None if its plug-in is not loaded here
    if row is None or row.timing not in DECOUPLED or rate <= 0 or config.schedule != "constant":
        return None
    if config.optimizer == "adam":
        beta = config.betas[0]
        return math.sqrt(2 * config.lr * rate * (1 - beta) / (1 + beta))
    return math.sqrt(2 * config.lr * rate / (1 + config.momentum)) if config.optimizer == "sgd" else None


def steps_to_settle(lr: float, rate: float) -> int:
    """Return the number of steps to equilibrium, 1 / (2 eta lambda), at least 1; `rate` must be positive."""
    return max(1, round(1 / (2 * lr * rate)))


def memory_epochs(lr: float, rate: float, steps_per_epoch: float) -> float:
    """Return the epochs until decay alone leaves 1/e of a weight, 1 / (eta lambda steps); inf without decay."""
    decay = lr * rate * steps_per_epoch
    return 1 / decay if decay > 0 else math.inf


def memory_text(tau: float) -> str:
    """Return `decay alone forgets in 2.9 epochs`, or "" without decay."""
    return f"decay alone forgets in {general(tau, 2)} epochs" if tau < 1e6 else ""


def settled_since(angles: Sequence[float], predicted: float) -> int | None:
    """Return the first index after which all angles are within a factor WITHIN of the prediction, or None."""
    near = [predicted / WITHIN <= value <= predicted * WITHIN for value in angles]
    if not near or not near[-1]:
        return None
    return len(near) - next((i for i, one in enumerate(reversed(near)) if not one), len(near))
