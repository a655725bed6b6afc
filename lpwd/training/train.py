"""Training as a generator of events, without files, logs or global state; generators can be interleaved."""

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
    """Train one run and yield events, at least one per step. Raises ConfigError if model, data or device is missing.

    A race advances several generators in turn, or concurrently in threads: data order and augmentation depend only on
    (seed, epoch), initial weights only on the seed. `resume_from` is the `state` of a Checkpoint; resuming is exact bit
    for bit on CPU. A Checkpoint holds the live tensors, so save them before advancing. `initial_weights` replaces the
    model's weights (keys as in its `state_dict`), `data` avoids loading it again, and lanes of a race share `feeds`.
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
