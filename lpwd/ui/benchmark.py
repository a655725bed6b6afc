"""The Benchmark tab: the paper's tables and figures, published and own results beside its numbers."""

import json
from typing import Any

import gradio as gr

from lpwd.ui import bench, look
from lpwd.ui.cached import Cached
from lpwd.ui.live import Live
from lpwd.ui.runs import answer


def build(live: Live, cached: Cached) -> None:
    """Its script asks for one preset at a time, and again only for what changed."""
    benchmark = bench.Bench(live.store, cached)

    def find(request: str) -> str:
        return answer(lambda: benchmark.find(**json.loads(request)))

    def run_cell(request: str) -> str:
        return answer(lambda: submit(**json.loads(request)))

    def submit(**cell: Any) -> dict[str, Any]:
        return {"ids": live.jobs.submit([benchmark.config(**cell)])}

    gr.HTML(
        html_template=look.asset("benchmark.html"),
        js_on_load="lpwd.benchmark(element, server, props);",
        server_functions=[find, run_cell],
        choices=json.dumps(bench.choices()),
        plotly=look.plotly_path(),
        elem_id="lp-benchmark",
        apply_default_css=False,
    )
