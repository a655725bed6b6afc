"""The Runs tab: every run of the store, found, looked into, cloned and tidied."""

import json
from typing import Any

import gradio as gr

from lpwd.config import ConfigError
from lpwd.jobs.rights import User
from lpwd.ui import look
from lpwd.ui.answers import answering
from lpwd.ui.live import Live
from lpwd.ui.people import People
from lpwd.ui.runs import runlist
from lpwd.ui.shared.form import Form, form_values, lost
from lpwd.ui.topics import Topics

WATCH_MS = 3000  # until a page asks again for the rows that changed
CLONED = "The form has the settings of this run. Add a method or change a number, then press Start."
LOST = " It has no control for {fields}, which {verb} at the default."


def build(live: Live, people: People, topics: Topics) -> gr.HTML:
    """The list; its script fetches rows, and asks before it deletes."""
    store, listed = live.store, runlist.RunList(live.store)

    def rows(cursor: str = "") -> dict[str, Any]:
        return listed.since(cursor) | {"pollMs": WATCH_MS}

    def about(user: User, run_id: str) -> dict[str, Any]:
        return runlist.about(store, run_id, user)

    def edit(user: User, run_id: str, name: str, note: str) -> None:
        runlist.edit(store, run_id, name, note, user)

    def remove(user: User, run_ids: list[str]) -> None:
        runlist.delete(store, run_ids, user)

    def export(run_ids: list[str], kind: runlist.Kind) -> dict[str, Any]:
        return {"text": runlist.export(store, run_ids, kind)}

    topics.add("runs", rows)
    return gr.HTML(
        html_template=look.asset("runs/runs.html"),
        js_on_load="lpwd.runs(element, server, trigger, props.labels);",
        server_functions=[answering(act, people.who) for act in (about, edit, remove, export)],
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
        gr.Info(cloned(lost(config)), title="Cloned", duration=8)
        values = form_values(config)
        return [values[name] for name in names]

    outputs = [controls.fields[name] for name in names]
    listed.submit(clone, None, outputs, show_progress="hidden", api_visibility="private", concurrency_limit=None)


def cloned(lost: list[str]) -> str:
    """What is said about a clone; `lost` are the fields that the form cannot hold."""
    verb = "stays" if len(lost) == 1 else "stay"
    return CLONED + (LOST.format(fields=", ".join(lost), verb=verb) if lost else "")
