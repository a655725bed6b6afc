"""The strip above the tabs: device, memory, queue, the active race and Stop."""

import gradio as gr

from lpwd.jobs.rights import User
from lpwd.ui import look
from lpwd.ui.live import Live
from lpwd.ui.web.answers import server_functions
from lpwd.ui.web.people import People


def build(live: Live, people: People) -> None:
    """Build the strip. Its server functions serve all tabs."""

    def stop(user: User, run_ids: list[str]) -> None:
        live.stop(run_ids, user)

    def resume(user: User, run_ids: list[str]) -> None:
        live.resume(run_ids, user)

    gr.HTML(
        html_template=look.asset("shared/strip.html"),
        js_on_load=look.mount("shared/strip.js"),
        server_functions=server_functions(stop, resume, who=people.who),
        elem_id="lp-strip",
        apply_default_css=False,
    )
