"""Cache of loaded data sets: lanes of a race share one, and a small one is kept for the next job."""

import torch

from lpwd.config import RunConfig
from lpwd.training.data import batches

KEPT_BYTES = 2**28  # limit for images kept between jobs; the CIFARs fit


def data_key(config: RunConfig) -> str:
    """Return the fields of a configuration that its data depend on, as JSON."""
    fields = {"dataset", "seed", "image_size", "train_samples", "test_samples", "validation_samples"}
    fields |= {"dataset_kwargs", "data_digest"}
    return config.model_dump_json(include=fields)


class Datasets:
    """Loaded data sets by device and `data_key`. For use by one thread at a time."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[str, str], batches.Dataset] = {}

    def load(self, config: RunConfig, device: torch.device) -> batches.Dataset:
        """Return the data of a run. Raises the errors of `batches.load`."""
        key = (str(device), data_key(config))
        if key not in self._loaded:
            self._loaded[key] = batches.load(config, device)
        return self._loaded[key]

    def forget_large(self) -> None:
        """Keep only the last data set, and only if it is small. Call this between jobs."""
        last = list(self._loaded.items())[-1:]
        self._loaded = {key: data for key, data in last if _bytes(data) <= KEPT_BYTES}


def _bytes(data: batches.Dataset) -> int:
    return sum(images.nbytes for images in (data.train_images, data.validation_images, data.test_images))
