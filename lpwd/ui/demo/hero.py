"""The head of the landing: the question, the answer as measured, a race at one press, and the code for one's own."""

import json
from collections.abc import Callable
from typing import Any

import gradio as gr

from lpwd.paper.pair import SNAPSHOT
from lpwd.paper.regime import LIVE_DECAY
from lpwd.paper.scorecard.answer import bundled
from lpwd.ui import look
from lpwd.ui.web.topics import IDLE_MS, Topics

RACE = {"scan": "scan", "decay": LIVE_DECAY, "methods": ["wd", "lpwd"]}
CODE = """\
import lpwd

optimizer = lpwd.build_optimizer(model, "adam", "lpwd", lr=1e-3, weight_decay=0.05)
for images, labels in batches:
    optimizer.zero_grad()
    loss(model(images), labels).backward()
    optimizer.step()
"""


def build(newest: Callable[[], dict[str, Any] | None], topics: Topics) -> None:
    """The answer of the bundled runs comes with the page, which asks for the `newest` once all runs are read."""

    def answer() -> dict[str, Any]:
        return {"answer": newest(), "pollMs": IDLE_MS}

    topics.add("answer", answer)
    gr.HTML(
        html_template=look.asset("demo/hero.html"),
        js_on_load=look.mount("demo/hero.js"),
        first=json.dumps({"answer": newest() or bundled(SNAPSHOT), "race": RACE, "code": CODE}),
        elem_id="lp-hero",
        apply_default_css=False,
    )
