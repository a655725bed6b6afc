"""Training as a generator of events: no file, no log, no global state; anything can consume or interleave it."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from lpwd.config import ConfigError, RunConfig
from lpwd.events import Checkpoint, Diverged, Event, Stopped
from lpwd.training.data import batches as datasets
from lpwd.training.data.feed import Feeds
from lpwd.training.data.own import pin
from lpwd.training.learner import NEVER
from lpwd.training.machine import resolve_device
from lpwd.training.session import Session


def train(
    config: RunConfig,
    *,
    device: str | torch.device = "auto",
    should_stop: Callable[[], bool] = NEVER,
    resume_from: Mapping[str, Any] | None = None,
    initial_weights: Mapping[str, Tensor] | None = None,
    data: datasets.Dataset | None = None,
    feeds: Feeds | None = None,
) -> Iterator[Event]:
    """Train one run and yield what happens, at least once a step.

    A race is several of these advanced in turn, or at once in threads: data order and augmentation are functions of
    (seed, epoch), initial weights of the seed. `resume_from` is the `state` of a Checkpoint; continuing is bit for bit
    on CPU. A Checkpoint's tensors are the live ones: save them before advancing. `initial_weights` replaces the model's
    (keys as in its `state_dict`), `data` saves loading it again, `feeds` are what the lanes of a race share. Raises
    ConfigError where model, data or device cannot be had.
    """
    place = resolve_device(device)
    if config.read_only:
        raise ConfigError(config.read_only)
    (config,) = pin([config])
    session = Session(config, place, data or datasets.load(config, place), initial_weights, feeds)
    if resume_from is not None:
        session.load_state_dict(resume_from)
    yield session.started()
    while session.epoch <= config.epochs:
        if (yield from session.train_epoch(should_stop)):
            return
        finished = session.evaluate_epoch(should_stop)
        if finished is None:
            yield Checkpoint(session.step, session.state_dict())
            yield Stopped(session.step)
            return
        yield finished
        if not math.isfinite(finished.test_loss):
            yield Diverged(session.step, finished.epoch)
            return
        yield Checkpoint(session.step, session.state_dict())
    if config.zero_shot and (yield from session.zero_shot(should_stop)):
        return
    yield session.finished()
