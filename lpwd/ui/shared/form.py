"""The controls of a race and what they mean: their values <-> RunConfig."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from lpwd.config import ConfigError, RunConfig

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
    "order": "Order of the layers",
    "mean": "Mean of the rates",
    "image_size": "Image size, pixels",
    "pretrained": "Start from ImageNet-22k weights",
    "init_from": "Start weights, or a finished run's id",
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


def field_of(sentence: str) -> str:
    """The field that a sentence is about, by what it begins with; empty where it is about none, or about several."""
    names = {label: name for name, label in LABELS.items()} | {name: name for name in LABELS} | {"method": "methods"}
    begins = [words for words in names if sentence.startswith(f"{words} ") or sentence.startswith(f"{words}:")]
    return names[max(begins, key=len)] if begins else ""


def form_values(config: RunConfig) -> dict[str, Any]:
    """What the controls of the Train tab show for this run, by field; `methods` has its one method."""
    given = config.model_dump() | {"methods": [config.method], "seeds": 1}
    return {name: shown(name, given[name]) for name in LABELS}


def lost(config: RunConfig) -> list[str]:
    """Fields of the run that no control can hold and that are not at their default."""
    changed = config.model_dump(exclude_defaults=True)
    return [name for name in changed if name not in LABELS and name not in ("method", "scale")]
