"""torch's own optimizer suite with ours registered, as a table: python tests/torch_suite.py > docs/optimizers.md"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType

import pytest
import torch
import torch_checks
import torch_state_checks
from torch.testing._internal.common_optimizers import OptimizerInfo, OptimizerInput
from torch_inputs import AMSGRAD, INFOS, inputs_with_kernels

Check = Callable[[OptimizerInfo, OptimizerInput], None]
NOT_RUN = {
    "capturable (5 inputs of Adam)": "torch samples it on GPUs alone: it needs CUDA graphs",
    "differentiable (2 checks)": "refused with a sentence: a decay changes weights in place, unseen by autograd",
    "goes_right_direction_multigpu, mixed_device_dtype, state_dict_with_cuda_params, cpu_load_state_dict, "
    "fused_cpu_matches_cuda, peak_memory_foreach, graph": "need a GPU",
    "foreach_large_tensor, fused_large_tensor": "need 72 GB",
}

INTRODUCTION = """Written by `python tests/torch_suite.py > docs/optimizers.md`; `tests/test_torch_suite.py` runs each
case. The inputs, schedulers and refusals are those of `torch.testing._internal.common_optimizers`, and one more input
for each `decay`, in the for-loop, foreach and fused kernel and with the choice ours; the checks bear the names of
torch's test_optim.py, which is not shipped. torch {torch}, on a CPU. Cells: passed / failed / skipped.
"""


def checks_of(module: ModuleType) -> Iterator[tuple[str, Check]]:
    """The checks that a module defines: its functions of (info, sample)."""
    for name, value in vars(module).items():
        arguments = value.__code__.co_varnames[:2] if hasattr(value, "__code__") else ()
        if arguments == ("info", "sample") and not name.startswith("_") and value.__module__ == module.__name__:
            yield name, value


HELPERS = {"same_as"}
CHECKS = {
    name: check
    for module in (torch_checks, torch_state_checks)
    for name, check in checks_of(module)
    if name not in HELPERS
}


@dataclass(frozen=True)
class Case:
    """One check of one input of one optimizer."""

    check: str
    optimizer: str
    sample: OptimizerInput

    def __str__(self) -> str:
        given = getattr(self.sample, "optimizer_error_input", self.sample)
        return f"{self.check}-{self.optimizer}-{given.desc}"

    def run(self) -> None:
        """Raises AssertionError where it fails, pytest's Skipped, with the reason, where it does not apply."""
        if getattr(self.sample, "kwargs", {}).get("amsgrad"):
            pytest.skip(AMSGRAD)
        CHECKS[self.check](INFOS[self.optimizer], self.sample)


def cases() -> Iterator[Case]:
    """Every check of every input of torch's and ours in every kernel."""
    for optimizer, info in INFOS.items():
        for error in info.optim_error_inputs_func("cpu", torch.float32):
            yield Case("errors", optimizer, error)
        for check in CHECKS:
            if check != "errors":
                yield from (Case(check, optimizer, sample) for sample in inputs_with_kernels(info))


KINDS = ("passed", "failed", "skipped")


def outcome(case: Case) -> tuple[str, str]:
    """One of KINDS, and why."""
    torch.manual_seed(0)
    try:
        case.run()
    except pytest.skip.Exception as reason:
        return "skipped", str(reason)
    except (Exception, pytest.fail.Exception) as error:
        return "failed", f"{case}: {type(error).__name__}: {str(error)[:500]}"
    return "passed", ""


def table() -> str:
    """The page in docs: a row a check, with what is not run and why."""
    counts = {check: {name: Counter[str]() for name in INFOS} for check in CHECKS}
    reasons: dict[tuple[str, str], Counter[str]] = {}
    for case in cases():
        kind, why = outcome(case)
        counts[case.check][case.optimizer][kind] += 1
        if why:
            reasons.setdefault((kind, case.check), Counter())[why] += 1
    lines = [
        "# torch's own optimizer suite, with ours",
        "",
        INTRODUCTION.format(torch=torch.__version__.split("+")[0]),
        "| check | lpwd.Adam | lpwd.SGD |",
        "|---|---|---|",
    ]
    for check, by_optimizer in counts.items():
        cells = [" / ".join(str(c[k]) for k in KINDS) for c in by_optimizer.values()]
        lines.append(f"| {check} | {' | '.join(cells)} |")
    lines += ["", "| skipped in | cases | because |", "|---|---|---|"]
    shared = sum(whys.pop(AMSGRAD, 0) for whys in reasons.values())
    lines.append(f"| every check | {shared} | {AMSGRAD} |")
    for (kind, check), whys in reasons.items():
        lines += [f"| {check}{' FAILED' * (kind == 'failed')} | {n} | {why} |" for why, n in whys.items()]
    lines += ["", "| not run | because |", "|---|---|"]
    lines += [f"| {what} | {why} |" for what, why in NOT_RUN.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(), end="")
