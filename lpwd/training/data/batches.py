"""A run's data: the whole set on the device as uint8, balanced subsets, and the batches of an epoch.

Order, flips and shifts of an epoch depend only on (seed, epoch), and are drawn on the CPU so that all devices agree.
"""

import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from lpwd.config import ConfigError, RunConfig
from lpwd.facts import is_pinned
from lpwd.training.data import images, own
from lpwd.training.memory import free_bytes

IMAGENET_MEAN = (0.485, 0.456, 0.406)  # RGB, of pixels in 0..1
IMAGENET_STD = (0.229, 0.224, 0.225)
TEST_SUBSET_SEED = 0  # runs of all seeds are evaluated on the same test images
ORDER_STREAM, FLIP_STREAM, SHIFT_STREAM = 0, 1, 2
SHIFT_PART = 8  # random shifts are at most 1/8 of an image's side: 4 pixels of 32
MEMORY_SHARE = 0.8  # of the device's free memory, the limit of the data


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images uint8 [N, H, W, 3] in RGB and labels int64 [N], all on one device; the validation split may be empty."""

    name: str
    class_count: int
    train_images: torch.Tensor
    train_labels: torch.Tensor
    validation_images: torch.Tensor
    validation_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor
    mean: torch.Tensor  # float32 [3] on the device, of pixels in 0..1
    std: torch.Tensor
    flip_probability: float  # of the training augmentation


def load(config: RunConfig, device: torch.device) -> Dataset:
    """Return the data of a run, resized once to `config.image_size` by `images.resize`.

    `train_samples` is a subset drawn with the run's seed, `validation_samples` are taken out of it, and `test_samples`
    is a subset that is the same for every seed. All three are balanced over the classes. Pixels are normalised with
    ImageNet's mean and deviation, your own data with those of their training images. Raises HubUnreachable, HubRefused
    or ConfigError.
    """
    facts, is_own = own.facts(config), is_pinned(config.dataset)
    train, test = own.read(config) if is_own else images.read(config.dataset)
    mean, std = own.statistics(train) if is_own else (IMAGENET_MEAN, IMAGENET_STD)
    images.check_samples(config, (len(train.labels), len(test.labels)))
    train_index, validation_index = split_indices(train.labels, config)
    test_count = config.test_samples or len(test.labels)
    test_index = images.balanced_subset(test.labels, test_count, TEST_SUBSET_SEED)
    image_count = len(train_index) + len(validation_index) + len(test_index)
    check_memory(config, image_count, device)

    def place(split: images.Split, index: images.Int64) -> tuple[torch.Tensor, torch.Tensor]:
        chosen = images.resize(split.images[index], config.image_size)
        return torch.from_numpy(chosen).to(device), torch.from_numpy(split.labels[index]).to(device)

    train_images, train_labels = place(train, train_index)
    validation_images, validation_labels = place(train, validation_index)
    test_images, test_labels = place(test, test_index)
    return Dataset(
        name=config.dataset,
        class_count=facts.classes,
        train_images=train_images,
        train_labels=train_labels,
        validation_images=validation_images,
        validation_labels=validation_labels,
        test_images=test_images,
        test_labels=test_labels,
        mean=torch.tensor(mean, device=device),
        std=torch.tensor(std, device=device),
        flip_probability=facts.flip_probability,
    )


def to_device(data: Dataset, device: torch.device) -> Dataset:
    """Return the data on another device."""
    moved: dict[str, Any] = {
        name: value.to(device) for name, value in vars(data).items() if isinstance(value, torch.Tensor)
    }
    return replace(data, **moved)


def split_indices(labels: images.Int64, config: RunConfig) -> tuple[images.Int64, images.Int64]:
    """Return sorted, disjoint indices of the training and validation images, both balanced and drawn with the seed."""
    subset = images.balanced_subset(labels, config.train_samples or len(labels), config.seed)
    chosen = images.balanced_subset(labels[subset], config.validation_samples, config.seed)
    is_validation = np.zeros(len(subset), bool)
    is_validation[chosen] = True
    return subset[~is_validation], subset[is_validation]


def check_memory(config: RunConfig, image_count: int, device: torch.device) -> None:
    """Raise ConfigError if the images (uint8) do not fit in the device's free memory."""
    needed = image_count * 3 * config.image_size**2
    free = free_bytes(device)
    if needed > MEMORY_SHARE * free:
        raise ConfigError.of(
            "image_size",
            f"is {config.image_size}: {image_count} images of this size need {needed / 1e9:.1f} GB, but "
            f"{free / 1e9:.1f} GB are free; choose a smaller image_size, train_samples or test_samples.",
        )


def epoch_order(n: int, seed: int, epoch: int) -> torch.Tensor:
    """Return the order in which an epoch visits its `n` training images: int64 [n] on the CPU."""
    return torch.randperm(n, generator=_generator(seed, epoch, ORDER_STREAM))


def epoch_flips(n: int, seed: int, epoch: int, probability: float = 0.5) -> torch.Tensor:
    """Return whether to flip the image at each of the `n` places of an epoch's order: bool [n] on the CPU."""
    return torch.rand(n, generator=_generator(seed, epoch, FLIP_STREAM)) < probability


def epoch_shifts(n: int, seed: int, epoch: int, image_size: int) -> torch.Tensor:
    """Return the shift of the image at each of the `n` places, down and right: int64 [n, 2] pixels on the CPU."""
    reach = image_size // SHIFT_PART
    return torch.randint(-reach, reach + 1, (n, 2), generator=_generator(seed, epoch, SHIFT_STREAM))


def shift(batch: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
    """Return images [B, H, W, 3] moved by `shifts` [B, 2] pixels.

    Equals reflection padding and cropping, in one gather on the batch's device.
    """
    size = batch.shape[1]
    places = torch.arange(size, device=batch.device) - shifts.unsqueeze(-1)  # [B, 2, H]: the source pixel
    mirrored = (size - 1) - ((size - 1) - places.abs()).abs()
    rows, columns = mirrored.unbind(1)
    image = torch.arange(len(batch), device=batch.device).view(-1, 1, 1)
    return batch[image, rows.unsqueeze(2), columns.unsqueeze(1)]


def _generator(seed: int, epoch: int, stream: int) -> torch.Generator:
    """Return a separate CPU generator for each (seed, epoch, stream)."""
    state = np.random.SeedSequence([seed, epoch, stream]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) & (2**63 - 1))


def augment(
    batch: torch.Tensor,
    flips: torch.Tensor | None,
    mean: torch.Tensor,
    std: torch.Tensor,
    memory_format: torch.memory_format = torch.contiguous_format,
) -> torch.Tensor:
    """Flip the images selected by `flips` (bool [B] or None), then normalise: (x - 255 mean) / (255 std).

    `batch` is uint8 [B, H, W, 3], the result float32 [B, 3, H, W] in `memory_format`, on the same device and without
    synchronisation. A test compares it with `reference_transform`.
    """
    if flips is not None:
        batch = torch.where(flips.view(-1, 1), _words(batch.flip(2)), _words(batch)).view(torch.uint8).view(batch.shape)
    shift, factor = mean * 255, 1 / (std * 255)
    if memory_format == torch.channels_last:  # rows of all pixels vectorise, three channels do not
        pixels = batch.shape[1] * batch.shape[2]
        rows = batch.reshape(len(batch), -1).to(torch.float32)  # separately: a sum of bytes and floats is 15x slower
        rows = rows.sub_(shift.repeat(pixels)).mul_(factor.repeat(pixels))
        return rows.view(batch.shape).permute(0, 3, 1, 2)
    planes = batch.permute(0, 3, 1, 2).to(torch.float32, memory_format=memory_format)
    return planes.sub_(shift.view(3, 1, 1)).mul_(factor.view(3, 1, 1))


def _words(batch: torch.Tensor) -> torch.Tensor:
    """Return the batch's bytes [B, ...] as the widest possible integers [B, n]: selecting single bytes is 7x slower."""
    rows = batch.reshape(len(batch), -1)
    kind = next(k for k in (torch.int64, torch.int32, torch.uint8) if rows.shape[1] % k.itemsize == 0)
    return rows.contiguous().view(kind)


def reference_transform(flip_probability: float = 0.5) -> Any:
    """Return the reference of `augment`: an albumentations Compose for one uint8 [H, W, 3] image."""
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # before the import, which would check for a new release
    import albumentations

    return albumentations.Compose(
        [
            albumentations.HorizontalFlip(p=flip_probability),
            albumentations.Normalize(mean=IMAGENET_MEAN, std=IMAGENET_STD),
        ]
    )
