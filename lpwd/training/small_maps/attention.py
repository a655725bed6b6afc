"""Attention over small groups of places with a bias, forward and backward."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from lpwd.training.small_maps.products import product


class _Attention(torch.autograd.Function):
    """G groups of N places, H heads of width D, K = N keys or N + 1; see `attention`."""

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, padded: Tensor | None, bias: Tensor, scale: float) -> Tensor:
        batch = len(qkv)
        groups, heads, places, keys = bias.shape
        parts = qkv.view(batch, groups, places, 3, heads, -1).permute(3, 0, 1, 4, 2, 5)  # [3, B, G, H, N, D]
        width = parts.shape[-1]
        q = torch.mul(parts[0], scale).contiguous().view(-1, places, width)
        kv = qkv.new_empty(2, batch, groups, heads, keys, width)
        kv[..., :places, :] = parts[1:]
        if padded is not None:
            kv[..., places, :] = padded[:, None, None]
        k, v = kv.view(2, -1, keys, width)
        scores = product(q, k.transpose(1, 2))
        scores.view(batch, groups, heads, places, keys).add_(bias.to(scores.dtype))
        weights = torch.softmax(scores, -1)
        out = product(weights, v).view(batch, groups, heads, places, width)
        ctx.save_for_backward(q, kv, weights)
        ctx.scale, ctx.bias_type, ctx.padded_type = scale, bias.dtype, None if padded is None else padded.dtype
        return out.transpose(2, 3).reshape(batch, groups * places, heads * width)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        q, kv, weights = ctx.saved_tensors
        _, batch, groups, heads, keys, width = kv.shape
        places = q.shape[1]
        k, v = kv.view(2, -1, keys, width)
        g = g.view(batch, groups, places, heads, width).transpose(2, 3).reshape(-1, places, width)
        gv = product(weights.transpose(1, 2), g)
        gw = product(g, v.transpose(1, 2))
        gs = torch.ops.aten._softmax_backward_data(gw, weights, -1, weights.dtype)
        gq, gk = product(gs, k).mul_(ctx.scale), product(gs.transpose(1, 2), q)
        out = g.new_empty(batch, groups, places, 3, heads, width)
        parts = out.permute(3, 0, 1, 4, 2, 5)
        gk, gv = gk.view(kv.shape[1:]), gv.view(kv.shape[1:])
        parts[0] = gq.view(parts.shape[1:])
        parts[1], parts[2] = gk[..., :places, :], gv[..., :places, :]
        gpadded = None
        if ctx.padded_type is not None:
            gpadded = torch.stack([of[..., places, :].sum((0, 1)) for of in (gk, gv)]).to(ctx.padded_type)
        gbias = gs.view(batch, -1).sum(0).view(groups, heads, places, keys).to(ctx.bias_type)
        return out.view(batch, groups * places, -1), gpadded, gbias, None


def attention(qkv: Tensor, padded: Tensor | None, bias: Tensor, scale: float) -> Tensor:
    """Return softmax(scale q k^T + bias) v, in qkv's dtype.

    qkv is [B, G * N, 3 * H * D], bias [G, H, N, K]. `padded` [2, H, D] is the last of K = N + 1 keys and its value,
    shared by all images and groups; None: K = N.
    """
    return _Attention.apply(qkv, padded, bias, scale)
