"""The Explain tab: update rules, their equivalences, layer rates, audits, objections and citation."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import gradio as gr

from lpwd.analysis.words import label
from lpwd.depth import LAYER_RULES
from lpwd.methods import METHODS
from lpwd.store import RunStore
from lpwd.ui import look
from lpwd.ui.explain import rates
from lpwd.ui.explain.audits import audit_now, audits
from lpwd.ui.shared import paper
from lpwd.ui.web.answers import server_functions

# Method -> lines of one step, with differences from the baseline in [brackets], and a comment. c = ηλ.
GRADIENT, UPDATE = "g ← ∇f(θ)", "θ ← θ − η U(g)"
RULES: dict[str, tuple[Sequence[str], str]] = {
    "baseline": ([GRADIENT, UPDATE], "No decay. U is Adam’s direction or SGD’s momentum buffer."),
    "l2": (["g ← ∇f(θ) [+ λ θ]", UPDATE], "The penalty enters the moments, where Adam rescales it."),
    "wd": (
        [GRADIENT, "θ ← θ − η U(g) [− c θ]"],
        "Eq. 1, AdamW: decays in proportion to the weights before the update. If the update moves a weight across 0, "
        "decay pushes it further away (the paper’s “delay”).",
    ),
    "rwd": (
        [GRADIENT, "θ′ ← θ − η U(g)", "θ ← θ′ [− c θ′]"],
        "Eq. 7: decays the updated weights. The last line of the paper’s algorithm 1 has θ instead of θ′, a misprint "
        "that would make it WD.",
    ),
    "pwd": (
        ["[θ ← θ − c θ]", GRADIENT, UPDATE],
        "Algorithm 2: decays first and computes the gradient at the decayed weights.",
    ),
    "lpwd": (
        ["[cᵢ = η λ · 2i/n]", "[θ ← θ − cᵢ θ]", GRADIENT, UPDATE],
        "Algorithm 3: PWD with a rate for each layer, i = 1 shallow to n deep. Eq. 9 has λ i/n, and section 4 sets "
        "the deepest rate to 2λ.",
    ),
}
OBJECTIONS = (
    (
        "The mean of the ten best test epochs selects on the test set.",
        "The app also reports the last epoch, and the test top-1 at the best epoch of a validation split. The Runs "
        "tab compares by any of them.",
    ),
    (
        "The ten best epochs of one run are not ten independent measurements.",
        "A deviation within a run is never used as an error. Means, deviations and intervals are over seeds.",
    ),
    (
        "No seeds, no error bars.",
        "Two methods with one seed see the same batches from the same initial weights, so differences are paired. The "
        "verdict gives n and a t interval. It says “no difference” only if the interval lies within the margin.",
    ),
    (
        "Is it the layers or the timing? The paper introduces PWD and the layer rule together.",
        "Controls: LWD and LRWD have LPWD’s layer rule with WD’s and RWD’s timing.",
    ),
    (
        "LPWD decays more in total: most weights lie in deep layers.",
        "Control “WD at 1.5λ”, about LPWD’s mean rate weighted by parameters; the real mean of each run is recorded "
        "and shown above.",
    ),
    (
        "Algorithm 1 as printed is WD, not eq. 7.",
        "RWD here is eq. 7. A test compares every method with its formula in float64.",
    ),
    (
        "Is the penalty multiplied by η? The algorithms say no, section 4.4 says yes.",
        "c = η λ, with the η of the same step. Without η, λ = 0.5 would zero the deepest layer in every step.",
    ),
)
CODE = """\
optimizer = lpwd.build_optimizer(model, "adam", "lpwd", lr=1e-3, weight_decay=0.5)
for images, labels in batches:
    optimizer.zero_grad()
    loss(model(images), labels).backward()
    optimizer.step()"""


def build(store: RunStore) -> None:
    def layer_rates(
        model: int | None, n: int, rule: str, weight_decay: float, profile: str = "", mean: str = "layers"
    ) -> dict[str, Any]:
        return rates.view(store, model, n, rule, weight_decay, profile, mean)

    def models() -> dict[str, Any]:
        return {"models": [asdict(model) for model in rates.models(store)]}

    gr.HTML(
        html_template=page(),
        js_on_load=look.mount("explain/explain.js"),
        server_functions=server_functions(layer_rates, models, audits, audit_now),
        elem_id="lp-explain",
        apply_default_css=False,
    )


def page() -> str:
    """Return explain.html with the tables of this file."""
    parts: Mapping[str, str] = {
        "RULES": "".join(_rule(method) for method in RULES),
        "OBJECTIONS": "".join(
            f"<tr><th scope=row>{objection}</th><td>{done}</td></tr>" for objection, done in OBJECTIONS
        ),
        "CODE": html.escape(CODE),
        "PAPER": html.escape(paper.LINK),
        "BIBTEX": html.escape(paper.BIBTEX),
        "LAYER_RULES": "".join(f'<option value="{rule}">λᵢ = λ · {rule}</option>' for rule in LAYER_RULES),
        "PROFILE": look.asset("shared/profile.html"),
    }
    text = look.asset("explain/explain.html")
    for name, part in parts.items():
        text = text.replace(f"[[{name}]]", part)
    return text


def _rule(method: str) -> str:
    lines, why = RULES[method]
    code = "\n".join(line.replace("[", "<mark>").replace("]", "</mark>") for line in lines)
    style = f"--lane: {METHODS[method].color}"
    return f'<article style="{style}"><h3>{label(method)}</h3><pre>{code}</pre><p>{why}</p></article>'
