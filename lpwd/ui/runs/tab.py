"""The Runs tab: a table of all runs, own and published, and a chart of the ticked runs."""

import json
from functools import partial
from typing import Any

import gradio as gr

from lpwd.analysis.verdict import QUANTITIES
from lpwd.config import ConfigError
from lpwd.jobs.rights import User
from lpwd.runs import Runs
from lpwd.ui import look
from lpwd.ui.live import Live
from lpwd.ui.published import Cached
from lpwd.ui.runs import chart, compared, exports, one_run, overlay, runlist
from lpwd.ui.shared.form import Form, fields_without_control, form_values
from lpwd.ui.web.answers import endpoint, server_functions
from lpwd.ui.web.people import People
from lpwd.ui.web.topics import Topics

WATCH_MS, SOON_MS = 3000, 500  # poll intervals: usual, and while published runs load
CLONED = "The form now holds the settings of this run. Add a method or change a number, then press Start."
LOST = " It has no control for {fields}, which {verb} at the default."


def build(live: Live, people: People, topics: Topics, cached: Cached) -> gr.HTML:
    """Build the tab and the named endpoint /compare."""
    store, runs = live.store, Runs(live.store, cached.runs)
    listed, curves = runlist.RunList(runs, cached), overlay.Curves(runs)

    def rows(user: User, cursor: str = "") -> dict[str, Any]:
        answer = listed.since(cursor, user)
        return answer | {"pollMs": SOON_MS if answer["reading"] else WATCH_MS}

    def sparks(run_ids: list[str]) -> dict[str, Any]:
        return {"sparks": runlist.sparks(runs, run_ids)}

    def about(user: User, run_id: str) -> dict[str, Any]:
        return one_run.about(runs, run_id, user)

    def edit(user: User, run_id: str, name: str, note: str) -> None:
        one_run.edit(store, run_id, name, note, user)

    def remove(user: User, run_ids: list[str]) -> None:
        one_run.delete(store, run_ids, user)

    def export(run_ids: list[str], kind: exports.Kind) -> dict[str, Any]:
        return {"text": exports.table(runs, run_ids, kind)}

    def data(items: list[str], y: str, layer: str = "") -> dict[str, Any]:
        return {"csv": exports.points(curves, compared.choose(runs, items), y, layer)}

    def trackio(items: list[str]) -> dict[str, Any]:
        return exports.trackio(runs, items)

    def compare(run_ids: list[str], value: str = "best10_mean") -> dict[str, Any]:
        """Group the runs over seeds and pair each two groups: n, mean, deviation, paired difference and verdict.

        `value` is best10_mean, last_top1, val_selected_top1 or train_loss.
        """
        return compared.comparison(runs, run_ids, value)

    topics.add("runs", rows)
    topics.add("compare", partial(chart.view, curves))
    gr.api(endpoint(compare), concurrency_limit=None)
    return gr.HTML(
        html_template=page(),
        js_on_load=look.mount("runs/runs.js"),
        server_functions=server_functions(sparks, about, edit, remove, export, data, trackio, who=people.who),
        labels=json.dumps(runlist.labels()),
        elem_id="lp-runs",
        apply_default_css=False,
    )


def page() -> str:
    """Return the template with the options of its controls."""
    judged = {name: words for name, (words, _, _) in QUANTITIES.items()}
    shown = {name: title for name, (title, _, _) in overlay.Y.items()}
    html = look.asset("runs/runs.html")
    for part in ("chart", "imported"):
        html = html.replace(f"[[{part.upper()}]]", look.asset(f"runs/{part}.html"))
    html = html.replace("[[MOTION]]", look.asset("shared/motion.html"))
    for mark, choices in (("[[Y]]", shown), ("[[X]]", overlay.X), ("[[VALUES]]", judged)):
        html = html.replace(mark, "".join(f'<option value="{name}">{text}</option>' for name, text in choices.items()))
    return html


def cloning(live: Live, listed: gr.HTML, cached: Cached, controls: Form) -> None:
    """Fill the form of the Train tab with the settings of a run."""
    names, runs = list(controls.fields), Runs(live.store, cached.runs)

    def clone(event: gr.EventData) -> list[Any]:
        try:
            config = runs.record(event.run_id).config
        except ConfigError as error:
            gr.Warning(str(error), title="Not cloned")
            return [gr.skip()] * len(names)
        gr.Info(clone_message(fields_without_control(config)), title="Cloned", duration=8)
        values = form_values(config)
        return [values[name] for name in names]

    outputs = [controls.fields[name] for name in names]
    listed.submit(clone, None, outputs, show_progress="hidden", api_visibility="private", concurrency_limit=None)


def clone_message(lost: list[str]) -> str:
    """Return the message about a clone; `lost` are the fields without a control."""
    verb = "stays" if len(lost) == 1 else "stay"
    return CLONED + (LOST.format(fields=", ".join(lost), verb=verb) if lost else "")
