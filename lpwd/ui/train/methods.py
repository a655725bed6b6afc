"""The chips of the form that choose methods."""

from lpwd.methods import METHODS
from lpwd.plugins import loaded


def names() -> tuple[list[str], int]:
    """Return the methods in display order, and how many are always visible: the paper's, Custom and plug-ins."""
    added = {name for plugin in loaded() for kind, name in plugin.names if kind == "method"}
    first = [
        name
        for name, row in METHODS.items()
        if name not in added and (row.source.startswith("Layer-wise") or row.own_profile)
    ]
    first += [name for name in METHODS if name in added]
    return first + [name for name in METHODS if name not in first], len(first)


def choices() -> list[tuple[str, str]]:
    """Return the two-line label and the key of each method."""
    return [(f"{METHODS[name].label}\n{METHODS[name].summary}", name) for name in names()[0]]


def fold() -> str:
    """Return the fold that reveals the other methods, and the CSS of the chips. A selected chip is always visible."""
    ordered, first = names()
    rest = f"#lp-methods label:nth-of-type(n + {first + 1}):not(.selected)"
    closed = f".lp-fields:not(:has(#lp-all-methods [open])) {rest} {{ display: none; }}"
    colours = "".join(
        f"#lp-methods label:nth-of-type({place}) {{ --lane: {METHODS[name].color}; }}"
        for place, name in enumerate(ordered, 1)
    )
    count = len(METHODS) - first
    summary = f"{count} more: controls and methods of other papers"
    return f"<style>{closed}{colours}</style><details><summary>{summary}</summary></details>"
