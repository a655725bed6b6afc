"""Matrix products and their gradients: operands in the compute dtype, gradients of parameters in the parameters' dtype.

Shapes: x [M, I] rows of inputs, weight [O, I], bias [O], g [M, O] the gradient of the product.

A bf16 product sums in fp32 and rounds once. On processors without an instruction for it, torch's product is seven times
as slow as fp32; here the operands are widened (exactly), multiplied in fp32, and the result is rounded.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from lpwd.training.machine import cpu_has_bf16

ROWS_PER_FOLD = 16  # see `folds`
SUMMED_ROWS = 8192  # see `column_sum`


def transposed(x: Tensor) -> Tensor:
    """Return the contiguous transpose [N, M] of x [M, N]; torch transposes int16 13 times as fast as bf16."""
    if x.dtype == torch.bfloat16:
        return x.view(torch.int16).t().contiguous().view(torch.bfloat16)
    return x.t().contiguous()


@cache
def widens(dtype: torch.dtype) -> bool:
    """Return whether products of this dtype are computed in fp32 and rounded."""
    return dtype == torch.bfloat16 and not cpu_has_bf16()


def product(a: Tensor, b: Tensor) -> Tensor:
    """Return a b for matrices [M, K] and [K, N], or batches [G, M, K] and [G, K, N], in their dtype."""
    if not widens(a.dtype):
        return a @ b
    with torch.autocast("cpu", enabled=False):
        return (a.float() @ b.float()).to(a.dtype)


def affine(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return x weight^T + bias [M, O], all in one dtype."""
    if widens(x.dtype):
        return affine(x.float(), weight.float(), None if bias is None else bias.float()).to(x.dtype)
    if _onednn(x):
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return x @ weight.t() if bias is None else torch.addmm(bias, x, weight.t())


def input_gradient(g: Tensor, weight: Tensor) -> Tensor:
    """Return g weight [M, I]."""
    if g.dtype == torch.float32 and len(g) >= weight.shape[1] and _onednn(g):
        return affine(g, transposed(weight), None)
    return product(g, weight)


def _onednn(x: Tensor) -> bool:
    """Return whether oneDNN's linear layer, which torch.compile uses, supports x.

    In fp32 it is up to a fifth faster than MKL's product here, and in bf16 it adds the bias without an extra pass.
    """
    return bool(torch.backends.mkldnn.enabled) and _onednn_takes(x.dtype)


@cache
def _onednn_takes(dtype: torch.dtype) -> bool:
    """Return whether oneDNN's linear layer supports this dtype here: for bf16 it needs AVX-512."""
    if dtype not in (torch.float32, torch.bfloat16) or not torch.backends.mkldnn.is_available():
        return False
    try:
        torch.ops.mkldnn._linear_pointwise(
            torch.ones(2, 2, dtype=dtype), torch.ones(2, 2, dtype=dtype), None, "none", [], ""
        )
    except (AttributeError, RuntimeError):
        return False
    return True


def weight_gradient(g: Tensor, x: Tensor) -> Tensor:
    """Return g^T x [O, I], contiguous.

    The product copies its first operand transposed. With many rows the narrower operand comes first, although the small
    result must then be transposed.
    """
    if x.shape[1] < g.shape[1] and folds(len(x), x.shape[1]):
        return transposed(product(x.t(), g))
    return product(g.t(), x)


def column_sum(g: Tensor) -> Tensor:
    """Return the sum over rows [O], accumulated at least in fp32; for many bf16 rows a product with ones is faster."""
    if g.dtype == torch.bfloat16 and len(g) > SUMMED_ROWS:
        return product(g.new_ones(1, len(g)), g)[0]
    return g.sum(0)


def folds(rows: int, width: int) -> bool:
    """Return whether to fold per-channel factors (layer scale, a norm's weight) into the next weight.

    This costs passes over width^2 numbers; applying them to the activations costs passes over rows * width.
    """
    return rows >= ROWS_PER_FOLD * width


def flat(weight: Tensor) -> Tensor:
    """Return a weight [O, I] unchanged, and a convolution's weight [O, I, k, k] as one over patches [O, k * k * I]."""
    return weight if weight.ndim == 2 else weight.permute(0, 2, 3, 1).reshape(len(weight), -1)


def unflat(gradient: Tensor, weight: Tensor) -> Tensor:
    """Invert `flat` for a gradient, in the weight's dtype."""
    gradient = gradient.to(weight.dtype)
    if weight.ndim == 2:
        return gradient
    outputs, inputs, height, width = weight.shape
    return gradient.view(outputs, height, width, inputs).permute(0, 3, 1, 2)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, compute: torch.dtype) -> Tensor:
        rows, matrix = x.reshape(-1, x.shape[-1]).to(compute), flat(weight).to(compute)
        ctx.save_for_backward(rows, matrix, weight)
        ctx.x_shape, ctx.x_type = x.shape, x.dtype
        return affine(rows, matrix, None if bias is None else bias.to(compute)).view(*x.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        rows, matrix, weight = ctx.saved_tensors
        g = g.reshape(-1, len(matrix)).to(matrix.dtype)
        for_x, for_weight, for_bias, _ = ctx.needs_input_grad
        return (
            input_gradient(g, matrix).view(ctx.x_shape).to(ctx.x_type) if for_x else None,
            unflat(weight_gradient(g, rows), weight) if for_weight else None,
            column_sum(g).to(weight.dtype) if for_bias else None,
            None,
        )


def linear(x: Tensor, weight: Tensor, bias: Tensor | None, compute: torch.dtype) -> Tensor:
    """Apply a linear map to x [..., I] in the compute dtype; gradients have the dtypes of x and the parameters."""
    return _Linear.apply(x, weight, bias, compute)


def patches(x: Tensor, side: int) -> Tensor:
    """Cut x [B, H, W, C] into patches [B, H/side, W/side, side * side * C], with numbers in the order of `flat`."""
    batch, height, width, channels = x.shape
    cut = x.view(batch, height // side, side, width // side, side, channels).transpose(2, 3)
    return cut.reshape(batch, height // side, width // side, side * side * channels)
