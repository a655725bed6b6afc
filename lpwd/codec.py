"""Convert fields of RunConfig to text and back, for the form, the page's address and the command line."""

import json
import re
import types
import typing
from typing import Any

from lpwd.config import ConfigError, RunConfig

WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
AMBIGUOUS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")  # 1,125 is 1.125 in Berlin and 1125 in Boston
MINUS = "\N{MINUS SIGN}"


def kind(name: str) -> type:
    """Return the type of a field without `| None`: int, float, bool, dict, tuple or str (also for a choice)."""
    inner = inner_type(RunConfig.model_fields[name].annotation)
    origin = typing.get_origin(inner) or inner
    return origin if origin in (int, float, bool, dict, tuple) else str


def inner_type(annotation: Any) -> Any:
    """Return the type in `T | None`."""
    if isinstance(annotation, types.UnionType):
        return next(part for part in typing.get_args(annotation) if part is not type(None))
    return annotation


def is_optional(name: str) -> bool:
    """Return whether the field may be None."""
    return type(None) in typing.get_args(RunConfig.model_fields[name].annotation)


def write(name: str, value: Any) -> str:
    """Return the shortest text from which `read` makes the same value; "" is None, or no model arguments."""
    if value is None or value == {}:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, list | tuple):
        return ",".join(write(name, float(part)) for part in value)
    return json.dumps(value, separators=(",", ":")) if isinstance(value, dict) else str(value)


def read(name: str, text: Any) -> Any:
    """Parse the text of a field. Values that are not text, or that RunConfig parses, are returned unchanged.

    A number has a dot or one comma as its decimal mark, and no thousands separator. Raises ConfigError.
    """
    if not isinstance(text, str) or (of := kind(name)) is bool:
        return text
    given = text.strip()
    if of is dict:
        return _json(name, given or "{}")
    if not given and is_optional(name):
        return None
    if of is tuple:
        return numbers(name, given)
    return _number(name, given.replace(MINUS, "-"), of) if of in (int, float) else given


def numbers(name: str, text: str) -> tuple[float, ...]:
    """Return the numbers in a text with commas, semicolons or spaces between them. Raises ConfigError."""
    parts = [part for part in re.split(r"[,;\s]+", text.strip()) if part]
    if not parts or not all(DECIMAL.fullmatch(part) for part in parts):
        raise ConfigError.of(name, f"is {text[:40]!r}: enter numbers separated by commas, such as 0,0.5,1,2")
    return tuple(map(float, parts))


def _number(name: str, given: str, of: type) -> int | float:
    example = "a whole number without separators, such as 5000" if of is int else "a number, such as 0.5 or 1e-3"
    if not given:
        raise ConfigError.of(name, f"is empty: enter {example}")
    if of is int and WHOLE.fullmatch(given):
        return int(given)
    plain = given.replace(",", ".") if given.count(",") == 1 and "." not in given else given
    if of is int or not DECIMAL.fullmatch(plain):
        raise ConfigError.of(name, f"is {given[:40]!r}: enter {example}")
    if AMBIGUOUS.fullmatch(given):
        one, other = given.replace(",", "."), given.replace(",", "")
        raise ConfigError.of(name, f"is {given!r}, which is ambiguous: enter {one} or {other}")
    return float(plain)


def _json(name: str, given: str) -> Any:
    try:
        return json.loads(given)
    except RecursionError:
        raise ConfigError.of(name, "is nested too deeply") from None
    except ValueError:
        return given
