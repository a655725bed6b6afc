"""timm's ConvNeXt at small maps: the same function of the same parameters, with less work per step.

The residual stream [B, P, C] (P places of a square map) has the parameters' dtype, as under timm's autocast; products
use the compute dtype.
"""

import torch
from timm.layers import GlobalResponseNormMlp
from torch import Tensor, nn
from torch.nn import functional

from lpwd.training.small_maps.blocks import Draws, Timm, add_branch, norm, patchify, perceptron
from lpwd.training.small_maps.depthwise import depthwise
from lpwd.training.small_maps.products import folds, linear


def block(x: Tensor, b: Timm, side: int, compute: torch.dtype, draws: Draws) -> Tensor:
    """Compute timm's block for x [B, P, C], P = side * side."""
    return add_branch(x, lambda images: _branch(images, b, side, compute), b.drop_path, draws)


def _branch(x: Tensor, b: Timm, side: int, compute: torch.dtype) -> Tensor:
    u = depthwise(x.to(compute), b.conv_dw.weight, b.conv_dw.bias, side)
    if isinstance(b.mlp, GlobalResponseNormMlp):
        z = _response_mlp(norm(u, b.norm), b.mlp, side, compute)
    elif folds(len(x) * side * side, x.shape[-1]):
        return _folded_mlp(u, b, compute)
    else:
        (w1, b1), (w2, b2) = _matrix(b.mlp.fc1), _matrix(b.mlp.fc2)
        z = perceptron(norm(u, b.norm), w1, b1, w2, b2, compute)
    return z if b.gamma is None else z.to(x.dtype) * b.gamma


def _matrix(layer: Timm) -> tuple[Tensor, Tensor]:
    """Return weight [O, I] and bias of a linear layer or a 1 x 1 convolution."""
    return layer.weight.flatten(1), layer.bias


def _folded_mlp(u: Tensor, b: Timm, compute: torch.dtype) -> Tensor:
    """Compute norm, perceptron and layer scale, with the norm's parameters and the scale folded into the matrices."""
    (w1, b1), (w2, b2) = _matrix(b.mlp.fc1), _matrix(b.mlp.fc2)
    w1, b1 = w1 * b.norm.weight, b1 + (w1 * b.norm.bias).sum(1)
    if b.gamma is not None:
        w2, b2 = w2 * b.gamma[:, None], b2 * b.gamma
    return perceptron(functional.layer_norm(u, b.norm.normalized_shape, eps=b.norm.eps), w1, b1, w2, b2, compute)


def _response_mlp(n: Tensor, mlp: Timm, side: int, compute: torch.dtype) -> Tensor:
    """Compute ConvNeXt v2's perceptron, with timm's global response norm between its layers."""
    a = functional.gelu(linear(n, *_matrix(mlp.fc1), compute))
    image = a.view(len(a), side, side, -1)
    by_channel = mlp.grn.channel_dim == 1
    image = mlp.grn(image.permute(0, 3, 1, 2)).permute(0, 2, 3, 1) if by_channel else mlp.grn(image)
    return linear(image.reshape(a.shape), *_matrix(mlp.fc2), compute)


def features(stem: Timm, stages: Timm, pixels: Tensor, compute: torch.dtype, draws: Draws) -> Tensor:
    """Return stages(stem(pixels)) [B, C, h, w] for square pixels [B, 3, H, H]."""
    conv, stem_norm = stem
    x = norm(patchify(pixels.permute(0, 2, 3, 1).contiguous(), conv, compute), stem_norm)
    for stage in stages:
        if not isinstance(stage.downsample, nn.Identity):
            stage_norm, cut = stage.downsample
            x = patchify(norm(x, stage_norm), cut, compute)
        batch, side, _, channels = x.shape
        x = x.reshape(batch, side * side, channels).to(conv.weight.dtype)
        for b in stage.blocks:
            x = block(x, b, side, compute, draws)
        x = x.view(batch, side, side, channels)
    return x.permute(0, 3, 1, 2)
