"""Every method in one line, as the chips of the form have it."""

from lpwd.methods import METHODS
from lpwd.plugins import loaded


def names() -> tuple[list[str], int]:
    """Return the methods in the order of their chips, and how many are always shown (paper, Custom, plug-ins)."""
    added = {name for plugin in loaded() for kind, name in plugin.names if kind == "method"}
    first = [
        name
        for name, row in METHODS.items()
        if name not in added and (row.source.startswith("Layer-wise") or row.needs_profile)
    ]
    first += [name for name in METHODS if name in added]
    return first + [name for name in METHODS if name not in first], len(first)


def choices() -> list[tuple[str, str]]:
    """A chip's two lines, and the method that it stands for."""
    return [(f"{METHODS[name].label}\n{METHODS[name].summary}", name) for name in names()[0]]


def fold() -> str:
    """What shows the other methods when it is opened, and the chips' colours; a chosen chip is always shown."""
    ordered, first = names()
    rest = f"#lp-methods label:nth-of-type(n + {first + 1}):not(.selected)"
    closed = f".lp-fields:not(:has(#lp-all-methods [open])) {rest} {{ display: none; }}"
    colours = "".join(
        f"#lp-methods label:nth-of-type({place}) {{ --lane: {METHODS[name].color}; }}"
        for place, name in enumerate(ordered, 1)
    )
    count = len(METHODS) - first
    return f"<style>{closed}{colours}</style><details><summary>{count} more: controls and rivals</summary></details>"
