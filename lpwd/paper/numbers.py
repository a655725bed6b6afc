"""The paper's numbers and settings as data, and the base configuration of each scale. What the text lacks is absent."""

from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from lpwd.analysis.words import spread
from lpwd.facts import DATASETS, OPTIMIZER_LABELS, DatasetName

Scale = Literal["paper", "cpu"]
SCALES: tuple[Scale, ...] = ("paper", "cpu")
SOURCE = "Layer-wise Pre-weight Decay, anonymous, under double-blind review"


class Reported(NamedTuple):
    """Mean and standard deviation of the ten best test top-1 of one run, percent."""

    mean: float
    std: float

    def __str__(self) -> str:
        return spread(self.mean, self.std)


# Table 2
LRS: MappingProxyType[str, tuple[float, ...]] = MappingProxyType(
    {"adam": (0.001, 0.0005, 0.0001, 0.00005, 0.00001), "sgd": (0.1, 0.05, 0.01, 0.005, 0.001)}
)
BASE_LR: MappingProxyType[str, float] = MappingProxyType({"adam": 0.0001, "sgd": 0.01})
DECAYS: tuple[float, ...] = (0.5, 0.1, 0.05, 0.01, 0.005, 0.001, 0.0005)


def place(dataset: DatasetName, family: str, optimizer: str) -> str:
    """The key of a table's column or a figure's panel, the same at both scales."""
    return f"{DATASETS[dataset].label}, {family}, {OPTIMIZER_LABELS[optimizer]}"


_COLUMNS = [
    place(dataset, family, optimizer)
    for dataset in ("cifar10", "cifar100")
    for family in ("ConvNeXt", "Swin")
    for optimizer in ("adam", "sgd")
]
_TABLE1 = {
    "baseline": "90.53±0.08 89.97±0.01 89.28±0.08 88.72±0.04 73.06±0.07 72.51±0.02 71.91±0.10 71.13±0.11",
    "l2": "89.85±0.12 90.06±0.04 88.84±0.10 88.56±0.16 72.74±0.36 72.46±0.17 71.61±0.08 71.26±0.16",
    "wd": "90.77±0.05 90.13±0.02 89.47±0.10 88.74±0.09 73.88±0.22 72.81±0.03 72.07±0.10 71.42±0.10",
    "lpwd": "91.03±0.11 90.28±0.05 89.73±0.10 88.98±0.08 74.48±0.04 73.38±0.08 72.70±0.09 71.95±0.10",
}
_TABLE3 = {"wd": "73.88±0.22", "rwd": "74.19±0.08", "pwd": "74.29±0.11", "lpwd": "74.48±0.04"}


def _read(rows: dict[str, str], columns: list[str]) -> MappingProxyType[tuple[str, str], Reported]:
    return MappingProxyType(
        {
            (method, column): Reported(*map(float, value.split("±")))
            for method, values in rows.items()
            for column, value in zip(columns, values.split(), strict=True)
        }
    )


TABLE1 = _read(_TABLE1, _COLUMNS)  # (method, column) -> Reported
TABLE3 = _read(_TABLE3, [place("cifar100", "ConvNeXt", "adam")])
NOTHING: MappingProxyType[tuple[str, str], Reported] = MappingProxyType({})

# The base of every configuration of a scale; a preset adds what it varies.
PAPER_STEPS = 9_800  # 100 epochs of ceil(50,000 / 512) steps
CPU_STEPS = 280  # 14 epochs of 1,200 / 60 steps
DECAY_FACTOR = PAPER_STEPS / CPU_STEPS  # 35: lambda times this keeps eta lambda steps, the total shrink in nepers
CPU_LR = MappingProxyType({"adam": 0.001, "sgd": 0.01})

BASE: MappingProxyType[Scale, dict[str, Any]] = MappingProxyType(
    {
        "paper": {
            "epochs": 100,
            "batch_size": 512,
            "image_size": 32,
            "pretrained": True,
            "precision": "bf16",
            "scale": "paper",
        },
        "cpu": {
            "epochs": 14,
            "batch_size": 60,
            "image_size": 32,
            "train_samples": 1_400,  # of which the split takes 200
            "validation_samples": 200,
            "test_samples": 2_000,
            "pretrained": False,
            "precision": "fp32",
            "scale": "cpu",
        },
    }
)

_MINI = {"depths": [1, 1, 2, 1], "patch_size": 4}
MODELS: MappingProxyType[Scale, dict[str, dict[str, Any]]] = MappingProxyType(
    {
        "paper": {
            "ConvNeXt": {"model": "convnext_tiny.fb_in22k"},
            "Swin": {"model": "swin_tiny_patch4_window7_224.ms_in22k"},
            "tiny": {"model": "convnext_tiny.fb_in22k"},
            "small": {"model": "convnext_small.fb_in22k"},
            "base": {"model": "convnext_base.fb_in22k"},
            "large": {"model": "convnext_large.fb_in22k"},
        },
        "cpu": {
            "ConvNeXt": {"model": "convnext_atto", "model_kwargs": _MINI | {"dims": [16, 32, 64, 128]}},
            "Swin": {
                "model": "swin_tiny_patch4_window7_224",
                "model_kwargs": _MINI | {"embed_dim": 24, "num_heads": [1, 2, 4, 8], "window_size": 4},
            },
            "tiny": {"model": "convnext_atto", "model_kwargs": _MINI | {"dims": [16, 32, 64, 128]}},
            "small": {
                "model": "convnext_atto",
                "model_kwargs": {"depths": [1, 1, 6, 1], "patch_size": 4, "dims": [16, 32, 64, 128]},
            },
            "base": {
                "model": "convnext_atto",
                "model_kwargs": {"depths": [1, 1, 6, 1], "patch_size": 4, "dims": [24, 48, 96, 192]},
            },
            "large": {
                "model": "convnext_atto",
                "model_kwargs": {"depths": [1, 1, 6, 1], "patch_size": 4, "dims": [32, 64, 128, 256]},
            },
        },
    }
)
MODEL_SCALES = ("tiny", "small", "base", "large")
CPU_NOTE = (
    "Not the paper's experiment but its question at a size for two CPU cores: real CIFAR images, 1,200 for training, "
    "200 for validation and 2,000 for the test (balanced, drawn by the seed); a ConvNeXt of 0.3 M or a Swin of "
    "0.8 M parameters, trained from scratch (no ImageNet-21k weights), 14 epochs of 20 steps at batch 60, fp32."
)
PAPER_NOTE = (
    "The paper's settings: ImageNet-21k weights through timm, 32x32, batch 512, 100 epochs at a constant rate, "
    "Adam (0.9, 0.999, 1e-8) or SGD with momentum 0.9, Table 2's grid. bf16 autocast is our choice."
)
SHRINK_NOTE = (
    "280 steps instead of 9,800 would shrink the weights 35 times less, so λ is 35 times the paper's: η λ "
    "steps, the total shrink of the weights, is the paper's, while the shrink of one step is 35 times larger."
)
