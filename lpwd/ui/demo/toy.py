"""The landing's first act, "Where does decay push?": it runs in the browser, the server says the colours."""

import json

import gradio as gr

from lpwd.ui import look
from lpwd.ui.views import lane_style

METHODS = ("wd", "rwd", "pwd")


def build() -> None:
    """Canvas and script alone: it moves before the page has had any answer."""
    gr.HTML(
        html_template=look.asset("demo/toy.html"),
        js_on_load=look.mount("demo/toy.js"),
        styles=json.dumps({method: lane_style(method) for method in METHODS}),
        elem_id="lp-toy",
        apply_default_css=False,
    )
