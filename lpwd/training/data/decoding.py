"""Decode images of any format that Pillow reads to uint8 RGB, and images of mixed sizes to one array."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps

from lpwd.config import ConfigError
from lpwd.sentences import first_line
from lpwd.training.data.contents import Item
from lpwd.training.data.images import UInt8, in_threads, resize_one

HIGH_BYTE = 8  # bits dropped from 16-bit grey values: Pillow also keeps the high byte of 16-bit colours


def decode(content: bytes, name: str) -> UInt8:
    """Return Pillow's `convert("RGB")` of an image, uint8 [H, W, 3], rotated by its EXIF orientation.

    Transparency is dropped, not blended; an animation gives its first frame; 16-bit grey keeps its high byte. Raises
    ConfigError with the file name for images that Pillow cannot read, that are too large or have float pixels.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            return np.asarray(_grey8(ImageOps.exif_transpose(image), name).convert("RGB"))
    except ConfigError:
        raise
    except Image.UnidentifiedImageError:
        raise ConfigError(f"{name} is not an image that Pillow can read") from None
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise ConfigError(f"{name} cannot be decoded ({first_line(error)})") from None


def _grey8(image: Image.Image, name: str) -> Image.Image:
    if image.mode == "F":
        raise ConfigError(f"{name} has floating-point pixels: save it with 8 or 16 bits")
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 0xFFFF:
        raise ConfigError(f"{name} has values from {values.min()} to {values.max()}: 16 bits are allowed")
    return Image.fromarray((values >> HIGH_BYTE).astype(np.uint8))


def decode_all(items: Sequence[Item], size: int) -> UInt8:
    """Return all images as uint8 [N, size, size, 3]. Raises ConfigError for the first unusable one."""
    images = np.empty((len(items), size, size, 3), np.uint8)

    def decode_item(index: int) -> None:
        item = items[index]
        images[index] = resize_one(decode(item.read(), item.name), size)

    in_threads(decode_item, len(items))
    return images
