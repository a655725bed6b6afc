"""The components of the form: the main fields, then a fold with the others in groups."""

from collections.abc import Mapping
from typing import Any

import gradio as gr

from lpwd import starts
from lpwd.depth import LAYER_ORDERS, LAYER_RULES
from lpwd.facts import DATASETS, DatasetName, dataset_label
from lpwd.methods import MEANS
from lpwd.optimizers import OPTIMIZERS
from lpwd.ui.shared import defaults
from lpwd.ui.shared.form import LABELS, OPTIONAL, SEEDS, Form, control_value
from lpwd.ui.train import methods

FIRST = ("model", "dataset", "weight_decay", "seeds", "methods")
GROUPS: dict[str, tuple[str, ...]] = {
    "Training": (
        *("optimizer", "lr", "schedule", "epochs", "batch_size", "clip_grad_norm", "seed"),
        "optimizer_kwargs",
    ),
    "Images": ("train_samples", "test_samples", "validation_samples", "image_size", "augment", "dataset_kwargs"),
    "Network": ("init_from", "model_kwargs", "pretrained", "precision", "kernels"),
    "Decay": ("rule", "order", "mean", "profile", "opposing_every", "exclude_1d", "zero_shot"),
}
ORDER_LABELS = ("deep most", "shallow most", "shuffled")
MEAN_LABELS = ("λ over layers", "λ over parameters", "as drawn")
CUSTOM = frozenset({"model", "dataset", "init_from"})  # accept typed values


def build(dataset: DatasetName) -> Form:
    """Build the controls with the defaults of the data set."""
    values = {**defaults.form_values(dataset), "methods": list(defaults.METHODS)}
    fields: dict[str, gr.components.Component] = {}
    with gr.Row(elem_classes="lp-fields lp-first"):
        fields |= {name: _control(name, values) for name in FIRST}
        gr.HTML(methods.fold(), elem_id="lp-all-methods", apply_default_css=False)
    with gr.Accordion("More settings", open=False, elem_classes="lp-more"):
        for title, names in GROUPS.items():
            gr.HTML(f"<h3>{title}</h3>", apply_default_css=False)
            with gr.Row(elem_classes="lp-fields"):
                fields |= {name: _control(name, values) for name in names}
                if title == "Training":
                    again = gr.Checkbox(False, label="Retrain finished runs", elem_id="lp-again")
    return Form({name: fields[name] for name in LABELS}, again)


def _control(name: str, values: Mapping[str, Any]) -> gr.components.Component:
    choices = _choices(name)
    value = control_value(name, values[name])
    common: dict[str, Any] = {"label": LABELS[name], "value": value, "elem_id": f"lp-{name}", "min_width": 96}
    if isinstance(values[name], bool):
        return gr.Checkbox(**common)
    if name == "methods":
        return gr.CheckboxGroup(methods.choices(), **common)
    if choices:
        return gr.Dropdown(choices, allow_custom_value=name in CUSTOM, filterable=True, **common)
    # Not gr.Number: a browser discards text that is not a number in its locale, so that it cannot be validated.
    return gr.Textbox(placeholder=OPTIONAL.get(name, "none"), max_lines=1, **common)


def _choices(name: str) -> list[tuple[str, Any]]:
    tables: dict[str, list[tuple[str, Any]]] = {
        "model": [(model, model) for model in defaults.MODELS],
        "dataset": [(facts.label, dataset) for dataset, facts in DATASETS.items()],
        "optimizer": [(row.label, name) for name, row in OPTIMIZERS.items() if not row.refused],
        "schedule": [("constant", "constant"), ("cosine", "cosine")],
        "augment": [("mirrored", "flip"), ("mirrored and shifted", "shift_flip")],
        "init_from": [(OPTIONAL["init_from"], ""), *((start_label(one), one.name) for one in bundled())],
        "precision": [("fp32", "fp32"), ("bf16 autocast", "bf16")],
        "kernels": [("fastest", "auto"), ("timm's own", "timm"), ("one CUDA graph", "graph")],
        "rule": [(rule, rule) for rule in LAYER_RULES],
        "order": list(zip(ORDER_LABELS, LAYER_ORDERS, strict=True)),
        "mean": list(zip(MEAN_LABELS, MEANS, strict=True)),
        "seeds": [(str(count), count) for count in SEEDS],
    }
    return tables.get(name, [])


def bundled() -> list[starts.Start]:
    """Return the published starts whose weights are on this machine."""
    return [one for one in starts.published().values() if (starts.folder() / one.file).is_file()]


def start_label(start: starts.Start) -> str:
    """Return `convnext_atto pretrained on Tiny ImageNet (21.1 % top-1)`."""
    return f"{start.config.model} pretrained on {dataset_label(start.config.dataset)} ({start.last_top1:.1f} % top-1)"
