"""Pretrained weights of timm's models: where they are, whether they can be had, and why they do not load."""

from collections.abc import Iterator
from contextlib import contextmanager

from safetensors import SafetensorError
from timm.models import get_pretrained_cfg

from lpwd.config import ConfigError
from lpwd.hub.client import HubRefused, HubUnreachable, hub_errors
from lpwd.hub.fetch import cached_file, probe
from lpwd.networks import ELSEWHERE, MODELS
from lpwd.sentences import first_line

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")  # where a configuration names no other
BUILD_ERRORS = (  # what timm raises on arguments of a wrong kind, shape or size
    *(ArithmeticError, AssertionError, AttributeError, LookupError),
    *(NotImplementedError, RuntimeError, TypeError, ValueError),
)


class WeightsUnavailable(ConfigError):
    """Pretrained weights cannot be had; the sentence tells what to choose instead."""


@contextmanager
def loading_errors(name: str) -> Iterator[None]:
    """Turn what goes wrong while timm loads weights into WeightsUnavailable."""
    try:
        with hub_errors(f"weights of {name}"):
            yield
    except (HubUnreachable, HubRefused) as error:
        raise _unavailable(name, str(error)) from None
    except (*BUILD_ERRORS, OSError) as error:  # broken file, or weights of other shapes than model_kwargs ask for
        raise _unavailable(name, f"They do not load: {first_line(error)}.") from None
    except SafetensorError as error:
        raise _unavailable(name, f"The file is damaged: {first_line(error)}.") from None


def require(name: str) -> None:
    """Return where weights are cached or the Hub answers; WeightsUnavailable within seconds otherwise."""
    if not exist(name):
        raise absent(name)
    if ELSEWHERE.fullmatch(name):
        return
    repo, files = source(name)
    if any(cached_file(repo, filename, "model") for filename in files):
        return
    try:
        probe(repo, "model")
    except (HubUnreachable, HubRefused) as error:
        raise _unavailable(name, str(error)) from None


def exist(name: str) -> bool:
    """Whether timm, a folder or the Hub has weights of this model; asks for nothing."""
    return bool(ELSEWHERE.fullmatch(name)) or (name not in MODELS and bool(source(name)[0]))


def source(name: str) -> tuple[str, tuple[str, ...]]:
    """The Hub repository of a model's weights ("" for none) and the files that may hold them."""
    known = get_pretrained_cfg(name)
    if known is None or not known.hf_hub_id:
        return "", ()
    return known.hf_hub_id.partition("@")[0], (known.hf_hub_filename,) if known.hf_hub_filename else WEIGHT_FILES


def _unavailable(name: str, why: str) -> WeightsUnavailable:
    return WeightsUnavailable(
        f"The pretrained weights of {name} cannot be had. {why} "
        "Train from scratch with --no-pretrained, choose another model, or try again once the Hub can be reached."
    )


def absent(name: str) -> WeightsUnavailable:
    """The error for a model without pretrained weights."""
    return WeightsUnavailable(
        f"timm has no pretrained weights for {name}: train from scratch with --no-pretrained, or choose another model."
    )
