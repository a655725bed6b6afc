"""Your own data: folders, Hub repositories and data sets of plug-ins, each pinned by a digest of its content.

A run records the digest, so that runs on different content have different ids and never share batches. Decoded images
are cached by digest and size, so that a second run does not read the source again.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from lpwd.config import ConfigError, RunConfig
from lpwd.facts import DATASETS, DatasetFacts, dataset_label, is_own, is_pinned
from lpwd.paths import write_atomic
from lpwd.sentences import first_line
from lpwd.training.data import images
from lpwd.training.data.contents import DIGITS, TEST_SHARE, Contents
from lpwd.training.data.images import CACHE_VERSION, Int64, Split
from lpwd.training.data.tables import open_contents

TEST_SPLIT_SEED = 0  # runs of all seeds are tested on the same images
FLIP_PROBABILITY = 0.5


def pin(configs: Sequence[RunConfig]) -> list[RunConfig]:
    """Return the configurations with the digest of their data; those of built-in data are unchanged.

    This reads the data, so check permissions before. Raises ConfigError for unusable data.
    """
    digests: dict[str, str] = {}
    pinned = []
    for config in configs:
        if is_pinned(config.dataset) and not config.data_digest and not config.read_only:
            key = json.dumps([config.dataset, config.dataset_kwargs, config.image_size])
            if key not in digests:
                digests[key] = _scan(config)
            config = RunConfig(**config.model_dump() | {"data_digest": digests[key]})
        pinned.append(config)
    return pinned


def _scan(config: RunConfig) -> str:
    """Read the data, cache facts about them, and return their digest."""
    if not is_own(config.dataset):
        train, test = _from_plugin(config)
        digest = _array_digest((train.images, train.labels, test.images, test.labels))
        for part, split in (("train", train), ("test", test)):
            images.save_cached(split, f"own-{digest}-{part}")
        return digest
    contents = open_contents(config.dataset, config.dataset_kwargs)
    digest = contents.digest()
    train_labels, test_labels = (labels for labels, _ in _parts(contents))
    facts = {"classes": len(contents.classes), "train_images": len(train_labels), "test_images": len(test_labels)}
    for folder in images.cache_folders():
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomic(folder / f"own-{digest}.json", json.dumps(facts))
            break
        except OSError:
            continue
    return digest


def known_facts(config: RunConfig) -> DatasetFacts | None:
    """Return the facts about a run's data without reading them, or None for data that were never read here."""
    if not is_own(config.dataset):
        return DATASETS.get(config.dataset)
    for folder in images.cache_folders():
        try:
            known = json.loads((folder / f"own-{config.data_digest}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        flips = config.dataset_kwargs.get("flip_probability", FLIP_PROBABILITY)
        if not isinstance(flips, int | float) or not 0 <= flips <= 1:
            raise ConfigError.of("dataset_kwargs", f"has flip_probability {flips!r}: it must be between 0 and 1")
        return DatasetFacts(dataset_label(config.dataset), **known, flip_probability=flips)
    return None


def sizes(config: RunConfig) -> tuple[int, int] | None:
    """Return the numbers of training and test images if known without reading the data, else None."""
    if not is_own(config.dataset) and not is_pinned(config.dataset):
        return images.cached_sizes(config.dataset) if config.dataset in DATASETS else None
    known = known_facts(config)
    return (known.train_images, known.test_images) if known else None


def facts(config: RunConfig) -> DatasetFacts:
    """Return the facts about a run's data, which are read if necessary. Raises ConfigError."""
    if (known := known_facts(config)) is None:
        digest = _scan(config)
        _check_same(config, digest)
        known = known_facts(config.model_copy(update={"data_digest": digest}))
    if known is None:
        raise ConfigError(f"dataset {config.dataset} cannot be cached: no cache folder is writable")
    return known


def read(config: RunConfig) -> tuple[Split, Split]:
    """Return training and test images. Raises ConfigError for changed or unusable data."""
    parts = ("train", "test")
    if not is_own(config.dataset):
        cached = [images.load_cached(f"own-{config.data_digest}-{part}") for part in parts]
        return (cached[0], cached[1]) if cached[0] and cached[1] else _same_arrays(config)
    keys = [f"own{CACHE_VERSION}-{config.data_digest}-{config.image_size}-{part}" for part in parts]
    cached = [images.load_cached(key) for key in keys]
    if cached[0] and cached[1]:
        return cached[0], cached[1]
    return _decoded(config, keys)


def _decoded(config: RunConfig, keys: Sequence[str]) -> tuple[Split, Split]:
    from lpwd.training.data.decoding import decode_all

    contents = open_contents(config.dataset, config.dataset_kwargs)
    _check_same(config, contents.digest())
    items = [*contents.train, *contents.test]
    decoded = decode_all(items, config.image_size)
    train, test = (Split(decoded[index], labels) for labels, index in _parts(contents))
    for split, key in zip((train, test), keys, strict=True):
        images.save_cached(split, key)
    return train, test


def _parts(contents: Contents) -> tuple[tuple[Int64, Int64], tuple[Int64, Int64]]:
    """Return labels and indices among all items, of the training images and of the test images."""
    labels = np.array([item.label for split in (contents.train, contents.test) for item in split], np.int64)
    is_test = np.arange(len(labels)) >= len(contents.train)
    if not contents.test:
        count = max(len(labels) // TEST_SHARE, len(contents.classes))
        is_test[images.balanced_subset(labels, count, TEST_SPLIT_SEED)] = True
    train, test = np.flatnonzero(~is_test), np.flatnonzero(is_test)
    return (labels[train], train), (labels[test], test)


def _check_same(config: RunConfig, digest: str) -> None:
    if config.data_digest and digest != config.data_digest:
        raise ConfigError(
            f"the images of {config.dataset} have changed since this run was created (digest {config.data_digest}, now "
            f"{digest}): restore the old images, or start a new run"
        )


def statistics(train: Split) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel over all training images, of pixels in 0..1."""
    counts = np.stack([np.bincount(train.images[..., channel].ravel(), minlength=256) for channel in range(3)])
    values = np.arange(256) / 255
    mean = counts @ values / counts.sum(1)
    std = np.sqrt((counts * (values - mean[:, None]) ** 2).sum(1) / counts.sum(1))
    return tuple(map(float, mean)), tuple(map(float, np.maximum(std, 1 / 255)))  # a constant channel stays finite


# ---- data sets of plug-ins


def _from_plugin(config: RunConfig) -> tuple[Split, Split]:
    """Return the data of a plug-in's function. Raises ConfigError if they differ from the registered facts."""
    known = DATASETS[config.dataset]
    try:
        train, test = known.load(**config.dataset_kwargs)  # type: ignore[misc]
        splits = [Split(np.asarray(pixels), np.asarray(labels)) for pixels, labels in (train, test)]
    except Exception as error:  # the plug-in's code may raise anything
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise ConfigError(f"data set {config.dataset} cannot be loaded: {reason}") from None
    for split, what, count in zip(splits, ("training", "test"), (known.train_images, known.test_images), strict=True):
        _check_arrays(config.dataset, split, what, count, known.classes)
    first, second = (Split(split.images, split.labels.astype(np.int64)) for split in splits)
    return first, second


def _check_arrays(name: str, split: Split, what: str, count: int, classes: int) -> None:
    shape, kind = split.images.shape, split.images.dtype
    if kind != np.uint8 or len(shape) != 4 or shape[3] != 3 or shape[1] != shape[2]:
        raise ConfigError(f"data set {name}: {what} images are {kind} {shape}: they must be uint8 (N, H, H, 3)")
    if shape[0] != count or split.labels.shape != (count,):
        given = f"{shape[0]} images and {split.labels.shape} labels"
        raise ConfigError(f"data set {name}: {given} for the {what}: {count} are registered")
    if not np.issubdtype(split.labels.dtype, np.integer) or split.labels.min() < 0 or split.labels.max() >= classes:
        raise ConfigError(f"data set {name}: {what} labels must be integers from 0 to {classes - 1}")


def _same_arrays(config: RunConfig) -> tuple[Split, Split]:
    train, test = _from_plugin(config)
    _check_same(config, _array_digest((train.images, train.labels, test.images, test.labels)))
    return train, test


def _array_digest(arrays: Sequence[Any]) -> str:
    total = hashlib.sha256()
    for array in arrays:
        total.update(str(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    return total.hexdigest()[:DIGITS]
