"""Scale cpu in one place: what is pretrained, how it is fine-tuned, and the small runs from scratch.

Every free choice of scale cpu is a constant here. A pilot with baseline and WD alone made them; docs/log.md keeps it.
"""

from types import MappingProxyType
from typing import Any

# ---- models: the published architectures at the paper's depth where two cores allow it, 32x32 pixels

_HALF_ATTO = {"dims": [20, 40, 80, 160]}
_SMALL_SWIN = {
    "embed_dim": 32,
    "num_heads": [1, 2, 4, 8],
    "window_size": 4,
    "patch_size": 4,
}  # Swin-T has 96, 3 6 12 24
CPU_MODELS: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "ConvNeXt": {"model": "convnext_atto"},  # 3.4 M parameters, 14 layers
        "Swin": {"model": "swin_tiny_patch4_window7_224", "model_kwargs": _SMALL_SWIN},  # 3.1 M, 14 layers as Swin-T
        "half atto": {"model": "convnext_atto", "model_kwargs": _HALF_ATTO},  # 0.9 M
        "atto": {"model": "convnext_atto"},
        "pico": {"model": "convnext_pico"},  # 8.6 M
    }
)
CPU_MODEL_SCALES = ("half atto", "atto", "pico")

# ---- pretraining: the starts of every fine-tuned cell

PRETRAINING: MappingProxyType[str, Any] = MappingProxyType(
    {
        "dataset": "tinyimagenet",
        "optimizer": "adam",
        "method": "wd",
        "lr": 0.001,
        "weight_decay": 0.05,
        "epochs": 24,
        "batch_size": 256,
        "image_size": 32,
        "augment": "shift_flip",
        "schedule": "cosine",
        "precision": "fp32",
        "scale": "cpu",
    }
)

# ---- the scan: digits from scratch, the network and the budget that a page trains live

SMALL_MODEL: MappingProxyType[str, Any] = MappingProxyType(
    {
        "model": "convnext_atto",
        "model_kwargs": {"depths": [1, 1, 2, 1], "patch_size": 4, "dims": [16, 32, 64, 128]},  # 0.28 M parameters
    }
)
SMALL: MappingProxyType[str, Any] = MappingProxyType(
    {
        "epochs": 14,
        "batch_size": 60,
        "image_size": 32,
        "train_samples": 1_400,  # of which the split takes 200
        "validation_samples": 200,
        "test_samples": 2_000,
        "pretrained": False,
        "precision": "fp32",
        "scale": "cpu",
    }
)
# As many optimizer steps out of half the images.
SMALL_DIGITS: MappingProxyType[str, Any] = MappingProxyType(
    {"train_samples": 600, "validation_samples": 0, "test_samples": None, "batch_size": 30}
)
SCAN_LR = 0.001
SCAN_DECAYS = (0.1, 0.5, 1.0, 2.0, 3.5, 5.0, 7.0, 10.0, 13.0, 17.5, 25.0, 35.0)  # 0.1 removes 3 % in 280 steps
SCAN_METHODS = ("wd", "lpwd", "lwd", "wd15", "lpwd_matched", "lpwd_reversed")
SCAN_SEEDS = 5
