"""Estimate the cost of runs before they start: steps, images, time at a measured speed, and bytes. No torch here."""

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lpwd.config import ConfigError, RunConfig
from lpwd.facts import DATASETS, EVALUATION_SPEEDUP, ZERO_SHOT_EVALUATIONS
from lpwd.optimizers import get_optimizer
from lpwd.status import Status
from lpwd.store import RunStore
from lpwd.training.memory import Footprint

# Fields that decide whether a run can start, and what its model needs.
STARTABLE = (
    *("model", "model_kwargs", "image_size", "pretrained", "dataset", "kernels", "optimizer", "optimizer_kwargs"),
    *("train_samples", "test_samples", "validation_samples", "dataset_kwargs", "data_digest", "plugins"),
)
# Fields that the speed depends on.
SPEED_FIELDS = (
    *("model", "model_kwargs", "image_size", "batch_size", "precision", "kernels"),
    *("optimizer", "optimizer_kwargs"),
)
FLOAT_BYTES, CHANNELS = 4, 3
NEWEST = 5  # finished runs used to estimate a speed: runs of older code may have been slower
TELLING_SECONDS = 5.0  # training time before an unfinished run is used to estimate a speed


@dataclass(frozen=True)
class Work:
    """Images and steps of one run. `known` is whether the data are here, so that the sizes are exact."""

    training_images: int
    validation_images: int
    test_images: int
    steps_per_epoch: int
    epochs: int
    zero_shot: bool
    known: bool

    @property
    def trained(self) -> int:
        """Number of images in all forward and backward passes."""
        return self.epochs * self.training_images

    def evaluated(self, zero_shot: bool = True) -> int:
        """Return the number of images in all evaluations, which are forward passes only."""
        once = self.epochs * (self.test_images + self.validation_images)
        return once + (ZERO_SHOT_EVALUATIONS * self.test_images if self.zero_shot and zero_shot else 0)

    def passes(self, zero_shot: bool = True) -> float:
        """Return the number of forward and backward passes of one image; an evaluation counts as a third."""
        return self.trained + self.evaluated(zero_shot) / EVALUATION_SPEEDUP


def work(config: RunConfig) -> Work:
    """Return the work of a run, from the sizes of the local data if known, else from published sizes."""
    from lpwd.training.data import own  # opencv takes longer to import than the page needs

    sizes = own.sizes(config)
    return published_work(config) if sizes is None else _work(config, sizes, known=True)


def published_work(config: RunConfig) -> Work:
    """Return the work of a run from published sizes only: the same on every machine, without reading the disk.

    Your own data have no published sizes: the sizes found when they were read are used, else the run's subset sizes.
    """
    facts = DATASETS.get(config.dataset)
    sizes = (facts.train_images, facts.test_images) if facts else _own_sizes(config)
    return _work(config, sizes, known=False)


def _own_sizes(config: RunConfig) -> tuple[int, int]:
    from lpwd.training.data import own

    return own.sizes(config) or (config.train_samples or 0, config.test_samples or 0)


def _work(config: RunConfig, sizes: tuple[int, int], known: bool) -> Work:
    train, test = min(config.train_samples or sizes[0], sizes[0]), min(config.test_samples or sizes[1], sizes[1])
    training = max(train - config.validation_samples, 0)
    steps = math.ceil(training / config.batch_size)
    return Work(training, config.validation_samples, test, steps, config.epochs, config.zero_shot, known)


@dataclass(frozen=True)
class Cost:
    """Cost of several runs: their number, training images, evaluated images, and time one after the other."""

    runs: int
    training_images: int
    evaluation_images: int
    seconds: float

    @property
    def hours(self) -> float:
        return self.seconds / 3600


def cost(configs: Iterable[RunConfig], images_per_second: float | Callable[[RunConfig], float]) -> Cost:
    """Return the cost of the distinct runs at a training speed, which may be a function of the configuration."""
    distinct = {config.run_id: config for config in configs}.values()
    parts = [published_work(config) for config in distinct]
    speeds = [images_per_second(c) if callable(images_per_second) else images_per_second for c in distinct]
    time = sum(part.passes() / speed for part, speed in zip(parts, speeds, strict=True))
    return Cost(len(parts), sum(part.trained for part in parts), sum(part.evaluated() for part in parts), time)


class Parallelism(NamedTuple):
    """How many lanes of a race compute at once, and the number of torch's CPU threads of each."""

    at_once: int
    threads: int


def parallelism(lanes: int, threads: int | None, *, cores: int, on_cpu: bool) -> Parallelism:
    """Return as many lanes at once as fit on the cores, with `threads` each (default: cores / lanes, at least 1).

    `cores` are those that torch uses for a single run. On a GPU, which one lane fills, lanes take turns.
    """
    if not on_cpu:
        return Parallelism(1, threads or cores)
    threads = threads or max(1, cores // max(1, lanes))
    return Parallelism(max(1, min(lanes, cores // threads)), threads)


def speed_key(config: RunConfig) -> str:
    """Return a key that is equal for runs with equally fast steps."""
    return str([getattr(config, name) for name in SPEED_FIELDS])


def recorded_speed(
    store: RunStore, config: RunConfig, device: str, threads: int, *, running: bool = False, scaled: bool = False
) -> tuple[float, int]:
    """Return the recorded passes per second of a lane, and the number of runs that this is the median of.

    Uses the newest finished runs with the same costs on this device; with `running`, also those that have trained long
    enough. `scaled` includes runs with other numbers of threads, as if the speed were proportional to it.
    """
    alike = [
        record
        for record in store.records()
        if record.status.device == device
        and (record.status.threads == threads or (scaled and record.status.threads))
        and all(getattr(record.config, name) == getattr(config, name) for name in SPEED_FIELDS)
    ]
    finished = [record for record in alike if record.status.state == "finished" and record.status.seconds > 0]
    newest = sorted(finished, key=lambda record: record.status.ended or 0)[-NEWEST:]
    ratios = [(r, work(r.config).passes(zero_shot=False) / r.status.seconds) for r in newest]
    now = [r for r in alike if running and r.status.state == "running" and r.status.seconds > TELLING_SECONDS]
    ratios += [(r, work(r.config).passes() * share_done(r.config, r.status) / r.status.seconds) for r in now]
    speeds = [speed * threads / r.status.threads if scaled else speed for r, speed in ratios]
    return (statistics.median(speeds), len(speeds)) if speeds else (0.0, 0)


def share_done(config: RunConfig, status: Status) -> float:
    """Return the finished share of a run's work, or of its steps if its numbers of images are unknown."""
    share = min(1.0, status.step / status.total_steps) if status.total_steps else 0.0
    train, tests = status.summary.get("train_samples"), status.summary.get("test_samples")
    if not train or not tests:
        return share
    held_out = int(status.summary.get("validation_samples") or 0)
    whole = Work(int(train), held_out, int(tests), 0, config.epochs, config.zero_shot, known=True)
    evaluated = math.floor(share * config.epochs) * (whole.test_images + held_out)
    return (share * whole.trained + evaluated / EVALUATION_SPEEDUP) / whole.passes()


def seconds(races: Sequence[Sequence[RunConfig]], speed: float, at_once: int = 1) -> float:
    """Return the time of all races one after the other, with lanes `at_once` at `speed` each."""
    turns = (work(config).passes() for race in races for config in race[::at_once])
    return sum(turns) / speed


def optimizer_floats(config: RunConfig) -> float:
    """Return the number of values of optimizer state per parameter."""
    return 0 if config.optimizer == "sgd" and not config.momentum else get_optimizer(config.optimizer).floats


def training_bytes(config: RunConfig, parameters: int) -> int:
    """Return the bytes of weights, gradients and optimizer state in fp32, without activations."""
    return int(parameters * FLOAT_BYTES * (2 + optimizer_floats(config)))


def checkpoint_bytes(config: RunConfig, parameters: int) -> int:
    """Return the bytes of weights and optimizer state."""
    return int(parameters * FLOAT_BYTES * (1 + optimizer_floats(config)))


def data_bytes(config: RunConfig) -> int:
    """Return the bytes of the images on the device (uint8), which the lanes of a race share."""
    images = work(config)
    count = images.training_images + images.validation_images + images.test_images
    return count * CHANNELS * config.image_size**2


def activation_bytes(config: RunConfig, footprint: Footprint) -> int:
    """Return the bytes of activations that a step saves for its backward pass; bf16 takes half of fp32."""
    batch = min(config.batch_size, work(config).training_images)
    return batch * footprint.activation_bytes // (2 if config.precision == "bf16" else 1)


def race_bytes(configs: Sequence[RunConfig], footprints: Sequence[Footprint]) -> int:
    """Return a lower bound of a race's memory without libraries: data, models, optimizers and one lane's step.

    On a CPU, training takes 1.16 to 1.44 times as much (measured for seven models, sizes and precisions).
    """
    models = sum(
        training_bytes(config, footprint.parameters) + footprint.buffer_bytes
        for config, footprint in zip(configs, footprints, strict=True)
    )
    steps = [activation_bytes(config, footprint) for config, footprint in zip(configs, footprints, strict=True)]
    return data_bytes(configs[0]) + models + max(steps)


def check_fits(races: Sequence[Sequence[RunConfig]], footprints: Sequence[Footprint], free: int) -> None:
    """Raise ConfigError if one of the races does not fit in `free` bytes. `footprints` are in the order of runs."""
    left = iter(footprints)
    for race in races:
        needed = race_bytes(race, [next(left) for _ in race])
        if needed > free:
            config = race[0]
            needs = (
                f"{config.model} then needs at least {needed / 1e9:.1f} GB of memory, but {free / 1e9:.1f} GB are free"
            )
            given = f"is {config.batch_size} and image_size is {config.image_size}"
            raise ConfigError.of("batch_size", f"{given}: {needs}; choose a smaller batch_size, image_size or model")
