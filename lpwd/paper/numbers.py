"""Numbers and settings reported in the paper. Values that the paper does not report are absent."""

from typing import Any, Literal, NamedTuple

from lpwd.analysis.words import spread
from lpwd.facts import DATASETS
from lpwd.optimizers import optimizer_label

Scale = Literal["paper", "cpu"]
SCALES: tuple[Scale, ...] = ("paper", "cpu")
SOURCE = "Layer-wise Pre-weight Decay, anonymous, under double-blind review"


class Reported(NamedTuple):
    """Mean and standard deviation of the ten best test top-1 values of one run, in percent."""

    mean: float
    std: float

    def __str__(self) -> str:
        return spread(self.mean, self.std)


# Table 2
LRS: dict[str, tuple[float, ...]] = {
    "adam": (0.001, 0.0005, 0.0001, 0.00005, 0.00001),
    "sgd": (0.1, 0.05, 0.01, 0.005, 0.001),
}
BASE_LR: dict[str, float] = {"adam": 0.0001, "sgd": 0.01}
DECAYS: tuple[float, ...] = (0.5, 0.1, 0.05, 0.01, 0.005, 0.001, 0.0005)


def place(dataset: str, family: str, optimizer: str) -> str:
    """Return the name of a table column or figure panel; both scales use the same names."""
    return f"{DATASETS[dataset].label}, {family}, {optimizer_label(optimizer)}"


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


def _read(rows: dict[str, str], columns: list[str]) -> dict[tuple[str, str], Reported]:
    return {
        (method, column): Reported(*map(float, value.split("±")))
        for method, values in rows.items()
        for column, value in zip(columns, values.split(), strict=True)
    }


TABLE1 = _read(_TABLE1, _COLUMNS)  # (method, column) -> Reported
TABLE3 = _read(_TABLE3, [place("cifar100", "ConvNeXt", "adam")])
# Figure 4 shows Table 2's whole grid; its best cells are the numbers of Table 1.
FIG4 = {
    (method, column): reported
    for (method, column), reported in TABLE1.items()
    if method in ("wd", "lpwd") and column.startswith(DATASETS["cifar100"].label)
}

# Settings of scale paper; those of scale cpu are in lpwd.paper.regime.
PAPER_STEPS = 9_800  # 100 epochs of ceil(50,000 / 512) steps
PAPER_BASE: dict[str, Any] = {
    "epochs": 100,
    "batch_size": 512,
    "image_size": 32,
    "pretrained": True,
    "precision": "bf16",
    "scale": "paper",
}
PAPER_MODELS: dict[str, dict[str, Any]] = {
    "ConvNeXt": {"model": "convnext_tiny.fb_in22k"},
    "Swin": {"model": "swin_tiny_patch4_window7_224.ms_in22k"},
    "tiny": {"model": "convnext_tiny.fb_in22k"},
    "small": {"model": "convnext_small.fb_in22k"},
    "base": {"model": "convnext_base.fb_in22k"},
    "large": {"model": "convnext_large.fb_in22k"},
}
PAPER_SIZES = ("tiny", "small", "base", "large")
PAPER_NOTE = (
    "The paper's settings: ImageNet-21k weights through timm, 32x32, batch 512, 100 epochs at a constant rate, "
    "Adam (0.9, 0.999, 1e-8) or SGD with momentum 0.9, Table 2's grid. bf16 autocast is our choice."
)
