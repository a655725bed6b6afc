"""The form: labels of its controls, and conversion between control values and RunConfig."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import gradio as gr

from lpwd import codec
from lpwd.config import ConfigError, RunConfig, race_configs
from lpwd.spelled import HIDDEN
from lpwd.ui.views import MAX_LANES

# Labels of the controls, which error messages use too.
LABELS = {
    "model": "Model",
    "dataset": "Data set",
    "optimizer": "Optimizer",
    "methods": "Decay methods, one lane each",
    "lr": "Learning rate η",
    "weight_decay": "Weight decay λ",
    "epochs": "Epochs",
    "train_samples": "Training images",
    "seed": "First seed",
    "seeds": "Seeds",
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
    "profile": "Profile of λ, shallow to deep",
    "image_size": "Image size, pixels",
    "pretrained": "Start from ImageNet-22k weights",
    "init_from": "Initial weights, or a finished run's id",
    "exclude_1d": "Exclude norms and biases from decay",
    "zero_shot": "Zero-shot decay after training",
    "opposing_every": "Steps between R_op, 0: once per epoch",
    "model_kwargs": "Model arguments, JSON",
    "optimizer_kwargs": "Optimizer arguments, JSON",
    "dataset_kwargs": "Arguments of own data, JSON",
}
BESIDE = frozenset({"methods", "seeds"})  # not fields of RunConfig: they set the number of runs
SEEDS = (1, 2, 3, 4, 5, 10)
OPTIONAL = {  # what an empty field means
    "train_samples": "all",
    "test_samples": "all",
    "clip_grad_norm": "off",
    "init_from": "random weights",
    "profile": "the layer rule",
}


@dataclass(frozen=True)
class Form:
    """The controls by field: fields of RunConfig, `methods` and `seeds`; and the check box `again`."""

    fields: dict[str, gr.components.Component]
    again: gr.Checkbox

    @property
    def inputs(self) -> set[gr.blocks.Block]:
        return {*self.fields.values(), self.again}

    def shown(self, data: Mapping[gr.components.Component, Any]) -> dict[str, Any]:
        """Return the control values by field from the arguments of a callback with `inputs`."""
        return {name: data[component] for name, component in self.fields.items()}


def control_value(name: str, value: Any) -> Any:
    """Return the control value of a field: text, unless the control is a choice or a check box."""
    textual = name not in BESIDE and (
        isinstance(value, int | float | dict | tuple | None) and not isinstance(value, bool)
    )
    return codec.write(name, value) if textual else value


def parse_controls(shown_values: Mapping[str, Any]) -> dict[str, Any]:
    """Parse control values by field. Raises ConfigError with the labels of the page."""
    if unknown := shown_values.keys() - LABELS.keys():
        raise ConfigError(f"unknown form field {min(unknown)[:40]!r}")
    with with_labels():
        return {name: value if name in BESIDE else codec.read(name, value) for name, value in shown_values.items()}


@contextmanager
def with_labels() -> Iterator[None]:
    """Replace the field name in a ConfigError by the label of its control."""
    try:
        yield
    except ConfigError as error:
        raise labelled(error) from None


def labelled(error: ConfigError) -> ConfigError:
    """Return the error with the label of the control instead of the field name."""
    field = "methods" if error.field == "method" else error.field
    sentence = f"{LABELS[field]} {error.reason}" if error.reason and field in LABELS else str(error)
    return ConfigError(sentence, field)


def configs(values: Mapping[str, Any]) -> list[RunConfig]:
    """Return the race of the first seed, one RunConfig per method. Raises ConfigError with the labels of the page."""
    fields = {name: value for name, value in values.items() if name not in BESIDE}
    with with_labels():
        if not values["methods"]:
            raise ConfigError.of("methods", "is empty: choose at least one")
        return race_configs(values["methods"], fields)


def races(values: Mapping[str, Any]) -> list[list[RunConfig]]:
    """Return one race per seed, so that methods are paired by seed. Raises ConfigError, also for a missing field."""
    if missing := sorted(LABELS.keys() - values.keys()):
        raise ConfigError(f"form fields are missing: {', '.join(missing)}")
    first = configs(values)
    with with_labels():
        if values["seeds"] not in SEEDS:
            raise ConfigError.of("seeds", f"is {values['seeds']}: allowed are {', '.join(map(str, SEEDS))}")
        if (lanes := values["seeds"] * len(first)) > MAX_LANES:
            raise ConfigError.of("seeds", f"times methods is {lanes} lanes: at most {MAX_LANES} are allowed")
    return [first, *(configs({**values, "seed": first[0].seed + i}) for i in range(1, values["seeds"]))]


def form_values(config: RunConfig) -> dict[str, Any]:
    """Return the control values of the Train tab for this run."""
    given = config.model_dump() | {"methods": [config.method], "seeds": 1}
    return {name: control_value(name, given[name]) for name in LABELS}


def fields_without_control(config: RunConfig) -> list[str]:
    """Return the fields of the run that have no control and are not at their default."""
    changed = config.model_dump(exclude_defaults=True)
    return [name for name in changed if name not in LABELS and name not in ("method", *HIDDEN)]
