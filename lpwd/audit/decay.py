"""Audit of an optimizer class: the kind of its weight decay, surprises and defects. `kinds` defines the kinds."""

import contextlib
import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lpwd.audit.kinds import COARSE, Decay, close, decays, same
from lpwd.audit.trial import (
    LR,
    MATRICES,
    STEP,
    Target,
    Trial,
    aligned_gradients,
    orthogonal_gradients,
    random_gradients,
    run,
)

SINGLE = 1e-5  # relative; some kernels keep a learning rate or a step in float32
SMALL = 1e-2  # factor for small weights
LATE = 16  # steps after which every built-in warm-up has begun
PROJECTED = 0.5  # "projected": at most this share of the decay is left with gradients orthogonal to the weights
LARGE = 400.0  # a second lambda, because a small penalty may not change sign-based updates
CONSTANT_FRACTIONS = ("decoupled", "decoupled after the update", "in the momentum", "cautious", "towards the start")


@dataclass(frozen=True)
class Audit:
    """The result of an audit.

    `law` is c as a formula, `vectors` the decay of vectors if it differs from that of matrices. `notes` lists
    surprises, `defects` errors, and `problem` the reason if nothing could be measured.
    """

    name: str
    kind: str = ""
    law: str = ""
    vectors: str = ""
    notes: tuple[str, ...] = ()
    defects: tuple[str, ...] = ()
    problem: str = ""

    def meets(self, expected: str) -> bool:
        """Return whether matrices and vectors have this kind of decay, without defects."""
        same = self.vectors in ("", expected)
        return not self.problem and self.kind == expected and same and not self.defects


def audit(target: Target) -> Audit:
    """Audit a class; an exception of the class becomes `problem`."""
    if target.problem:
        return Audit(target.name, problem=target.problem)
    if "weight_decay" not in target.parameters:
        return Audit(target.name, "none", notes=("has no weight_decay",))
    try:
        return _audit(target, Trial())
    except Exception as error:  # third-party classes may raise anything
        try:
            found = _audit(target, Trial(shapes=MATRICES))
        except Exception:  # report the first exception
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            return Audit(target.name, problem=f"{type(error).__name__}: {first[:120]}")
        return replace(found, notes=("takes matrices alone", *found.notes))


def _audit(target: Target, trial: Trial) -> Audit:
    matrix, vector = decays(target, trial)
    late: list[str] = []
    if matrix.kind == vector.kind == "none":
        for other in (replace(trial, rate=LARGE), replace(trial, steps=LATE)):
            matrix, vector = decays(target, other)
            if matrix.kind != "none" or vector.kind != "none":
                late = [f"absent in the first {STEP} steps or more"] if other.steps == LATE else []
                trial = other
                break
    projected = _projected(target, trial, matrix)
    if projected and projected[0].startswith("projected"):
        trial = replace(trial, gradients=aligned_gradients)
        matrix, vector = decays(target, trial)
    law, law_note = _law(target, trial, matrix)
    alike = matrix.kind == vector.kind and same(matrix.fraction, vector.fraction)
    notes = [
        *law_note,
        *(late or _first_step(target, trial, matrix)),
        *projected,
        *_small_weights(target, trial, matrix),
    ]
    notes += [*_without_gradient(target, trial), *_over_time(target, trial, matrix)]
    if matrix.lasting < 1:
        notes.append(f"fades: {matrix.lasting:.2g} of it is left one step later")
    defects = [*_kernels(target, trial), *_two_dtypes(target, trial, matrix), *_reloaded(target, trial)]
    if matrix.kind == "none" and not notes:
        defects.append("accepts weight_decay and never applies it")
    vectors = "" if alike else _described(vector)
    return Audit(target.name, matrix.kind, law, vectors, tuple(notes), tuple(defects))


def _described(decay: Decay) -> str:
    return decay.kind if math.isnan(decay.fraction) else f"{decay.kind}, c = {decay.fraction:.3g}"


# ---- further measurements


def _law(target: Target, trial: Trial, decay: Decay) -> tuple[str, list[str]]:
    """Return c as a formula of eta, lambda and eta_0 (the learning rate at construction), and notes."""
    if decay.kind not in CONSTANT_FRACTIONS:
        return "", []
    c = decay.fraction

    def exponent(changed: Trial, factor: float) -> float:
        other = decays(target, changed)[0].fraction
        return math.log(other / c, factor) if other > 0 and c > 0 else math.nan

    of_rate = exponent(replace(trial, rate=trial.rate / 2), 0.5)
    of_lr = exponent(replace(trial, lr=LR / 2), 0.5)
    scheduled = exponent(replace(trial, last_lr=LR / 2), 0.5)
    if same(c, LR * trial.rate / (1 + LR * trial.rate)):
        return "ηλ / (1 + ηλ)", ["a proximal step: θ' / (1 + ηλ)"]
    known = {(1, 1): ("ηλ", LR), (0, 0): ("λ", 1.0), (1, 2): ("λη²/η₀", LR), (1, 0): ("η₀λ", LR)}
    power = (_whole(of_lr), _whole(scheduled))
    if _whole(of_rate) != 1 or power not in known:
        return f"c = {c:.3g} at η = {LR}, λ = {trial.rate:g}", ["c is no power of η and λ that this audit knows"]
    symbol, per_rate = known[power]
    factor = c / (per_rate * trial.rate)
    notes = ["c does not follow the learning-rate schedule"] if power in {(0, 0), (1, 0)} else []
    return (symbol if same(factor, 1, 1e-4) else f"{factor:.3g} {symbol}"), notes


def _whole(exponent: float) -> int | None:
    near = round(exponent) if not math.isnan(exponent) else None
    return near if near is not None and abs(exponent - near) < 1e-3 else None


def _first_step(target: Target, trial: Trial, decay: Decay) -> list[str]:
    first = decays(target, replace(trial, steps=1))[0]
    absent = first.kind == "none" and decay.kind not in ("none", "towards the start")
    return ["absent in the first step"] if absent else []


def _projected(target: Target, trial: Trial, decay: Decay) -> list[str]:
    if decay.kind not in CONSTANT_FRACTIONS:
        return []
    along, across = (
        decays(target, replace(trial, gradients=given))[0] for given in (aligned_gradients, orthogonal_gradients)
    )
    if not along.kind == across.kind == decay.kind or same(along.fraction, across.fraction):
        return []
    ratio = across.fraction / along.fraction
    if ratio < PROJECTED:
        return [f"projected: {ratio:.3g} of it if gradients are orthogonal to the weights"]
    return ["c depends on the gradients"]


def _small_weights(target: Target, trial: Trial, decay: Decay) -> list[str]:
    """Return a note if weights much smaller than their update have another kind of decay."""
    small = decays(target, replace(trial, size=SMALL))[0]
    return [] if small.kind == decay.kind else [f"{small.kind} if the weights are small"]


def _over_time(target: Target, trial: Trial, decay: Decay) -> list[str]:
    if decay.kind not in CONSTANT_FRACTIONS:
        return []
    steps = 2 * trial.steps
    later = decays(target, replace(trial, steps=steps))[0]
    if later.kind != decay.kind or not same(later.fraction, decay.fraction):
        said = f"{decay.fraction:.3g} in step {trial.steps}, {later.fraction:.3g} in {steps}"
        return [f"c changes from step to step: {said}"]
    return []


def _without_gradient(target: Target, trial: Trial) -> list[str]:
    def missing(step: int, index: int, theta: Tensor) -> Tensor | None:
        return None if index == 0 and step == trial.steps else random_gradients(step, index, theta)

    changed = replace(trial, gradients=missing)
    try:
        after, plain = run(target, changed).after[0], run(target, changed.without()).after[0]
    except Exception:  # a class that requires gradients does not decay without one
        return []
    return [] if torch.equal(after, plain) else ["decays parameters without a gradient"]


def kernels(target: Target) -> dict[str, dict[str, bool]]:
    """Return the kernels that the class offers, with their options."""
    found = {"for-loop": {"foreach": False}, "foreach": {"foreach": True}} if "foreach" in target.parameters else {}
    return found | ({"fused": {"fused": True}} if "fused" in target.parameters else {})


def _kernels(target: Target, trial: Trial) -> list[str]:
    """Return the kernels whose decay differs from the for-loop."""
    known: dict[str, list[Decay]] = {}
    for name, options in kernels(target).items():
        with contextlib.suppress(Exception):  # kernel not available for this class or machine
            known[name] = decays(target, replace(trial, kernel=options))
    first = known.get("for-loop", [])
    others = [name for name, found in known.items() if first and not all(map(_alike, found, first))]
    return [f"{name} decays in another way than the for-loop" for name in others]


def _alike(one: Decay, other: Decay) -> bool:
    return one.kind == other.kind and same(one.fraction, other.fraction, COARSE)


def _effect(target: Target, trial: Trial) -> Tensor | None:
    """Return D of the matrix, or None if the class raises."""
    try:
        return run(target, trial).after[0].double() - run(target, trial.without()).after[0].double()
    except Exception:  # kernel not available for this class or machine
        return None


def _two_dtypes(target: Target, trial: Trial, decay: Decay) -> list[str]:
    """Return the kernels in which parameters of two dtypes decay more than parameters of one."""
    if decay.kind not in CONSTANT_FRACTIONS:
        return []
    mixed, found = replace(trial, dtypes=(torch.float64, torch.float32)), []
    for name, options in {"": {}, **kernels(target)}.items():
        one, two = (_effect(target, replace(t, kernel=options)) for t in (trial, mixed))
        if one is not None and two is not None and not close(one, two, one, SINGLE):
            theta = run(target, mixed).before[0].double()
            times = math.log(1 + float(two.sum() / theta.sum())) / math.log(1 - decay.fraction)
            found.append(f"{name or 'by default'}: decays {times:.2g} times per step if parameters have two dtypes")
    return found


def _reloaded(target: Target, trial: Trial) -> list[str]:
    """Return a defect if load_state_dict loses the decay in an optimizer that was built without decay."""
    try:
        same, other = (run(target, replace(trial, reload_rate=rate)).after for rate in (trial.rate, 0.0))
    except Exception:  # loading a state is not part of this audit
        return []
    lost = any(not torch.equal(a, b) for a, b in zip(same, other, strict=True))
    return ["load_state_dict does not restore the decay"] if lost else []
