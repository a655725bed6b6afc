"""The landing's last act, "The network": a recorded pair layer by layer, and what decay alone leaves of its weights;
the latter of the paper's networks too, whose layers `networks.json` holds (`python tests/test_network.py` writes it).

The server sends the recorded norms and the layer rules' multipliers once; rates and fractions are computed in the page.
"""

import json
from typing import Any

import gradio as gr

from lpwd.methods import LAYER_ORDERS, LAYER_RULES, layer_rates
from lpwd.paper.numbers import PAPER_BASE, PAPER_STEPS
from lpwd.ui import look
from lpwd.ui.demo.pairs import Shown
from lpwd.ui.views import lane_style
from lpwd.ui.web.answers import server_functions

PAPER_LR, PAPER_DECAY = 0.001, 0.5  # of its figure 1


def build(shown: Shown) -> None:
    """The bundled pair comes with the page; where there is a repository, one published since is asked for once."""

    def network() -> dict[str, Any]:
        return view(shown)

    gr.HTML(
        html_template=page(),
        js_on_load="lpwd.network(element, server, props);",
        server_functions=server_functions(network),
        first=json.dumps(view(shown)),
        reading=bool(shown.cached.repo),
        elem_id="lp-network",
        apply_default_css=False,
    )


def view(shown: Shown) -> dict[str, Any]:
    """The recorded pair, or None, and the paper's networks, each with the multipliers of its layers."""
    pair = shown.since("")["pair"]
    n = len(pair["lanes"][0]["heat"]["layers"]) if pair else 1
    return {"pair": pair, "multipliers": multipliers(n), "networks": networks()}


def multipliers(n: int) -> dict[str, dict[str, list[float]]]:
    """lambda_i / lambda of n layers under every rule and order."""
    return {rule: {order: layer_rates(n, 1.0, rule, order) for order in LAYER_ORDERS} for rule in LAYER_RULES}


def networks() -> list[dict[str, Any]]:
    """The paper's networks as pairs of WD and LPWD of which nothing is recorded."""
    return [_network(label, known) for label, known in json.loads(look.asset("demo/networks.json")).items()]


def _network(label: str, known: dict[str, Any]) -> dict[str, Any]:
    heat = {"layers": known["layers"], "counts": known["counts"]}
    lanes = [{"method": name, **lane_style(name), "steps": PAPER_STEPS, "heat": heat} for name in ("wd", "lpwd")]
    n, million = len(known["layers"]), sum(known["counts"]) / 1e6
    line = (
        f"Not trained here: {label}, {n} layers, {million:.1f} M parameters with a head for 100 classes, at the "
        f"paper’s η {PAPER_LR:g} and {PAPER_STEPS:,} steps, {PAPER_BASE['epochs']} epochs of batch "
        f"{PAPER_BASE['batch_size']}. Drawn is what decay alone leaves, as arithmetic, "
        "and not what learning does to the weights."
    )
    task = {"lr": PAPER_LR, "weightDecay": PAPER_DECAY, "epochs": PAPER_BASE["epochs"]}
    return {"label": f"{label}, the paper’s", "line": line, "lanes": lanes, "multipliers": multipliers(n), **task}


def page() -> str:
    """network.html with the rules and orders in it."""
    words = {"deep": "deep layers decay most", "reversed": "shallow layers decay most", "shuffled": "shuffled"}
    rules = "".join(f'<option value="{rule}">λᵢ = λ · {rule}</option>' for rule in LAYER_RULES)
    orders = "".join(f'<option value="{order}">{words[order]}</option>' for order in LAYER_ORDERS)
    return look.asset("demo/network.html").replace("[[RULES]]", rules).replace("[[ORDERS]]", orders)
