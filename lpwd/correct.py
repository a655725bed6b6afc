"""Which test images a run got right, as text: one bit per image, in the order of the test set. No torch here."""

import base64
import binascii
import math

import numpy as np


def packed(correct: np.ndarray) -> str:
    """Base64 of the bits of a boolean array [images]; 1.7 kB for 10,000."""
    return base64.b64encode(np.packbits(correct).tobytes()).decode("ascii")


def unpacked(text: str, images: int) -> np.ndarray:
    """The boolean array [images]. Raises ValueError for text that `packed` did not write for so many images."""
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("correct is not base64") from None
    if len(content) != math.ceil(images / 8):
        raise ValueError(f"correct has {len(content):,} bytes: {images:,} test images take {math.ceil(images / 8):,}")
    return np.unpackbits(np.frombuffer(content, np.uint8), count=images).astype(bool)
