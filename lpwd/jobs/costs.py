"""What races cost, before they start: steps, images, time at a measured speed, bytes. No torch, and no guess."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from lpwd.config import RunConfig
from lpwd.facts import DATASETS, EVALUATION_SPEEDUP, ZERO_SHOT_EVALUATIONS
from lpwd.store import RunStore

SPEED_FIELDS = (
    "model",
    "model_kwargs",
    "image_size",
    "batch_size",
    "precision",
    "kernels",
    "optimizer",
)  # what speed depends on
FLOAT_BYTES, CHANNELS = 4, 3
MOMENTS = {"adam": 2, "sgd": 1}  # floats a parameter that the optimizer keeps


@dataclass(frozen=True)
class Work:
    """Images and steps of one run. `known` says whether the data are here, so that their sizes are the real ones."""

    training_images: int
    validation_images: int
    test_images: int
    steps_per_epoch: int
    epochs: int
    zero_shot: bool
    known: bool

    def passes(self, zero_shot: bool = True) -> float:
        """Forward and backward passes of one image; one that is only evaluated counts as a third of it."""
        evaluated = self.epochs * (self.test_images + self.validation_images)
        evaluated += ZERO_SHOT_EVALUATIONS * self.test_images if self.zero_shot and zero_shot else 0
        return self.epochs * self.training_images + evaluated / EVALUATION_SPEEDUP


def work(config: RunConfig) -> Work:
    from lpwd.training.images import cached_sizes  # opencv takes longer to import than the page needs

    facts, sizes = DATASETS[config.dataset], cached_sizes(config.dataset)
    train, test = sizes or (facts.train_images, facts.test_images)
    train, test = min(config.train_samples or train, train), min(config.test_samples or test, test)
    training = max(train - config.validation_samples, 0)
    steps = math.ceil(training / config.batch_size)
    known = sizes is not None
    return Work(training, config.validation_samples, test, steps, config.epochs, config.zero_shot, known)


def recorded_speed(store: RunStore, config: RunConfig, device: str) -> tuple[float, int]:
    """Passes a second in the median of the runs that finished on this device with the same costs, and their number."""
    alike = [
        record
        for record in store.records()
        if record.status.state == "finished"
        and record.status.device == device
        and record.status.seconds > 0
        and all(getattr(record.config, name) == getattr(config, name) for name in SPEED_FIELDS)
    ]
    speeds = [work(record.config).passes(zero_shot=False) / record.status.seconds for record in alike]
    return (statistics.median(speeds), len(speeds)) if speeds else (0.0, 0)


def seconds(races: Sequence[Sequence[RunConfig]], speed: float) -> float:
    """Of all runs one after the other, which is what lanes in lock step take."""
    return sum(work(config).passes() for race in races for config in race) / speed


def optimizer_floats(config: RunConfig) -> int:
    """Floats that the optimizer keeps for each parameter."""
    return 0 if config.optimizer == "sgd" and not config.momentum else MOMENTS[config.optimizer]


def training_bytes(config: RunConfig, parameters: int) -> int:
    """Weights, gradients and what the optimizer keeps, all fp32; activations come on top."""
    return parameters * FLOAT_BYTES * (2 + optimizer_floats(config))


def checkpoint_bytes(config: RunConfig, parameters: int) -> int:
    """Weights and what the optimizer keeps."""
    return parameters * FLOAT_BYTES * (1 + optimizer_floats(config))


def data_bytes(config: RunConfig) -> int:
    """The images as uint8 on the device, shared by the lanes of a race."""
    images = work(config)
    count = images.training_images + images.validation_images + images.test_images
    return count * CHANNELS * config.image_size**2
