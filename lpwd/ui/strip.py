"""The strip above all tabs: device, memory, queue, the active race and Stop. It carries the page's connection."""

import json
from collections.abc import Callable

import gradio as gr

from lpwd.config import ConfigError
from lpwd.ui import look
from lpwd.ui.live import Live


def build(live: Live) -> None:
    """Its server functions serve the whole page: every tab listens to the one poll."""

    def poll(request: str) -> str:
        return live.poll(request)

    def stop(run_ids: str) -> str:
        return _answer(lambda: live.stop(json.loads(run_ids)))

    def resume(run_ids: str) -> str:
        return _answer(lambda: live.jobs.resume(json.loads(run_ids)))

    gr.HTML(
        html_template=look.asset("strip.html"),
        js_on_load="lpwd.strip(element); lpwd.connect(server);",
        server_functions=[poll, stop, resume],
        elem_id="lp-strip",
        apply_default_css=False,
    )


def _answer(act: Callable[[], object]) -> str:
    """`{"problem": sentence or ""}`: a refused request is an answer, not a failure."""
    try:
        act()
    except ConfigError as error:
        return json.dumps({"problem": str(error)})
    return json.dumps({"problem": ""})
