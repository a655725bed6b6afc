"""The glossary of the page. A definition is shown on hover and on keyboard focus."""

import html
import re

TERMS = {
    "η": "eta, the learning rate: the size of a step (no unit).",
    "λ": "lambda, the decay rate: each step takes the fraction η λ of a weight (no unit).",
    "R_op": "Share of the weights whose decay points against their update (eq. 10), 0 to 1.",
    "best 10": "Mean test top-1 of the ten best epochs of a run, in percent, as the paper reports it.",
    "neper": "Unit of total decay: x nepers of decay alone leave e to the power −x of a weight.",
}


def marked(template: str) -> str:
    """Add the definition to each `<dfn>term</dfn>` of a template. Raises KeyError if TERMS lacks it."""
    return re.sub(r"<dfn>(.+?)</dfn>", lambda found: _explained(found[1]), template)


def _explained(term: str) -> str:
    meaning = html.escape(TERMS[term])
    return f'<dfn class="lp-term" tabindex="0" aria-description="{meaning}" data-meaning="{meaning}">{term}</dfn>'
