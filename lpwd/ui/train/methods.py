"""Every method in one line, as the chips of the form have it."""

from lpwd.methods import METHODS

FIRST = list(METHODS).index("custom") + 1  # the paper's, and one's own


def choices() -> list[tuple[str, str]]:
    """A chip's two lines, and the method that it stands for."""
    return [(f"{method.label}\n{method.summary}", name) for name, method in METHODS.items()]


def fold() -> str:
    """What shows the other methods when it is opened, and the chips' colours; a chosen chip is always shown."""
    rest = f"#lp-methods label:nth-of-type(n + {FIRST + 1}):not(.selected)"
    closed = f".lp-fields:not(:has(#lp-all-methods [open])) {rest} {{ display: none; }}"
    colours = "".join(
        f"#lp-methods label:nth-of-type({place}) {{ --lane: {METHODS[name].color}; }}"
        for place, name in enumerate(METHODS, 1)
    )
    count = len(METHODS) - FIRST
    return f"<style>{closed}{colours}</style><details><summary>{count} more: controls and rivals</summary></details>"
