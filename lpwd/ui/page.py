"""Compose the page: the strip and the tabs. To add a tab, add a file and a line in `tabs`."""

import html
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from lpwd.hub.autopush import AutoPush
from lpwd.jobs.queue import Jobs
from lpwd.runs import Runs
from lpwd.store import RunStore
from lpwd.ui import look
from lpwd.ui.benchmark import tab as benchmark
from lpwd.ui.benchmark.bench import Bench
from lpwd.ui.demo import tab as demo
from lpwd.ui.explain import tab as explain
from lpwd.ui.live import Live, in_background
from lpwd.ui.published import Cached
from lpwd.ui.runs import tab as runs
from lpwd.ui.shared import paper, strip
from lpwd.ui.shared.costs import Costs
from lpwd.ui.shared.motion import Motion
from lpwd.ui.train import tab as train
from lpwd.ui.train.here import why_digits
from lpwd.ui.web import api, assets, card, dropped, routes
from lpwd.ui.web.answers import repeated
from lpwd.ui.web.origins import outermost
from lpwd.ui.web.people import WITH_ACCOUNTS, People, VisitorCookies
from lpwd.ui.web.topics import Topics

TITLE = "LPWD: layer-wise pre-weight decay, live"
WAITING_REQUESTS = 1000  # Gradio's default on ZeroGPU is 1, and one page sends several


def hide_events(page: gr.Blocks) -> None:
    """Hide all events except named endpoints from the API, such as the load event of the sign-in button."""
    for event in page.fns.values():
        if any(component is not None for component, _ in event.targets):
            event.api_visibility = "private"


def check_names(page: gr.Blocks) -> None:
    """Raise ValueError if two elements or two named endpoints share a name."""
    ids = repeated(str(block.elem_id) for block in page.blocks.values() if getattr(block, "elem_id", None))
    if ids:
        raise ValueError(f"two elements have the id {ids[0]!r}")
    public = [event for event in page.fns.values() if event.api_visibility == "public" and event.fn]
    if twice := repeated(event.fn.__name__ for event in public if event.fn):
        raise ValueError(f"two endpoints are named {twice[0]!r}")


def build(store: RunStore, jobs: Jobs, pusher: AutoPush | None = None) -> tuple[gr.Blocks, dict[str, Any]]:
    """Return the page and its arguments for `launch`.

    `jobs` must be started. Nothing here waits for the worker or the Hub.
    """
    live, people, cached, topics = Live(store, jobs), People(store), Cached(), Topics()
    topics.add("motion", Motion(Runs(store, cached.runs)).look)  # used by two tabs
    bench, costs = Bench(store, cached), Costs(live)
    hub_problem: Future[str | None] = in_background(why_digits)
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as page:
        on_load = partial(page.load, show_progress="hidden", api_visibility="private", concurrency_limit=None)
        tabs: dict[str, Callable[[], Any]] = {
            "Demo": partial(demo.build, live, people, topics, cached, bench.answer),
            "Train": partial(train.build, live, people, topics, cached, costs, hub_problem, on_load),
            "Runs": partial(runs.build, live, people, topics, cached),
            "Benchmark": partial(benchmark.build, live, people, topics, cached, pusher, bench, costs),
            "Explain": partial(explain.build, store),
        }
        built: dict[str, Any] = {}
        strip.build(live, people)
        if WITH_ACCOUNTS:
            gr.LoginButton(size="sm", elem_id="lp-sign-in")
        if jobs.refusal:
            gr.HTML(f'<p class="lp-problem" role="status">{html.escape(jobs.refusal)}</p>', apply_default_css=False)
        paper.build()
        with gr.Tabs(elem_id="lp-tabs", overflow_behavior="wrap"):
            for name, build_tab in tabs.items():
                with gr.Tab(name, id=name.lower(), elem_id=f"lp-tab-{name.lower()}"):
                    built[name] = build_tab()
        runs.cloning(live, built["Runs"], cached, built["Train"])
        api.build(live, people)
    hide_events(page)
    check_names(page)
    own_routes = [
        assets.route(),
        card.picture(),
        routes.health(jobs),
        routes.polling(live, people, topics),
        dropped.route(),
        *people.routes(),
    ]
    return page.queue(max_size=WAITING_REQUESTS), launch_options([*own_routes, *built["Demo"]])


def launch_options(own_routes: list[BaseRoute]) -> dict[str, Any]:
    """Return the arguments of Gradio's `launch`: theme, style sheets, middleware and our own routes."""
    middleware = [Middleware(card.OpenGraph, title=TITLE), Middleware(VisitorCookies)]
    return {
        "theme": look.theme(),
        "css": look.css(),
        "head": look.head(),
        "footer_links": [],
        "run_history": False,
        "ssr_mode": False,
        "app_kwargs": {"middleware": middleware, "lifespan": outermost, "routes": own_routes},
    }
