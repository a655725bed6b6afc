"""What is known of each data set without reading it: label, classes, sizes, Hub files. No torch."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

DatasetName = Literal["digits", "cifar10", "cifar100", "tinyimagenet"]


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
    hub: HubSource | None  # None: inside an installed package
    terms: str = ""  # a sentence for people where the images have terms of their own


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
DATASETS: MappingProxyType[DatasetName, DatasetFacts] = MappingProxyType(
    {
        "digits": DatasetFacts("digits", 10, 1_297, 500, 0.0, None),  # a mirrored digit is no digit
        "cifar10": DatasetFacts("CIFAR-10", 10, 50_000, 10_000, 0.5, _CIFAR10),
        "cifar100": DatasetFacts("CIFAR-100", 100, 50_000, 10_000, 0.5, _CIFAR100),
        "tinyimagenet": DatasetFacts("Tiny ImageNet", 200, 100_000, 10_000, 0.5, _TINY_IMAGENET, IMAGENET_TERMS),
    }
)
EVALUATION_SPEEDUP = 3.0  # images a second of a forward pass, as a multiple of a training step's
ZERO_SHOT_EVALUATIONS = 101  # s = 0..100 of eq. (12)
