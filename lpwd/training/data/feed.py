"""Training batches, gathered and augmented once for all lanes of a race."""

import threading
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lpwd.config import RunConfig
from lpwd.training.data import batches
from lpwd.training.data.batches import Dataset


class Batch(NamedTuple):
    """Input of one optimizer step."""

    pixels: Tensor  # float32 [B, 3, H, W], normalised
    labels: Tensor  # int64 [B]


class Places(NamedTuple):
    """Training images of a batch, and their augmentation."""

    indices: Tensor  # int64 [B]
    flips: Tensor  # bool [B]
    shifts: Tensor | None  # int64 [B, 2] pixels; None: no shifts


class Feed:
    """Training batches for one data set, seed, batch size, augmentation and memory format; thread-safe.

    Caches only the last batch, because lanes in lock step request the same one in turn.
    """

    def __init__(self, data: Dataset, config: RunConfig, layout: torch.memory_format) -> None:
        self.data, self.layout = data, layout
        self.seed, self.batch_size, self.augment = config.seed, config.batch_size, config.augment
        self._lock = threading.Lock()
        self._epoch = self._number = -1
        self._places: list[Places] = []  # of each batch
        self._batch: Batch | None = None

    def batch(self, epoch: int, number: int) -> Batch:
        """Return batch `number` (0-based) of `epoch` (1-based); the last one of an epoch may be smaller."""
        with self._lock:
            if epoch != self._epoch:
                self._places = self._epoch_places(epoch)
            if self._batch is None or (epoch, number) != (self._epoch, self._number):
                self._batch = None  # free its memory first
                self._batch = self._gather(*self._places[number])
                self._epoch, self._number = epoch, number
            return self._batch

    def _epoch_places(self, epoch: int) -> list[Places]:
        data, count, size = self.data, len(self.data.train_labels), self.batch_size
        device = data.train_labels.device
        order = batches.epoch_order(count, self.seed, epoch).to(device).split(size)
        flips = batches.epoch_flips(count, self.seed, epoch, data.flip_probability).to(device).split(size)
        shifts: Sequence[Tensor | None] = [None] * len(order)
        if self.augment == "shift_flip":
            shifts = batches.epoch_shifts(count, self.seed, epoch, data.train_images.shape[1]).to(device).split(size)
        return list(map(Places, order, flips, shifts))

    def _gather(self, indices: Tensor, flips: Tensor, shifts: Tensor | None) -> Batch:
        data = self.data
        images = data.train_images.index_select(0, indices)
        if shifts is not None:
            images = batches.shift(images, shifts)
        pixels = batches.augment(images, flips, data.mean, data.std, self.layout)
        return Batch(pixels, data.train_labels.index_select(0, indices))


class Feeds:
    """The feeds of a race. Lanes with the same data, seed, batch size, augmentation and memory format share one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._feeds: dict[tuple[int, int, int, str, torch.memory_format], Feed] = {}

    def feed(self, data: Dataset, config: RunConfig, layout: torch.memory_format) -> Feed:
        key = (
            id(data),
            config.seed,
            config.batch_size,
            config.augment,
            layout,
        )  # the feed keeps `data` and its id alive
        with self._lock:
            return self._feeds.setdefault(key, Feed(data, config, layout))
