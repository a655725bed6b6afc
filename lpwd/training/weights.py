"""Pretrained weights of timm's models: locate them, check that they are available, and explain loading errors."""

from collections.abc import Iterator
from contextlib import contextmanager

from safetensors import SafetensorError
from timm.models import get_pretrained_cfg

from lpwd.config import ConfigError
from lpwd.hub.client import HubRefused, HubUnreachable, hub_errors
from lpwd.hub.fetch import cached_file, probe
from lpwd.networks import ELSEWHERE, MODELS
from lpwd.sentences import first_line

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")  # unless the configuration names another file
BUILD_ERRORS = (  # raised by timm for arguments of a wrong type, shape or size
    *(ArithmeticError, AssertionError, AttributeError, LookupError),
    *(NotImplementedError, RuntimeError, TypeError, ValueError),
)


class WeightsUnavailable(ConfigError):
    """Pretrained weights are not available; the message suggests an alternative."""


@contextmanager
def loading_errors(name: str) -> Iterator[None]:
    """Convert errors of timm's loading of weights to WeightsUnavailable."""
    try:
        with hub_errors(f"weights of {name}"):
            yield
    except (HubUnreachable, HubRefused) as error:
        raise _unavailable(name, str(error)) from None
    except (*BUILD_ERRORS, OSError) as error:  # broken file, or weights of other shapes than model_kwargs ask for
        raise _unavailable(name, f"Loading failed: {first_line(error)}.") from None
    except SafetensorError as error:
        raise _unavailable(name, f"The file is damaged: {first_line(error)}.") from None


def require(name: str) -> None:
    """Raise WeightsUnavailable within seconds, unless the weights are cached or the Hub answers."""
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
    """Return whether timm, a folder or the Hub has weights of this model, without a request."""
    return bool(ELSEWHERE.fullmatch(name)) or (name not in MODELS and bool(source(name)[0]))


def source(name: str) -> tuple[str, tuple[str, ...]]:
    """Return the Hub repository of a model's weights ("" without weights) and the possible file names."""
    known = get_pretrained_cfg(name)
    if known is None or not known.hf_hub_id:
        return "", ()
    return known.hf_hub_id.partition("@")[0], (known.hf_hub_filename,) if known.hf_hub_filename else WEIGHT_FILES


def _unavailable(name: str, why: str) -> WeightsUnavailable:
    return WeightsUnavailable(
        f"The pretrained weights of {name} could not be loaded. {why} "
        "Train from scratch with --no-pretrained, choose another model, or try again when the Hub is reachable."
    )


def absent(name: str) -> WeightsUnavailable:
    """Return the error for a model without pretrained weights."""
    return WeightsUnavailable(
        f"timm has no pretrained weights for {name}: train from scratch with --no-pretrained, or choose another model."
    )
