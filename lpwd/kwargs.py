"""Limits on JSON arguments that a run passes to timm, an optimizer or a data set. They may come from a visitor."""

import re
import reprlib
from typing import Any

from lpwd.errors import ConfigError

# Higher than any class of timm needs.
MAX_NUMBER = 4096  # widths, heads, pixels
MAX_MULTIPLIER = 16  # of widths or depths
MAX_DEPTH = 256  # blocks in all stages together
MAX_ENTRIES, MAX_NESTING, MAX_CHARACTERS = 64, 3, 100
MULTIPLIER, DEPTH = re.compile(r"mult|ratio|scale"), re.compile(r"depth|layers|blocks|repeat")


def check_kwargs(name: str, value: Any, nesting: int = 0) -> None:
    """Raise ConfigError if a part of the arguments is too large, too long or too deeply nested, or not JSON."""
    if isinstance(value, bool | None):
        return
    if isinstance(value, int | float):
        most = MAX_MULTIPLIER if MULTIPLIER.search(name) else MAX_DEPTH if DEPTH.search(name) else MAX_NUMBER
        allowed, allows = -most <= value <= most, f"numbers from {-most} to {most}"
    elif isinstance(value, str):
        allowed, allows = len(value) <= MAX_CHARACTERS, f"texts of at most {MAX_CHARACTERS} characters"
    elif isinstance(value, list | tuple | dict):
        allowed = len(value) <= MAX_ENTRIES and nesting <= MAX_NESTING
        allows = f"at most {MAX_ENTRIES} entries, nested at most {MAX_NESTING} deep,"
    else:
        allowed, allows = False, "numbers, texts, lists and objects of JSON"
    if not allowed:
        raise ConfigError(f"{name} is {shown(value)}: {allows} are allowed", name.partition(".")[0])
    if isinstance(value, dict):
        for key, part in value.items():
            check_kwargs(name.partition(".")[0], str(key), nesting)
            check_kwargs(f"{name}.{key}", part, nesting + 1)
    elif isinstance(value, list | tuple):
        for part in value:
            check_kwargs(name, part, nesting + 1)
        if DEPTH.search(name) and (depth := _sum(value)) > MAX_DEPTH:
            sentence = f"{name} is {shown(value)}, {depth:g} in all: at most {MAX_DEPTH} are allowed"
            raise ConfigError(sentence, name.partition(".")[0])


def _sum(value: Any) -> float:
    """Return the sum of all numbers in nested lists."""
    if isinstance(value, list | tuple):
        return sum(map(_sum, value))
    return value if isinstance(value, int | float) else 0


def shown(value: Any) -> str:
    """Return a repr of about 80 characters at most."""
    if isinstance(value, int) and value.bit_length() > 64:
        return f"a number of {value.bit_length()} bits"
    return reprlib.repr(value)
