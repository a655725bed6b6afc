"""Names of models: timm's, and those that plug-ins registered. No torch here."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lpwd.errors import ConfigError
from lpwd.registry import accepts, check_new_name

ELSEWHERE = re.compile(r"(local-dir|hf-hub):([^\x00-\x1f]{1,300})")  # models that timm reads from a folder or the Hub
HUB_MODEL = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}(@[\w.-]{1,64})?", re.ASCII)  # optionally with a revision
TIMM_NAME = re.compile(r"[a-zA-Z0-9_.]{1,100}")
SLUG_CHARACTERS = 60  # length limit for a name with a path, in a run id
FAMILIES = ("convnext", "swin")
SIZES = (
    *("zepto", "atto", "femto", "pico", "nano", "tiny", "small"),
    *("base", "large", "xlarge", "xxlarge", "huge", "giant"),
)


@dataclass(frozen=True)
class Network:
    """A registered model: `factory(num_classes, image_size, **model_kwargs)` returns a torch module.

    The module maps float32 [B, 3, H, W] to logits [B, num_classes]. `layers(model)` returns the parameter names of each
    layer, shallow to deep; by default the layers come from the model's `group_matcher`, or are its modules in order.
    """

    factory: Callable[..., Any]
    layers: Callable[[Any], Sequence[Sequence[str]]] | None = None
    label: str = ""


_MODELS: dict[str, Network] = {}
MODELS: Mapping[str, Network] = MappingProxyType(_MODELS)


def register_model(
    name: str,
    factory: Callable[..., Any],
    *,
    layers: Callable[[Any], Sequence[Sequence[str]]] | None = None,
    label: str = "",
) -> None:
    """Register a model that `--model NAME` builds with `factory(num_classes=..., image_size=..., **model_kwargs)`.

    Raises ValueError for a name that is taken (also by timm) or cannot be part of a run id, and for a factory with
    other parameters.
    """
    check_new_name("model", name, timm_models().union(_MODELS), 64)
    for what, function, arguments in (("factory", factory, ("num_classes", "image_size")), ("layers", layers, ())):
        if function is not None and not accepts(function, *arguments, positional=what == "layers"):
            call = "layers(model)" if what == "layers" else "factory(num_classes, image_size)"
            raise ValueError(f"model {name!r}: {what} must be callable as {call}")
    _MODELS[name] = Network(factory, layers, label or name)


@lru_cache(maxsize=8)
def timm_models(family: str = "") -> frozenset[str]:
    """Return the names of models in the files of the installed timm whose file names start with `family`.

    Reads the functions decorated with `@register_model`, because importing timm takes seconds and torch. A test
    compares the names with `timm.list_models`.
    """
    package = find_spec("timm")
    if package is None or not package.submodule_search_locations:
        return frozenset()
    folder = Path(package.submodule_search_locations[0]) / "models"
    sources = (path.read_text(encoding="utf-8") for path in folder.glob(f"{family}*.py"))
    return frozenset(
        name for text in sources for name in re.findall(r"^@register_model\ndef (\w+)", text, re.MULTILINE)
    )


def model_names() -> list[str]:
    """Return every convnext* and swin* model of the installed timm, small ones first, then models of plug-ins."""
    names = {name for family in FAMILIES for name in timm_models(family) if name.startswith(FAMILIES)}
    return [*sorted(names, key=lambda name: (_size_rank(name), name)), *MODELS]


def _size_rank(name: str) -> int:
    """Return the position in SIZES of the size word in the name; unknown sizes come last."""
    return next((rank for rank, size in enumerate(SIZES) if size in name.split("_")), len(SIZES))


def slug(name: str) -> str:
    """Return a name as used in a run id: without a path, and only the last part of a folder."""
    kind, colon, rest = name.partition(":")
    if not colon:
        return name
    last = rest if kind in ("hf", "hf-hub") else re.split(r"[/\\]", rest.rstrip("/\\"))[-1]
    return re.sub(r"[^A-Za-z0-9_.]+", "-", last).strip("-.")[:SLUG_CHARACTERS] or kind


def normal_model(name: str) -> str:
    """Return timm's spelling of a model's name, with an absolute path, without reading anything. Raises ConfigError."""
    name = re.sub("^hf_hub:", "hf-hub:", name)
    if elsewhere := ELSEWHERE.fullmatch(name):
        kind, place = elsewhere.groups()
        if kind == "local-dir":
            return f"local-dir:{os.path.abspath(os.path.expanduser(place))}"
        if not HUB_MODEL.fullmatch(place):
            raise ConfigError.of("model", f"is {name[:120]!r}: write hf-hub:OWNER/NAME")
    elif not TIMM_NAME.fullmatch(name):
        allowed = "allowed are names of timm and of plug-ins, hf-hub:OWNER/NAME and local-dir:PATH"
        raise ConfigError.of("model", f"is {name[:120]!r}: {allowed}")
    return name
