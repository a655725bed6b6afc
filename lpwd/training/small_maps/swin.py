"""timm's Swin at small maps: the same function of the same parameters, with less work per step.

Windows, shift, padding and mask become one bias (see swin_layout); a map of one place needs no attention. The residual
stream [B, P, C] (P places of a square map) has the parameters' dtype; products use the compute dtype.
"""

import torch
from torch import Tensor, nn

from lpwd.training.small_maps.attention import attention
from lpwd.training.small_maps.blocks import Draws, Timm, add_branch, norm, patchify, perceptron
from lpwd.training.small_maps.products import linear
from lpwd.training.small_maps.swin_layout import Layout


def block(x: Tensor, b: Timm, layout: Layout, compute: torch.dtype, draws: Draws) -> Tensor:
    """Compute timm's block for x [B, P, C]."""
    x = add_branch(x, lambda images: _attention_branch(images, b, layout, compute), b.drop_path1, draws)
    return add_branch(x, lambda images: _mlp_branch(images, b, compute), b.drop_path2, draws)


def _attention_branch(x: Tensor, b: Timm, layout: Layout, compute: torch.dtype) -> Tensor:
    n = norm(x, b.norm1)
    attended = _one_place(n, b.attn, compute) if n.shape[1] == 1 else _attended(n, b.attn, layout, compute)
    return linear(attended, b.attn.proj.weight, b.attn.proj.bias, compute)


def _mlp_branch(x: Tensor, b: Timm, compute: torch.dtype) -> Tensor:
    fc1, fc2 = b.mlp.fc1, b.mlp.fc2
    return perceptron(norm(x, b.norm2), fc1.weight, fc1.bias, fc2.weight, fc2.bias, compute)


def _attended(n: Tensor, attn: Timm, layout: Layout, compute: torch.dtype) -> Tensor:
    """Return the output of attention [B, P, C] before its projection, for normalised n."""
    if layout.order is not None:
        n = n.index_select(1, layout.order)
    qkv = linear(n, attn.qkv.weight, attn.qkv.bias, compute)
    padded = attn.qkv.bias.view(3, attn.num_heads, -1)[1:] if layout.padded else None
    merged = layout.merged(len(n))
    bias = layout.bias(attn.relative_position_bias_table, merged)
    attended = attention(qkv.view(-1, bias.shape[0] * bias.shape[2], qkv.shape[-1]), padded, bias, attn.scale)
    attended = attended.view(*n.shape[:2], -1)
    return attended if layout.back is None else attended.index_select(1, layout.back)


def _one_place(n: Tensor, attn: Timm, compute: torch.dtype) -> Tensor:
    """Return the values, because a single place attends to itself with weight 1.

    Queries, keys and the bias table get a gradient of zeros, as in timm.
    """
    values = len(attn.qkv.weight) // 3
    bias = attn.qkv.bias[2 * values :]
    if torch.is_grad_enabled():
        bias = bias + 0 * attn.relative_position_bias_table.sum()
    return linear(n, attn.qkv.weight[2 * values :], bias, compute)


def _merge(x: Tensor, merging: Timm, compute: torch.dtype) -> Tensor:
    """Compute timm's patch merging of x [B, H, W, C], which orders the places of a patch by column, then by row."""
    batch, height, width, channels = x.shape
    cut = x.view(batch, height // 2, 2, width // 2, 2, channels).permute(0, 1, 3, 4, 2, 5)
    cut = cut.reshape(batch, height // 2, width // 2, 4 * channels)
    return linear(norm(cut, merging.norm), merging.reduction.weight, None, compute)


def features(
    embed: Timm,
    layers: Timm,
    layouts: list[list[Layout | None]],
    pixels: Tensor,
    compute: torch.dtype,
    draws: Draws,
) -> Tensor:
    """Return layers(embed(pixels)) [B, h, w, C] for square pixels [B, 3, H, H]; blocks without a layout are timm's."""
    stream = embed.proj.weight.dtype
    x = norm(patchify(pixels.permute(0, 2, 3, 1).contiguous(), embed.proj, compute), embed.norm)
    for layer, of_layer in zip(layers, layouts, strict=True):
        if not isinstance(layer.downsample, nn.Identity):
            x = _merge(x, layer.downsample, compute)
        shape = x.shape
        x = x.reshape(shape[0], -1, shape[-1]).to(stream)
        for b, its in zip(layer.blocks, of_layer, strict=True):
            x = block(x, b, its, compute, draws) if its is not None else b(x.view(shape)).view(x.shape)
        x = x.view(shape)
    return x
