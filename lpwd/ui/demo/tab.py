"""The Demo tab, where people land: a recorded pair of WD and LPWD, then the same live on this machine."""

import json
from concurrent.futures import Future
from typing import Any

import gradio as gr

from lpwd.jobs.rights import User
from lpwd.ui import look
from lpwd.ui.answers import answering
from lpwd.ui.demo import network, toy
from lpwd.ui.demo.pairs import LRS, STRONG, WEIGHT_DECAYS, Pairs, Shown
from lpwd.ui.live import Live
from lpwd.ui.people import People
from lpwd.ui.published import Cached
from lpwd.ui.topics import Topics

READING_MS = 4000  # until a page asks again for a published pair, while another may be on its way


def build(live: Live, people: People, topics: Topics, cached: Cached, hub_problem: "Future[str | None]") -> None:
    """Nothing here waits: the page is painted first and asks for the pair itself."""
    pairs, shown = Pairs(live, hub_problem), Shown(cached)

    def recorded(version: str) -> dict[str, Any]:
        return shown.since(version) | {"pollMs": READING_MS}

    def situation(user: User, lr: float, weight_decay: float) -> dict[str, Any]:
        return pairs.situation(user, lr, weight_decay)

    def watched(user: User, ids: list[str], cursors: dict[str, str], stamp: str) -> dict[str, Any]:
        return pairs.look(user, ids, cursors, stamp)

    def run_pair(user: User, lr: float, weight_decay: float) -> dict[str, Any]:
        configs, working = pairs.next(user, lr, weight_decay)
        return {"ids": [config.run_id for config in configs] if working else live.start(configs, user)}

    topics.add("recorded", recorded)
    topics.add("pair", watched)
    toy.build()
    gr.HTML(
        html_template=look.asset("demo/demo.html"),
        js_on_load="lpwd.demo(element, server, props);",
        server_functions=[answering(act, people.who) for act in (situation, run_pair)],
        stops=json.dumps({"lr": LRS, "weightDecay": WEIGHT_DECAYS, "strong": STRONG}),
        first="" if cached.repo else json.dumps(shown.since("")),
        elem_id="lp-demo",
        apply_default_css=False,
    )
    network.build(shown)
