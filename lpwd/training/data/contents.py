"""What one's own data hold: encoded images in a fixed order, their classes and a digest. Decodes nothing; no torch.

Three kinds of source: `folder:PATH` with one folder per class, perhaps below folders train and test; `folder:PATH` with
parquet shards; `hf:OWNER/NAME[:CONFIG]`. The last two are read by the `datasets` library.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lpwd.config import ConfigError
from lpwd.facts import FOLDER, HUB_NAME

DATA_DIRS = "LPWD_DATA_DIRS"  # folders that data may lie in, separated as PATH is; without it, any
TRAIN_NAMES = ("train", "training")
TEST_NAMES = ("test", "testing", "validation", "valid", "val")  # the first that is there
USUAL = {"train": TRAIN_NAMES, "test": TEST_NAMES}
TEST_SHARE = 5  # a missing test split is one image in so many, balanced over the classes
DIGITS = 16  # of a SHA-256
IGNORED = frozenset({"thumbs.db", "desktop.ini"})  # and names that begin with a dot
KWARGS = ("image", "label", "train", "test", "flip_probability")


@dataclass(frozen=True)
class Item:
    """One encoded image. `name` is its file, or its place in a table; `read` returns its bytes."""

    label: int
    name: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Contents:
    """The encoded images of one source; `test` is empty if the source has no test split."""

    classes: tuple[str, ...]
    train: Sequence[Item]
    test: Sequence[Item]

    def digest(self) -> str:
        """Return 16 hexadecimal digits over classes, labels, bytes and their order; names of files do not count."""
        total = hashlib.sha256(json.dumps(self.classes).encode())
        for split in (self.train, self.test):
            total.update(b"split")
            for item in split:
                total.update(item.label.to_bytes(4) + hashlib.sha256(item.read()).digest())
        return total.hexdigest()[:DIGITS]


def open_contents(dataset: str, kwargs: Mapping[str, Any]) -> Contents:
    """Open one's own data. Raises ConfigError, which names the folder, file, column or split that cannot be used."""
    if unknown := sorted(set(kwargs) - set(KWARGS)):
        raise ConfigError.of("dataset_kwargs", f"has no {unknown[0]!r}, only {', '.join(KWARGS)}")
    if not dataset.startswith(FOLDER):
        return _of_table(*_from_hub(dataset), kwargs)
    root = allowed(dataset.removeprefix(FOLDER))
    if not root.is_dir():
        raise ConfigError.of("dataset", f"is {dataset}: there is no such folder")
    if next(root.rglob("*.parquet"), None):
        return _of_table(*_from_parquet(root), kwargs)
    return _of_folder(root, kwargs)


def allowed(path: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder without symbolic links. Raises ConfigError outside LPWD_DATA_DIRS, before a look at it."""
    folders = [os.path.abspath(folder) for folder in environment.get(DATA_DIRS, "").split(os.pathsep) if folder]
    if folders and not _below(path, folders):
        raise _outside(path)
    real = os.path.realpath(path)
    if folders and not _below(real, [os.path.realpath(folder) for folder in folders]):
        raise _outside(path)
    return Path(real)


def _below(path: str, folders: Sequence[str]) -> bool:
    return any(Path(path).is_relative_to(folder) for folder in folders)


def _outside(path: str) -> ConfigError:
    return ConfigError.of("dataset", f"is folder:{path}: it lies outside the folders that {DATA_DIRS} allows")


# ---- folders of images


def _of_folder(root: Path, kwargs: Mapping[str, Any]) -> Contents:
    names = {entry.name.lower(): entry for entry in _folders(root)}
    train, test = (_chosen(names, which, kwargs, root) for which in ("train", "test"))
    splits = [train or root, *([test] if train and test else [])]
    classes = sorted({entry.name for split in splits for entry in _folders(split)})
    if len(classes) < 2:
        raise ConfigError.of("dataset", f"is folder:{root}: {splits[0]} needs a folder of images for each class")
    train_items, *tests = ([item for name in classes for item in _items(split, name, classes)] for split in splits)
    return _checked(Contents(tuple(classes), train_items, tests[0] if tests else []), f"folder:{root}")


def _chosen(names: Mapping[str, Path], which: str, kwargs: Mapping[str, Any], root: Path) -> Path | None:
    """The folder of a split: the option's, or the first usual name that is there."""
    if which not in kwargs:
        return next((names[name] for name in USUAL[which] if name in names), None)
    if str(kwargs[which]).lower() in names:
        return names[str(kwargs[which]).lower()]
    raise ConfigError.of("dataset_kwargs", f"has {which} {kwargs[which]!r}: folder:{root} has no such folder")


def _folders(root: Path) -> list[Path]:
    return sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _items(split: Path, name: str, classes: Sequence[str]) -> Iterator[Item]:
    label = classes.index(name)
    for folder, below, files in os.walk(split / name):
        below[:] = sorted(entry for entry in below if not entry.startswith("."))
        for file in sorted(files):
            if not file.startswith(".") and file.lower() not in IGNORED:
                path = Path(folder, file)
                yield Item(label, str(path), partial(_bytes_of, path))


def _bytes_of(path: Path) -> bytes:
    try:
        return (allowed(str(path)) if path.is_symlink() else path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror})") from None


# ---- tables, read by the datasets library


def _library() -> Any:
    try:
        import datasets
    except ImportError:
        raise ConfigError("parquet and hf: data sets need the package datasets: pip install datasets") from None
    datasets.disable_progress_bars()
    return datasets


def _from_parquet(root: Path) -> tuple[Any, str]:
    library = _library()
    return _loaded(lambda: library.load_dataset("parquet", data_dir=str(root)), f"folder:{root}"), f"folder:{root}"


def _from_hub(dataset: str) -> tuple[Any, str]:
    from lpwd.hub.client import hub_errors

    match = HUB_NAME.fullmatch(dataset)
    if match is None:
        raise ConfigError.of("dataset", f"is {dataset!r}: write hf:OWNER/NAME[:CONFIG]")
    library, (repo, config) = _library(), match.groups()
    with hub_errors(f"Data set {repo}"):
        return _loaded(lambda: library.load_dataset(repo, config), dataset), dataset


def _loaded(load: Callable[[], Any], dataset: str) -> Any:
    """What the library loads; its errors as one sentence."""
    from datasets.exceptions import DatasetGenerationError, DatasetNotFoundError

    try:
        return load()
    except DatasetNotFoundError:
        raise ConfigError.of("dataset", f"is {dataset}: not found on the Hub, private, or not cached") from None
    except (DatasetGenerationError, ValueError) as error:
        reason = str(error.__cause__ or error).partition("\n")[0][:300]
        raise ConfigError.of("dataset", f"is {dataset}: the datasets library cannot read it ({reason})") from None


def _of_table(splits: Any, dataset: str, kwargs: Mapping[str, Any]) -> Contents:
    train = _split(splits, "train", kwargs, TRAIN_NAMES, dataset)
    test = _split(splits, "test", kwargs, TEST_NAMES, dataset)
    features = splits[train].features
    image = _column(
        "image", kwargs, [name for name, kind in features.items() if _holds_images(kind)], features, dataset
    )
    named = [name for name, kind in features.items() if type(kind).__name__ == "ClassLabel"]
    plain = [name for name, kind in features.items() if getattr(kind, "dtype", "") in LABEL_TYPES and name not in named]
    label = _column("label", kwargs, named or plain, features, dataset)
    values = {split: splits[split][label] for split in (train, test) if split}
    classes, labels = _labels(features[label], {split: list(column) for split, column in values.items()}, dataset)
    rows = [_Rows(splits[split], image, labels[split], f"{dataset}, split {split}") for split in labels]
    return _checked(Contents(classes, rows[0], rows[1] if len(rows) > 1 else []), dataset)


LABEL_TYPES = (
    "string",
    "large_string",
    "bool",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
)


def _split(splits: Any, which: str, kwargs: Mapping[str, Any], usual: Sequence[str], dataset: str) -> str:
    if which in kwargs:
        if kwargs[which] in splits:
            return str(kwargs[which])
        raise ConfigError.of("dataset_kwargs", f"has {which} {kwargs[which]!r}: {dataset} has {', '.join(splits)}")
    found = next((name for name in usual if name in splits), "")
    if which == "test" or found:
        return found
    if len(splits) == 1:
        return str(next(iter(splits)))
    raise ConfigError.of("dataset_kwargs", f"must name the split to train on: {dataset} has {', '.join(splits)}")


def _holds_images(kind: Any) -> bool:
    struct = isinstance(kind, dict) and {"bytes", "path"} == set(kind)
    return struct or type(kind).__name__ == "Image" or getattr(kind, "dtype", "") in ("binary", "large_binary")


def _column(which: str, kwargs: Mapping[str, Any], found: Sequence[str], features: Any, dataset: str) -> str:
    if which in kwargs:
        if kwargs[which] in features:
            return str(kwargs[which])
        raise ConfigError.of("dataset_kwargs", f"has {which} {kwargs[which]!r}: {dataset} has {', '.join(features)}")
    if len(found) == 1:
        return found[0]
    could = f"could be {' or '.join(found)}" if found else f"is none of {', '.join(features)}"
    raise ConfigError.of("dataset_kwargs", f"must name the column {which}: in {dataset} it {could}")


def _labels(feature: Any, values: dict[str, list[Any]], dataset: str) -> tuple[tuple[str, ...], dict[str, list[int]]]:
    """Return the names of the classes, sorted unless the source orders them, and each split's labels."""
    for split, column in values.items():
        for row, value in enumerate(column):
            if value is None or (isinstance(value, int) and value < 0):
                raise ConfigError(f"{dataset}, split {split}, row {row} has no label")
    if names := getattr(feature, "names", None):
        return tuple(names), values
    known = sorted({value for column in values.values() for value in column})
    places = {value: place for place, value in enumerate(known)}
    return tuple(map(str, known)), {split: [places[value] for value in column] for split, column in values.items()}


class _Rows(Sequence[Item]):
    """The images of one split of a table, read row by row."""

    def __init__(self, table: Any, image: str, labels: Sequence[int], name: str) -> None:
        self._table, self._image, self._labels, self._name = _encoded(table, image), image, labels, name

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, row: Any) -> Any:
        if row >= len(self):
            raise IndexError(row)
        return Item(int(self._labels[row]), f"{self._name}, row {row}", lambda: self._bytes(row))

    def _bytes(self, row: int) -> bytes:
        value = self._table[row][self._image]
        content = value.get("bytes") if isinstance(value, dict) else value
        if content is None:
            content = _cached_file(value)
        if not content:
            raise ConfigError(f"{self._name}, row {row} holds no image")
        return bytes(content)


def _encoded(table: Any, image: str) -> Any:
    """The table with one column, whose images stay encoded."""
    table = table.select_columns([image])
    if type(table.features[image]).__name__ != "Image":
        return table
    return table.cast_column(image, _library().Image(decode=False))


def _cached_file(value: Any) -> bytes | None:
    """The file that a row names, if the library put it into its own cache: a row may name any file of this machine."""
    import datasets.config
    from huggingface_hub import constants

    path = os.path.realpath(str((value or {}).get("path") or ""))
    caches = [os.path.realpath(folder) for folder in (datasets.config.HF_DATASETS_CACHE, constants.HF_HUB_CACHE)]
    return Path(path).read_bytes() if _below(path, caches) and os.path.isfile(path) else None


# ---- both


def _checked(contents: Contents, dataset: str) -> Contents:
    trained = np.bincount([item.label for item in contents.train], minlength=len(contents.classes))
    if missing := [name for name, count in zip(contents.classes, trained, strict=True) if not count]:
        raise ConfigError.of("dataset", f"is {dataset}: class {missing[0]!r} has no training image")
    if not contents.test and len(contents.train) < 2 * len(contents.classes):
        raise ConfigError.of("dataset", f"is {dataset}: {len(contents.train)} images are too few for a test split")
    return contents
