"""The form in the page's address: one parameter per field that differs from its default."""

from collections.abc import Mapping
from typing import Any

from lpwd import codec
from lpwd.config import ConfigError, RunConfig
from lpwd.methods import METHODS
from lpwd.ui.shared import defaults
from lpwd.ui.shared.form import LABELS, OPTIONAL, SEEDS, labelled

UNREADABLE = "Some values of the link are invalid, so the form keeps its own. {problems}."


def first_values(dataset: str, model: str = defaults.FORM["model"]) -> dict[str, Any]:
    """Return the default form values for this data set and model, methods included."""
    return {**defaults.form_values(dataset, model), "methods": list(defaults.METHODS)}


def parameters(values: Mapping[str, Any], here: Mapping[str, str]) -> dict[str, str]:
    """Return the address parameter of each form field, "" if the field is at its default.

    `here` holds defaults that depend on the machine, such as the data set. A link with any parameter includes them.
    """
    first = first_values(values["dataset"], values["model"]) | {"model": defaults.FORM["model"]}
    texts = {name: text(name, values[name]) for name in LABELS}
    changed = {name: given for name, given in texts.items() if given != text(name, first[name])}
    changed["dataset"] = values["dataset"]
    untouched = changed.items() <= here.items()
    return dict.fromkeys(LABELS, "") | ({} if untouched else changed)


def text(name: str, value: Any) -> str:
    """Return the value of a field as text for the address."""
    if name == "methods":
        return ",".join(value)
    if value == {}:
        return "{}"  # no parameter means the default, which may not be empty
    return OPTIONAL[name] if value is None and name in OPTIONAL else codec.write(name, value)


def restored(query: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    """Return the fields that an address sets, with the defaults of its data set, and one sentence on invalid values."""
    fields: dict[str, Any] = {}
    problems = []
    for name in LABELS:
        try:
            if given := query.get(name, "").strip():
                fields[name] = _read(name, given)
        except ConfigError as error:
            problems.append(str(labelled(error)))
    if "dataset" in fields:
        fields = {**defaults.of_dataset(fields["dataset"]), **fields}
    if fields.get("model", defaults.FORM["model"]) != defaults.FORM["model"] and not query.get("model_kwargs"):
        fields["model_kwargs"] = {}  # the default model's arguments do not fit other models
    return fields, UNREADABLE.format(problems="; ".join(problems)) if problems else ""


def _read(name: str, given: str) -> Any:
    """Return the value of one field. Raises ConfigError with RunConfig's message."""
    if name == "methods":
        methods = list(dict.fromkeys(given.split(",")))
        if unknown := [method for method in methods if method not in METHODS]:
            raise ConfigError.of(name, f"has no {unknown[0][:40]!r}, only {', '.join(METHODS)}")
        return methods
    if name == "seeds":
        if given not in map(str, SEEDS):
            raise ConfigError.of(name, f"is {given[:40]!r}: allowed are {', '.join(map(str, SEEDS))}")
        return int(given)
    if given == OPTIONAL.get(name):
        return None
    beside = {"profile": (1.0,)}  # mean="drawn" requires a profile
    return getattr(RunConfig(**beside | {name: codec.read(name, given)}), name)
