"""What runs cost, before they start: steps, images, time at a measured speed, bytes. No torch, and no guess."""

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

# What decides whether a run can start, and what its model needs.
STARTABLE = (
    *("model", "model_kwargs", "image_size", "pretrained", "dataset", "kernels", "optimizer", "optimizer_kwargs"),
    *("train_samples", "test_samples", "validation_samples", "dataset_kwargs", "data_digest", "plugins"),
)
# What speed depends on.
SPEED_FIELDS = (
    *("model", "model_kwargs", "image_size", "batch_size", "precision", "kernels"),
    *("optimizer", "optimizer_kwargs"),
)
FLOAT_BYTES, CHANNELS = 4, 3
NEWEST = 5  # finished runs that tell a speed: those of older code may have been slower
TELLING_SECONDS = 5.0  # of training, before a run that is not finished tells its speed


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

    @property
    def trained(self) -> int:
        """Images passed forward and backward in all epochs."""
        return self.epochs * self.training_images

    def evaluated(self, zero_shot: bool = True) -> int:
        """Images passed forward alone, in all evaluations."""
        once = self.epochs * (self.test_images + self.validation_images)
        return once + (ZERO_SHOT_EVALUATIONS * self.test_images if self.zero_shot and zero_shot else 0)

    def passes(self, zero_shot: bool = True) -> float:
        """Forward and backward passes of one image; one that is only evaluated counts as a third of it."""
        return self.trained + self.evaluated(zero_shot) / EVALUATION_SPEEDUP


def work(config: RunConfig) -> Work:
    """By the data that are here, else by their published sizes."""
    from lpwd.training.data import own  # opencv takes longer to import than the page needs

    sizes = own.sizes(config)
    return published_work(config) if sizes is None else _work(config, sizes, known=True)


def published_work(config: RunConfig) -> Work:
    """By the published sizes of the data alone: the same on every machine, and without a look at the disk.

    Of one's own data nothing is published: what was found when they were read counts, else what the run asks for.
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
    """What runs ask for: how many there are, images trained on, images only evaluated, time one after the other."""

    runs: int
    training_images: int
    evaluation_images: int
    seconds: float

    @property
    def hours(self) -> float:
        return self.seconds / 3600


def cost(configs: Iterable[RunConfig], images_per_second: float | Callable[[RunConfig], float]) -> Cost:
    """Of the distinct runs, at a measured training speed: the same for all, or a function of the configuration."""
    distinct = {config.run_id: config for config in configs}.values()
    parts = [published_work(config) for config in distinct]
    speeds = [images_per_second(c) if callable(images_per_second) else images_per_second for c in distinct]
    time = sum(part.passes() / speed for part, speed in zip(parts, speeds, strict=True))
    return Cost(len(parts), sum(part.trained for part in parts), sum(part.evaluated() for part in parts), time)


class Plan(NamedTuple):
    """How many lanes of a race compute at once, and torch's CPU threads of each."""

    at_once: int
    threads: int


def plan(lanes: int, threads: int | None, *, cores: int, on_cpu: bool) -> Plan:
    """On a CPU as many lanes at once as its cores have room for, with `threads` each (None: cores / lanes, at least 1).

    The cores are those that torch uses here for a run alone. On a GPU, which one lane fills, lanes take turns.
    """
    if not on_cpu:
        return Plan(1, threads or cores)
    threads = threads or max(1, cores // max(1, lanes))
    return Plan(max(1, min(lanes, cores // threads)), threads)


def speed_key(config: RunConfig) -> str:
    """Equal for runs whose steps take as long."""
    return str([getattr(config, name) for name in SPEED_FIELDS])


def recorded_speed(
    store: RunStore, config: RunConfig, device: str, threads: int, *, running: bool = False, scaled: bool = False
) -> tuple[float, int]:
    """Passes a second of a lane with so many threads: the median of the newest runs with the same costs that finished
    on this device, and with `running` of those that have trained there long enough to tell; and their number.

    `scaled` takes runs with any number of threads, as if a lane's speed grew with it: right within that ratio.
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
    """Of a run's work, evaluations included; of its steps alone where its numbers of images are not known."""
    share = min(1.0, status.step / status.total_steps) if status.total_steps else 0.0
    train, tests = status.summary.get("train_samples"), status.summary.get("test_samples")
    if not train or not tests:
        return share
    held_out = int(status.summary.get("validation_samples") or 0)
    whole = Work(int(train), held_out, int(tests), 0, config.epochs, config.zero_shot, known=True)
    evaluated = math.floor(share * config.epochs) * (whole.test_images + held_out)
    return (share * whole.trained + evaluated / EVALUATION_SPEEDUP) / whole.passes()


def seconds(races: Sequence[Sequence[RunConfig]], speed: float, at_once: int = 1) -> float:
    """Of all races one after the other, their lanes `at_once` at `speed` each."""
    turns = (work(config).passes() for race in races for config in race[::at_once])
    return sum(turns) / speed


def optimizer_floats(config: RunConfig) -> float:
    """Floats that the optimizer keeps for each parameter."""
    return 0 if config.optimizer == "sgd" and not config.momentum else get_optimizer(config.optimizer).floats


def training_bytes(config: RunConfig, parameters: int) -> int:
    """Weights, gradients and what the optimizer keeps, all fp32; activations come on top."""
    return int(parameters * FLOAT_BYTES * (2 + optimizer_floats(config)))


def checkpoint_bytes(config: RunConfig, parameters: int) -> int:
    """Weights and what the optimizer keeps."""
    return int(parameters * FLOAT_BYTES * (1 + optimizer_floats(config)))


def data_bytes(config: RunConfig) -> int:
    """The images as uint8 on the device, shared by the lanes of a race."""
    images = work(config)
    count = images.training_images + images.validation_images + images.test_images
    return count * CHANNELS * config.image_size**2


def activation_bytes(config: RunConfig, footprint: Footprint) -> int:
    """What a training step keeps from its forward pass for its backward pass; bf16 takes half of fp32."""
    batch = min(config.batch_size, work(config).training_images)
    return batch * footprint.activation_bytes // (2 if config.precision == "bf16" else 1)


def race_bytes(configs: Sequence[RunConfig], footprints: Sequence[Footprint]) -> int:
    """Memory that a race takes at least beside the libraries: data, models with their optimizers, one lane's step.

    Measured on a CPU, a training takes 1.16 to 1.44 times as much (seven models, sizes and precisions): what this
    refuses does not fit.
    """
    models = sum(
        training_bytes(config, footprint.parameters) + footprint.buffer_bytes
        for config, footprint in zip(configs, footprints, strict=True)
    )
    steps = [activation_bytes(config, footprint) for config, footprint in zip(configs, footprints, strict=True)]
    return data_bytes(configs[0]) + models + max(steps)


def check_memory(configs: Sequence[RunConfig], footprints: Sequence[Footprint], free: int) -> None:
    """ConfigError where a race cannot fit into `free` bytes."""
    needed = race_bytes(configs, footprints)
    if needed > free:
        config = configs[0]
        raise ConfigError.of(
            "batch_size",
            f"is {config.batch_size} and image_size {config.image_size}: with {config.model} that takes at "
            f"least {needed / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free; choose a smaller batch_size, "
            "image_size or model",
        )


def check_fits(races: Sequence[Sequence[RunConfig]], footprints: Sequence[Footprint], free: int) -> None:
    """ConfigError where one of the races cannot fit into `free` bytes; `footprints` are of all runs in order."""
    left = iter(footprints)
    for race in races:
        check_memory(race, [next(left) for _ in race], free)
