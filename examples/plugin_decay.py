"""Plug-in with a decay method: pre-weight decay with rates proportional to the square of the depth.

python -m lpwd check examples/plugin_decay.py        # compares it with the formula below
python -m lpwd race --plugin examples/plugin_decay.py --method wd --method steep --dataset folder:PATH
"""

import lpwd


def rates(layers, weight_decay):
    """Return lambda_i = 3 lambda (i / n)^2, with a mean of about lambda."""
    n = len(layers)
    return [weight_decay * 3 * (i / n) ** 2 for i in range(1, n + 1)]


def formula(theta, eta, lam, gradient, direction):
    """Perform one step: decay, then update with the gradient at the decayed weights."""
    theta = theta - eta * lam * theta
    return theta - eta * direction(gradient(theta))


lpwd.register_method(
    "steep", timing="pwd", rates=rates, label="Steep", reference=f"{__name__}:formula", color="#CC3311"
)
