"""WD, RWD and PWD on a small problem in float64: how far apart their trajectories are. numpy only, no gradio."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpwd.config import ConfigError
from lpwd.depth import layer_rates

Vector = NDArray[np.float64]
STEPS, ROWS, SIZE, LAYERS = 200, 64, 20, 4  # least squares with 64 equations in 20 unknowns, taken as 4 layers of 5
RUNAWAY = 1e6  # weights start at about 1
LAYER = np.repeat(np.arange(LAYERS), SIZE // LAYERS)


@dataclass
class Direction:
    """U: Adam's with its usual betas, or the momentum buffer of SGD."""

    optimizer: str
    t: int = 0
    m: Vector | float = 0.0
    v: Vector | float = 0.0

    def __call__(self, g: Vector) -> Vector:
        self.t += 1
        if self.optimizer == "sgd":
            self.m = 0.9 * self.m + g
            return self.m
        self.m, self.v = 0.9 * self.m + 0.1 * g, 0.999 * self.v + 0.001 * g**2
        moved: Vector = (self.m / (1 - 0.9**self.t)) / (np.sqrt(self.v / (1 - 0.999**self.t)) + 1e-8)
        return moved


Step = Callable[[Vector, float, Any, Callable[[Vector], Vector]], Vector]  # theta, eta, lambda, U of the gradient at


def wd(theta: Vector, eta: float, lam: Any, u: Callable[[Vector], Vector]) -> Vector:
    return theta - eta * u(theta) - eta * lam * theta


def rwd(theta: Vector, eta: float, lam: Any, u: Callable[[Vector], Vector]) -> Vector:
    hat = theta - eta * u(theta)
    return hat - eta * lam * hat


def pwd(theta: Vector, eta: float, lam: Any, u: Callable[[Vector], Vector]) -> Vector:
    theta = theta - eta * lam * theta
    return theta - eta * u(theta)


@dataclass(frozen=True)
class Check:
    """One comparison: the largest difference over all steps and weights, relative to the largest weight."""

    key: str
    claim: str
    exact: bool  # an identity of the algebra, so that only rounding may remain
    difference: float


def run(step: Step, start: Vector, eta: float, lam: Any, optimizer: str) -> Vector:
    """theta_1 .. theta_STEPS, a row a step."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(ROWS, SIZE)), rng.normal(size=ROWS)
    direction = Direction(optimizer)
    theta, path = start, []
    for _ in range(STEPS):
        theta = step(theta, eta, lam, lambda at: direction(a.T @ (a @ at - b) / ROWS))
        path.append(theta)
    return np.array(path)


def checks(eta: float, lam: float, optimizer: str = "adam") -> list[Check]:
    """The identities, then the plain differences at equal eta and lambda. Raises ConfigError on bad input."""
    c = _fraction(eta, lam, optimizer)
    start = np.random.default_rng(1).normal(size=SIZE)
    with np.errstate(all="ignore"):
        plain = {step: run(step, start, eta, lam, optimizer) for step in (wd, rwd, pwd)}
        shifted = run(rwd, (1 - c) * start, eta, lam, optimizer)
        slower = run(wd, start, eta * (1 - c), lam / (1 - c), optimizer)
        layered = run(pwd, start, eta, np.array(layer_rates(LAYERS, lam))[LAYER], optimizer)
        comparisons = [
            Check("shift", "D · PWD from θ₀ = RWD from D · θ₀", True, distance((1 - c) * plain[pwd], shifted)),
            Check("slower", "RWD = WD with η′ = η(1 − c), λ′ = λ/(1 − c)", True, distance(plain[rwd], slower)),
            Check("rwd", "RWD against WD, equal η and λ", False, distance(plain[rwd], plain[wd])),
            Check("pwd", "PWD against WD, equal η and λ", False, distance(plain[pwd], plain[wd])),
            Check("lpwd", "LPWD (2i/n) against PWD, equal η and λ", False, distance(layered, plain[pwd])),
        ]
    if not all(np.isfinite(check.difference) for check in comparisons):
        raise ConfigError(f"the trajectories diverge at η = {eta:g}: choose a smaller η")
    return comparisons


def distance(path: Vector, other: Vector) -> float:
    """max |a - b| / max |b| over the whole trajectory; nan where it runs away."""
    if not (np.abs(path).max() < RUNAWAY and np.abs(other).max() < RUNAWAY):
        return float("nan")
    return float(np.abs(path - other).max() / np.abs(other).max())


def _fraction(eta: float, lam: float, optimizer: str) -> float:
    if not 0 < eta <= 10:
        raise ConfigError(f"η is {eta:g}: it must be greater than 0 and at most 10")
    if not lam >= 0:
        raise ConfigError(f"λ is {lam:g}: it must be at least 0")
    if eta * lam >= 0.5:
        raise ConfigError(f"c = ηλ is {eta * lam:g}: it must be less than 0.5, half of every weight in each step")
    if optimizer not in ("adam", "sgd"):
        raise ConfigError(f"optimizer is {optimizer!r}: allowed are adam, sgd")
    return eta * lam
