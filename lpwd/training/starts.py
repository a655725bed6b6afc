"""Weights that a run starts from: load them, check their digest, adapt them to another head, and export them."""

import datetime
import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lpwd.config import ConfigError
from lpwd.hub.fetch import start_weights
from lpwd.paths import replacing, write_atomic
from lpwd.sentences import first_line
from lpwd.starts import Start, published_start, split
from lpwd.store import RunStore
from lpwd.training import checkpoints

Weights = Mapping[str, Tensor]  # as in a model's state_dict


def digest(weights: Weights) -> str:
    """Return the SHA-256 over names, dtypes, shapes and values, sorted by name and independent of strides."""
    total = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        total.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def load(store: RunStore, name: str) -> dict[str, Tensor]:
    """Return the weights named by `init_from`, on the CPU and in their stored dtype. Raises ConfigError."""
    _, digest8 = split(name)
    return _load_published(name) if digest8 else _load_run(store, name)


def _load_published(name: str) -> dict[str, Tensor]:
    start = published_start(name)
    path = start_weights(start)
    try:
        weights = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ConfigError(f"start {name}: {path} is damaged ({first_line(error)})") from None
    if digest(weights) != start.digest:
        raise ConfigError(f"start {name}: {path} contains different weights, with digest {digest(weights)[:8]}")
    return weights


def _load_run(store: RunStore, run_id: str) -> dict[str, Tensor]:
    if store.status(run_id).state != "finished":
        raise ConfigError.of("init_from", f"is {run_id!r}: this run is not finished")
    paths = store.paths(run_id)
    try:
        weights: dict[str, Tensor] = checkpoints.read(paths, paths.checkpoint)["model"]
    except FileNotFoundError:
        raise ConfigError.of("init_from", f"is {run_id!r}: this run has no checkpoint") from None
    return weights


def adopt(model: nn.Module, weights: Weights, name: str) -> None:
    """Load a start's weights into `model`; a head with another number of classes keeps its initial weights.

    Raises ConfigError for any other difference.
    """
    own = model.state_dict()
    if names := sorted(own.keys() ^ weights.keys()):
        where = "start" if names[0] in weights else "model"
        raise ConfigError.of("init_from", f"is {name!r}: it does not fit this model, {names[0]} is only in the {where}")
    other = {key for key, value in own.items() if value.shape != weights[key].shape}
    head = str((getattr(model, "pretrained_cfg", None) or {}).get("classifier") or "head")
    for key in sorted(key for key in other if not key.startswith(f"{head}.")):
        shapes = f"{tuple(weights[key].shape)} in the start and {tuple(own[key].shape)} in the model"
        raise ConfigError.of("init_from", f"is {name!r}: it does not fit this model, {key} has shape {shapes}")
    model.load_state_dict({key: value for key, value in weights.items() if key not in other}, strict=False)


def export(store: RunStore, run_id: str, folder: Path) -> Start:
    """Export a finished run's weights in half precision, with their JSON file, to `folder`."""
    weights = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in _load_run(store, run_id).items()
    }
    if lost := [name for name, tensor in weights.items() if not tensor.isfinite().all()]:
        raise ConfigError(f"run {run_id!r}: {lost[0]} has values that overflow in half precision")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{run_id}.safetensors"
    with replacing(path) as temporary:
        save_file(weights, temporary)
        temporary.chmod(0o644)  # readable for all, because it is published
    status = store.status(run_id)
    ended = datetime.datetime.fromtimestamp(status.ended or status.created, datetime.UTC)
    start = Start(
        run_id=run_id,
        digest=digest(weights),
        bytes=path.stat().st_size,
        config=store.config(run_id),
        last_top1=float(status.summary["last_top1"] or 0.0),
        device=status.device,
        commit=status.commit,
        date=ended.strftime("%Y-%m-%d"),
    )
    write_atomic(folder / f"{run_id}.json", start.model_dump_json(indent=1) + "\n")
    return start
