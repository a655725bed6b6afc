"""Names of training recipes, written to the column `protocol` of published results."""

from collections.abc import Mapping
from typing import Any

from lpwd.config import RunConfig
from lpwd.paper import regime
from lpwd.paper.numbers import PAPER_BASE

CUSTOM = "custom"
# name -> (required field values, description); give a changed recipe a new number
PROTOCOLS: dict[str, tuple[Mapping[str, Any], str]] = {
    "paper": (PAPER_BASE, "the paper's: ImageNet-21k weights fine-tuned on all images for 100 epochs at batch 512"),
    "pretraining-1": (regime.PRETRAINING, "a start: Tiny ImageNet at 32x32, AdamW with a half cosine, batch 256"),
    "fine-tuning-1": (
        regime.FINE_TUNING,
        "a start fine-tuned on 10,000 images, constant rate, batch 64, 10 epochs, bf16",
    ),
    "scan-1": (
        regime.SMALL | regime.SMALL_MODEL,
        "a ConvNeXt of 0.28 M parameters from scratch on 600 digits, 14 epochs at batch 30",
    ),
}


def protocol(config: RunConfig) -> str:
    """Return the recipe of a configuration: `fine-tuning-1`, `fine-tuning-1, 3 epochs` or `custom`."""
    fields = config.model_dump()
    for name, (recipe, _) in PROTOCOLS.items():
        differing = {field for field, value in recipe.items() if field != "scale" and fields[field] != value}
        if name == "fine-tuning-1" and config.init_from is None:
            continue
        if differing <= {"epochs"}:
            return f"{name}, {config.epochs} epochs" if differing else name
    return CUSTOM
