"""Classify the weight decay of an optimizer from black-box trials.

D is the effect of weight_decay in one step: the weights after a step with lambda minus the weights after the same step
with lambda 0.

| kind | D, with theta before the step, theta' after it without decay, U = theta - theta' |
|---|---|
| none | 0 |
| coupled | as if lambda theta were added to the gradient |
| decoupled | -c theta |
| decoupled after the update | -c theta' |
| cautious | -c theta where U theta > 0, else 0 |
| towards the start | -c (theta - theta_0) |
| in the momentum | -c theta, and again in later steps: added to the update before its momentum |
| in the update | a combination of theta, U and the gradient: added to the update, which a norm then rescales |
| other | anything else |
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lpwd.audit.trial import Target, Trial, Weights, random_gradients, run

EXACT = 1e-8  # relative; float64 rounding, amplified by division
COARSE = 1e-4  # for classes that always compute in float32


@dataclass(frozen=True)
class Decay:
    """The decay of one tensor in one step; `fraction` is c, `lasting` the share of D that is left one step later."""

    kind: str
    fraction: float = math.nan
    lasting: float = 1.0


def decays(target: Target, trial: Trial) -> list[Decay]:
    """Return the decay of the matrix and of the vector in the last step of a trial."""
    rate = trial.rate if trial.last_rate is None else trial.last_rate
    with_decay, without = run(target, trial), run(target, trial.without())
    if all(torch.equal(a, b) for a, b in zip(with_decay.after, without.after, strict=True)):
        return [Decay("none"), Decay("none")]
    coupled = run(target, trial.without(penalty=rate))
    later = run(target, replace(trial, after=1)), run(target, trial.without(after=1))
    found = []
    for i in range(len(with_decay.after)):
        exact = _decay(i, trial, with_decay, without, coupled, later, EXACT)
        found.append(exact if exact.kind != "other" else _decay(i, trial, with_decay, without, coupled, later, COARSE))
    return found


def _decay(
    i: int,
    trial: Trial,
    decayed: Weights,
    plain: Weights,
    coupled: Weights,
    later: tuple[Weights, Weights],
    relative: float,
) -> Decay:
    """Return the decay of tensor `i` from trials with decay, without decay, with a penalty, and one step longer."""
    theta, update_only = decayed.before[i].double(), plain.after[i].double()
    difference = decayed.after[i].double() - update_only
    if not _matters(difference, theta):
        return Decay("none")
    found = _simple(difference, theta, update_only, decayed.start[i].double(), relative)
    as_gradient = close(coupled.after[i].double(), decayed.after[i].double(), difference, relative)
    lasting = later[0].after[i].double() - later[1].after[i].double()  # one step later, in which nothing decays
    carried = not close(lasting, difference, difference, relative)
    if as_gradient and (found is None or carried):
        return Decay("coupled")
    if found is not None:
        ratio = float((lasting * difference).sum() / difference.square().sum())
        if carried and close(lasting, ratio * difference, difference, relative):
            return Decay("in the momentum" if ratio > 1 else found.kind, found.fraction, ratio)
        return found
    gradient = (trial.gradients or random_gradients)(trial.steps, i, theta)
    basis = [theta, theta - update_only, *([gradient.double()] if gradient is not None else [])]
    return Decay("in the update" if _spanned(difference, basis, relative) else "other")


def _simple(difference: Tensor, theta: Tensor, update_only: Tensor, start: Tensor, relative: float) -> Decay | None:
    """Return the kind of decay with one fraction c for all weights, if any."""
    for kind, what in (
        ("decoupled", theta),
        ("decoupled after the update", update_only),
        ("towards the start", theta - start),
        ("cautious", torch.where((theta - update_only) * theta > 0, theta, 0.0)),
    ):
        if float(what.square().sum()) == 0:
            continue
        c = -float((difference * what).sum() / what.square().sum())
        if close(difference, -c * what, difference, relative):
            return Decay(kind, c)
    return None


def _matters(difference: Tensor, theta: Tensor) -> bool:
    return bool(difference.abs().max() > 1e-13 * theta.abs().max())


def close(a: Tensor, b: Tensor, scale: Tensor, relative: float) -> bool:
    return bool((a - b).abs().max() <= max(relative * float(scale.abs().max()), 1e-14))


def same(a: float, b: float, relative: float = 1e-5) -> bool:
    return math.isclose(a, b, rel_tol=relative) or (math.isnan(a) and math.isnan(b))


def _spanned(difference: Tensor, basis: list[Tensor], relative: float) -> bool:
    columns = torch.stack([b.reshape(-1) for b in basis], 1)
    fitted = columns @ torch.linalg.lstsq(columns, difference.reshape(-1, 1), driver="gelsd").solution
    return close(fitted.reshape(difference.shape), difference, difference, relative)
