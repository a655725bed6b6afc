"""The landing's last act, "The network": the weight norms of a recorded pair of WD and LPWD by layer and epoch."""

import json
from typing import Any

import gradio as gr

from lpwd.ui import look
from lpwd.ui.demo.pairs import Shown
from lpwd.ui.web.answers import server_functions


def build(shown: Shown) -> None:
    """The bundled pair comes with the page; with a results repository, the page asks once for a newer pair."""

    def network() -> dict[str, Any]:
        return {"pair": shown.newest()}

    gr.HTML(
        html_template=look.asset("demo/network.html"),
        js_on_load=look.mount("demo/network.js"),
        server_functions=server_functions(network),
        first=json.dumps(network()),
        reading=bool(shown.cached.repo),
        elem_id="lp-network",
        apply_default_css=False,
    )
