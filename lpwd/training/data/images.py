"""Decoded images of the built-in data sets on the CPU, read from the Hub's parquet files and cached. No torch here.

Sizes always come from the file. The cache in `HF_HOME/lpwd` has one folder per decoded file, named by the file's
content hash (the Hub's etag), so that a changed file is decoded again.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
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
from lpwd.sentences import first_line

CACHE_VERSION = 1  # increase when decoding changes
CHUNK = 200  # images that a thread processes in a row
UInt8 = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Split:
    """Decoded images, uint8 [N, H, W, 3] in RGB, and labels, int64 [N]; possibly read-only memory maps."""

    images: UInt8
    labels: Int64


def read(name: str) -> tuple[Split, Split]:
    """Return the training and test split of a data set at its own resolution (digits 8x8, CIFAR 32x32).

    Raises HubUnreachable or HubRefused if a file is not cached and cannot be downloaded, ConfigError if it is damaged.
    """
    source = DATASETS[name].hub
    if source is None:
        return _digits()
    paths = fetch(source.repo, [source.train_file, source.test_file], "dataset")
    train, test = (_decoded(path, source, DATASETS[name].classes) for path in paths)
    return train, test


def cached_sizes(name: str) -> tuple[int, int] | None:
    """Return the numbers of training and test images without a request or decoding, or None if not cached."""
    source = DATASETS[name].hub
    if source is None:
        return DATASETS[name].train_images, DATASETS[name].test_images
    from pyarrow.parquet import read_metadata

    paths = [cached_file(source.repo, filename, "dataset") for filename in (source.train_file, source.test_file)]
    try:
        train, test = (read_metadata(path).num_rows for path in paths if path is not None)
    except (ValueError, OSError):  # not both are cached, or one is damaged, which `read` reports
        return None
    return train, test


def check_samples(config: RunConfig, sizes: tuple[int, int]) -> None:
    """Raise ConfigError if a subset is larger than the data; `sizes` are the numbers of training and test images."""
    for field, kind, available in (("train_samples", "training", sizes[0]), ("test_samples", "test", sizes[1])):
        if (count := getattr(config, field)) is not None and count > available:
            raise ConfigError.of(field, f"is {count}: {config.dataset} has {available} {kind} images here.")
    if config.validation_samples >= sizes[0]:
        limit = f"it must be less than {sizes[0]}, the number of training images of {config.dataset} here"
        raise ConfigError.of("validation_samples", f"is {config.validation_samples}: {limit}.")


def resize(images: UInt8, size: int) -> UInt8:
    """Resize images [N, H, W, 3] to `size` x `size` pixels."""
    if images.shape[1:3] == (size, size):
        return images
    resized = np.empty((len(images), size, size, 3), np.uint8)
    for source, target in zip(images, resized, strict=True):
        target[:] = resize_one(source, size)
    return resized


def resize_one(image: UInt8, size: int) -> UInt8:
    """Resize an image [H, W, 3] by area averaging if a side shrinks, else bilinear; the aspect ratio may change."""
    if image.shape[:2] == (size, size):
        return image
    method = cv2.INTER_AREA if size < max(image.shape[:2]) else cv2.INTER_LINEAR
    return cv2.resize(image, (size, size), interpolation=method).astype(np.uint8, copy=False)


def in_threads(work: Callable[[int], None], count: int) -> None:
    """Call `work` with 0 to `count` - 1 in threads, in chunks."""

    def chunk(start: int) -> None:
        for index in range(start, min(start + CHUNK, count)):
            work(index)

    with ThreadPoolExecutor(max_workers=min(8, usable_cores())) as pool:
        list(pool.map(chunk, range(0, count, CHUNK)))


def balanced_subset(labels: Int64, count: int, seed: int) -> Int64:
    """Return sorted indices of `count` images, balanced over the classes; a smaller count gives a subset of these."""
    order = np.random.default_rng(seed).permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]  # sorted by class, shuffled within each
    _, starts, sizes = np.unique(labels[by_class], return_index=True, return_counts=True)
    rank = np.arange(len(labels)) - np.repeat(starts, sizes)  # of an image within its class
    position = np.empty(len(labels), np.int64)
    position[order] = np.arange(len(labels))
    return np.sort(by_class[np.lexsort((position[by_class], rank))[:count]])


def decode(path: Path, source: HubSource, class_count: int) -> Split:
    """Return all images of a parquet file in the Hub's layout. Raises ConfigError for a damaged file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, columns=[source.image_column, source.label_column])
        encoded = table[source.image_column].combine_chunks().field("bytes").to_pylist()
        labels = table[source.label_column].cast(pa.int64()).fill_null(-1).to_numpy()
    except (pa.ArrowException, OSError, KeyError, ValueError, AttributeError) as error:
        columns = f"columns {source.image_column} and {source.label_column}"
        raise ConfigError(f"{path} is not a parquet file with {columns} ({first_line(error)}).") from None
    if len(encoded) == 0:
        raise ConfigError(f"{path} contains no images.")
    if labels.min() < 0 or labels.max() >= class_count:
        allowed = f"allowed are 0 to {class_count - 1}"
        raise ConfigError(f"{path} has labels from {labels.min()} to {labels.max()}: {allowed}.")
    first = _decode_one(encoded[0], 0, path)
    images = np.empty((len(encoded), *first.shape), np.uint8)

    def decode_item(index: int) -> None:
        image = _decode_one(encoded[index], index, path)
        if image.shape != first.shape:
            raise ConfigError(f"{path}: image {index} has shape {image.shape}, but the first one has {first.shape}.")
        images[index] = image

    in_threads(decode_item, len(encoded))
    return Split(images, labels)


def _decode_one(encoded: bytes | None, index: int, path: Path) -> UInt8:
    """Decode one PNG, WebP or JPEG image to uint8 [H, W, 3] in RGB."""
    image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB) if encoded else None
    if image is None:
        raise ConfigError(f"{path}: image {index} cannot be decoded.")
    return image.astype(np.uint8, copy=False)


def _decoded(path: Path, source: HubSource, class_count: int) -> Split:
    """Return the decoded parquet file, from the cache if possible."""
    real = path.resolve()  # the blob named by its etag if the cache has links, else a path with the commit
    identity = f"{CACHE_VERSION} {real} {real.stat().st_size} {source.label_column}"
    key = hashlib.sha256(identity.encode()).hexdigest()[:16]
    if (cached_split := load_cached(key)) is not None:
        return cached_split
    split = decode(path, source, class_count)
    save_cached(split, key)
    return split


def cache_folders() -> Iterator[Path]:
    """Yield the folders that may hold decoded data, best first."""
    yield Path(constants.HF_HOME) / "lpwd"
    yield Path(tempfile.gettempdir()) / f"lpwd-{os.getuid() if hasattr(os, 'getuid') else 'cache'}"


def load_cached(key: str) -> Split | None:
    """Return the decoded split with this key, or None."""
    return next((split for folder in cache_folders() if (split := _load(folder / key)) is not None), None)


def _load(folder: Path) -> Split | None:
    """Return a cached split with memory-mapped images, or None if it is missing or damaged."""
    try:
        images = np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False)
        labels = np.load(folder / "labels.npy", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return Split(images, labels) if images.ndim == 4 and labels.shape == images.shape[:1] else None


def save_cached(split: Split, key: str) -> None:
    """Write a split to a temporary folder and rename it; the first of two processes wins. Never raises OSError."""
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
    """Return scikit-learn's 1,797 handwritten digits, 8x8, in a fixed split of 1,297 training and 500 test images.

    They are read from the file of the installed package, because importing scikit-learn takes seconds.
    """
    package = find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise ConfigError("dataset digits needs the package scikit-learn: pip install scikit-learn")
    path = Path(package.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    rows = np.loadtxt(path, delimiter=",", dtype=np.uint8)  # [1797, 64 pixels of 0..16 and the label]
    grey = (rows[:, :64].reshape(-1, 8, 8).astype(np.uint16) * 255 // 16).astype(np.uint8)
    images, labels = np.repeat(grey[..., None], 3, axis=3), rows[:, 64].astype(np.int64)
    is_test = np.zeros(len(labels), bool)
    is_test[balanced_subset(labels, DATASETS["digits"].test_images, seed=0)] = True
    return Split(images[~is_test], labels[~is_test]), Split(images[is_test], labels[is_test])
