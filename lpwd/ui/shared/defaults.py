"""Default values of the form.

On digits they are a cell of the scan over lambda, which shows a difference and takes half a minute on two CPU cores. On
the Hub's data they are a race of about two minutes.
"""

from types import MappingProxyType
from typing import Any

from lpwd import space
from lpwd.facts import DatasetName
from lpwd.optimizers import get_optimizer
from lpwd.paper.regime import LIVE_DECAY, SCAN_LR, SMALL, SMALL_MODEL

METHODS = ("wd", "lpwd")
MODELS = ("convnext_atto", "convnext_femto", "convnext_pico", "convnext_nano", "convnext_tiny.fb_in22k")
DATASET: DatasetName = "cifar100"  # if the Hub or a cached copy is available
OFFLINE_DATASET: DatasetName = "digits"

# Every field of RunConfig in the form, and `seeds`. DATASETS overrides some of them per data set.
FORM: MappingProxyType[str, Any] = MappingProxyType(
    {
        "model": "convnext_atto",
        "optimizer": "adam",
        "lr": 1e-3,
        "weight_decay": 0.5,
        "seed": 0,
        "seeds": 1,
        "batch_size": 128,
        "image_size": 32,
        "test_samples": None,
        "validation_samples": 0,
        "schedule": "constant",
        "augment": "flip",
        "clip_grad_norm": None,
        "precision": "fp32",
        "kernels": "auto",
        "pretrained": False,
        "init_from": None,
        "rule": "2i/n",
        "order": "deep",
        "mean": "layers",
        "profile": None,
        "exclude_1d": False,
        "zero_shot": False,
        "opposing_every": 0,
        "model_kwargs": {},
        "optimizer_kwargs": {},
        "dataset_kwargs": {},
    }
)
OF_DATASET = (  # fields whose default depends on the data set
    *("lr", "weight_decay", "epochs", "batch_size", "train_samples", "test_samples", "validation_samples"),
    "model_kwargs",
)
_DIGITS = {**FORM, **SMALL, **SMALL_MODEL, "lr": SCAN_LR, "weight_decay": LIVE_DECAY}
_CIFAR = {**FORM, "epochs": 6, "train_samples": 5_000, "test_samples": 1_000}
if space.on_cpu_space():  # its cores are shared, so use fewer images
    _CIFAR |= {"epochs": 3, "train_samples": 2_000, "test_samples": 500}
_FIRST = {"digits": _DIGITS, "cifar10": _CIFAR, "cifar100": _CIFAR, "tinyimagenet": _CIFAR}
DATASETS: MappingProxyType[str, MappingProxyType[str, Any]] = MappingProxyType(
    {dataset: MappingProxyType({name: values[name] for name in OF_DATASET}) for dataset, values in _FIRST.items()}
)
OTHER_DATA = MappingProxyType(
    {name: _CIFAR[name] for name in OF_DATASET} | {"train_samples": None, "test_samples": None}
)


def of_dataset(dataset: str, model: str = FORM["model"]) -> dict[str, Any]:
    """Return the defaults that depend on the data set, without the model arguments unless `model` is the default."""
    values = dict(DATASETS.get(dataset, OTHER_DATA))
    return values if model == FORM["model"] else values | {"model_kwargs": {}}


def learning_rate(optimizer: str, dataset: str) -> float:
    """Return the default learning rate of an optimizer: Adam's depends on the data set, others' are in OPTIMIZERS."""
    return float(
        DATASETS.get(dataset, OTHER_DATA)["lr"] if optimizer == FORM["optimizer"] else get_optimizer(optimizer).lr
    )


def form_values(dataset: str, model: str = FORM["model"]) -> dict[str, Any]:
    """Return the default form values for a data set and a model."""
    return {**FORM, "model": model, "dataset": dataset, **of_dataset(dataset, model)}
