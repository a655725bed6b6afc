"""The Train tab: the form, the Start button and the race."""

import html
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import gradio as gr

from lpwd.config import ConfigError, RunConfig
from lpwd.facts import DATASETS
from lpwd.jobs.rights import User
from lpwd.methods import MEANS
from lpwd.spelled import command_line, python_snippet
from lpwd.starts import published, split
from lpwd.store import ENDED
from lpwd.ui import look
from lpwd.ui.live import Live
from lpwd.ui.published import Cached
from lpwd.ui.shared import address, defaults, form
from lpwd.ui.shared.costs import Costs
from lpwd.ui.train import controls as form_controls
from lpwd.ui.train.differences import Differences
from lpwd.ui.train.here import MachineDefaults, first_dataset
from lpwd.ui.train.presets import form_presets, options
from lpwd.ui.train.published_lanes import PublishedCurves
from lpwd.ui.web.people import People
from lpwd.ui.web.topics import IDLE_MS, Topics

INTRO = (
    "Each method trains the same network from the same initial weights on the same batches. WD decays all layers "
    "equally during the update. LPWD decays weights before the forward pass, deep layers most."
)
OUTCOME = '<p class="lp-problem" role="alert"></p><p class="lp-muted" role="status"></p>'
RECORDED = (
    "These runs have already finished: their recorded results are shown. Tick “Retrain finished runs” to repeat them."
)
HUB_SECONDS = 3.0  # the app's start waits at most this long to learn whether the Hub is reachable
LATE_HUB_SECONDS = 10.0  # a new page waits at most this long; it is already painted
MACHINE_SECONDS = 60.0
FILLED = "filled"  # value of the plan component once the form holds the values of a link
LONGEST_PROFILE = 1000  # characters
AGAIN_MS = 1000  # poll interval while costs are being computed


def build(
    live: Live,
    people: People,
    topics: Topics,
    cached: Cached,
    costs: Costs,
    hub_problem: Future[str | None],
    on_load: Callable[..., Any],
) -> form.Form:
    """Build the tab. `hub_problem` says why the Hub is unavailable, or None; `on_load` registers a page-load event."""
    here = MachineDefaults(live, hub_problem, dataset := first_dataset(hub_problem, HUB_SECONDS))
    topics.add("preflight", preflight(costs, here))
    topics.add("published_curves", PublishedCurves(live.store, cached).look)
    topics.add("differences", Differences(live.store).look)

    with gr.Row(elem_classes="lp-train"):
        with gr.Column(elem_classes="lp-train-form", min_width=280):
            with gr.Column(elem_classes="lp-train-fields", min_width=280):
                gr.HTML(f'<p class="lp-intro">{INTRO}</p>', apply_default_css=False)
                preset = _html("train/presets", "lp-filling", _presets())
                about = gr.HTML(elem_id="lp-filling-note", apply_default_css=False)
                controls = form_controls.build(dataset)
                profile = _html("train/profile", "lp-profile-editor", look.asset("shared/profile.html"))
                plan = _html("train/plan", "lp-plan")
                terms = " ".join(facts.terms for facts in DATASETS.values() if facts.terms)
                limits = f'<p class="lp-muted">{live.jobs.limits.sentence} {terms}</p>'
                gr.HTML(limits, elem_id="lp-limits", apply_default_css=False)
                note = gr.HTML(elem_id="lp-note", apply_default_css=False)
            with gr.Row(elem_classes="lp-start"):
                start = gr.Button("Start", variant="primary", elem_id="lp-start", elem_classes="lp-starts")
        with gr.Column(elem_classes="lp-train-race", min_width=280):
            outcome = _html("train/outcome", "lp-outcome", OUTCOME, "{}")
            panel = look.asset("train/panel.html").replace("[[MOTION]]", look.asset("shared/motion.html"))
            _html("train/panel", "lp-panel", panel)
    _fill(preset, about, controls)
    drawn = [controls.fields["profile"], controls.fields["mean"]]
    profile.submit(_drawn, None, drawn, show_progress="hidden", api_visibility="private")
    _wire(live, people, controls, start, plan, outcome)
    _first_values(here, controls, plan, note, outcome, on_load)
    return controls


def _html(name: str, elem_id: str, template: str = "", value: str | None = None) -> gr.HTML:
    """Return an HTML component with the script `name` and the template of the same name, unless one is given."""
    template, script = template or look.asset(f"{name}.html"), look.mount(f"{name}.js")
    return gr.HTML(value, html_template=template, js_on_load=script, elem_id=elem_id, apply_default_css=False)


def _presets() -> str:
    return look.asset("train/presets.html").replace("[[OPTIONS]]", options())


def preflight(costs: Costs, here: MachineDefaults) -> Callable[..., dict[str, Any]]:
    """Return the topic that describes the races of the form: commands, costs, or why they are refused."""

    def answer(user: User, shown: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = {"again": False}
        try:
            values = form.parse_controls(shown)
            races = form.races(values)
            answer |= described(values, races, here.values())
            answer |= costs.say(user, races)
        except ConfigError as error:
            answer |= {"refused": str(error), "field": error.field}
        return answer | {"pollMs": AGAIN_MS if answer["again"] else IDLE_MS}

    return answer


def described(
    values: Mapping[str, Any], races: Sequence[Sequence[RunConfig]], here: Mapping[str, str]
) -> dict[str, Any]:
    """Return the commands and the Python code of these races, and their address parameters."""
    commands = "\n".join(command_line(race) for race in races)
    return {"link": address.parameters(values, here), "commands": commands, "python": python_snippet(races)}


def _wire(live: Live, people: People, controls: form.Form, start: gr.Button, plan: gr.HTML, outcome: gr.HTML) -> None:
    def on_start(data: dict[Any, Any], request: gr.Request) -> str:
        try:
            race_configs = form.races(form.parse_controls(controls.shown(data)))
            races = live.start_all(race_configs, people.who(request), again=data[controls.again])
        except ConfigError as error:
            sentence = str(form.labelled(error))
            gr.Warning(sentence, title="Not started", duration=8)
            return _outcome(problem=sentence)
        ids = [run_id for run_ids in races for run_id in run_ids]
        recorded = all(live.store.status(run_id).state in ENDED for run_id in ids)
        return _outcome(ids=ids, note=RECORDED if recorded else "")

    def on_dataset(dataset: str, model: str) -> list[Any]:
        values = defaults.of_dataset(dataset, model)
        return [form.control_value(name, values[name]) for name in defaults.OF_DATASET]

    def on_model(dataset: str, model: str) -> list[Any]:
        """Reset arguments and initial weights, which belong to the previous network."""
        kwargs = defaults.of_dataset(dataset, model)["model_kwargs"]
        return [form.control_value("model_kwargs", kwargs), form.control_value("init_from", None)]

    def on_optimizer(optimizer: str, dataset: str) -> str:
        """Set the optimizer's default learning rate."""
        return form.control_value("lr", defaults.learning_rate(optimizer, dataset))

    def on_weights(init_from: str) -> list[Any]:
        """Select the network of a published start."""
        start = published().get(split(init_from or "")[0])
        if start is None or start.name != init_from:
            return [gr.skip(), gr.skip()]
        return [start.config.model, form.control_value("model_kwargs", start.config.model_kwargs)]

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
    start.click(on_start, controls.inputs, outcome, **quiet)
    changes = [component.change for component in controls.fields.values()]  # type: ignore[attr-defined]
    gr.on([*changes, plan.submit], None, list(controls.fields.values()), None, js=_told(controls), **quiet)
    model, dataset, weights, kwargs = (controls.fields[n] for n in ("model", "dataset", "init_from", "model_kwargs"))
    optimizer, lr = controls.fields["optimizer"], controls.fields["lr"]
    of_dataset = [controls.fields[name] for name in defaults.OF_DATASET]
    follow: list[tuple[Any, Any, list[Any], list[Any]]] = [
        (dataset, on_dataset, [dataset, model], of_dataset),
        (model, on_model, [dataset, model], [kwargs, weights]),
        (weights, on_weights, [weights], [model, kwargs]),
        (optimizer, on_optimizer, [optimizer, dataset], [lr]),
    ]
    for control, act, given, changed in follow:
        control.input(act, given, changed, queue=False, **quiet)


def _fill(preset: gr.HTML, about: gr.HTML, controls: form.Form) -> None:
    """Fill the form when a preset is chosen."""
    names = list(controls.fields)

    def fill(event: gr.EventData) -> list[Any]:
        form_preset = form_presets().get(event.label)
        if form_preset is None:
            return ["", *(gr.skip() for _ in names)]
        return [
            f'<p class="lp-muted">{html.escape(form_preset.note)}</p>',
            *(form_preset.values[name] for name in names),
        ]

    outputs = [about, *(controls.fields[name] for name in names)]
    preset.submit(fill, None, outputs, show_progress="hidden", api_visibility="private", concurrency_limit=None)


def _drawn(event: gr.EventData) -> list[Any]:
    """Return the profile and the mean that the profile editor sent."""
    return [str(event.label)[:LONGEST_PROFILE], event.mean if event.mean in MEANS else gr.skip()]


def _outcome(**fields: Any) -> str:
    """Return JSON for train/outcome.js. The time makes equal values differ, so that each triggers a change event."""
    return json.dumps(fields | {"at": time.time()})


def _told(controls: form.Form) -> str:
    """Return JavaScript that dispatches an event with the values of all controls, without a request to the server."""
    return f"""(...shown) => {{
      const detail = Object.fromEntries({json.dumps(list(controls.fields))}.map((name, i) => [name, shown[i]]));
      dispatchEvent(new CustomEvent("lpwd-form", {{ detail }}));
      return [];
    }}"""


def first_values(linked: Mapping[str, Any], here: Mapping[str, str]) -> dict[str, Any]:
    """Return the form values of a new page: those of its link, else the defaults of its data set on this machine."""
    dataset, model = linked.get("dataset", here["dataset"]), linked.get("model", defaults.FORM["model"])
    return {**address.first_values(dataset, model), "precision": here["precision"], **linked}


def _first_values(
    here: MachineDefaults,
    controls: form.Form,
    plan: gr.HTML,
    note: gr.HTML,
    outcome: gr.HTML,
    on_load: Callable[..., Any],
) -> None:
    """Fill the form of a new page at once, and again once the Hub and the machine are known."""
    names = list(controls.fields)

    def changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Any]:
        return [gr.skip() if new[name] == old[name] else form.control_value(name, new[name]) for name in names]

    def fill(request: gr.Request) -> Iterator[list[Any]]:
        linked, problem = address.restored(dict(request.query_params))
        built, first = first_values({}, here.when_built()), first_values(linked, here.values(linked.get("dataset")))
        yield [FILLED, gr.skip(), _outcome(problem=problem) if problem else gr.skip(), *changed(built, first)]
        hub_problem, models = here.wait(LATE_HUB_SECONDS, MACHINE_SECONDS)
        last = first_values(linked, here.values(linked.get("dataset")))
        fields = dict(zip(names, changed(first, last), strict=True))
        fields["model"] = gr.update(choices=models) if models else gr.skip()
        yield [gr.skip(), f'<p class="lp-muted">{html.escape(hub_problem)}</p>', gr.skip(), *fields.values()]

    on_load(fill, None, [plan, note, outcome, *(controls.fields[name] for name in names)])
