"""Models of a run: resolve names, build models from a seed, and check them on the meta device."""

import dataclasses
import difflib
import inspect
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import timm
import torch
from timm.models import (
    PretrainedCfg,
    get_pretrained_cfg,
    is_model,
    list_models,
    list_pretrained,
    split_model_name_tag,
)
from timm.models._hub import load_model_config_from_hf, load_model_config_from_path
from torch import nn

from lpwd.config import ConfigError, RunConfig
from lpwd.hub.client import HubRefused, hub_errors
from lpwd.networks import ELSEWHERE, MODELS, model_names
from lpwd.sentences import first_line
from lpwd.training import weights
from lpwd.training.data import own
from lpwd.training.data.images import check_samples
from lpwd.training.memory import Footprint, footprint_of
from lpwd.training.randomness import seeded

PAPER_TAGS = ("fb_in22k", "ms_in22k")  # the paper's weights, from ImageNet-21k
RESERVED_KWARGS = frozenset(inspect.signature(timm.create_model).parameters) | {
    *("num_classes", "in_chans", "img_size", "features_only", "feature_cfg", "device", "dtype"),
}


def resolve(name: str) -> str:
    """Return the timm name with the tag of its weights: ImageNet-21k as in the paper if available, else the default.

    Models without weights, of plug-ins, folders and Hub repositories keep their name. Raises ConfigError for an unknown
    model or tag.
    """
    if name in MODELS or ELSEWHERE.fullmatch(name):
        return name
    architecture, tag = split_model_name_tag(name)
    if not is_model(architecture):
        architectures = [*model_names(), *(other for other in list_models() if other not in model_names())]
        close = difflib.get_close_matches(architecture, architectures, n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(close)}?" if close else "allowed are models of timm, such as convnext_atto."
        raise ConfigError.of("model", f"is {name!r}: unknown model; {hint}")
    tags = [split_model_name_tag(full_name)[1] for full_name in list_pretrained(architecture)]
    if tag:
        if tag not in tags:
            raise ConfigError.of(
                "model", f"is {name!r}: allowed tags of {architecture} are {', '.join(tags) or 'none'}."
            )
        return name
    default = get_pretrained_cfg(architecture)
    chosen = next((paper for paper in PAPER_TAGS if paper in tags), default.tag if default and tags else "")
    return f"{architecture}.{chosen}" if chosen else architecture


def create(config: RunConfig, class_count: int) -> nn.Module:
    """Return the run's model on the CPU, float32, in training mode.

    Initial weights are a function of the configuration's seed, including the new head of a pretrained model. The
    caller's random state is unchanged. Raises ConfigError, or WeightsUnavailable if `config.pretrained` is set and the
    weights are not available: a model is never silently trained from scratch.
    """
    name = resolve(config.model)
    if config.pretrained:
        weights.require(name)
    errors = weights.loading_errors(name) if config.pretrained else _build_errors(config)
    with seeded(config.seed), errors:
        return _build(name, config.image_size, config.pretrained, _arguments(config, class_count))


def check(config: RunConfig) -> None:
    """Raise ConfigError for an invalid model, model_kwargs, image size or sample count. Builds on the meta device.

    Sample counts are checked only if the data's sizes are known. Makes no request.
    """
    name = resolve(config.model)
    if config.pretrained and not weights.exist(name):
        raise weights.absent(name)
    footprint(config)
    sizes = own.sizes(config)
    if sizes is not None:
        check_samples(config, sizes)


def footprint(config: RunConfig) -> Footprint:
    """Return the memory needs of the run's model, without allocating memory or drawing numbers. Raises ConfigError."""
    arguments = _arguments(config, own.facts(config).classes)
    try:
        return _meta_forward(resolve(config.model), config.image_size, json.dumps(arguments))
    except _SizeError as error:
        unsupported = f"is {config.image_size}: {config.model} does not support it ({error})."
        raise ConfigError.of("image_size", unsupported) from None
    except weights.BUILD_ERRORS as error:
        raise _refused_kwargs(config, error) from None


def channels_last_helps(name: str) -> bool:
    """Return whether the model trains faster in channels-last: ConvNeXt does; Swin has only one convolution."""
    return "convnext" in name


def _arguments(config: RunConfig, class_count: int) -> dict[str, Any]:
    """Return the keyword arguments of timm.create_model: classes, image size, windows and the run's own."""
    refused = sorted(key for key in config.model_kwargs if key in RESERVED_KWARGS or key.startswith("pretrained"))
    if refused:
        raise ConfigError.of("model_kwargs", f"contains {', '.join(refused)}, which other fields of the run set.")
    arguments: dict[str, Any] = {"num_classes": class_count}
    if config.model in MODELS:
        return arguments | {key: _tuples(value) for key, value in config.model_kwargs.items()}
    architecture, defaults = _defaults(config.model)
    if defaults.fixed_input_size:  # Swin, whose windows shrink with the feature maps: at 32 pixels to 7, 4, 2, 1
        arguments["img_size"] = config.image_size
    if architecture.startswith("swinv2_cr"):  # timm would scale the window to 1/32 of the image, one pixel
        arguments["window_size"] = defaults.input_size[-1] // 32
    return arguments | {key: _tuples(value) for key, value in config.model_kwargs.items()}


def _defaults(name: str) -> tuple[str, PretrainedCfg]:
    """Return the architecture of a timm model and its default settings, also from a folder or the Hub."""
    elsewhere = ELSEWHERE.fullmatch(name)
    if elsewhere is None:
        return split_model_name_tag(name)[0], get_pretrained_cfg(resolve(name)) or PretrainedCfg()
    kind, place = elsewhere.groups()
    load = load_model_config_from_path if kind == "local-dir" else load_model_config_from_hf
    try:
        with hub_errors(f"Model {place}"):
            settings, architecture, _ = load(place)
            if not is_model(architecture):
                raise ValueError(f"unknown architecture {architecture!r}")
    except (*weights.BUILD_ERRORS, HubRefused) as error:
        if isinstance(error, HubRefused) and kind == "hf-hub":
            raise
        raise ConfigError.of("model", f"is {name}: timm cannot read this model ({first_line(error)})") from None
    known = {field.name for field in dataclasses.fields(PretrainedCfg)}
    return architecture, PretrainedCfg(**{key: value for key, value in settings.items() if key in known})


def _build(name: str, image_size: int, pretrained: bool, arguments: Mapping[str, Any]) -> nn.Module:
    """Build a model of timm or of a plug-in, which may name its own layers (`layers_of` reads them)."""
    if name not in MODELS:
        return timm.create_model(name, pretrained=pretrained, **arguments)
    network = MODELS[name]
    model = network.factory(image_size=image_size, **arguments)
    if not isinstance(model, nn.Module):
        raise ConfigError.of("model", f"is {name}: its factory returned {type(model).__name__}, not an nn.Module")
    if network.layers:
        vars(model)["layer_parameters"] = [list(names) for names in network.layers(model)]
    return model


def _tuples(value: Any) -> Any:
    """Convert JSON lists to the tuples that timm expects."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


class _SizeError(Exception):
    """The model does not accept images of this size."""


@lru_cache(maxsize=256)
def _meta_forward(name: str, image_size: int, arguments: str) -> Footprint:
    """Return the needs of a model on the meta device, where no weights are drawn. `arguments` is hashable JSON."""
    with torch.device("meta"):
        given = {key: _tuples(value) for key, value in json.loads(arguments).items()}
        model = _build(name, image_size, False, given).eval()
    patch = _patch_pixels(model)
    if image_size % patch:
        raise _SizeError(f"its patches have {patch} pixels: choose a multiple of {patch}")
    error = _forward_error(model, image_size)
    if error:
        larger = (patch * 2**power for power in range(10) if patch * 2**power > image_size)
        least = next((size for size in larger if not _forward_error(model, size)), None)
        raise _SizeError(f"its feature maps vanish: choose {least} or more" if least else error)
    return footprint_of(model, image_size, weights.BUILD_ERRORS)  # the run itself reports errors in training mode


def _forward_error(model: nn.Module, image_size: int) -> str:
    """Return the error of a forward pass of one image on the meta device, or ""."""
    try:
        with torch.device("meta"), torch.inference_mode():
            output = model(torch.zeros(1, 3, image_size, image_size))
        if not isinstance(output, torch.Tensor) or output.ndim != 2:
            return "its output must be logits [B, classes]"
    except weights.BUILD_ERRORS as error:
        return first_line(error)
    return ""


def _patch_pixels(model: nn.Module) -> int:
    """Return the side of the first layer's patches, which would silently drop a remainder; 1 without such a layer."""
    first = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), None)
    if first is None or first.kernel_size != first.stride or first.padding not in (0, (0, 0)):
        return 1
    return first.kernel_size[0]


@contextmanager
def _build_errors(config: RunConfig) -> Iterator[None]:
    """Turn timm's errors about arguments into a ConfigError."""
    try:
        yield
    except ConfigError:
        raise
    except weights.BUILD_ERRORS as error:
        raise _refused_kwargs(config, error) from None


def _refused_kwargs(config: RunConfig, error: Exception) -> ConfigError:
    given, builder = json.dumps(config.model_kwargs)[:120], "its plug-in" if config.model in MODELS else "timm"
    return ConfigError.of("model_kwargs", f"is {given}: {builder} cannot build {config.model} ({first_line(error)}).")
