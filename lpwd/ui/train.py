"""The Train tab: choose, start, watch."""

import html
import json
import time
from collections.abc import Callable
from concurrent.futures import Future, TimeoutError
from typing import Any

import gradio as gr

from lpwd.commandline import command_line
from lpwd.config import ConfigError, DatasetName
from lpwd.store import ENDED
from lpwd.ui import defaults, form, look
from lpwd.ui.live import Live
from lpwd.ui.people import People

INTRO = (
    "Does it matter when, and where, weight decay acts? Each method trains the same network from the same initial "
    "weights on the same batches, in lock step, on this machine. WD shrinks every layer alike, together with the "
    "update; LPWD shrinks before the forward pass, deep layers more than shallow ones."
)
RECORDED = "These runs had finished before: shown as recorded. Tick “Train finished runs again” to repeat them."
HUB_SECONDS = 3.0  # the start of the app waits so long for the answer whether the Hub can be had
LATE_HUB_SECONDS = 10.0  # a new page waits so long where the start did not learn it; it is painted already
MACHINE_SECONDS = 60.0


def build(live: Live, people: People, hub_problem: Future[str | None], on_load: Callable[..., Any]) -> form.Form:
    """`hub_problem` holds one sentence where the Hub's data cannot be had; `on_load` registers work for a new page."""
    gr.HTML(f'<p class="lp-intro">{INTRO}</p>', apply_default_css=False)
    dataset = first_dataset(hub_problem)
    controls = form.build(dataset)
    with gr.Row(elem_classes="lp-start"):
        start = gr.Button("Start", variant="primary", elem_id="lp-start", scale=0, min_width=120)
        command = gr.HTML(
            _preview({**defaults.form_values(dataset), "methods": defaults.METHODS}),
            html_template=look.asset("command.html"),
            js_on_load="lpwd.copying(element);",
            elem_id="lp-command",
            apply_default_css=False,
        )
    gr.HTML(f'<p class="lp-muted">{live.jobs.limits.sentence}</p>', elem_id="lp-limits", apply_default_css=False)
    note = gr.HTML(elem_id="lp-note", apply_default_css=False)
    outcome = gr.HTML(
        "{}",
        html_template='<p class="lp-problem" role="alert"></p><p class="lp-muted" role="status"></p>',
        js_on_load="lpwd.outcome(element, props, watch);",
        elem_id="lp-outcome",
        apply_default_css=False,
    )
    gr.HTML(
        html_template=look.asset("panel.html"),
        js_on_load="lpwd.panel(element, props.plotly);",
        plotly=look.plotly_path(),
        elem_id="lp-panel",
        apply_default_css=False,
    )
    _wire(live, people, controls, start, command, outcome)
    _first_look(live, hub_problem, dataset, controls, note, on_load)
    return controls


def first_dataset(hub_problem: Future[str | None]) -> DatasetName:
    """What the form starts with; digits where the Hub does not answer in time."""
    try:
        return defaults.OFFLINE_DATASET if hub_problem.result(HUB_SECONDS) else defaults.DATASET
    except TimeoutError:
        return defaults.OFFLINE_DATASET


def _wire(
    live: Live, people: People, controls: form.Form, start: gr.Button, command: gr.HTML, outcome: gr.HTML
) -> None:
    def on_start(data: dict[Any, Any], request: gr.Request) -> str:
        try:
            configs = form.configs(controls.values(data))
            run_ids = live.start(configs, people.who(request), again=data[controls.again])
        except ConfigError as error:
            sentence = form.in_page_words(str(error))
            gr.Warning(sentence, title="Not started", duration=8)
            return _outcome(problem=sentence)
        recorded = all(live.store.status(run_id).state in ENDED for run_id in run_ids)
        return _outcome(ids=run_ids, note=RECORDED if recorded else "")

    def preview(data: dict[Any, Any]) -> str:
        return _preview(controls.values(data))

    def on_dataset(dataset: str) -> list[Any]:
        return [defaults.DATASETS[dataset][name] for name in sorted(defaults.DATASETS[dataset])]

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
    start.click(on_start, controls.inputs, outcome, **quiet)
    changes = [component.change for component in controls.fields.values()]  # type: ignore[attr-defined]
    gr.on(changes, preview, controls.inputs, command, queue=False, trigger_mode="always_last", **quiet)
    dataset = controls.fields["dataset"]
    of_dataset = [controls.fields[name] for name in sorted(defaults.DATASETS[defaults.DATASET])]
    dataset.input(on_dataset, dataset, of_dataset, queue=False, **quiet)  # type: ignore[attr-defined]


def _preview(values: dict[str, Any]) -> str:
    """The command line of these values, or what is wrong with them."""
    try:
        return html.escape(command_line(form.configs(values)))
    except ConfigError as error:
        return f"<em>{html.escape(str(error))}</em>"


def _outcome(**fields: Any) -> str:
    """Read by `lpwd.outcome`; the time makes two equal answers different, so that the page hears both."""
    return json.dumps(fields | {"at": time.time()})


def _first_look(
    live: Live,
    hub_problem: Future[str | None],
    built_with: DatasetName,
    controls: form.Form,
    note: gr.HTML,
    on_load: Callable[..., Any],
) -> None:
    """What a new page learns after it is painted; a control changes only where its first value was wrong."""
    names = ["dataset", *sorted(defaults.DATASETS[defaults.DATASET])]

    def explain_data() -> list[Any]:
        problem = hub_problem.result(LATE_HUB_SECONDS)
        dataset = defaults.OFFLINE_DATASET if problem else defaults.DATASET
        values = defaults.form_values(dataset)
        fields = [gr.skip() if dataset == built_with else values[name] for name in names]
        return [f'<p class="lp-muted">{html.escape(problem or "")}</p>', *fields]

    def describe_machine() -> list[Any]:
        try:
            machine = live.machine.result(MACHINE_SECONDS)
        except (ConfigError, TimeoutError):  # the strip says it
            return [gr.skip(), gr.skip()]
        usual = defaults.FORM["precision"] == machine.precision
        return [gr.update(choices=machine.models), gr.skip() if usual else machine.precision]

    on_load(explain_data, None, [note, *(controls.fields[name] for name in names)])
    on_load(describe_machine, None, [controls.fields["model"], controls.fields["precision"]])
