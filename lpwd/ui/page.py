"""The page: the strip above the tabs. A new tab is one more file and one more line in `tabs`."""

import html
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from lpwd.autopush import AutoPush
from lpwd.jobs import Jobs
from lpwd.store import RunStore
from lpwd.ui import api, benchmark, compare, demo, explain, health, look, polling, runs, strip, train
from lpwd.ui.cached import Cached
from lpwd.ui.hub_notice import why_digits
from lpwd.ui.live import Live, in_background
from lpwd.ui.people import WITH_ACCOUNTS, Door, People

TITLE = "LPWD: layer-wise pre-weight decay, live"
WAITING_REQUESTS = 1000  # at most; Gradio's own default is none, but 1 on ZeroGPU, where a page alone has several


def build(store: RunStore, jobs: Jobs, pusher: AutoPush | None = None) -> tuple[gr.Blocks, dict[str, Any]]:
    """Compose the page; returns it with its arguments for `launch`.

    `jobs` has been started. Nothing here waits for the worker or the Hub.
    """
    gr.set_static_paths(look.plotly_path())
    live, people, cached = Live(store, jobs), People(store), Cached()
    hub_problem: Future[str | None] = in_background(why_digits)
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as page:
        on_load = partial(page.load, show_progress="hidden", api_visibility="private", concurrency_limit=None)
        tabs: dict[str, Callable[[], Any]] = {
            "Demo": partial(demo.build, live, people, cached, hub_problem),
            "Train": partial(train.build, live, people, hub_problem, on_load),
            "Runs": partial(runs.build, live, people),
            "Compare": partial(compare.build, store),
            "Benchmark": partial(benchmark.build, live, people, cached, pusher),
            "Explain": partial(explain.build, store),
        }
        built: dict[str, Any] = {}
        strip.build(live, people)
        if WITH_ACCOUNTS:
            gr.LoginButton(size="sm", elem_id="lp-sign-in")
        if jobs.refusal:
            gr.HTML(f'<p class="lp-problem" role="status">{html.escape(jobs.refusal)}</p>', apply_default_css=False)
        with gr.Tabs(elem_id="lp-tabs", overflow_behavior="wrap"):
            for name, build_tab in tabs.items():
                with gr.Tab(name, id=name.lower(), elem_id=f"lp-tab-{name.lower()}"):
                    built[name] = build_tab()
        runs.cloning(live, built["Runs"], built["Train"])
        api.build(live, people)
    routes = [health.route(jobs), polling.route(live, people), *people.routes()]
    options = {
        **{"theme": look.theme(), "css": look.css(), "head": look.head()},
        **{"footer_links": [], "run_history": False, "ssr_mode": False},
        "app_kwargs": {"middleware": [Middleware(Door)], "routes": routes},
    }
    return page.queue(max_size=WAITING_REQUESTS), options
