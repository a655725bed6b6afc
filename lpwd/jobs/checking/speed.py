"""How fast a run would train here: a few real steps on random images, before anything is downloaded."""

import math
import time

import torch

from lpwd.config import RunConfig
from lpwd.training.data.batches import IMAGENET_MEAN, IMAGENET_STD, Dataset
from lpwd.training.data.own import facts
from lpwd.training.machine import resolve_device
from lpwd.training.session import Session

MOST_STEPS = 4  # timed, after one that is not
TIMED_SECONDS = 1.0  # no further step is begun after so long
USUAL_PIXELS = 32 * 32
CPU_BATCH = 64  # images: enough to outweigh the optimizer's step, and a large model's step still takes seconds
LEAST_BATCH = 2  # a norm over the batch has no variance in one image


def images_per_second(config: RunConfig, device: str = "auto") -> float:
    """Measured training speed of `config`'s model, optimizer and precision; random weights cost the same.

    The fastest step counts: what else goes on in the machine only slows one down.
    """
    place = resolve_device(device)
    size = min(config.batch_size, CPU_BATCH) if place.type == "cpu" else config.batch_size
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
    """How long a step takes; on a CPU at most its own computing time, as this process has a low priority."""
    wall, computed = time.perf_counter(), time.process_time()
    session.train_step()
    _wait(place)
    seconds = time.perf_counter() - wall
    return min(seconds, time.process_time() - computed) if place.type == "cpu" else seconds


def quick(config: RunConfig, device: str = "auto") -> float:
    """`images_per_second` of a second or so also where images are large."""
    place = resolve_device(device)
    most = CPU_BATCH * USUAL_PIXELS // config.image_size**2 if place.type == "cpu" else config.batch_size
    size = max(LEAST_BATCH, min(config.batch_size, most))
    return images_per_second(config.model_copy(update={"batch_size": size}), device)


def random_data(config: RunConfig, count: int, device: torch.device) -> Dataset:
    """`count` random training images of the run's size, and nothing to evaluate."""
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
