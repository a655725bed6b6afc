"""Facts about data sets that need no reading: label, classes, sizes, Hub files. No torch here.

Besides the table DATASETS, which plug-ins can extend, `folder:PATH` and `hf:OWNER/NAME[:CONFIG]` name your own data.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from lpwd.errors import ConfigError
from lpwd.registry import accepts, check_new_name

DatasetName = Literal["digits", "cifar10", "cifar100", "tinyimagenet"]  # those that come with lpwd
FOLDER, HUB = "folder:", "hf:"
SOMEWHERE = f"{FOLDER}*/"  # prefix of the published name of a folder, whose path is not published
HUB_NAME = re.compile(r"hf:([A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9_][\w.-]{0,95})(?::([\w.+-]{1,100}))?", re.ASCII)


@dataclass(frozen=True)
class HubSource:
    """Repository and parquet files of a data set on the Hub, and their columns."""

    repo: str
    train_file: str
    test_file: str
    image_column: str  # a struct of `bytes` and `path`
    label_column: str


@dataclass(frozen=True)
class DatasetFacts:
    """Facts about one data set. `train_images` and `test_images` are published sizes; a mirror may serve fewer."""

    label: str  # for people
    classes: int
    train_images: int
    test_images: int
    flip_probability: float  # of the training augmentation
    hub: HubSource | None = None  # None: part of an installed package, or your own data
    terms: str = ""  # one sentence on the images' terms of use, if any
    load: Callable[..., Any] | None = None  # function of a plug-in, see `register_dataset`


_CIFAR10 = HubSource(
    "uoft-cs/cifar10",
    "plain_text/train-00000-of-00001.parquet",
    "plain_text/test-00000-of-00001.parquet",
    "img",
    "label",
)
_CIFAR100 = HubSource(
    "uoft-cs/cifar100",
    "cifar100/train-00000-of-00001.parquet",
    "cifar100/test-00000-of-00001.parquet",
    "img",
    "fine_label",
)
_TINY_IMAGENET = HubSource(
    "zh-plus/tiny-imagenet",
    "data/train-00000-of-00001-1359597a978bc4fa.parquet",
    "data/valid-00000-of-00001-70d52db3c749a935.parquet",
    "image",
    "label",
)
IMAGENET_TERMS = (
    "Tiny ImageNet holds images of ImageNet, whose terms allow non-commercial research and education "
    "(https://image-net.org/download)."
)
_DATASETS: dict[str, DatasetFacts] = {
    "digits": DatasetFacts("digits", 10, 1_297, 500, 0.0, None),  # no flips: a mirrored digit is not a digit
    "cifar10": DatasetFacts("CIFAR-10", 10, 50_000, 10_000, 0.5, _CIFAR10),
    "cifar100": DatasetFacts("CIFAR-100", 100, 50_000, 10_000, 0.5, _CIFAR100),
    "tinyimagenet": DatasetFacts("Tiny ImageNet", 200, 100_000, 10_000, 0.5, _TINY_IMAGENET, IMAGENET_TERMS),
}
DATASETS: Mapping[str, DatasetFacts] = MappingProxyType(_DATASETS)  # the one table; `register_dataset` adds to it
EVALUATION_SPEEDUP = 3.0  # images per second of a forward pass, as a multiple of a training step's
ZERO_SHOT_EVALUATIONS = 101  # s = 0..100 of eq. (12)


def register_dataset(
    name: str,
    load: Callable[..., Any],
    *,
    classes: int,
    train_images: int,
    test_images: int,
    label: str = "",
    flip_probability: float = 0.5,
    terms: str = "",
) -> None:
    """Register a data set for `--dataset NAME`.

    `load(**dataset_kwargs)` returns two pairs of arrays, for training and for test: images, uint8 [N, H, W, 3] in
    RGB, and labels, integers [N] from 0 to classes - 1. Loading checks the counts. Raises ValueError.
    """
    check_new_name("data set", name, _DATASETS, 64)
    for what, count, least in (
        ("classes", classes, 2),
        ("train_images", train_images, 2),
        ("test_images", test_images, 1),
    ):
        if not isinstance(count, int) or count < least:
            raise ValueError(f"data set {name!r}: {what} is {count!r}: it must be an integer of at least {least}")
    if not 0 <= flip_probability <= 1:
        raise ValueError(f"data set {name!r}: flip_probability is {flip_probability!r}: it must be between 0 and 1")
    if not accepts(load):
        raise ValueError(f"data set {name!r}: load must be callable without arguments")
    facts = DatasetFacts(label or name, classes, train_images, test_images, flip_probability, terms=terms, load=load)
    _DATASETS[name] = facts


def is_own(dataset: str) -> bool:
    """Return whether the name is a location: a folder on this machine, or a repository on the Hub."""
    return dataset.startswith((FOLDER, HUB))


def is_pinned(dataset: str) -> bool:
    """Return whether runs record a digest of the data, because the name does not determine the content."""
    return is_own(dataset) or (dataset in DATASETS and DATASETS[dataset].load is not None)


def public_name(dataset: str) -> str:
    """Return the name to publish: `folder:*/flowers` for a folder, without its path."""
    return f"{SOMEWHERE}{os.path.basename(dataset)}" if dataset.startswith(FOLDER) else dataset


def lies_elsewhere(dataset: str) -> bool:
    """Return whether the name is a published folder, whose path is unknown here."""
    return dataset.startswith(SOMEWHERE) and len(dataset) > len(SOMEWHERE) and dataset == public_name(dataset)


def normal_name(dataset: str) -> str:
    """Return the name with an absolute path, without reading anything. Raises ConfigError for an invalid name."""
    if dataset.startswith(FOLDER):
        path = dataset.removeprefix(FOLDER)
        if lies_elsewhere(dataset):
            return dataset
        if not path or "\0" in path:
            raise ConfigError.of("dataset", f"is {dataset!r}: write folder:PATH")
        return FOLDER + os.path.abspath(os.path.expanduser(path))
    if dataset.startswith(HUB):
        if not HUB_NAME.fullmatch(dataset):
            raise ConfigError.of("dataset", f"is {dataset[:120]!r}: write hf:OWNER/NAME or hf:OWNER/NAME:CONFIG")
    elif dataset not in DATASETS:
        allowed = f"allowed are {', '.join(DATASETS)}, folder:PATH and hf:OWNER/NAME[:CONFIG]"
        raise ConfigError.of("dataset", f"is {dataset[:120]!r}: {allowed}")
    return dataset


def dataset_label(dataset: str) -> str:
    """Return the label to display: `CIFAR-10`, `flowers (folder)`, `owner/name (Hub)`, or the name itself."""
    if dataset in DATASETS:
        return DATASETS[dataset].label
    if dataset.startswith(FOLDER):
        return f"{os.path.basename(dataset)} (folder)"
    return f"{dataset.removeprefix(HUB)} (Hub)" if dataset.startswith(HUB) else dataset
