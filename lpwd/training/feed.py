"""The batches of training, gathered and augmented once for all lanes of a race that train on the same ones."""

import threading
from typing import NamedTuple

import torch
from torch import Tensor

from lpwd.config import RunConfig
from lpwd.training import batches
from lpwd.training.batches import Dataset


class Batch(NamedTuple):
    """What one optimizer step sees."""

    pixels: Tensor  # float32 [B, 3, H, W], normalised
    labels: Tensor  # int64 [B]


class Feed:
    """The training batches of one data set, seed, batch size and memory format. Any thread may ask.

    Keeps the last batch alone: lanes in lock step ask for the same one in a row.
    """

    def __init__(self, data: Dataset, seed: int, batch_size: int, layout: torch.memory_format) -> None:
        self.data, self.seed, self.batch_size, self.layout = data, seed, batch_size, layout
        self._lock = threading.Lock()
        self._epoch = self._number = -1
        self._places: list[tuple[Tensor, Tensor]] = []  # a batch's indices [B] and flips [B]
        self._batch: Batch | None = None

    def batch(self, epoch: int, number: int) -> Batch:
        """The batch `number`, from 0, of `epoch`, from 1; the last one of an epoch may be smaller."""
        with self._lock:
            if epoch != self._epoch:
                self._places = self._epoch_places(epoch)
            if self._batch is None or (epoch, number) != (self._epoch, self._number):
                self._batch = None  # its memory first
                self._batch = self._made(*self._places[number])
                self._epoch, self._number = epoch, number
            return self._batch

    def _epoch_places(self, epoch: int) -> list[tuple[Tensor, Tensor]]:
        data, count = self.data, len(self.data.train_labels)
        order = batches.epoch_order(count, self.seed, epoch).to(data.train_labels.device)
        flips = batches.epoch_flips(count, self.seed, epoch, data.flip_probability).to(data.train_labels.device)
        return list(zip(order.split(self.batch_size), flips.split(self.batch_size), strict=True))

    def _made(self, indices: Tensor, flips: Tensor) -> Batch:
        data = self.data
        images = data.train_images.index_select(0, indices)
        pixels = batches.augment(images, flips, data.mean, data.std, self.layout)
        return Batch(pixels, data.train_labels.index_select(0, indices))


class Feeds:
    """The feeds of a race: lanes with the same data, seed, batch size and memory format get the same one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._feeds: dict[tuple[int, int, int, torch.memory_format], Feed] = {}

    def feed(self, data: Dataset, config: RunConfig, layout: torch.memory_format) -> Feed:
        key = (id(data), config.seed, config.batch_size, layout)  # the feed keeps its data, and so the id, alive
        with self._lock:
            return self._feeds.setdefault(key, Feed(data, config.seed, config.batch_size, layout))
