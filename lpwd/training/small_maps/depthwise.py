"""A depthwise k x k convolution (stride 1, padding k // 2) at small maps, forward and backward.

torch's convolution costs k * k products per place, although at a 2 x 2 map only 4 of 49 taps touch the map, and its
weight gradient is even slower. x is [B, P, C], P = side * side places; the weight [C, 1, k, k] and the bias [C] are
parameters, which are converted to x's dtype here.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from lpwd.training.small_maps.products import column_sum, product, transposed, widens

Saved = tuple[Tensor, ...]  # tensors saved for the backward pass
CONVOLVE_FROM = 3  # from this side on, torch's convolution is faster than one P x P product per channel
PRODUCT_UP_TO = 8  # up to this side, one P x P product per channel is faster than torch's weight gradient


class Method(NamedTuple):
    """forward(x, weight, bias, side) -> (y, saved); backward(g, saved, weight, side) -> gradients of x and weight."""

    forward: Callable[[Tensor, Tensor, Tensor, int], tuple[Tensor, Saved]]
    backward: Callable[[Tensor, Saved, Tensor, int], tuple[Tensor, Tensor]]


def method(side: int) -> Method:
    """Return the fastest method at maps of `side` x `side`; measured on AVX-512 BF16, one thread."""
    if side == 1:
        return Method(_centre, _centre_backward)
    if side < CONVOLVE_FROM:
        return Method(_product, _product_backward)
    return Method(_convolve, _convolve_backward if side <= PRODUCT_UP_TO else _convolve_backward_large)


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, side: int) -> Tensor:
        y, saved = method(side).forward(x, weight, bias, side)
        ctx.save_for_backward(weight, *saved)
        ctx.side = side
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        weight, *saved = ctx.saved_tensors
        g = g.contiguous()
        gx, gw = method(ctx.side).backward(g, tuple(saved), weight, ctx.side)
        return gx, gw, column_sum(g.flatten(0, 1)).to(weight.dtype), None


def depthwise(x: Tensor, weight: Tensor, bias: Tensor, side: int) -> Tensor:
    """Convolve x [B, P, C] in x's dtype; gradients of the parameters have their dtype."""
    return _Depthwise.apply(x, weight, bias, side)


@lru_cache(maxsize=64)
def taps(side: int, kernel: int) -> Tensor:
    """Return [P * P]: at q * P + p, the kernel tap from input place q to output place p, or k * k for none."""
    r = torch.arange(side)
    y, x = (m.flatten() for m in torch.meshgrid(r, r, indexing="ij"))
    dy, dx = y[:, None] - y[None] + kernel // 2, x[:, None] - x[None] + kernel // 2
    touches = (dy >= 0) & (dy < kernel) & (dx >= 0) & (dx < kernel)
    return torch.where(touches, dy * kernel + dx, kernel * kernel).flatten()


def _centre(x: Tensor, weight: Tensor, bias: Tensor, side: int) -> tuple[Tensor, Saved]:
    """Convolve a map of one place, which only the centre tap touches."""
    tap = weight[:, 0, weight.shape[-1] // 2, weight.shape[-1] // 2].to(x.dtype)
    return torch.addcmul(bias.to(x.dtype), x, tap), (x, tap)


def _centre_backward(g: Tensor, saved: Saved, weight: Tensor, side: int) -> tuple[Tensor, Tensor]:
    x, tap = saved
    gradient = torch.zeros_like(weight)
    centre = weight.shape[-1] // 2
    gradient[:, 0, centre, centre] = column_sum((g * x).flatten(0, 1)).to(weight.dtype)
    return g * tap, gradient


def _by_channel(x: Tensor) -> Tensor:
    """Rearrange [B, P, C] to [C, B, P]."""
    return transposed(x.reshape(-1, x.shape[-1])).view(x.shape[-1], x.shape[0], x.shape[1])


def _by_image(x: Tensor) -> Tensor:
    """Rearrange [C, B, P] to [B, P, C]."""
    return transposed(x.view(len(x), -1)).view(x.shape[1], x.shape[2], len(x))


def _product(x: Tensor, weight: Tensor, bias: Tensor, side: int) -> tuple[Tensor, Saved]:
    """Convolve by one product [B, P] x [P, P] per channel."""
    channels, places = x.shape[2], x.shape[1]
    kernels = functional.pad(weight.reshape(channels, -1), (0, 1)).to(x.dtype)  # the last column: no tap
    kernels = kernels.index_select(1, taps(side, weight.shape[-1])).view(channels, places, places)
    rows = _by_channel(x)
    return _by_image(product(rows, kernels)).add_(bias.to(x.dtype)), (rows, kernels)


def _product_backward(g: Tensor, saved: Saved, weight: Tensor, side: int) -> tuple[Tensor, Tensor]:
    rows, kernels = saved
    g = _by_channel(g)
    return _by_image(product(g, kernels.transpose(1, 2))), _tap_gradient(rows, g, weight, side)


def _tap_gradient(rows: Tensor, g: Tensor, weight: Tensor, side: int) -> Tensor:
    """Return the weight's gradient from inputs and output gradients [C, B, P]: a P x P product, summed by tap."""
    kernel = weight.shape[-1]
    by_place = product(rows.transpose(1, 2), g).to(weight.dtype).flatten(1)
    gradient = by_place.new_zeros(len(rows), kernel * kernel + 1).index_add_(1, taps(side, kernel), by_place)
    return gradient[:, :-1].reshape(weight.shape)


def _image(x: Tensor, side: int) -> Tensor:
    """View [B, P, C] as an image [B, C, side, side], channels-last in memory."""
    return x.view(len(x), side, side, x.shape[-1]).permute(0, 3, 1, 2)


def _rows(image: Tensor) -> Tensor:
    """Invert `_image`."""
    return image.permute(0, 2, 3, 1).reshape(len(image), -1, image.shape[1])


def _convolve(x: Tensor, weight: Tensor, bias: Tensor | None, side: int) -> tuple[Tensor, Saved]:
    if widens(x.dtype):
        with torch.autocast("cpu", enabled=False):
            return _convolve(x.float(), weight.to(x.dtype).float(), bias, side)[0].to(x.dtype), (x,)
    kernel = weight.to(x.dtype, memory_format=torch.channels_last)
    bias = None if bias is None else bias.to(x.dtype)
    y = functional.conv2d(_image(x, side), kernel, bias, padding=weight.shape[-1] // 2, groups=x.shape[-1])
    return _rows(y), (x,)


def _convolve_backward(g: Tensor, saved: Saved, weight: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Return the gradients; that of x is a convolution with the flipped kernel."""
    gx, _ = _convolve(g, weight.flip(2, 3), None, side)
    return gx, _tap_gradient(_by_channel(saved[0]), _by_channel(g), weight, side)


def _convolve_backward_large(g: Tensor, saved: Saved, weight: Tensor, side: int) -> tuple[Tensor, Tensor]:
    kernel, padding = weight.to(g.dtype, memory_format=torch.channels_last), weight.shape[-1] // 2
    gx, gw, _ = torch.ops.aten.convolution_backward(
        *(_image(g, side), _image(saved[0], side), kernel, None),
        *([1, 1], [padding, padding], [1, 1], False, [0, 0], len(weight), [True, True, False]),
    )
    return _rows(gx), gw.to(weight.dtype)
