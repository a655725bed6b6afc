"""The Train tab: choose, start, watch."""

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
from lpwd.ui.train.here import Here, first_dataset
from lpwd.ui.train.presets import fillings, options
from lpwd.ui.train.published_lanes import Beside
from lpwd.ui.web.people import People
from lpwd.ui.web.topics import IDLE_MS, Topics

INTRO = (
    "Each method trains the same network from the same initial weights on the same batches. WD shrinks every layer "
    "alike, with the update. LPWD shrinks before the forward pass, deep layers most."
)
OUTCOME = '<p class="lp-problem" role="alert"></p><p class="lp-muted" role="status"></p>'
RECORDED = "These runs had finished before: shown as recorded. Tick “Train finished runs again” to repeat them."
HUB_SECONDS = 3.0  # the start of the app waits so long for the answer whether the Hub can be had
LATE_HUB_SECONDS = 10.0  # a new page waits so long where the start did not learn it; it is painted already
MACHINE_SECONDS = 60.0
FILLED = "filled"  # the value of the plan's component once a link's values are in the form
LONGEST_PROFILE = 1000  # characters
AGAIN_MS = 1000  # until a page asks again for costs that are being worked out


def build(
    live: Live,
    people: People,
    topics: Topics,
    cached: Cached,
    costs: Costs,
    hub_problem: Future[str | None],
    on_load: Callable[..., Any],
) -> form.Form:
    """`hub_problem` holds one sentence where the Hub's data cannot be had; `on_load` registers work for a new page."""
    here = Here(live, hub_problem, dataset := first_dataset(hub_problem, HUB_SECONDS))
    topics.add("preflight", preflight(costs, here))
    topics.add("published_curves", Beside(live.store, cached).look)
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
            _html("train/panel", "lp-panel")
            _html("train/motion", "lp-motion", look.asset("shared/motion.html"))
    _fill(preset, about, controls)
    drawn = [controls.fields["profile"], controls.fields["mean"]]
    profile.submit(_drawn, None, drawn, show_progress="hidden", api_visibility="private")
    _wire(live, people, controls, start, plan, outcome)
    _first_values(here, controls, plan, note, outcome, on_load)
    return controls


def _html(name: str, elem_id: str, template: str = "", value: str | None = None) -> gr.HTML:
    """A component of the page from its script, and its template unless another is given."""
    template, script = template or look.asset(f"{name}.html"), look.mount(f"{name}.js")
    return gr.HTML(value, html_template=template, js_on_load=script, elem_id=elem_id, apply_default_css=False)


def _presets() -> str:
    return look.asset("train/presets.html").replace("[[OPTIONS]]", options())


def preflight(costs: Costs, here: Here) -> Callable[..., dict[str, Any]]:
    """The topic that says what Start would do with what the controls show, or why it would refuse."""

    def answer(user: User, shown: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = {"again": False}
        try:
            values = form.meant(shown)
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
    """How to train these races elsewhere, and what the page's address says of them."""
    commands = "\n".join(command_line(race) for race in races)
    return {"link": address.parameters(values, here), "commands": commands, "python": python_snippet(races)}


def _wire(live: Live, people: People, controls: form.Form, start: gr.Button, plan: gr.HTML, outcome: gr.HTML) -> None:
    def on_start(data: dict[Any, Any], request: gr.Request) -> str:
        try:
            race_configs = form.races(form.meant(controls.shown(data)))
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
        return [form.shown(name, values[name]) for name in defaults.OF_DATASET]

    def on_model(dataset: str, model: str) -> list[Any]:
        """Another network takes neither the arguments nor the weights of the one before."""
        kwargs = defaults.of_dataset(dataset, model)["model_kwargs"]
        return [form.shown("model_kwargs", kwargs), form.shown("init_from", None)]

    def on_optimizer(optimizer: str, dataset: str) -> str:
        """Each optimizer has a learning rate of its own to begin with."""
        return form.shown("lr", defaults.learning_rate(optimizer, dataset))

    def on_weights(init_from: str) -> list[Any]:
        """A published start brings its network along."""
        start = published().get(split(init_from or "")[0])
        if start is None or start.name != init_from:
            return [gr.skip(), gr.skip()]
        return [start.config.model, form.shown("model_kwargs", start.config.model_kwargs)]

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
    """Choosing an experiment fills the form."""
    names = list(controls.fields)

    def fill(event: gr.EventData) -> list[Any]:
        filling = fillings().get(event.label)
        if filling is None:
            return ["", *(gr.skip() for _ in names)]
        return [f'<p class="lp-muted">{html.escape(filling.note)}</p>', *(filling.values[name] for name in names)]

    outputs = [about, *(controls.fields[name] for name in names)]
    preset.submit(fill, None, outputs, show_progress="hidden", api_visibility="private", concurrency_limit=None)


def _drawn(event: gr.EventData) -> list[Any]:
    """The profile that a script sent with its event, as text, and the mean that belongs to it."""
    return [str(event.label)[:LONGEST_PROFILE], event.mean if event.mean in MEANS else gr.skip()]


def _outcome(**fields: Any) -> str:
    """Read by train/outcome.js; the time makes two equal answers different, so that the page hears both."""
    return json.dumps(fields | {"at": time.time()})


def _told(controls: form.Form) -> str:
    """Return JavaScript that sends an event with what all controls show; it asks the server nothing."""
    return f"""(...shown) => {{
      const detail = Object.fromEntries({json.dumps(list(controls.fields))}.map((name, i) => [name, shown[i]]));
      dispatchEvent(new CustomEvent("lpwd-form", {{ detail }}));
      return [];
    }}"""


def first_values(linked: Mapping[str, Any], here: Mapping[str, str]) -> dict[str, Any]:
    """What the form of a new page holds: what its link says, and else what suits its data set on this machine."""
    dataset, model = linked.get("dataset", here["dataset"]), linked.get("model", defaults.FORM["model"])
    return {**address.first_values(dataset, model), "precision": here["precision"], **linked}


def _first_values(
    here: Here, controls: form.Form, plan: gr.HTML, note: gr.HTML, outcome: gr.HTML, on_load: Callable[..., Any]
) -> None:
    """Fill the form of a new page: at once with what is known, and again only what the Hub and the machine change."""
    names = list(controls.fields)

    def changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Any]:
        return [gr.skip() if new[name] == old[name] else form.shown(name, new[name]) for name in names]

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
