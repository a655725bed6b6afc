"""Measure the data pipeline: decoding, the second start, and the share of batches in a training step.

    HF_ENDPOINT=http://127.0.0.1:8765 python benchmarks/data.py [cifar100]

Expected on two cores: 50,000 images in 2 s, the second start in 0.1 s, batches below 2 % of a convnext_atto step.
"""

import sys
import time
from collections.abc import Callable
from typing import cast

import torch
from torch.nn import functional

from lpwd.config import RunConfig
from lpwd.facts import DATASETS, DatasetName
from lpwd.training import models
from lpwd.training.data import batches, images

BATCH = 256


def seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Return the time of the fastest of `repeats` calls."""
    best = float("inf")
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begun)
    return best


def main(name: DatasetName) -> None:
    images.read(name)  # downloads
    source = DATASETS[name].hub
    assert source is not None, "digits need no decoding"
    path = images.cached_file(source.repo, source.train_file, "dataset")
    assert path is not None
    count = len(images.read(name)[0].labels)
    decoding = seconds(lambda: images.decode(path, source, DATASETS[name].classes), 3)
    print(f"decoding: {decoding / count * 50_000:.2f} s per 50,000 images ({count} timed)")
    print(f"next start, read: {seconds(lambda: images.read(name)):.3f} s")

    config = RunConfig(dataset=name, model="convnext_atto")
    device = torch.device("cpu")
    print(f"next start, on the device: {seconds(lambda: batches.load(config, device)):.3f} s")

    loaded = batches.load(config, device)
    order, flips = batches.epoch_order(count, 0, 1)[:BATCH], batches.epoch_flips(count, 0, 1)[:BATCH]
    model = models.create(config, loaded.class_count).to(memory_format=torch.channels_last)
    labels = loaded.train_labels[order]

    def batch() -> torch.Tensor:
        chosen = loaded.train_images.index_select(0, order)
        return batches.augment(chosen, flips, loaded.mean, loaded.std, torch.channels_last)

    def step() -> None:
        functional.cross_entropy(model(batch()), labels).backward()

    transform = batches.reference_transform()
    ours, whole = seconds(batch, 20), seconds(step, 3)
    theirs = seconds(lambda: [transform(image=image) for image in loaded.train_images[:BATCH].numpy()], 3)
    print(f"batch of {BATCH}: {ours * 1e3:.2f} ms, {100 * ours / whole:.2f} % of a step of {whole:.2f} s")
    print(f"albumentations, image by image: {theirs * 1e3:.2f} ms, {theirs / ours:.1f} times as long")


if __name__ == "__main__":
    main(cast(DatasetName, sys.argv[1] if len(sys.argv) > 1 else "cifar100"))
