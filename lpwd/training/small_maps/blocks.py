"""Parts shared by the blocks of both families: the norm, the two-layer perceptron and the residual sum."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from timm.layers import DropPath
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from lpwd.training.small_maps.products import affine, column_sum, input_gradient, linear, patches, weight_gradient

aten = torch.ops.aten
ROUND_IMAGES = 8  # the number of images that stochastic depth keeps is rounded up to a multiple of this
Timm = Any  # a module of timm, whose attributes have no types


def norm(x: Tensor, layer: Timm) -> Tensor:
    """Normalise the channels of x [..., C], in x's dtype, for any layout that timm's layer expects."""
    return functional.layer_norm(x, layer.normalized_shape, layer.weight, layer.bias, layer.eps)


def patchify(x: Tensor, conv: Timm, compute: torch.dtype) -> Tensor:
    """Apply a convolution whose kernel equals its stride to x [B, H, W, I], as a linear map of patches."""
    return linear(patches(x, conv.kernel_size[0]), conv.weight, conv.bias, compute)


class _Perceptron(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor, compute: torch.dtype) -> Tensor:
        ctx.x_shape, ctx.x_type, ctx.type = x.shape, x.dtype, w1.dtype
        x, w1, w2 = x.reshape(-1, x.shape[-1]).to(compute), w1.to(compute), w2.to(compute)
        h = affine(x, w1, b1.to(compute))
        a = functional.gelu(h)
        ctx.save_for_backward(x, h, a, w1, w2)
        return affine(a, w2, b2.to(compute)).view(*ctx.x_shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, h, a, w1, w2 = ctx.saved_tensors
        g = g.reshape(-1, len(w2))
        gh = input_gradient(g, w2)
        gw2, gb2 = weight_gradient(g, a).to(ctx.type), column_sum(g).to(ctx.type)
        aten.gelu_backward(gh, h, grad_input=gh)
        gw1, gb1 = weight_gradient(gh, x).to(ctx.type), column_sum(gh).to(ctx.type)
        return input_gradient(gh, w1).view(ctx.x_shape).to(ctx.x_type), gw1, gb1, gw2, gb2, None


def perceptron(x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor, compute: torch.dtype) -> Tensor:
    """Return w2 gelu(w1 x + b1) + b2 for x [..., C], in the compute dtype."""
    if torch.is_grad_enabled():
        return _Perceptron.apply(x, w1, b1, w2, b2, compute)
    return linear(aten.gelu_(linear(x, w1, b1, compute)), w2, b2, compute)


class Draws(NamedTuple):
    """Generator of stochastic depth, and position of a part in its batch: parts use the draws of the whole batch."""

    generator: torch.Generator | None = None  # None: the process-wide generator
    first: int = 0
    images: int | None = None  # in the whole batch; None: the part is the whole batch


def path_factor(drop: Timm, x: Tensor, draws: Draws) -> Tensor | None:
    """Return timm's drop path as one factor per image [B, 1, 1], 0 or 1 / keep; None if nothing is dropped.

    The draws equal timm's for the same state of the generator: torch draws alike for bf16, fp32 and fp64.
    """
    if not isinstance(drop, DropPath) or not drop.training or drop.drop_prob == 0:
        return None
    keep = 1 - drop.drop_prob
    factor = x.new_empty(draws.images or len(x), 1, 1).bernoulli_(keep, generator=draws.generator)
    factor = factor[draws.first : draws.first + len(x)]
    return factor.div_(keep) if keep > 0 else factor


def add_branch(x: Tensor, branch: Callable[[Tensor], Tensor], drop: Timm, draws: Draws) -> Tensor:
    """Return x + path * branch(x) [B, P, C] in x's dtype, with timm's stochastic depth: dropped images skip the branch.

    Some dropped images are included with factor zero, so that the number of images suits products and is at least one,
    and every parameter has a gradient.
    """
    factor = path_factor(drop, x, draws)
    if factor is None:
        return x + branch(x)
    count = -(-max(int(factor.count_nonzero()), 1) // ROUND_IMAGES) * ROUND_IMAGES
    if count >= len(x):
        return torch.addcmul(x, branch(x).to(x.dtype), factor)
    images = factor.flatten().argsort(descending=True, stable=True)[:count]
    z = branch(x.index_select(0, images)).to(x.dtype) * factor.index_select(0, images)
    return x.index_add(0, images, z)
