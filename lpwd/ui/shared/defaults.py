"""The numbers the form starts with: a race that ends in about two minutes on two CPU cores and shows something."""

from types import MappingProxyType
from typing import Any

from lpwd import space
from lpwd.facts import DatasetName

METHODS = ("wd", "lpwd")
MODELS = ("convnext_atto", "convnext_femto", "convnext_pico", "convnext_nano", "convnext_tiny.fb_in22k")
DATASET: DatasetName = "cifar100"  # where the Hub, or a cached copy, can be had
OFFLINE_DATASET: DatasetName = "digits"

# Every field of RunConfig that the form offers, and `seeds`; a data set's own values follow in DATASETS.
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
        "exclude_1d": False,
        "zero_shot": False,
        "opposing_every": 0,
        "model_kwargs": {},
    }
)
CIFAR: dict[str, Any] = {"epochs": 6, "train_samples": 5_000, "test_samples": 1_000}
if space.on_cpu_space():  # its cores are shared: a fifth of the images
    CIFAR = {"epochs": 3, "train_samples": 2_000, "test_samples": 500}
DATASETS: MappingProxyType[str, MappingProxyType[str, Any]] = MappingProxyType(
    {
        "digits": MappingProxyType({"epochs": 3, "train_samples": None, "test_samples": None}),
        "cifar10": MappingProxyType(CIFAR),
        "cifar100": MappingProxyType(CIFAR),
        "tinyimagenet": MappingProxyType(CIFAR),
    }
)


def form_values(dataset: str) -> dict[str, Any]:
    """What the form shows for a data set, by field."""
    return {**FORM, "dataset": dataset, **DATASETS[dataset]}
