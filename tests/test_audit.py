"""`lpwd audit` on optimizers whose decay is known, one invented class for each thing that it must find."""

import json

import pytest
import torch
from click.testing import CliRunner

from lpwd.audit.decay import audit
from lpwd.audit.table import recorded
from lpwd.audit.targets import targets
from lpwd.audit.trial import Target
from lpwd.cli.main import main
from lpwd.config import ConfigError
from lpwd.ui.explain import audits

pytestmark = pytest.mark.usefixtures("one_thread")


class Plain(torch.optim.Optimizer):
    """Gradient descent; what it does with weight_decay is `decay`, of a weight, its group and its start."""

    def __init__(self, params, lr=0.1, weight_decay=0.0, foreach=None):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "foreach": foreach})
        self.steps = 0
        for group in self.param_groups:
            group["first_lr"] = lr
            for p in group["params"]:
                self.state[p]["start"] = p.detach().clone()

    @torch.no_grad()
    def step(self):
        self.steps += 1
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    theta = p.clone()
                    p.sub_(group["lr"] * p.grad)
                    p.sub_(self.decay(theta, p, group))

    def decay(self, theta, p, group):
        return group["lr"] * group["weight_decay"] * theta


def variant(decay) -> type[Plain]:
    return type("Variant", (Plain,), {"decay": decay})


DECAYS = {
    "decoupled": (lambda self, theta, p, g: g["lr"] * g["weight_decay"] * theta, "ηλ", ""),
    "decoupled after the update": (lambda self, theta, p, g: g["lr"] * g["weight_decay"] * p, "ηλ", ""),
    "of lambda alone": (lambda self, theta, p, g: g["weight_decay"] * theta / 100, "0.01 λ", "does not follow"),
    "of the first rate": (
        lambda self, theta, p, g: g["first_lr"] * g["weight_decay"] * theta,
        "η₀λ",
        "does not follow",
    ),
    "of the squared rate": (
        lambda self, theta, p, g: g["lr"] ** 2 / g["first_lr"] * g["weight_decay"] * theta,
        "λη²/η₀",
        "",
    ),
    "cautious": (
        lambda self, theta, p, g: g["lr"] * g["weight_decay"] * torch.where(p.grad * theta > 0, theta, 0.0),
        "ηλ",
        "",
    ),
    "towards the start": (
        lambda self, theta, p, g: g["lr"] * g["weight_decay"] * (theta - self.state[p]["start"]),
        "ηλ",
        "",
    ),
    "late": (
        lambda self, theta, p, g: (self.steps > 1) * g["lr"] * g["weight_decay"] * theta,
        "ηλ",
        "absent in the first step",
    ),
    "growing": (
        lambda self, theta, p, g: self.steps * g["lr"] * g["weight_decay"] * theta,
        "4 ηλ",
        "c changes from step to step: 0.02 in step 4, 0.04 in 8",
    ),
    "of absolute values": (lambda self, theta, p, g: g["lr"] * g["weight_decay"] * theta.sign(), "", ""),
}
KINDS = ("decoupled", "decoupled after the update", "cautious", "towards the start")


@pytest.mark.parametrize("name", DECAYS)
def test_it_names_the_decay_of_a_class_that_has_it(name: str):
    decay, law, note = DECAYS[name]
    found = audit(Target(name, variant(decay)))
    expected = name if name in KINDS else "other" if name == "of absolute values" else "decoupled"
    assert (found.kind, found.law, found.vectors, found.defects, found.problem) == (expected, law, "", (), "")
    assert note in "; ".join(found.notes)
    if not note:
        assert found.notes == ()


def test_it_tells_matrices_from_vectors():
    def matrices_alone(self, theta, p, group):
        return group["lr"] * group["weight_decay"] * theta * (theta.ndim > 1)

    found = audit(Target("x", variant(matrices_alone)))
    assert (found.kind, found.vectors) == ("decoupled", "none")
    assert not found.meets("decoupled")


class Forgetful(Plain):
    """Decays with what it was built with, and parameters without a gradient, too."""

    def __init__(self, params, lr=0.1, weight_decay=0.0):
        super().__init__(params, lr, weight_decay)

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.mul_(1 - group["lr"] * group["weight_decay"])
                if p.grad is not None:
                    p.sub_(group["lr"] * p.grad)

    def load_state_dict(self, state):
        rates = [group["weight_decay"] for group in self.param_groups]
        super().load_state_dict(state)
        for group, rate in zip(self.param_groups, rates, strict=True):
            group["weight_decay"] = rate


class PerDtype(Plain):
    """As timm's SGDW before PR 2750: its foreach kernel decays all parameters once per dtype."""

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            kinds = {p.dtype for p in group["params"]} if group["foreach"] else {None}
            for p in group["params"]:
                p.mul_((1 - group["lr"] * group["weight_decay"]) ** len(kinds)).sub_(group["lr"] * p.grad)


class HalfAsFast(Plain):
    """Its foreach kernel decays half as much."""

    def decay(self, theta, p, group):
        return (0.5 if group["foreach"] else 1) * group["lr"] * group["weight_decay"] * theta


def test_it_finds_defects():
    forgetful = audit(Target("x", Forgetful))
    assert forgetful.defects == ("load_state_dict does not restore the decay",)
    assert forgetful.notes == ("decays parameters without a gradient",)
    assert audit(Target("x", PerDtype)).defects == ("foreach: decays 2 times per step if parameters have two dtypes",)
    assert audit(Target("x", HalfAsFast)).defects == ("foreach decays in another way than the for-loop",)
    ignored = audit(Target("x", variant(lambda self, theta, p, group: 0 * theta)))
    assert (ignored.kind, ignored.defects) == ("none", ("accepts weight_decay and never applies it",))


@pytest.mark.parametrize(
    ("name", "kind", "law", "note"),
    [
        ("adamw", "decoupled", "ηλ", ""),
        ("nadam", "coupled", "", ""),
        ("sgd", "coupled", "", ""),
        ("muon", "decoupled", "ηλ", "takes matrices alone"),
        ("timm:lamb", "in the update", "", ""),
        ("timm:adamc", "decoupled", "λη²/η₀", ""),
        ("timm:adopt", "coupled", "", "absent in the first step"),
        ("timm:adamp", "decoupled", "ηλ", "projected: 0.01 of it if gradients are orthogonal to the weights"),
        ("timm:adan", "decoupled after the update", "ηλ / (1 + ηλ)", "a proximal step"),
        ("timm:novograd", "in the momentum", "ηλ", ""),
        ("timm:sgdw", "decoupled", "ηλ", ""),
        ("rprop", "none", "", "has no weight_decay"),
        ("lpwd.optim:Adam", "decoupled", "ηλ", ""),
    ],
)
def test_it_invents_nothing_about_known_classes(name: str, kind: str, law: str, note: str):
    [target] = targets({"sgd": "torch.optim:SGD"}.get(name, name))
    found = audit(target)
    assert (found.kind, found.law, found.vectors, found.defects) == (kind, law, "", ())
    assert note in "; ".join(found.notes)
    assert note or not found.notes


def run(*words: str):
    return CliRunner().invoke(main, ["audit", *words])


def test_the_command_prints_a_table_or_json_and_its_exit_code_tells():
    table = run("adamw", "torch.optim.Adam")
    assert table.exit_code == 0
    assert "| adamw | decoupled | ηλ |" in table.stdout
    rows = [json.loads(line) for line in run("adamw", "--json").stdout.splitlines()]
    assert (rows[0]["kind"], rows[0]["version"]) == ("decoupled", f"torch {torch.__version__.partition('+')[0]}")
    refused = run("adamw", "nadam", "--expect", "decoupled")
    assert refused.exit_code == 1
    assert "nadam: is coupled, not decoupled" in refused.stderr
    assert run("adamw", "--expect", "decoupled").exit_code == 0
    unknown = run("torch.nn:Linear")
    assert unknown.exit_code == 2
    assert "optimizer 'torch.nn:Linear' not found in torch.nn" in unknown.stderr


def test_the_recorded_audits_are_what_an_audit_finds_here():
    by_name = {row["name"]: row for row in recorded()}
    assert len(by_name) > 200
    for name in ("timm:lamb", "timm:adoptw", "timm:adahessian", "torch:NAdam"):
        module, _, cls = name.partition(":")
        [target] = targets(name if module == "timm" else f"torch.optim:{cls}")
        found = audit(target)
        row = by_name[name]
        assert (found.kind, found.law, found.vectors, list(found.notes), list(found.defects)) == tuple(
            row[field] for field in ("kind", "law", "vectors", "notes", "defects")
        )


def test_the_page_shows_the_recorded_audits_and_runs_those_of_torch_and_timm_alone():
    shown = audits.audits()
    assert len(shown["head"]) == len(shown["rows"][0]) == 6
    assert audits.audit_now("adamw")["row"][:3] == ["adamw", "decoupled", "ηλ"]
    for name in ("os:path", "antigravity:Optimizer", "adam", "--help"):
        with pytest.raises(ConfigError, match="unknown optimizer"):
            audits.audit_now(name)
