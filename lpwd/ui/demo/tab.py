"""The Demo tab, the landing page: the answer, then three interactive acts. The browser draws; this file sends data."""

import json
from collections.abc import Callable
from typing import Any

import gradio as gr
from starlette.routing import Route

from lpwd.jobs.rights import User
from lpwd.paper.pair import SNAPSHOT
from lpwd.paper.regime import LIVE_DECAY
from lpwd.paper.scorecard.answer import bundled
from lpwd.ui import look
from lpwd.ui.demo.pairs import NewestPair
from lpwd.ui.demo.penalty_lanes import Lanes
from lpwd.ui.demo.penalty_recorded import Recorded
from lpwd.ui.live import Live
from lpwd.ui.published import Cached
from lpwd.ui.views import lane_style
from lpwd.ui.web.answers import server_functions
from lpwd.ui.web.people import People
from lpwd.ui.web.topics import IDLE_MS, Topics

RACE = {"scan": "scan", "decay": LIVE_DECAY, "methods": ["wd", "lpwd"]}  # started by the button at the top
CODE = """\
import lpwd

optimizer = lpwd.build_optimizer(model, "adam", "lpwd", lr=1e-3, weight_decay=0.05)
for images, labels in batches:
    optimizer.zero_grad()
    loss(model(images), labels).backward()
    optimizer.step()
"""
Answer = Callable[[], dict[str, Any] | None]  # None until all runs are read


def build(live: Live, people: People, topics: Topics, cached: Cached, newest_answer: Answer) -> list[Route]:
    """Return the route of the recorded scans. Nothing here waits: the page is painted first."""
    recorded, pair = Recorded(cached), NewestPair(cached)
    lanes = Lanes(live, recorded)

    def answer() -> dict[str, Any]:
        return {"answer": newest_answer(), "pollMs": IDLE_MS}

    def run_seed(user: User, scan: str, decay: float, methods: list[str]) -> dict[str, Any]:
        configs, working = lanes.next(user, scan, decay, methods)
        return {"ids": [config.run_id for config in configs] if working else live.start(configs, user)}

    def network() -> dict[str, Any]:
        return {"pair": pair.newest()}

    topics.add("answer", answer)
    topics.add("scans", recorded.news)
    topics.add("seed", lanes.look)
    first = {
        "hero": {"answer": newest_answer() or bundled(SNAPSHOT), "race": RACE, "code": CODE},
        "styles": {method: lane_style(method) for method in ("wd", "rwd", "pwd")},
        "scans": {
            "frames": [
                scan.frame() | {"methods": [{"method": method, **lane_style(method)} for method in scan.methods]}
                for scan in lanes.scans.values()
            ],
            "digests": recorded.digests(),
        },
        "pair": pair.newest(),
        "reading": bool(cached.repo),
    }
    gr.HTML(
        html_template="".join(look.asset(f"demo/{act}.html") for act in ("hero", "toy", "penalty", "network")),
        js_on_load=look.mount("demo/demo.js"),
        server_functions=server_functions(lanes.situation, run_seed, network, who=people.who),
        first=json.dumps(first),
        elem_id="lp-demo",
        apply_default_css=False,
    )
    return [recorded.route()]
