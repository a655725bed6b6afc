"""What is known of each data set without reading it: label, classes, sizes, Hub files. No torch.

Beside the table DATASETS, to which plug-ins may add, `folder:PATH` and `hf:OWNER/NAME[:CONFIG]` name one's own data.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from lpwd.networks import accepts

DatasetName = Literal["digits", "cifar10", "cifar100", "tinyimagenet"]  # those that come with lpwd
FOLDER, HUB = "folder:", "hf:"
SOMEWHERE = f"{FOLDER}*/"  # begins the published name of a folder: its path stays with its owner
HUB_NAME = re.compile(r"hf:([A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9_][\w.-]{0,95})(?::([\w.+-]{1,100}))?", re.ASCII)


@dataclass(frozen=True)
class HubSource:
    """Where a data set lies on the Hub, and the columns of its parquet files."""

    repo: str
    train_file: str
    test_file: str
    image_column: str  # a struct of `bytes` and `path`
    label_column: str


@dataclass(frozen=True)
class DatasetFacts:
    """`train_images` and `test_images` are the published sizes; what a mirror serves may be a part of them."""

    label: str  # for people
    classes: int
    train_images: int
    test_images: int
    flip_probability: float  # of the training augmentation
    hub: HubSource | None = None  # None: inside an installed package, or one's own
    terms: str = ""  # a sentence for people if the images have terms of their own
    load: Callable[..., Any] | None = None  # of a plug-in, see `register_dataset`


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
    "digits": DatasetFacts("digits", 10, 1_297, 500, 0.0, None),  # a mirrored digit is no digit
    "cifar10": DatasetFacts("CIFAR-10", 10, 50_000, 10_000, 0.5, _CIFAR10),
    "cifar100": DatasetFacts("CIFAR-100", 100, 50_000, 10_000, 0.5, _CIFAR100),
    "tinyimagenet": DatasetFacts("Tiny ImageNet", 200, 100_000, 10_000, 0.5, _TINY_IMAGENET, IMAGENET_TERMS),
}
DATASETS: Mapping[str, DatasetFacts] = MappingProxyType(_DATASETS)  # the one table; `register_dataset` adds to it
EVALUATION_SPEEDUP = 3.0  # images a second of a forward pass, as a multiple of a training step's
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
    """Add a data set, which `--dataset NAME` then trains on.

    `load(**dataset_kwargs)` returns two pairs of arrays, for training and for the test: images, uint8 [N, H, W, 3] in
    RGB, and labels, integers [N] from 0 to classes - 1. The counts are checked when it is loaded. Raises ValueError.
    """
    if not re.fullmatch("[a-z][a-z0-9_]{0,63}", name):
        raise ValueError(f"data set is {name!r}: a name has lower-case letters, digits and _, and begins with a letter")
    if name in _DATASETS:
        raise ValueError(f"data set {name!r} exists already: choose another name")
    for what, count, least in (
        ("classes", classes, 2),
        ("train_images", train_images, 2),
        ("test_images", test_images, 1),
    ):
        if not isinstance(count, int) or count < least:
            raise ValueError(f"data set {name!r}: {what} is {count!r}: a whole number of at least {least} is allowed")
    if not 0 <= flip_probability <= 1:
        raise ValueError(f"data set {name!r}: flip_probability is {flip_probability!r}: 0 to 1 is allowed")
    if not accepts(load):
        raise ValueError(f"data set {name!r}: load must be callable without arguments")
    facts = DatasetFacts(label or name, classes, train_images, test_images, flip_probability, terms=terms, load=load)
    _DATASETS[name] = facts


def is_own(dataset: str) -> bool:
    """Whether a name says where data lie: a folder of this machine, or a repository on the Hub."""
    return dataset.startswith((FOLDER, HUB))


def is_pinned(dataset: str) -> bool:
    """Whether runs on this data set record a digest of its content, because the name alone does not determine it."""
    return is_own(dataset) or (dataset in DATASETS and DATASETS[dataset].load is not None)


def public_name(dataset: str) -> str:
    """Return the name as it is published: `folder:*/flowers` for a folder, whatever its path."""
    return f"{SOMEWHERE}{os.path.basename(dataset)}" if dataset.startswith(FOLDER) else dataset


def lies_elsewhere(dataset: str) -> bool:
    """Whether the name is a published folder's, whose path only its owner knows."""
    return dataset.startswith(SOMEWHERE) and len(dataset) > len(SOMEWHERE) and dataset == public_name(dataset)


def normal_name(dataset: str) -> str:
    """Return the name with an absolute path. Reads nothing. Raises ValueError for an unknown or malformed name."""
    if dataset.startswith(FOLDER):
        path = dataset.removeprefix(FOLDER)
        if lies_elsewhere(dataset):
            return dataset
        if not path or "\0" in path:
            raise ValueError(f"dataset is {dataset!r}: write folder:PATH")
        return FOLDER + os.path.abspath(os.path.expanduser(path))
    if dataset.startswith(HUB):
        if not HUB_NAME.fullmatch(dataset):
            raise ValueError(f"dataset is {dataset[:120]!r}: write hf:OWNER/NAME or hf:OWNER/NAME:CONFIG")
    elif dataset not in DATASETS:
        known = ", ".join(DATASETS)
        raise ValueError(f"dataset is {dataset[:120]!r}: allowed are {known}, folder:PATH and hf:OWNER/NAME[:CONFIG]")
    return dataset


def dataset_label(dataset: str) -> str:
    """Return what people read: `CIFAR-10`, `flowers (folder)`, `owner/name (Hub)`, or the name itself."""
    if dataset in DATASETS:
        return DATASETS[dataset].label
    if dataset.startswith(FOLDER):
        return f"{os.path.basename(dataset)} (folder)"
    return f"{dataset.removeprefix(HUB)} (Hub)" if dataset.startswith(HUB) else dataset
