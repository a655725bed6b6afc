"""Scale cpu in one place: what is pretrained, how it is fine-tuned, and the small runs from scratch.

Every free choice of scale cpu is a constant here. A pilot with baseline and WD alone made those of the fine-tuning
cells, before any other method was run (docs/log.md, 2026-11-25).
"""

import math
from types import MappingProxyType
from typing import Any

from lpwd.paper.numbers import PAPER_STEPS

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
CPU_SIZES = ("half atto", "atto", "pico")

# ---- pretraining: the starts of every fine-tuned cell

PRETRAINING: MappingProxyType[str, Any] = MappingProxyType(
    {
        "dataset": "tinyimagenet",
        "optimizer": "adam",
        "method": "wd",
        "lr": 0.001,
        "weight_decay": 0.05,
        "epochs": 16,
        "batch_size": 256,
        "image_size": 32,
        "augment": "shift_flip",
        "schedule": "cosine",
        "precision": "bf16",
        "scale": "cpu",
    }
)

# ---- fine-tuning: the paper's eta, lambda and about its number of steps; fewer images in smaller batches

FINE_TUNING: MappingProxyType[str, Any] = MappingProxyType(
    {
        "epochs": 10,
        "batch_size": 64,
        "image_size": 32,
        "validation_samples": 1_000,
        "pretrained": False,
        "precision": "bf16",
        "scale": "cpu",
    }
)
IMAGES: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "cifar100": {"train_samples": 11_000, "test_samples": 2_000},  # the split takes 1,000 of the training images
        "cifar10": {"train_samples": 10_000, "test_samples": 2_000},
    }
)
TRAINED = IMAGES["cifar100"]["train_samples"] - FINE_TUNING["validation_samples"]  # images
STEPS = FINE_TUNING["epochs"] * math.ceil(TRAINED / FINE_TUNING["batch_size"])
# One setting of Table 2 for each optimizer, which decays the weights as much in total: eta lambda is 0.00025 a step.
CPU_LR: MappingProxyType[str, float] = MappingProxyType({"adam": 0.0005, "sgd": 0.005})
CPU_DECAY: MappingProxyType[str, float] = MappingProxyType({"adam": 0.5, "sgd": 0.05})
FIG2_EPOCHS = 3
FIG3B_DECAYS = (0.5, 0.1, 0.01, 0.001)
FIG4_DECAYS = (0.5, 0.1, 0.001)

# ---- the settling figure: every strength from one that removes 8 % of a weight to one that removes all

SETTLE_LR = CPU_LR["adam"]  # so that cells coincide
SETTLE_DECAYS = (0.1, 0.5, 2.0, 5.0, 10.0)
SETTLE_METHODS = ("wd", "lpwd", "lpwd_matched", "lpwd_reversed", "l2sp")
SETTLE_SHUFFLED_DECAYS = (0.5, 2.0)
SETTLE_ADAMH_LRS = (0.0005,)  # it has no decay: its points are learning rates
SETTLE_SEEDS = 5
SETTLE_RIVAL_SEEDS = 3  # of the methods of 2024 to 2026
SETTLE_MUON_LR = 0.001  # without decay better than 0.004 after 2 epochs of 4,000 images (docs/log.md)

CPU_NOTE = (
    "Not the paper's experiment but its regime at a size for two CPU cores: a ConvNeXt (atto, 3.4 M parameters) or a "
    "small Swin (3.1 M). Preset `pretrain` trains them on 100,000 ImageNet images of 200 classes at 32x32 instead of "
    f"ImageNet-21k. They are fine-tuned in bf16 at the paper's η and λ on {TRAINED:,} real CIFAR-100 images (9,000 of "
    "CIFAR-10; 1,000 more for validation, 2,000 for the test; balanced). "
    f"{FINE_TUNING['epochs']} epochs of batch {FINE_TUNING['batch_size']} are {STEPS:,} steps; the paper takes "
    f"{PAPER_STEPS:,} of batch 512. At the same η and λ total decay is a {PAPER_STEPS / STEPS:.0f}th of the paper's "
    "(in nepers). Only preset `settle` reaches it, at larger λ. "
    f"With {FINE_TUNING['epochs']} epochs “best 10” is the mean over all of them."
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
        "dataset": "digits",
        "epochs": 14,
        "batch_size": 30,
        "image_size": 32,
        "train_samples": 600,
        "validation_samples": 0,
        "test_samples": None,
        "pretrained": False,
        "precision": "fp32",
        "scale": "cpu",
    }
)
SCAN_LR = 0.001
SCAN_DECAYS = (0.1, 0.5, 1.0, 2.0, 3.5, 5.0, 7.0, 10.0, 13.0, 17.5, 25.0, 35.0)  # 0.1 removes 3 % in 280 steps
LIVE_DECAY = SCAN_DECAYS[9]  # 17.5, where one seed shows LPWD below WD (docs/log.md, the first scan on digits)
SCAN_METHODS = ("wd", "lpwd", "lwd", "wd15", "lpwd_matched", "lpwd_reversed")
SCAN_SEEDS = 5
