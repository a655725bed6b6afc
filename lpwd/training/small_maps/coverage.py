"""Check which of timm's models the small-map path covers; all others use timm's own forward.

Types must match exactly, because a subclass or a parametrized layer may compute something else.
"""

from timm.layers import DropPath, GlobalResponseNormMlp, LayerNorm, LayerNorm2d, Mlp, PatchEmbed
from timm.layers.activations import GELU
from timm.models.convnext import ConvNeXt, ConvNeXtBlock, ConvNeXtStage
from timm.models.swin_transformer import (
    PatchMerging,
    SwinTransformer,
    SwinTransformerBlock,
    SwinTransformerStage,
    WindowAttention,
)
from torch import nn

from lpwd.training.small_maps.blocks import Timm

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def is_plain(model: nn.Module) -> bool:
    """Return whether the model has no dropout, no hooks on inner modules, no recomputation and one parameter dtype."""
    inner = [module for module in model.modules() if module is not model]
    return (
        not any(getattr(module, name) for module in inner for name in HOOKS)
        and not any("forward" in vars(module) for module in model.modules())
        and not any(isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0 for module in inner)
        and not any(getattr(module, "grad_checkpointing", False) for module in inner)
        and len({parameter.dtype for parameter in model.parameters()}) == 1
    )


def convnext_sides(model: Timm, image_size: int) -> list[int] | None:
    """Return the side of each stage's map, or None if a part of the model is not covered."""
    if type(model) is not ConvNeXt or not _is_sequence(model.stem, 2):
        return None
    side = _cut_side(model.stem[0], image_size) if _is_norm(model.stem[1]) else None
    sides: list[int] = []
    for stage in model.stages:
        if type(stage) is not ConvNeXtStage or not all(map(_is_convnext_block, stage.blocks)):
            return None
        if type(stage.downsample) is not nn.Identity:
            if not _is_sequence(stage.downsample, 2) or not _is_norm(stage.downsample[0]):
                return None
            side = _cut_side(stage.downsample[1], side)
        if side is None:
            return None
        sides.append(side)
    return sides


def swin_sides(model: Timm, image_size: int) -> list[int] | None:
    """Return the side of each layer's map, or None if a part of the model is not covered."""
    if type(model) is not SwinTransformer or type(model.patch_embed) is not PatchEmbed:
        return None
    embed = model.patch_embed
    if embed.img_size != (image_size, image_size) or not _is_norm(embed.norm) or embed.dynamic_img_pad:
        return None
    side = _cut_side(embed.proj, image_size)
    sides: list[int] = []
    for layer in model.layers:
        if type(layer) is not SwinTransformerStage or not all(map(_is_swin_block, layer.blocks)):
            return None
        if type(layer.downsample) is not nn.Identity:
            if type(layer.downsample) is not PatchMerging or not _is_norm(layer.downsample.norm):
                return None
            side = None if side is None or side % 2 else side // 2
        if side is None or not all(_takes(b, side) for b in layer.blocks):
            return None
        sides.append(side)
    return sides


def _takes(b: Timm, side: int) -> bool:
    return tuple(b.input_resolution) == (side, side)


def _is_sequence(module: Timm, length: int) -> bool:
    return type(module) is nn.Sequential and len(module) == length


def _is_norm(module: Timm) -> bool:
    """Return whether this is layer normalization over the channels, with weight and bias, in the dtype of its input."""
    return (
        type(module) in (LayerNorm, LayerNorm2d, nn.LayerNorm)
        and not getattr(module, "_fast_norm", False)
        and len(module.normalized_shape) == 1
        and module.weight is not None
        and module.bias is not None
    )


def _cut_side(conv: Timm, side: int | None) -> int | None:
    """Return the side of the map after a convolution that cuts patches, or None for any other convolution."""
    if type(conv) is not nn.Conv2d or side is None or conv.groups != 1 or conv.padding not in ((0, 0), 0):
        return None
    kernel = conv.kernel_size[0]
    if conv.kernel_size != (kernel, kernel) or conv.stride != conv.kernel_size or conv.dilation != (1, 1):
        return None
    return None if side % kernel else side // kernel


def _is_linear(module: Timm) -> bool:
    """Return whether this is a linear layer, or a 1 x 1 convolution, with a bias."""
    if type(module) is nn.Conv2d:
        plain = module.kernel_size == module.stride == (1, 1) and module.groups == 1
        return plain and module.padding in ((0, 0), 0) and module.bias is not None
    return type(module) is nn.Linear and module.bias is not None


def _is_gelu(module: Timm) -> bool:
    return type(module) is GELU or (type(module) is nn.GELU and module.approximate == "none")


def _is_perceptron(mlp: Timm) -> bool:
    if type(mlp) not in (Mlp, GlobalResponseNormMlp) or not (_is_linear(mlp.fc1) and _is_linear(mlp.fc2)):
        return False
    return _is_gelu(mlp.act) and (type(mlp) is GlobalResponseNormMlp or type(mlp.norm) is nn.Identity)


def _is_path(drop: Timm) -> bool:
    return type(drop) is nn.Identity or (type(drop) is DropPath and drop.scale_by_keep)


def _is_convnext_block(b: Timm) -> bool:
    if type(b) is not ConvNeXtBlock or type(b.conv_dw) is not nn.Conv2d or type(b.shortcut) is not nn.Identity:
        return False
    conv, kernel = b.conv_dw, b.conv_dw.kernel_size[0]
    return (
        conv.kernel_size == (kernel, kernel)
        and kernel % 2 == 1
        and conv.padding == (kernel // 2, kernel // 2)
        and conv.padding_mode == "zeros"
        and conv.stride == conv.dilation == (1, 1)
        and conv.groups == conv.in_channels == conv.out_channels
        and conv.bias is not None
        and _is_norm(b.norm)
        and _is_perceptron(b.mlp)
        and _is_path(b.drop_path)
    )


def _is_swin_block(b: Timm) -> bool:
    return (
        type(b) is SwinTransformerBlock
        and type(b.attn) is WindowAttention
        and type(b.attn.qkv) is nn.Linear
        and b.attn.qkv.bias is not None
        and type(b.attn.proj) is nn.Linear
        and not b.dynamic_mask
        and type(b.mlp) is Mlp
        and _is_perceptron(b.mlp)
        and _is_norm(b.norm1)
        and _is_norm(b.norm2)
        and _is_path(b.drop_path1)
        and _is_path(b.drop_path2)
    )
