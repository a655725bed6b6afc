"""The names of timm's ConvNeXt and Swin models, in the order in which to offer them. No torch: the page reads this.

The names come from the decorators in the installed timm's source, since importing timm takes seconds and torch;
a test compares them with `timm.list_models`.
"""

import re
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

FAMILIES = ("convnext", "swin")
SIZES = (
    *("zepto", "atto", "femto", "pico", "nano", "tiny", "small"),
    *("base", "large", "xlarge", "xxlarge", "huge", "giant"),
)
PAPER_MODELS = (
    "convnext_tiny",
    "swin_tiny_patch4_window7_224",
    "convnext_small",
    "swin_small_patch4_window7_224",
    "convnext_base",
    "swin_base_patch4_window7_224",
)


def model_names(gpu: bool = False) -> list[str]:
    """Every convnext* and swin* model of the installed timm: small members first, or with a GPU the paper's first."""
    names = sorted(_registered(), key=lambda name: (_size_rank(name), name))
    first = PAPER_MODELS if gpu else ()
    return [*first, *(name for name in names if name not in first)]


def _size_rank(name: str) -> int:
    """The place of the size word in the name; unknown sizes come last."""
    return next((rank for rank, size in enumerate(SIZES) if size in name.split("_")), len(SIZES))


@lru_cache(maxsize=1)
def _registered() -> frozenset[str]:
    """Functions of timm's convnext and swin files that carry `@register_model`."""
    package = find_spec("timm")
    if package is None or not package.submodule_search_locations:
        return frozenset()
    folder = Path(package.submodule_search_locations[0]) / "models"
    names: set[str] = set()
    for family in FAMILIES:
        for path in folder.glob(f"{family}*.py"):
            names |= set(re.findall(r"^@register_model\ndef (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE))
    return frozenset(name for name in names if name.startswith(FAMILIES))
