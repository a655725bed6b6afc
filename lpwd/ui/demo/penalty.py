"""Act two of the landing, "Turn the penalty up.": a recorded scan over lambda under one's hand, and one live seed."""

import json
from typing import Any

import gradio as gr
from starlette.routing import Route

from lpwd.jobs.rights import User
from lpwd.paper.scans import Scan
from lpwd.ui import look
from lpwd.ui.demo.penalty_lanes import Lanes
from lpwd.ui.demo.penalty_recorded import Recorded
from lpwd.ui.live import Live
from lpwd.ui.published import Cached
from lpwd.ui.views import lane_style
from lpwd.ui.web.answers import server_functions
from lpwd.ui.web.people import People
from lpwd.ui.web.topics import Topics


def build(live: Live, people: People, topics: Topics, cached: Cached) -> Route:
    """Returns where the page fetches a recorded scan. Nothing here waits, and no scan is in the page itself."""
    recorded = Recorded(cached)
    lanes = Lanes(live, recorded)

    def situation(user: User, scan: str, decay: float, methods: list[str]) -> dict[str, Any]:
        return lanes.situation(user, scan, decay, methods)

    def run_seed(user: User, scan: str, decay: float, methods: list[str]) -> dict[str, Any]:
        configs, working = lanes.next(user, scan, decay, methods)
        return {"ids": [config.run_id for config in configs] if working else live.start(configs, user)}

    def watched(user: User, ids: list[str], cursors: dict[str, str]) -> dict[str, Any]:
        return lanes.look(user, ids, cursors)

    topics.add("scans", recorded.news)
    topics.add("seed", watched)
    frames = [framed(scan) for scan in lanes.scans.values()]
    gr.HTML(
        html_template=look.asset("demo/penalty.html"),
        js_on_load=look.mount("demo/penalty.js"),
        server_functions=server_functions(situation, run_seed, who=people.who),
        scans=json.dumps({"frames": frames, "digests": recorded.digests(), "reading": bool(cached.repo)}),
        elem_id="lp-penalty",
        apply_default_css=False,
    )
    return recorded.route()


def framed(scan: Scan) -> dict[str, Any]:
    """A scan's axes, and the methods as charts draw them."""
    return scan.frame() | {"methods": [{"method": method, **lane_style(method)} for method in scan.methods]}
