"""Every method in one line, as the chips of the form have it."""

from types import MappingProxyType

from lpwd.analysis.figures import STYLES
from lpwd.methods import METHODS

# Method -> what it does, in a line.
LINES: MappingProxyType[str, str] = MappingProxyType(
    {
        "baseline": "no decay at all",
        "l2": "λθ joins the gradient, and Adam rescales it",
        "wd": "AdamW: every layer shrinks alike, with the update",
        "rwd": "shrinks what the update gave; never away from 0",
        "pwd": "shrinks before the forward pass",
        "lpwd": "PWD, and deep layers shrink more than shallow ones",
        "lwd": "LPWD’s layers with WD’s timing: is it the timing?",
        "lrwd": "LPWD’s layers with RWD’s timing",
        "lpwd_matched": "LPWD at WD’s total decay: is it only more decay?",
        "lpwd_reversed": "shallow layers shrink more, at WD’s total decay",
        "lpwd_shuffled": "layers in no order of depth, at WD’s total decay",
        "l2sp": "shrinks towards the starting weights, not to 0",
        "adamh": "no decay: each matrix keeps its starting norm",
        "wd15": "WD at about LPWD’s total decay",
        "cwd": "WD only where it agrees with the update",
        "adams": "WD, weaker where gradients are large",
        "llrd": "shallow layers learn, and so decay, more slowly",
        "wdlr2": "decay falls with the square of η (cosine only)",
    }
)
FIRST = sum(method.source.startswith("Layer-wise") for method in METHODS.values())  # the paper's, which come first


def choices() -> list[tuple[str, str]]:
    """A chip's two lines, and the method that it stands for."""
    return [(f"{method.label}\n{LINES[name]}", name) for name, method in METHODS.items()]


def fold() -> str:
    """What shows the other methods when it is opened, and the chips' colours; a chosen chip is always shown."""
    rest = f"#lp-methods label:nth-of-type(n + {FIRST + 1}):not(.selected)"
    closed = f".lp-fields:not(:has(#lp-all-methods [open])) {rest} {{ display: none; }}"
    colours = "".join(
        f"#lp-methods label:nth-of-type({place}) {{ --lane: {STYLES[name].color}; }}"
        for place, name in enumerate(METHODS, 1)
    )
    count = len(METHODS) - FIRST
    return f"<style>{closed}{colours}</style><details><summary>{count} more: controls and rivals</summary></details>"
