"""The Benchmark tab: the paper's tables and figures, published and own results beside its numbers."""

import json
from typing import Any

import gradio as gr

from lpwd.hub.autopush import AutoPush
from lpwd.jobs.rights import User
from lpwd.ui import look
from lpwd.ui.answers import answering
from lpwd.ui.benchmark import bench, hub_panel
from lpwd.ui.live import Live
from lpwd.ui.people import People
from lpwd.ui.published import Cached
from lpwd.ui.shared import costs
from lpwd.ui.topics import IDLE_MS, Topics

WATCH_MS = 2000  # until a page asks again while a cell waits or trains


def build(live: Live, people: People, topics: Topics, cached: Cached, pusher: AutoPush | None) -> None:
    """Its script asks for one preset at a time, and again only for what changed."""
    hub_panel.build(live, people, topics, cached, pusher)
    benchmark = bench.Bench(live.store, cached)

    def find(name: str, scale: str, stamp: str = "") -> dict[str, Any]:
        answer = benchmark.find(name, scale, stamp)
        return answer | {"pollMs": WATCH_MS if answer["waiting"] else IDLE_MS}

    def run_cell(user: User, name: str, scale: str, run_id: str, sure: bool = False) -> dict[str, Any]:
        config = benchmark.config(name, scale, run_id)
        doubt = "" if sure else costs.doubt(live, config)
        return {"ask": doubt} if doubt else {"ids": live.start([config], user)}

    topics.add("benchmark", find)
    gr.HTML(
        html_template=look.asset("benchmark/benchmark.html"),
        js_on_load="lpwd.benchmark(element, server, props);",
        server_functions=[answering(act, people.who) for act in (run_cell,)],
        choices=json.dumps(bench.choices()),
        elem_id="lp-benchmark",
        apply_default_css=False,
    )
