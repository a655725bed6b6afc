"""Choose the models that use the small-map path, and replace their forward.

The path computes the same function as timm's model with the same parameters, which are read at each call. It is used:

- for timm's ConvNeXt (v1 and v2, patch stem) and Swin, if `coverage` knows every part of them;
- on a CPU: on a GPU it was not measured, and timm's large kernels are not slow there;
- for first maps with a side of at most LARGEST_MAP: most time is saved at 8 x 8 and below;
- except for Swin's blocks whose windows do not divide a map of more than LARGEST_WHOLE places: attention over the whole
  map costs more there than the padding that it avoids.

Inputs of another size, dtype or device, another autocast, and tracing by torch.compile use timm's layers.
"""

from functools import partial
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from lpwd.training.small_maps import convnext, swin
from lpwd.training.small_maps.blocks import Draws, Timm
from lpwd.training.small_maps.coverage import convnext_sides, is_plain, swin_sides
from lpwd.training.small_maps.swin_layout import Layout, layout

LARGEST_MAP = 16  # places per side
LARGEST_WHOLE = 64  # places

Precision = Literal["bf16", "fp32"]


class Features(Protocol):
    """Function of stem and stages: features of pixels, in a compute dtype and with draws."""

    def __call__(self, pixels: Tensor, compute: torch.dtype, draws: Draws) -> Tensor: ...


class Parts(NamedTuple):
    """A model's children in the order of its forward; holding the model itself would create a reference cycle."""

    stem: nn.Module
    stages: nn.Module
    norm: nn.Module
    head: nn.Module


class SmallMapForward:
    """The `forward` of an accelerated model."""

    def __init__(self, parts: Parts, features: Features, pixel_shape: tuple[int, int, int], half: bool) -> None:
        self.parts, self.features = parts, features
        self.pixel_shape, self.half = pixel_shape, half
        self.generator: torch.Generator | None = None  # for stochastic depth; None: the process-wide generator

    def __call__(self, pixels: Tensor, draws: Draws | None = None) -> Tensor:
        """Return logits [B, classes] of pixels [B, C, H, H]; `draws` replaces the model's own generator."""
        stem, stages, norm, head = self.parts
        compute = self.compute_type(pixels)
        if compute is None:
            return head(norm(stages(stem(pixels))))
        return head(norm(self.features(pixels, compute, draws or Draws(self.generator))))

    def compute_type(self, pixels: Tensor) -> torch.dtype | None:
        """Return the dtype of products under the current autocast, or None if timm's layers must take these pixels."""
        kind = next(self.parts.stem.parameters())
        if torch.compiler.is_compiling() or pixels.shape[1:] != self.pixel_shape or pixels.dtype != kind.dtype:
            return None
        if pixels.device.type != "cpu" or kind.device.type != "cpu":
            return None
        half = torch.is_autocast_enabled("cpu")
        if half != self.half or (half and torch.get_autocast_dtype("cpu") != torch.bfloat16):
            return None
        return torch.bfloat16 if half else kind.dtype


def accelerate(model: nn.Module, *, image_size: int, precision: Precision, device: torch.device) -> bool:
    """Replace model.forward if this model, image size, precision and device are covered and faster.

    Returns whether it was replaced. The model keeps its parameters, their names, its state dict and its own hooks.
    """
    if isinstance(vars(model).get("forward"), SmallMapForward):
        del model.forward  # choose again
    if device.type != "cpu" or not is_plain(model):
        return False
    pieces = _convnext(model, image_size) or _swin(model, image_size)
    if pieces is None:
        return False
    parts, features, channels = pieces
    model.forward = SmallMapForward(parts, features, (channels, image_size, image_size), precision == "bf16")
    return True


def set_generator(model: nn.Module, generator: torch.Generator | None) -> None:
    """Set the generator of an accelerated model's stochastic depth; None: the process-wide generator, as in timm.

    Raises ValueError if the model is not accelerated, because timm's layers would not use the generator.
    """
    if isinstance(model.forward, SmallMapForward):
        model.forward.generator = generator
    elif generator is not None:
        raise ValueError("the model is not accelerated: it can only use the process-wide generator")


def _convnext(model: Timm, image_size: int) -> tuple[Parts, Features, int] | None:
    sides = convnext_sides(model, image_size)
    if sides is None or max(sides) > LARGEST_MAP:
        return None
    parts = Parts(model.stem, model.stages, model.norm_pre, model.head)
    return parts, partial(convnext.features, parts.stem, parts.stages), model.stem[0].in_channels


def _swin(model: Timm, image_size: int) -> tuple[Parts, Features, int] | None:
    sides = swin_sides(model, image_size)
    if sides is None or max(sides) > LARGEST_MAP:
        return None
    parts = Parts(model.patch_embed, model.layers, model.norm, model.head)
    layouts = [[_paying_layout(block) for block in layer.blocks] for layer in model.layers]
    if any(None in of_layer for of_layer in layouts) and any(getattr(m, "drop_prob", 0) for m in model.modules()):
        return None  # timm's blocks would draw from the process-wide generator
    return parts, partial(swin.features, parts.stem, parts.stages, layouts), model.patch_embed.proj.in_channels


def _paying_layout(block: Timm) -> Layout | None:
    its = layout(block)
    return None if its.padded and its.places > LARGEST_WHOLE else its
