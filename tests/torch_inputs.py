"""Our optimizers as entries of torch's own test suite: `OptimizerInfo` with torch's inputs and one more for each decay.

`torch.testing._internal.common_optimizers` ships with torch; test/test_optim.py, which runs it, does not. What it
checks is written anew in torch_checks.py and torch_state_checks.py; torch_suite.py prints what came of it.
"""

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.testing._internal import common_optimizers as theirs
from torch.testing._internal.common_optimizers import OptimizerInfo, OptimizerInput

import lpwd
from lpwd.methods import TIMINGS

IMPLEMENTATIONS = ("foreach", "fused")
AMSGRAD = "amsgrad is refused: the paper has no largest v (the check `refused` says how)"


def _with_decays(inputs: list[OptimizerInput], kind: type) -> list[OptimizerInput]:
    own = [
        OptimizerInput(None, {"weight_decay": 0.1, "decay": timing}, f"decay {timing}")
        for timing in TIMINGS
        if timing not in kind.forbidden  # type: ignore[attr-defined]
    ]
    independent = OptimizerInput(None, {"weight_decay": 1e-3, "decay": "pwd", "independent": True}, "independent")
    return [*inputs, *own, independent]


def adam_inputs(device: str, dtype: torch.dtype | None = None) -> list[OptimizerInput]:
    """torch's inputs of Adam and ours; tensor learning rate and betas too, which torch samples on GPUs alone."""
    betas = (torch.tensor(0.9), torch.tensor(0.99))
    tensors = [
        OptimizerInput(None, {"lr": torch.tensor(0.001)}, "tensor lr"),
        OptimizerInput(None, {"lr": torch.tensor(0.001), "betas": betas}, "tensor lr, tensor betas"),
    ]
    return _with_decays(theirs.optim_inputs_func_adam(device, dtype) + tensors, lpwd.Adam)


def sgd_inputs(device: str, dtype: torch.dtype | None = None) -> list[OptimizerInput]:
    """torch's inputs of SGD and ours."""
    return _with_decays(theirs.optim_inputs_func_sgd(device, dtype), lpwd.SGD)


def _info(kind: type, of_torch: OptimizerInfo, inputs: Any) -> OptimizerInfo:
    return OptimizerInfo(
        kind,
        optim_inputs_func=inputs,
        scheduler_inputs=of_torch.scheduler_inputs,
        supported_impls=IMPLEMENTATIONS,
        supports_sparse=of_torch.supports_sparse,
        has_capturable_arg=of_torch.has_capturable_arg,
        metadata_for_sparse=of_torch.metadata_for_sparse,
        optim_error_inputs_func=of_torch.optim_error_inputs_func,
        supports_fused_on=of_torch.supports_fused_on,
    )


_OF_TORCH = {info.optim_cls: info for info in theirs.optim_db}
INFOS = {
    "Adam": _info(lpwd.Adam, _OF_TORCH[torch.optim.Adam], adam_inputs),
    "SGD": _info(lpwd.SGD, _OF_TORCH[torch.optim.SGD], sgd_inputs),
}


def inputs_with_kernels(info: OptimizerInfo) -> Iterator[OptimizerInput]:
    """Each input in torch's for-loop, foreach and fused kernel, as torch's suite makes them, and with the choice ours.

    torch itself refuses tensors for lr and betas in foreach without capturable: its error inputs hold that.
    """
    for plain in info.optim_inputs_func("cpu"):
        yield OptimizerInput(None, copy.deepcopy(plain.kwargs), f"{plain.desc} & automatic")
    for each in theirs._get_optim_inputs_including_global_cliquey_kwargs("cpu", torch.float32, info):
        if not (each.kwargs.get("foreach") and isinstance(each.kwargs.get("lr"), Tensor)):
            yield each


class Net:
    """Two parameters and the loss that torch's suite descends: |W x + b|^2, in float64 unless told."""

    def __init__(self, *, contiguous: bool = True, dtype: torch.dtype = torch.float64) -> None:
        generator = torch.Generator().manual_seed(0)

        def values(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

        weight, bias = values(10, 5, 2), values(10, 2)
        weight, bias = weight[..., 0], bias[..., 0]
        self.x = values(5)
        self.weight = nn.Parameter(weight.contiguous() if contiguous else weight)
        self.bias = nn.Parameter(bias.contiguous() if contiguous else bias)
        self.params = [self.weight, self.bias]

    def loss(self) -> Tensor:
        return (self.weight.mv(self.x) + self.bias).square().sum()

    def closure(self, optimizer: torch.optim.Optimizer) -> Any:
        def evaluate() -> Tensor:
            optimizer.zero_grad()
            loss = self.loss()
            loss.backward()
            return loss

        return evaluate

    def flat(self) -> Tensor:
        return torch.cat([p.detach().reshape(-1) for p in self.params])


def built(info: OptimizerInfo, params: Any, sample: OptimizerInput, **options: Any) -> Any:
    return info.optim_cls(params, **(copy.deepcopy(sample.kwargs) | options))  # type: ignore[operator]


def step(optimizer: Any) -> None:
    """A step from gradients set by hand. Pwd has to decay before them: there is no forward pass that could do it."""
    optimizer.decay_()
    optimizer.step()
