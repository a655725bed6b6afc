"""Where weight decay settles: the predicted angle per step, and how long weights remember (arXiv 2305.17212).

Decay shrinks weights and updates lengthen them; where both balance, each step turns a layer by the same angle on
average. The prediction is for weights whose scale does not matter (before a normalisation) and random gradients.
"""

import math
from collections.abc import Sequence

from lpwd.analysis.words import general
from lpwd.config import RunConfig
from lpwd.methods import METHODS

DECOUPLED = ("wd", "rwd", "pwd")  # timings that the prediction is for; another order of the step changes it by c alone
WITHIN = 1.25  # an angle within this factor of the predicted one counts as settled


def angle(config: RunConfig, rate: float) -> float | None:
    """The predicted angle of a step in radians for lambda_i = `rate`; None if nothing is predicted.

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
    """The steps that the balance takes to form, 1 / (2 eta lambda), at least 1; `rate` is greater than 0."""
    return max(1, round(1 / (2 * lr * rate)))


def memory_epochs(lr: float, rate: float, steps_per_epoch: float) -> float:
    """tau: epochs after which decay alone leaves 1/e of a weight, 1 / (eta lambda steps); inf without decay."""
    decay = lr * rate * steps_per_epoch
    return 1 / decay if decay > 0 else math.inf


def memory_text(tau: float) -> str:
    """`decay alone forgets in 2.9 epochs`; empty without decay."""
    return f"decay alone forgets in {general(tau, 2)} epochs" if tau < 1e6 else ""


def settled_since(angles: Sequence[float], predicted: float) -> int | None:
    """The index from which on each angle is within a factor of WITHIN of the predicted one; None if the last is not."""
    near = [predicted / WITHIN <= value <= predicted * WITHIN for value in angles]
    if not near or not near[-1]:
        return None
    return len(near) - next((i for i, one in enumerate(reversed(near)) if not one), len(near))
