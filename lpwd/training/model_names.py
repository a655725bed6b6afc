"""The names of timm's ConvNeXt and Swin models, in the order in which to offer them. No torch: the page reads this.

Models of plug-ins come last.
"""

from lpwd.networks import MODELS, timm_models

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
    found = {name for family in FAMILIES for name in timm_models(family) if name.startswith(FAMILIES)}
    names = sorted(found, key=lambda name: (_size_rank(name), name))
    first = PAPER_MODELS if gpu else ()
    return [*first, *(name for name in names if name not in first), *MODELS]


def _size_rank(name: str) -> int:
    """The place of the size word in the name; unknown sizes come last."""
    return next((rank for rank, size in enumerate(SIZES) if size in name.split("_")), len(SIZES))
