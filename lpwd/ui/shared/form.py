"""The controls of a race and what they mean: components <-> RunConfig."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from lpwd.config import ConfigError, RunConfig
from lpwd.facts import DATASETS, OPTIMIZER_LABELS, DatasetName
from lpwd.methods import LAYER_RULES, METHODS
from lpwd.ui.shared import defaults

# What a sentence about a field calls it: the control's label.
LABELS = {
    "model": "Model",
    "dataset": "Data set",
    "optimizer": "Optimizer",
    "methods": "Decay methods, one lane each",
    "lr": "Learning rate η",
    "weight_decay": "Weight decay λ",
    "epochs": "Epochs",
    "train_samples": "Training images",
    "seed": "Seed",
    "seeds": "Number of seeds",
    "batch_size": "Batch size, images",
    "test_samples": "Test images",
    "validation_samples": "Validation images",
    "schedule": "Schedule of η",
    "augment": "Augmentation",
    "clip_grad_norm": "Clip gradient norm at",
    "precision": "Precision",
    "kernels": "Kernels",
    "rule": "Layer rule",
    "image_size": "Image size, pixels",
    "pretrained": "Start from ImageNet-22k weights",
    "init_from": "Start from a finished run or a bundled start",
    "exclude_1d": "Leave norms and biases undecayed",
    "zero_shot": "Zero-shot decay after training",
    "opposing_every": "Steps between R_op, 0: once an epoch",
    "model_kwargs": "Model arguments, JSON",
}
BESIDE = frozenset({"methods", "seeds"})  # no field of a run: they say how many runs there are
SEEDS = range(1, 6)
OPTIONAL = {  # what an empty field means
    "train_samples": "all",
    "test_samples": "all",
    "clip_grad_norm": "off",
    "init_from": "random weights",
}
MORE = tuple(list(LABELS)[list(LABELS).index("batch_size") :])


@dataclass(frozen=True)
class Form:
    """The controls by field of RunConfig, with `methods` for the lanes, `seeds` for the races, `again` beside them."""

    fields: dict[str, gr.components.Component]
    again: gr.Checkbox

    @property
    def inputs(self) -> set[gr.blocks.Block]:
        return {*self.fields.values(), self.again}

    def values(self, data: Mapping[gr.components.Component, Any]) -> dict[str, Any]:
        """What a callback with `inputs` received, by field."""
        values = {name: data[component] for name, component in self.fields.items()}
        return values | {name: _meant(values[name]) for name in OPTIONAL} | {"model_kwargs": _parsed(values)}


def build(dataset: DatasetName) -> Form:
    """The basic rows, then the folded rest, with the values that suit the data set."""
    values = {**defaults.form_values(dataset), "methods": list(defaults.METHODS)}
    fields: dict[str, gr.components.Component] = {}
    with gr.Row(elem_classes="lp-fields"):
        fields |= {name: _control(name, values) for name in LABELS if name not in MORE}
    with gr.Accordion("More settings", open=False, elem_classes="lp-more"), gr.Row(elem_classes="lp-fields"):
        fields |= {name: _control(name, values) for name in MORE}
        again = gr.Checkbox(False, label="Train finished runs again", elem_id="lp-again")
    return Form(fields, again)


def _control(name: str, values: Mapping[str, Any]) -> gr.components.Component:
    choices = _choices(name)
    value = shown(name, values[name])
    common: dict[str, Any] = {"label": LABELS[name], "value": value, "elem_id": f"lp-{name}", "min_width": 96}
    if isinstance(values[name], bool):
        return gr.Checkbox(**common)
    if choices:
        several = name == "methods"
        return gr.Dropdown(choices, multiselect=several, allow_custom_value=name == "model", filterable=True, **common)
    if isinstance(value, str):  # a gr.Number without a value becomes 0 in the browser
        return gr.Textbox(placeholder=OPTIONAL.get(name, "none"), max_lines=1, **common)
    return gr.Number(**common)


def shown(name: str, value: Any) -> Any:
    """What the control of a field shows for its value."""
    if name in OPTIONAL:
        return "" if value is None else value if isinstance(value, str) else f"{value:.12g}"
    return json.dumps(value) if value and name == "model_kwargs" else "" if name == "model_kwargs" else value


def _meant(text: str | None) -> str | None:
    """The number or name in the text of an optional field, None where it is empty."""
    return (text or "").replace(",", "").strip() or None


def _parsed(values: Mapping[str, Any]) -> Any:
    """The model arguments; what is no JSON stays as it is, and RunConfig refuses it."""
    text = (values["model_kwargs"] or "").strip() or "{}"
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _choices(name: str) -> list[tuple[str, Any]]:
    tables: dict[str, list[tuple[str, Any]]] = {
        "model": [(model, model) for model in defaults.MODELS],
        "dataset": [(facts.label, dataset) for dataset, facts in DATASETS.items()],
        "optimizer": [(label, optimizer) for optimizer, label in OPTIMIZER_LABELS.items()],
        "methods": [(method.label, key) for key, method in METHODS.items()],
        "schedule": [("constant", "constant"), ("cosine", "cosine")],
        "augment": [("mirrored", "flip"), ("mirrored and shifted", "shift_flip")],
        "precision": [("fp32", "fp32"), ("bf16 autocast", "bf16")],
        "kernels": [("fastest", "auto"), ("timm's own", "timm")],
        "rule": [(rule, rule) for rule in LAYER_RULES],
        "seeds": [(str(count), count) for count in SEEDS],
    }
    return tables.get(name, [])


def configs(values: Mapping[str, Any]) -> list[RunConfig]:
    """The race of the first seed: one RunConfig a method. Raises ConfigError, its sentence in the words of the page."""
    fields = {name: value for name, value in values.items() if name not in BESIDE}
    methods = values["methods"] or []
    if not methods:
        raise ConfigError(f"{LABELS['methods']}: choose at least one")
    try:
        return [RunConfig(method=method, **fields) for method in methods]
    except ConfigError as error:
        raise ConfigError(in_page_words(str(error))) from None


def races(values: Mapping[str, Any]) -> list[list[RunConfig]]:
    """One race a seed, so that methods are paired by seed. Raises ConfigError."""
    first = configs(values)
    if values["seeds"] not in SEEDS:
        raise ConfigError(f"{LABELS['seeds']} is {values['seeds']}: it must be {SEEDS[0]} to {SEEDS[-1]}")
    return [first, *(configs({**values, "seed": first[0].seed + i}) for i in range(1, values["seeds"]))]


def in_page_words(sentence: str) -> str:
    """`lr is 0.0: ...` as `Learning rate η is 0: ...`; an empty field is called empty."""
    name, separator, rest = sentence.partition(" is ")
    if not separator or name not in LABELS:
        return sentence
    given, colon, why = rest.partition(": ")
    return f"{LABELS[name]} is {'empty' if given == 'None' else given.removesuffix('.0')}{colon}{why}"


def form_values(config: RunConfig) -> dict[str, Any]:
    """What the controls of the Train tab show for this run, by field; `methods` has its one method."""
    given = config.model_dump() | {"methods": [config.method], "seeds": 1}
    return {name: shown(name, given[name]) for name in LABELS}


def lost(config: RunConfig) -> list[str]:
    """Fields of the run that no control can hold and that are not at their default."""
    changed = config.model_dump(exclude_defaults=True)
    return [name for name in changed if name not in LABELS and name not in ("method", "scale")]
