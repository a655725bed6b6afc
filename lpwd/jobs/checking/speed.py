"""Measure the training speed of a run with a few real steps on random images, without downloads."""

import math
import time

import torch

from lpwd.config import RunConfig
from lpwd.training.data.batches import IMAGENET_MEAN, IMAGENET_STD, Dataset
from lpwd.training.data.own import facts
from lpwd.training.machine import resolve_device
from lpwd.training.session import Session

MOST_STEPS = 4  # timed steps, after an untimed one
TIMED_SECONDS = 1.0  # no step starts after this time
USUAL_PIXELS = 32 * 32
CPU_BATCH = 64  # images: enough to outweigh the optimizer's step, while a step of a large model takes only seconds
LEAST_BATCH = 2  # a norm over the batch has no variance in one image


def images_per_second(config: RunConfig, device: str = "auto") -> float:
    """Measure the training speed of `config`'s model, optimizer and precision with random weights.

    The fastest step counts, because other load only slows steps down. On a CPU the batch is small, and smaller for
    large images, so that the measurement takes about a second.
    """
    place, size = resolve_device(device), config.batch_size
    if place.type == "cpu":
        size = max(LEAST_BATCH, min(size, CPU_BATCH, CPU_BATCH * USUAL_PIXELS // config.image_size**2))
    trial = RunConfig(**config.model_dump() | {"pretrained": False, "init_from": None, "batch_size": size})
    session = Session(trial, place, random_data(trial, size * (MOST_STEPS + 1), place), None)
    session.train_step()
    _wait(place)
    begun, fastest = time.perf_counter(), math.inf
    for _ in range(MOST_STEPS):
        fastest = min(fastest, _step_seconds(session, place))
        if time.perf_counter() - begun > TIMED_SECONDS:
            break
    return size / fastest


def _step_seconds(session: Session, place: torch.device) -> float:
    """Return the time of a step; on a CPU at most its own CPU time, because this process has a low priority."""
    wall, computed = time.perf_counter(), time.process_time()
    session.train_step()
    _wait(place)
    seconds = time.perf_counter() - wall
    return min(seconds, time.process_time() - computed) if place.type == "cpu" else seconds


def random_data(config: RunConfig, count: int, device: torch.device) -> Dataset:
    """Return `count` random training images of the run's size, and no images to evaluate."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(
        256, (count, config.image_size, config.image_size, 3), generator=generator, dtype=torch.uint8
    )
    classes = facts(config).classes
    labels = torch.randint(classes, (count,), generator=generator)
    images, labels = images.to(device), labels.to(device)
    return Dataset(
        name=config.dataset,
        class_count=classes,
        train_images=images,
        train_labels=labels,
        validation_images=images[:0],
        validation_labels=labels[:0],
        test_images=images[:0],
        test_labels=labels[:0],
        mean=torch.tensor(IMAGENET_MEAN, device=device),
        std=torch.tensor(IMAGENET_STD, device=device),
        flip_probability=0.5,
    )


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
