"""The Benchmark tab: a scorecard of the paper's tables and figures, and the details of a selected tile."""

import json
from typing import Any

import gradio as gr

from lpwd.config import ConfigError
from lpwd.hub.autopush import AutoPush
from lpwd.jobs.rights import User
from lpwd.jobs.sweep import with_starts
from lpwd.paper.presets import Cell
from lpwd.store import RunStore
from lpwd.ui import look
from lpwd.ui.benchmark import hub_panel
from lpwd.ui.benchmark.bench import Bench
from lpwd.ui.benchmark.offers import Offers
from lpwd.ui.benchmark.places import choices
from lpwd.ui.live import Live
from lpwd.ui.published import Cached
from lpwd.ui.shared.costs import Costs, confirmation
from lpwd.ui.views import WORKING
from lpwd.ui.web.answers import server_functions
from lpwd.ui.web.people import People
from lpwd.ui.web.topics import IDLE_MS, Topics

WATCH_MS = 2000  # poll interval while a cell is queued or training


def is_working(store: RunStore, run_id: str) -> bool:
    """Return whether the run is queued or training."""
    return store.exists(run_id) and store.status(run_id).state in WORKING


def queue(live: Live, user: User, cells: list[Cell], sure: bool) -> dict[str, Any]:
    """Queue the cells and the starts that they need; or return `ask` if that takes long and `sure` is false."""
    work = with_starts(live.store, cells)
    starts = [config for config in work.starts if not is_working(live.store, config.run_id)]
    configs = [*starts, *work.configs]  # the queue keeps their order
    asked = "" if sure else confirmation(live, configs, len(starts))
    if asked:
        return {"ask": asked}
    return {"count": len(live.start_all([[config] for config in configs], user))}


def build(
    live: Live,
    people: People,
    topics: Topics,
    cached: Cached,
    pusher: AutoPush | None,
    benchmark: Bench,
    costs: Costs,
) -> None:
    """Build the tab and its topics: `scorecard`, `claims` and `benchmark`."""

    offers = Offers(live, benchmark, costs)

    def with_interval(answer: dict[str, Any]) -> dict[str, Any]:
        return answer | {"pollMs": WATCH_MS if answer["waiting"] else IDLE_MS}

    def scorecard(scale: str, stamp: str = "") -> dict[str, Any]:
        return with_interval(offers.scorecard(scale, stamp))

    def claims(user: User, files: dict[str, str]) -> dict[str, Any]:
        return with_interval(offers.claims(user, files))

    def find(name: str, scale: str, stamp: str = "") -> dict[str, Any]:
        return with_interval(benchmark.find(name, scale, stamp))

    def run_cells(user: User, name: str, scale: str, run_ids: list[str], sure: bool = False) -> dict[str, Any]:
        return queue(live, user, benchmark.cells(name, scale, run_ids), sure)

    def add_seeds(user: User, name: str, scale: str, text: str = "", sure: bool = False) -> dict[str, Any]:
        if text:
            offers.check(user, name, text)
        cells = benchmark.missing(benchmark.place(name, scale, text)).idle
        if not cells:
            raise ConfigError("no run is left to start: all are finished, queued or training")
        return queue(live, user, cells, sure)

    topics.add("scorecard", scorecard)
    topics.add("claims", claims)
    topics.add("benchmark", find)
    gr.HTML(
        html_template=look.asset("benchmark/benchmark.html"),
        js_on_load=look.mount("benchmark/benchmark.js"),
        server_functions=server_functions(run_cells, add_seeds, who=people.who),
        choices=json.dumps(choices()),
        elem_id="lp-benchmark",
        apply_default_css=False,
    )
    hub_panel.build(live, people, topics, cached, pusher)
