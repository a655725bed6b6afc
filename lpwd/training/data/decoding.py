"""One encoded image of any kind that Pillow reads as uint8 RGB, and images of mixed sizes as one array."""

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from PIL import Image, ImageOps

from lpwd.cgroups import usable_cores
from lpwd.config import ConfigError
from lpwd.training.data.contents import Item
from lpwd.training.data.images import UInt8

HIGH_BYTE = 8  # bits that a 16-bit grey value loses: Pillow keeps the high byte of 16-bit colours, too
CHUNK = 200  # images that a thread decodes in a row


def decode(content: bytes, name: str) -> UInt8:
    """Return Pillow's `convert("RGB")` of an image, uint8 [H, W, 3], turned as its EXIF orientation says.

    Transparency is dropped, not blended; an animation gives its first frame; 16-bit grey keeps its high byte. Raises
    ConfigError, which names the file, for what Pillow cannot read, is too large for it or has floating-point pixels.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            return np.asarray(_grey8(ImageOps.exif_transpose(image), name).convert("RGB"))
    except ConfigError:
        raise
    except Image.UnidentifiedImageError:
        raise ConfigError(f"{name} is not an image that Pillow reads") from None
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise ConfigError(f"{name} cannot be decoded ({str(error).partition(chr(10))[0][:120]})") from None


def _grey8(image: Image.Image, name: str) -> Image.Image:
    if image.mode == "F":
        raise ConfigError(f"{name} has floating-point pixels: save it with 8 or 16 bits")
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 0xFFFF:
        raise ConfigError(f"{name} has values from {values.min()} to {values.max()}: 16 bits are allowed")
    return Image.fromarray((values >> HIGH_BYTE).astype(np.uint8))


def resize(image: UInt8, size: int) -> UInt8:
    """[H, W, 3] at `size` x `size` pixels: area averaging if a side shrinks, else bilinear; the aspect may change."""
    if image.shape[:2] == (size, size):
        return image
    method = cv2.INTER_AREA if size < max(image.shape[:2]) else cv2.INTER_LINEAR
    return cv2.resize(image, (size, size), interpolation=method).astype(np.uint8, copy=False)


def decode_all(items: Sequence[Item], size: int) -> UInt8:
    """All images as uint8 [N, size, size, 3]. Raises ConfigError for the first one that cannot be used."""
    images = np.empty((len(items), size, size, 3), np.uint8)

    def decode_chunk(start: int) -> None:
        for index in range(start, min(start + CHUNK, len(items))):
            item = items[index]
            images[index] = resize(decode(item.read(), item.name), size)

    with ThreadPoolExecutor(max_workers=min(8, usable_cores())) as pool:
        list(pool.map(decode_chunk, range(0, len(items), CHUNK)))
    return images
