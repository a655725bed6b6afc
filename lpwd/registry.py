"""Checks that all tables share which plug-ins extend: methods, optimizers, data sets and models."""

import inspect
import re
from collections.abc import Container
from typing import Any


def check_new_name(kind: str, name: str, taken: Container[str], length: int) -> None:
    """Raise ValueError if the name is taken or cannot be part of a run id."""
    if not re.fullmatch(f"[a-z][a-z0-9_]{{0,{length - 1}}}", name):
        allowed = f"up to {length} lower-case letters, digits and _, starting with a letter"
        raise ValueError(f"{kind} is {name!r}: a name has {allowed}")
    if name in taken:
        raise ValueError(f"{kind} {name!r} exists already: choose another name")


def accepts(function: Any, *keywords: str, positional: bool = False) -> bool:
    """Return whether a callable takes these keyword arguments, and one positional argument if `positional`."""
    try:
        inspect.signature(function).bind(*([None] if positional else []), **dict.fromkeys(keywords))
    except (TypeError, ValueError):
        return False
    return True
