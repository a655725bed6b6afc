"""The data sets as decoded images on the CPU: read from the Hub's parquet once, then from a cache of .npy. No torch.

Sizes always come from the file. The cache lies under `HF_HOME/lpwd`, a folder per decoded file, named by the file's
content hash (the Hub's etag), so that a changed file is decoded again.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from huggingface_hub import constants

from lpwd.cgroups import usable_cores
from lpwd.config import ConfigError, RunConfig
from lpwd.facts import DATASETS, HubSource
from lpwd.hub.fetch import cached_file, fetch

CACHE_VERSION = 1  # change when decoding changes
UInt8 = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Split:
    """Decoded images, uint8 [N, H, W, 3] in RGB, and labels, int64 [N]. May be read-only maps of cached files."""

    images: UInt8
    labels: Int64


def read(name: str) -> tuple[Split, Split]:
    """Training and test split of a data set at its own resolution (digits 8x8, CIFAR 32x32).

    Raises HubUnreachable or HubRefused where a file is neither cached nor to be had, ConfigError where it is broken.
    """
    source = DATASETS[name].hub
    if source is None:
        return _digits()
    paths = fetch(source.repo, [source.train_file, source.test_file], "dataset")
    train, test = (_decoded(path, source, DATASETS[name].classes) for path in paths)
    return train, test


def cached_sizes(name: str) -> tuple[int, int] | None:
    """Training and test images of a data set as far as known without a request or decoding; None where not cached."""
    source = DATASETS[name].hub
    if source is None:
        return DATASETS[name].train_images, DATASETS[name].test_images
    from pyarrow.parquet import read_metadata

    paths = [cached_file(source.repo, filename, "dataset") for filename in (source.train_file, source.test_file)]
    try:
        train, test = (read_metadata(path).num_rows for path in paths if path is not None)
    except (ValueError, OSError):  # not both are cached, or one is broken, which `read` reports
        return None
    return train, test


def check_samples(config: RunConfig, sizes: tuple[int, int]) -> None:
    """ConfigError where a subset is larger than the data; `sizes` counts training and test images."""
    for split, subset_size, here in (
        ("train", config.train_samples, sizes[0]),
        ("test", config.test_samples, sizes[1]),
    ):
        if subset_size is not None and subset_size > here:
            kind = {"train": "training", "test": "test"}[split]
            raise ConfigError.of(
                f"{split}_samples", f"is {subset_size}: {config.dataset} here has {here} {kind} images."
            )
    if config.validation_samples >= sizes[0]:
        raise ConfigError.of(
            "validation_samples",
            f"is {config.validation_samples}: it must be less than the {sizes[0]} training images "
            f"that {config.dataset} has here.",
        )


def resize(images: UInt8, size: int) -> UInt8:
    """[N, H, W, 3] at `size` x `size` pixels: area averaging when it shrinks, bilinear when it grows."""
    if images.shape[1:3] == (size, size):
        return images
    method = cv2.INTER_AREA if size < images.shape[1] else cv2.INTER_LINEAR
    resized = np.empty((len(images), size, size, 3), np.uint8)
    for source, target in zip(images, resized, strict=True):
        cv2.resize(source, (size, size), dst=target, interpolation=method)
    return resized


def balanced_subset(labels: Int64, count: int, seed: int) -> Int64:
    """Sorted indices of `count` images, as many of each class as possible; a smaller count gives a subset of it."""
    order = np.random.default_rng(seed).permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]  # classes in turn, shuffled within each
    _, starts, sizes = np.unique(labels[by_class], return_index=True, return_counts=True)
    rank = np.arange(len(labels)) - np.repeat(starts, sizes)  # of an image within its class
    position = np.empty(len(labels), np.int64)
    position[order] = np.arange(len(labels))
    return np.sort(by_class[np.lexsort((position[by_class], rank))[:count]])


def decode(path: Path, source: HubSource, class_count: int) -> Split:
    """All images of a parquet file of the Hub's layout; ConfigError says what is wrong with a broken one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, columns=[source.image_column, source.label_column])
        encoded = table[source.image_column].combine_chunks().field("bytes").to_pylist()
        labels = table[source.label_column].cast(pa.int64()).fill_null(-1).to_numpy()
    except (pa.ArrowException, OSError, KeyError, ValueError, AttributeError) as error:
        reason = str(error).partition("\n")[0][:200]
        columns = f"columns {source.image_column} and {source.label_column}"
        raise ConfigError(f"{path} is no parquet file with {columns} ({reason}).") from None
    if len(encoded) == 0:
        raise ConfigError(f"{path} holds no images.")
    if labels.min() < 0 or labels.max() >= class_count:
        raise ConfigError(
            f"{path} has labels from {labels.min()} to {labels.max()}: allowed are 0 to {class_count - 1}."
        )
    first = _decode_one(encoded[0], 0, path)
    images = np.empty((len(encoded), *first.shape), np.uint8)

    def decode_range(start: int) -> None:
        for index in range(start, min(start + 1000, len(encoded))):
            image = _decode_one(encoded[index], index, path)
            if image.shape != first.shape:
                raise ConfigError(f"{path}: image {index} has shape {image.shape}, the first one {first.shape}.")
            images[index] = image

    with ThreadPoolExecutor(max_workers=min(8, usable_cores())) as pool:
        list(pool.map(decode_range, range(0, len(encoded), 1000)))
    return Split(images, labels)


def _decode_one(encoded: bytes | None, index: int, path: Path) -> UInt8:
    """One PNG, WebP or JPEG image, uint8 [H, W, 3] in RGB."""
    image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB) if encoded else None
    if image is None:
        raise ConfigError(f"{path}: image {index} cannot be decoded.")
    return image.astype(np.uint8, copy=False)


def _decoded(path: Path, source: HubSource, class_count: int) -> Split:
    """The decoded parquet file, from the cache where it is there."""
    real = path.resolve()  # the blob named by its etag, where the cache has links; else a path that names the commit
    identity = f"{CACHE_VERSION} {real} {real.stat().st_size} {source.label_column}"
    key = hashlib.sha256(identity.encode()).hexdigest()[:16]
    if (cached_split := load_cached(key)) is not None:
        return cached_split
    split = decode(path, source, class_count)
    save_cached(split, key)
    return split


def cache_folders() -> Iterator[Path]:
    """Where decoded data may lie, best first."""
    yield Path(constants.HF_HOME) / "lpwd"
    yield Path(tempfile.gettempdir()) / f"lpwd-{os.getuid() if hasattr(os, 'getuid') else 'cache'}"


def load_cached(key: str) -> Split | None:
    """Return the decoded split of that key, or None."""
    return next((split for folder in cache_folders() if (split := _load(folder / key)) is not None), None)


def _load(folder: Path) -> Split | None:
    """A cached split, its images mapped from the file rather than read; None where it is missing or damaged."""
    try:
        images = np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False)
        labels = np.load(folder / "labels.npy", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return Split(images, labels) if images.ndim == 4 and labels.shape == images.shape[:1] else None


def save_cached(split: Split, key: str) -> None:
    """Write a split aside and move its folder into place; of two processes the first one wins. Never an error."""
    for parent in cache_folders():
        aside = None
        try:
            parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            aside = Path(tempfile.mkdtemp(prefix=f"{key}-", dir=parent))
            np.save(aside / "images.npy", split.images)
            np.save(aside / "labels.npy", split.labels)
            if _load(parent / key) is None:
                shutil.rmtree(parent / key, ignore_errors=True)  # damaged
                aside.rename(parent / key)
            return
        except OSError:  # read-only, full, or the other process was first
            if _load(parent / key) is not None:
                return
        finally:
            if aside is not None:
                shutil.rmtree(aside, ignore_errors=True)


def _digits() -> tuple[Split, Split]:
    """scikit-learn's 1,797 handwritten digits, 8x8, split once for all into 1,297 training and 500 test images.

    Read from the file inside the installed package: importing scikit-learn for it would take seconds.
    """
    package = find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise ConfigError("The data set digits needs the package scikit-learn.")
    path = Path(package.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    rows = np.loadtxt(path, delimiter=",", dtype=np.uint8)  # [1797, 64 pixels of 0..16 and the label]
    grey = (rows[:, :64].reshape(-1, 8, 8).astype(np.uint16) * 255 // 16).astype(np.uint8)
    images, labels = np.repeat(grey[..., None], 3, axis=3), rows[:, 64].astype(np.int64)
    is_test = np.zeros(len(labels), bool)
    is_test[balanced_subset(labels, DATASETS["digits"].test_images, seed=0)] = True
    return Split(images[~is_test], labels[~is_test]), Split(images[is_test], labels[is_test])
