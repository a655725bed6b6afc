"""The Train tab: choose, start, watch."""

import html
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, TimeoutError
from typing import Any

import gradio as gr

from lpwd.config import ConfigError
from lpwd.facts import DATASETS
from lpwd.jobs.rights import User
from lpwd.spelled import command_line, python_snippet
from lpwd.starts import published, split
from lpwd.store import ENDED
from lpwd.ui import look
from lpwd.ui.live import Live
from lpwd.ui.published import Cached
from lpwd.ui.shared import address, defaults, form
from lpwd.ui.shared.costs import Costs
from lpwd.ui.train import controls as form_controls
from lpwd.ui.train.here import Here, first_dataset
from lpwd.ui.train.presets import fillings, options
from lpwd.ui.train.published import Beside
from lpwd.ui.web.people import People
from lpwd.ui.web.topics import IDLE_MS, Topics

INTRO = (
    "Does it matter when, and where, weight decay acts? Each method trains the same network from the same initial "
    "weights on the same batches, in lock step, on this machine. WD shrinks every layer alike, together with the "
    "update; LPWD shrinks before the forward pass, deep layers more than shallow ones."
)
RECORDED = "These runs had finished before: shown as recorded. Tick “Train finished runs again” to repeat them."
HUB_SECONDS = 3.0  # the start of the app waits so long for the answer whether the Hub can be had
LATE_HUB_SECONDS = 10.0  # a new page waits so long where the start did not learn it; it is painted already
MACHINE_SECONDS = 60.0
AGAIN_MS = 1000  # until a page asks again for costs that are being worked out


def build(
    live: Live,
    people: People,
    topics: Topics,
    cached: Cached,
    hub_problem: Future[str | None],
    on_load: Callable[..., Any],
) -> form.Form:
    """`hub_problem` holds one sentence where the Hub's data cannot be had; `on_load` registers work for a new page."""
    gr.HTML(f'<p class="lp-intro">{INTRO}</p>', apply_default_css=False)

    costs = Costs(live)

    def preflight(user: User, fields: dict[str, str]) -> dict[str, Any]:
        try:
            answer = costs.say(user, fields)
        except ConfigError as error:
            answer = {"said": "", "refused": str(error), "network": "", "again": False}
        field = form.field_of(answer["refused"])
        return answer | {"field": field, "pollMs": AGAIN_MS if answer["again"] else IDLE_MS}

    topics.add("preflight", preflight)
    topics.add("published", Beside(live.store, cached).look)

    dataset = first_dataset(hub_problem, HUB_SECONDS)
    with gr.Row(elem_classes="lp-presets"):
        preset = gr.HTML(
            html_template=look.asset("train/presets.html").replace("[[OPTIONS]]", options()),
            js_on_load=look.mount("train/presets.js"),
            elem_id="lp-filling",
            apply_default_css=False,
        )
        about = gr.HTML(elem_id="lp-filling-note", apply_default_css=False)
    controls = form_controls.build(dataset)
    with gr.Row(elem_classes="lp-start"):
        start = gr.Button(
            "Start", variant="primary", elem_id="lp-start", elem_classes="lp-starts", scale=0, min_width=120
        )
        plan = gr.HTML(
            described(address.first_values(dataset), {"dataset": dataset}),
            html_template=look.asset("train/plan.html"),
            js_on_load=look.mount("train/plan.js"),
            elem_id="lp-plan",
            apply_default_css=False,
        )
    terms = " ".join(facts.terms for facts in DATASETS.values() if facts.terms)
    gr.HTML(
        f'<p class="lp-muted">{live.jobs.limits.sentence} {terms}</p>', elem_id="lp-limits", apply_default_css=False
    )
    note = gr.HTML(elem_id="lp-note", apply_default_css=False)
    outcome = gr.HTML(
        "{}",
        html_template='<p class="lp-problem" role="alert"></p><p class="lp-muted" role="status"></p>',
        js_on_load=look.mount("train/outcome.js"),
        elem_id="lp-outcome",
        apply_default_css=False,
    )
    gr.HTML(
        html_template=look.asset("train/panel.html"),
        js_on_load=look.mount("train/panel.js"),
        elem_id="lp-panel",
        apply_default_css=False,
    )
    _fill(preset, about, controls)
    here = Here(live, hub_problem, dataset)
    _wire(live, people, here, controls, start, plan, outcome)
    _first_look(here, controls, note, on_load)
    _follow_link(here, controls, plan, outcome, on_load)
    return controls


def described(values: Mapping[str, Any], here: Mapping[str, str], settled: bool = False) -> str:
    """What `lpwd.plan` shows of these values: how to train them elsewhere, or what is wrong with them."""
    fields = {name: address.text(name, values[name]) for name in form.LABELS}
    answer = {"link": address.parameters(values, here), "fields": fields, "settled": settled}
    try:
        races = form.races(values)
    except ConfigError as error:
        problem = {"problem": str(error), "field": form.field_of(str(error))}
        return json.dumps(answer | problem | {"commands": "", "python": ""})
    commands = "\n".join(command_line(race) for race in races)
    return json.dumps(answer | {"problem": "", "commands": commands, "python": python_snippet(races)})


def _wire(
    live: Live, people: People, here: Here, controls: form.Form, start: gr.Button, plan: gr.HTML, outcome: gr.HTML
) -> None:
    def on_start(data: dict[Any, Any], request: gr.Request) -> str:
        try:
            race_configs = form.races(controls.values(data))
            races = live.start_all(race_configs, people.who(request), again=data[controls.again])
        except ConfigError as error:
            sentence = form.in_page_words(str(error))
            gr.Warning(sentence, title="Not started", duration=8)
            return _outcome(problem=sentence)
        recorded = all(live.store.status(run_id).state in ENDED for run_ids in races for run_id in run_ids)
        return _outcome(ids=races[0], note=RECORDED if recorded else "")

    def preview(data: dict[Any, Any]) -> str:
        return described(controls.values(data), here.values())

    def on_dataset(dataset: str, model: str) -> list[Any]:
        values = defaults.of_dataset(dataset, model)
        return [form.shown(name, values[name]) for name in defaults.OF_DATASET]

    def on_model(dataset: str, model: str) -> list[Any]:
        """Another network takes neither the arguments nor the weights of the one before."""
        kwargs = defaults.of_dataset(dataset, model)["model_kwargs"]
        return [form.shown("model_kwargs", kwargs), form.shown("init_from", None)]

    def on_weights(init_from: str) -> list[Any]:
        """A published start brings its network along."""
        start = published().get(split(init_from or "")[0])
        if start is None or start.name != init_from:
            return [gr.skip(), gr.skip()]
        return [start.config.model, form.shown("model_kwargs", start.config.model_kwargs)]

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
    start.click(on_start, controls.inputs, outcome, **quiet)
    changes = [component.change for component in controls.fields.values()]  # type: ignore[attr-defined]
    gr.on(changes, preview, controls.inputs, plan, queue=False, trigger_mode="always_last", **quiet)
    model, dataset, weights, kwargs = (controls.fields[n] for n in ("model", "dataset", "init_from", "model_kwargs"))
    of_dataset = [controls.fields[name] for name in defaults.OF_DATASET]
    follow: list[tuple[Any, Any, list[Any], list[Any]]] = [
        (dataset, on_dataset, [dataset, model], of_dataset),
        (model, on_model, [dataset, model], [kwargs, weights]),
        (weights, on_weights, [weights], [model, kwargs]),
    ]
    for control, act, given, changed in follow:
        control.input(act, given, changed, queue=False, **quiet)


def _fill(preset: gr.HTML, about: gr.HTML, controls: form.Form) -> None:
    """Choosing an experiment fills the form."""
    names = list(controls.fields)

    def fill(event: gr.EventData) -> list[Any]:
        filling = fillings().get(event.label)
        if filling is None:
            return ["", *(gr.skip() for _ in names)]
        return [f'<p class="lp-muted">{html.escape(filling.note)}</p>', *(filling.values[name] for name in names)]

    outputs = [about, *(controls.fields[name] for name in names)]
    preset.submit(fill, None, outputs, show_progress="hidden", api_visibility="private", concurrency_limit=None)


def _outcome(**fields: Any) -> str:
    """Read by `lpwd.outcome`; the time makes two equal answers different, so that the page hears both."""
    return json.dumps(fields | {"at": time.time()})


def _first_look(here: Here, controls: form.Form, note: gr.HTML, on_load: Callable[..., Any]) -> None:
    """What a new page learns after it is painted; a control changes only where its first value was wrong."""
    names = ["dataset", *defaults.OF_DATASET]

    def explain_data(request: gr.Request) -> list[Any]:
        problem = here.hub_problem.result(LATE_HUB_SECONDS)
        dataset = defaults.OFFLINE_DATASET if problem else defaults.DATASET
        linked, _ = address.restored(dict(request.query_params))
        model = linked.get("model", defaults.FORM["model"])
        values = {} if dataset == here.built_with or "dataset" in linked else defaults.form_values(dataset, model)
        fields = [
            form.shown(name, values[name]) if name in values and name not in linked else gr.skip() for name in names
        ]
        return [f'<p class="lp-muted">{html.escape(problem or "")}</p>', *fields]

    def describe_machine(request: gr.Request) -> list[Any]:
        try:
            machine = here.live.machine.result(MACHINE_SECONDS)
        except (ConfigError, TimeoutError):  # the strip says it
            return [gr.skip(), gr.skip()]
        linked, _ = address.restored(dict(request.query_params))
        precision = gr.skip() if "precision" in linked else here.precision(linked.get("dataset", here.dataset()))
        return [gr.update(choices=machine.models), precision]

    on_load(explain_data, None, [note, *(controls.fields[name] for name in names)])
    on_load(describe_machine, None, [controls.fields["model"], controls.fields["precision"]])


def _follow_link(here: Here, controls: form.Form, plan: gr.HTML, outcome: gr.HTML, on_load: Callable[..., Any]) -> None:
    """Fill the form with what the page's address says."""
    names = list(controls.fields)

    def follow(request: gr.Request) -> list[Any]:
        linked, problem = address.restored(dict(request.query_params))
        fields = [form.shown(name, linked[name]) if name in linked else gr.skip() for name in names]
        if not linked and not problem:
            return [gr.skip(), gr.skip(), *fields]
        first = here.values()
        model = linked.get("model", defaults.FORM["model"])
        values = {**address.first_values(linked.get("dataset", first["dataset"]), model), **linked}
        return [described(values, first, settled=True), _outcome(problem=problem) if problem else gr.skip(), *fields]

    on_load(follow, None, [plan, outcome, *(controls.fields[name] for name in names)])
