"""Names of models, and those that plug-ins registered: factories beside timm's. No torch here."""

import inspect
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

ELSEWHERE = re.compile(r"(local-dir|hf-hub):([^\x00-\x1f]{1,300})")  # models that timm reads from a folder or the Hub
HUB_MODEL = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}(@[\w.-]{1,64})?", re.ASCII)  # with a revision
TIMM_NAME = re.compile(r"[a-zA-Z0-9_.]{1,100}")
SLUG_CHARACTERS = 60  # of a name that holds a path, in a run id
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True)
class Network:
    """A registered model: `factory(num_classes, image_size, **model_kwargs)` returns a torch module.

    The module takes float32 [B, 3, H, W] and returns logits [B, num_classes]. `layers(model)` returns the names of the
    parameters of each layer, shallow to deep; without it the layers are those of the model's own `group_matcher`, or
    else its modules in order.
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
    """Add a model, which `--model NAME` then builds with `factory(num_classes=..., image_size=..., **model_kwargs)`.

    Raises ValueError for a name that is taken, also by timm, or cannot be part of a run id, and for a factory that
    takes other arguments.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"model is {name!r}: a name has lower-case letters, digits and _, and begins with a letter")
    if name in _MODELS or name in timm_models():
        raise ValueError(f"model {name!r} exists already: choose another name")
    for what, function, arguments in (("factory", factory, ("num_classes", "image_size")), ("layers", layers, ())):
        if function is not None and not accepts(function, *arguments, positional=what == "layers"):
            call = "layers(model)" if what == "layers" else "factory(num_classes, image_size)"
            raise ValueError(f"model {name!r}: {what} must be callable as {call}")
    _MODELS[name] = Network(factory, layers, label or name)


def accepts(function: Any, *keywords: str, positional: bool = False) -> bool:
    """Whether a callable takes these keyword arguments, and one positional argument if `positional`."""
    try:
        inspect.signature(function).bind(*([None] if positional else []), **dict.fromkeys(keywords))
    except (TypeError, ValueError):
        return False
    return True


@lru_cache(maxsize=8)
def timm_models(family: str = "") -> frozenset[str]:
    """Return the functions with `@register_model` in the files of the installed timm whose names begin with `family`.

    Importing timm takes seconds and torch; a test compares the names with `timm.list_models`.
    """
    package = find_spec("timm")
    if package is None or not package.submodule_search_locations:
        return frozenset()
    folder = Path(package.submodule_search_locations[0]) / "models"
    sources = (path.read_text(encoding="utf-8") for path in folder.glob(f"{family}*.py"))
    return frozenset(
        name for text in sources for name in re.findall(r"^@register_model\ndef (\w+)", text, re.MULTILINE)
    )


def slug(name: str) -> str:
    """Return a name as it stands in a run id: without the path, of a folder its last part alone."""
    kind, colon, rest = name.partition(":")
    if not colon:
        return name
    last = rest if kind in ("hf", "hf-hub") else re.split(r"[/\\]", rest.rstrip("/\\"))[-1]
    return re.sub(r"[^A-Za-z0-9_.]+", "-", last).strip("-.")[:SLUG_CHARACTERS] or kind


def normal_model(name: str) -> str:
    """Return timm's spelling of a model's name, with an absolute path. Reads nothing. Raises ValueError."""
    name = re.sub("^hf_hub:", "hf-hub:", name)
    if elsewhere := ELSEWHERE.fullmatch(name):
        kind, place = elsewhere.groups()
        if kind == "local-dir":
            return f"local-dir:{os.path.abspath(os.path.expanduser(place))}"
        if not HUB_MODEL.fullmatch(place):
            raise ValueError(f"model is {name[:120]!r}: write hf-hub:OWNER/NAME")
    elif not TIMM_NAME.fullmatch(name):
        allowed = "timm's names, hf-hub:OWNER/NAME, local-dir:PATH and those of plug-ins are allowed"
        raise ValueError(f"model is {name[:120]!r}: {allowed}")
    return name
