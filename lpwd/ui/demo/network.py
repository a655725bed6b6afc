"""The landing's last act, "The network": a recorded pair layer by layer, and what decay alone leaves of its weights.

The server sends the recorded norms and the layer rules' multipliers once; rates and fractions are computed in the page.
"""

import json
from typing import Any

import gradio as gr

from lpwd.methods import LAYER_ORDERS, LAYER_RULES, layer_rates
from lpwd.ui import look
from lpwd.ui.answers import answering
from lpwd.ui.demo.pairs import Shown


def build(shown: Shown) -> None:
    """The bundled pair comes with the page; where there is a repository, one published since is asked for once."""

    def network() -> dict[str, Any]:
        return view(shown)

    gr.HTML(
        html_template=page(),
        js_on_load="lpwd.network(element, server, props);",
        server_functions=[answering(network)],
        first=json.dumps(view(shown)),
        reading=bool(shown.cached.repo),
        elem_id="lp-network",
        apply_default_css=False,
    )


def view(shown: Shown) -> dict[str, Any]:
    """The recorded pair, or None, with lambda_i / lambda of its layers under every rule and order."""
    pair = shown.since("")["pair"]
    n = len(pair["lanes"][0]["heat"]["layers"]) if pair else 1
    multipliers = {rule: {order: layer_rates(n, 1.0, rule, order) for order in LAYER_ORDERS} for rule in LAYER_RULES}
    return {"pair": pair, "multipliers": multipliers}


def page() -> str:
    """network.html with the rules and orders in it."""
    words = {"deep": "deep layers decay most", "reversed": "shallow layers decay most", "shuffled": "shuffled"}
    rules = "".join(f'<option value="{rule}">λᵢ = λ · {rule}</option>' for rule in LAYER_RULES)
    orders = "".join(f'<option value="{order}">{words[order]}</option>' for order in LAYER_ORDERS)
    return look.asset("demo/network.html").replace("[[RULES]]", rules).replace("[[ORDERS]]", orders)
