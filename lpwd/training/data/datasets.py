"""The data sets of a process: the lanes of a race share one, and the next job finds a small one loaded already."""

import torch

from lpwd.config import RunConfig
from lpwd.training.data import batches

KEPT_BYTES = 2**28  # of images between jobs: the CIFARs fit


def data_key(config: RunConfig) -> str:
    """The part of a configuration that its data depend on, as JSON."""
    fields = {"dataset", "seed", "image_size", "train_samples", "test_samples", "validation_samples"}
    fields |= {"dataset_kwargs", "data_digest"}
    return config.model_dump_json(include=fields)


class Datasets:
    """Data sets by what they depend on. One thread at a time asks."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[str, str], batches.Dataset] = {}

    def load(self, config: RunConfig, device: torch.device) -> batches.Dataset:
        """Raises what `batches.load` raises."""
        key = (str(device), data_key(config))
        if key not in self._loaded:
            self._loaded[key] = batches.load(config, device)
        return self._loaded[key]

    def forget_large(self) -> None:
        """Keep the data set loaded last, where it is small; call it between jobs."""
        last = list(self._loaded.items())[-1:]
        self._loaded = {key: data for key, data in last if _bytes(data) <= KEPT_BYTES}


def _bytes(data: batches.Dataset) -> int:
    return sum(images.nbytes for images in (data.train_images, data.validation_images, data.test_images))
