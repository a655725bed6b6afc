"""The Runs tab: every run of the store, found, looked into, cloned and tidied."""

import json
from collections.abc import Callable
from typing import Any

import gradio as gr

from lpwd.config import ConfigError
from lpwd.ui import look, runlist
from lpwd.ui.form import Form
from lpwd.ui.live import Live

CLONED = "The form has the settings of this run. Add a method or change a number, then press Start."
LOST = " It has no control for {fields}, which {verb} at the default."


def build(live: Live) -> gr.HTML:
    """The list; its script fetches rows, and asks before it deletes."""
    store, runs = live.store, runlist.RunList(live.store)

    def rows(cursor: str) -> str:
        return json.dumps(runs.since(cursor))

    def about(run_id: str) -> str:
        return answer(lambda: runlist.about(store, run_id))

    def edit(request: str) -> str:
        return answer(lambda: runlist.edit(store, **json.loads(request)))

    def remove(run_ids: str) -> str:
        return answer(lambda: runlist.delete(store, json.loads(run_ids)))

    def export(request: str) -> str:
        return answer(lambda: {"text": runlist.export(store, **json.loads(request))})

    return gr.HTML(
        html_template=look.asset("runs.html"),
        js_on_load="lpwd.runs(element, server, trigger, props.labels);",
        server_functions=[rows, about, edit, remove, export],
        labels=json.dumps(runlist.labels()),
        elem_id="lp-runs",
        apply_default_css=False,
    )


def cloning(live: Live, listed: gr.HTML, controls: Form) -> None:
    """Clone fills the form of the Train tab; the page shows that tab itself."""
    names = list(controls.fields)

    def clone(event: gr.EventData) -> list[Any]:
        try:
            config = live.store.config(event.run_id)
        except ConfigError as error:
            gr.Warning(str(error), title="Not cloned")
            return [gr.skip()] * len(names)
        gr.Info(cloned(runlist.lost(config)), title="Cloned", duration=8)
        values = runlist.form_values(config)
        return [values[name] for name in names]

    outputs = [controls.fields[name] for name in names]
    listed.submit(clone, None, outputs, show_progress="hidden", api_visibility="private", concurrency_limit=None)


def cloned(lost: list[str]) -> str:
    """What is said about a clone; `lost` are the fields that the form cannot hold."""
    verb = "stays" if len(lost) == 1 else "stay"
    return CLONED + (LOST.format(fields=", ".join(lost), verb=verb) if lost else "")


def answer(act: Callable[[], dict[str, Any] | None]) -> str:
    """What `act` returns with `problem`: empty, or the sentence why it was refused."""
    try:
        return json.dumps({"problem": "", **(act() or {})})
    except ConfigError as error:
        return json.dumps({"problem": str(error)})
