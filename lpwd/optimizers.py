"""The table of optimizers: names, labels, default learning rates, and why some cannot train a run. No torch here.

`adam` and `sgd` are this project's own. Every other name is a class of torch.optim (its name in lower case), of timm
(`timm:lion`) or of a plug-in (`register_optimizer`), with this project's decay around its step. `package.module:Class`
names a class outside the table.
"""

import difflib
import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from lpwd.errors import ConfigError
from lpwd.registry import check_new_name

OWN = ("adam", "sgd")  # exact, fused, with their own fields in RunConfig
CLASS_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
NO_MODULES = (
    "is {name!r}: the app does not import modules named by a run; train it from the command line, or register the "
    "class in a plug-in of the app's owner"
)


@dataclass(frozen=True)
class Optimizer:
    """One row of OPTIMIZERS.

    `source` is `module:Class`, `timm:name` or the class itself. `lr` is a sensible first learning rate for an image
    model, `floats` the number of values of state per weight (including `decaying`), `options` the keyword arguments of
    the class. `refused` says why it cannot train a run, or is "".
    """

    label: str
    source: str | type
    lr: float
    floats: float = 2
    options: Mapping[str, Any] = field(default_factory=dict)
    refused: str = ""


GPU_ONLY = "needs {package} and a GPU"
# Name, learning rate and values of state per weight: classes of torch.optim, then names of timm.
_TORCH = """
Adadelta   1.0   2 | Adafactor 1e-2 2 | Adagrad 1e-2 1 | Adamax 2e-3 2 | AdamW   1e-3 2 | ASGD 1e-2 1 | NAdam 2e-3 2
RAdam      1e-3  2 | RMSprop   1e-3 1 | Rprop   1e-2 2 | Muon   1e-3 1 | LBFGS   1    1 | SparseAdam 1e-3 2
"""
_TIMM = """
adabelief 1e-3 2 | adadelta 1 2 | adafactor 1e-3 1 | adafactorbv 1e-3 2 | adafactorbvc 1e-3 2 | adagrad 1e-2 1
adahessian 1e-1 2 | adam 1e-3 2 | adamax 2e-3 2 | adamc 1e-3 2 | adamp 1e-3 2 | adamuon 1e-3 2 | adamw 1e-3 2
adamwlegacy 1e-3 2 | adan 1e-3 4 | adanw 1e-3 4 | adopt 1e-3 2 | adoptc 1e-3 2 | adoptw 1e-3 2 | cadafactor 1e-3 2
cadafactorbv 1e-3 2 | cadafactorbvc 1e-3 2 | cadamc 1e-3 2 | cadamp 1e-3 2 | cadamw 1e-3 2 | cadan 1e-3 4
cadanw 1e-3 4 | cadopt 1e-3 2 | cadoptc 1e-3 2 | cadoptw 1e-3 2 | clamb 2e-3 2 | clambw 2e-3 2 | claprop 4e-4 2
clion 1e-4 1 | clionc 1e-4 1 | cmars 1e-3 3 | cnadamc 1e-3 2 | cnadamw 1e-3 2 | crmsproptf 1e-3 2 | csgdc 5e-3 1
csgdp 5e-3 1 | csgdw 5e-3 1 | kron 3e-4 1 | kronc 3e-4 1 | kronw 3e-4 1 | lamb 2e-3 2 | lambc 2e-3 2 | lambcd 2e-3 2
lambcw 2e-3 2 | lambw 2e-3 2 | laprop 4e-4 2 | lapropc 4e-4 2 | larc 1 1 | lars 1 1 | lion 1e-4 1 | lionc 1e-4 1
madgrad 1e-3 3 | madgradw 1e-3 3 | mars 1e-3 3 | momentum 5e-3 1 | muon 1e-3 2 | nadam 2e-3 2 | nadamc 1e-3 2
nadamlegacy 2e-3 2 | nadamuon 1e-3 2 | nadamw 1e-3 2 | nesterov 5e-3 1 | nesterovw 5e-3 1 | nlarc 1 1 | nlars 1 1
nmuon 1e-3 2 | novograd 1e-3 1 | novogradc 1e-3 1 | novogradw 1e-3 1 | radabelief 1e-3 2 | radam 1e-3 2
radamlegacy 1e-3 2 | radamw 1e-3 2 | rmsprop 1e-3 2 | rmsproptf 1e-3 2 | rmsproptfc 1e-3 2 | rmsproptfw 1e-3 2
sgd 5e-3 1 | sgdc 5e-3 1 | sgdp 5e-3 1 | sgdw 5e-3 1
"""
_TIMM_GPU = {
    "bitsandbytes": "bnbadam bnbadam8bit bnbadamw bnbadamw8bit bnbademamix bnbademamix8bit bnblion bnblion8bit bnbsgd "
    "bnbsgd8bit",
    "apex": "fusedadam fusedadamw fusedlamb fusednovograd fusedsgd",
}
_REFUSED = {
    "lbfgs": "evaluates the loss several times per step, and its curvature estimate fails if a decay moves the weights",
    "sparseadam": "needs sparse gradients, which no image model has",
    "muon": "updates matrices alone and refuses convolutions and biases; use timm:muon",
    "timm:adahessian": "needs second derivatives, which a run does not compute",
    **dict.fromkeys(
        ("timm:kron", "timm:kronc", "timm:kronw"),
        "recompiles its step for each shape of weights, more often than torch allows",
    ),
}
COPY = 1  # extra value of state per weight: the weight before the step, which some decays need


def _rows() -> dict[str, Optimizer]:
    rows = {
        "adam": Optimizer("Adam", "lpwd.optim:Adam", 1e-3, 2),
        "sgd": Optimizer("SGDM", "lpwd.optim:SGD", 5e-3, 1),
    }
    for name, lr, floats in _entries(_TORCH):
        key = name.lower()
        rows[key] = Optimizer(name, f"torch.optim:{name}", lr, floats + COPY, refused=_REFUSED.get(key, ""))
    for name, lr, floats in _entries(_TIMM):
        key = f"timm:{name}"
        rows[key] = Optimizer(f"timm {name}", key, lr, floats + COPY, refused=_REFUSED.get(key, ""))
    for package, names in _TIMM_GPU.items():
        for name in names.split():
            rows[f"timm:{name}"] = Optimizer(
                f"timm {name}", f"timm:{name}", 1e-3, refused=GPU_ONLY.format(package=package)
            )
    return rows


def _entries(text: str) -> list[tuple[str, float, float]]:
    cells = [cell.split() for line in text.strip().splitlines() for cell in line.split("|")]
    return [(name, float(lr), float(floats)) for name, lr, floats in cells]


_OPTIMIZERS: dict[str, Optimizer] = _rows()
OPTIMIZERS: Mapping[str, Optimizer] = MappingProxyType(_OPTIMIZERS)  # the one table; `register_optimizer` adds to it


def register_optimizer(
    name: str,
    cls: type,
    *,
    label: str = "",
    lr: float = 1e-3,
    options: Mapping[str, Any] | None = None,
    floats: float = 2,
) -> None:
    """Add a class to OPTIMIZERS, for runs and `build_optimizer`; each decay method wraps its step.

    `cls` is a subclass of torch.optim.Optimizer that takes `lr`. `label` is the displayed name (default: the name of
    the class), `lr` the first learning rate of the form, `options` the keyword arguments of the class, and `floats` the
    values of state per weight, for memory estimates. Raises ValueError for an invalid value.
    """
    check_new_name("optimizer", name, _OPTIMIZERS, 40)
    if not isinstance(cls, type) or not any(f"{c.__module__}.{c.__name__}" == BASE for c in cls.__mro__):
        raise ValueError(f"optimizer {name!r}: {cls!r} is not a subclass of torch.optim.Optimizer")
    if "lr" not in inspect.signature(cls).parameters:
        raise ValueError(f"optimizer {name!r}: {cls.__name__} has no parameter lr, which decay needs")
    if not 0 < lr < float("inf"):
        raise ValueError(f"optimizer {name!r}: lr is {lr}: it must be greater than 0 and finite")
    _OPTIMIZERS[name] = Optimizer(label or cls.__name__, cls, lr, floats + COPY, dict(options or {}))


BASE = "torch.optim.optimizer.Optimizer"


def get_optimizer(name: str) -> Optimizer:
    """Return the row called `name`, or one for a `package.module:Class`. Raises ConfigError for an unknown name."""
    if name in OPTIMIZERS:
        return OPTIMIZERS[name]
    if CLASS_NAME.fullmatch(name) and not name.startswith("timm:"):
        return Optimizer(name.rpartition(":")[2], name, 1e-3, 2 + COPY)
    near = difflib.get_close_matches(name, OPTIMIZERS, 3, 0.5)
    meant = f"; did you mean {' or '.join(near)}?" if near else ""
    allowed = "adam, sgd, names of torch.optim in lower case, timm:NAME and package.module:Class"
    raise ConfigError.of("optimizer", f"is {name[:60]!r}: allowed are {allowed}{meant}")


def names_a_module(name: str) -> bool:
    """Return whether the name is a `package.module:Class`, so that its module would be imported."""
    return name not in OPTIMIZERS and CLASS_NAME.fullmatch(name) is not None


def optimizer_label(name: str) -> str:
    """Return the label to display; for an unknown name (for example of a missing plug-in) the name itself."""
    return OPTIMIZERS[name].label if name in OPTIMIZERS else name.rpartition(":")[2]


_modules_allowed = True


def forbid_modules() -> None:
    """Make this process refuse to import modules named by a run, because it serves visitors of a page."""
    global _modules_allowed
    _modules_allowed = False


def check_module(name: str) -> None:
    """Raise ValueError if this process may not import the module in `name`."""
    if not _modules_allowed and names_a_module(name):
        raise ValueError(f"optimizer {NO_MODULES.format(name=name[:60])}")
