"""Encoded images of your own data in a fixed order, with classes and a digest, read from folders of images.

Does not decode images; no torch here. `tables.py` reads the other kinds of sources.
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
from lpwd.facts import FOLDER, lies_elsewhere

DATA_DIRS = "LPWD_DATA_DIRS"  # folders that may contain data, separated like PATH; if unset, all
TRAIN_NAMES = ("train", "training")
TEST_NAMES = ("test", "testing", "validation", "valid", "val")  # the first one that exists is used
USUAL = {"train": TRAIN_NAMES, "test": TEST_NAMES}
TEST_SHARE = 5  # without a test split, one image in 5 is used for testing, balanced over the classes
DIGITS = 16  # of a SHA-256
IGNORED = frozenset({"thumbs.db", "desktop.ini"})  # and names that start with a dot
KWARGS = ("image", "label", "train", "test", "flip_probability")


@dataclass(frozen=True)
class Item:
    """One encoded image. `name` is its file or table row; `read` returns its bytes."""

    label: int
    name: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Contents:
    """The encoded images of a source; `test` is empty without a test split."""

    classes: tuple[str, ...]
    train: Sequence[Item]
    test: Sequence[Item]

    def digest(self) -> str:
        """Return 16 hexadecimal digits over classes, labels, bytes and their order, but not over file names."""
        total = hashlib.sha256(json.dumps(self.classes).encode())
        for split in (self.train, self.test):
            total.update(b"split")
            for item in split:
                total.update(item.label.to_bytes(4) + hashlib.sha256(item.read()).digest())
        return total.hexdigest()[:DIGITS]


def allowed(path: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder with symbolic links resolved. Raises ConfigError outside LPWD_DATA_DIRS, without reading it."""
    if lies_elsewhere(f"{FOLDER}{path}"):
        raise ConfigError.of("dataset", f"is {FOLDER}{path}: it was published without its path; use your own folder")
    folders = [os.path.abspath(folder) for folder in environment.get(DATA_DIRS, "").split(os.pathsep) if folder]
    if folders and not below(path, folders):
        raise _outside(path)
    real = os.path.realpath(path)
    if folders and not below(real, [os.path.realpath(folder) for folder in folders]):
        raise _outside(path)
    return Path(real)


def below(path: str, folders: Sequence[str]) -> bool:
    """Return whether the path is in one of the folders."""
    return any(Path(path).is_relative_to(folder) for folder in folders)


def _outside(path: str) -> ConfigError:
    return ConfigError.of("dataset", f"is folder:{path}: it is outside the folders allowed by {DATA_DIRS}")


def checked(contents: Contents, dataset: str) -> Contents:
    """Return the contents. Raises ConfigError if a class has no training image, or there are too few images."""
    trained = np.bincount([item.label for item in contents.train], minlength=len(contents.classes))
    if missing := [name for name, count in zip(contents.classes, trained, strict=True) if not count]:
        raise ConfigError.of("dataset", f"is {dataset}: class {missing[0]!r} has no training image")
    if not contents.test and len(contents.train) < 2 * len(contents.classes):
        few = f"it needs at least 2 images per class for a test split, and has {len(contents.train)} in total"
        raise ConfigError.of("dataset", f"is {dataset}: {few}")
    return contents


# ---- folders of images


def of_folder(root: Path, kwargs: Mapping[str, Any]) -> Contents:
    """Return the contents of a folder with one folder of images per class, possibly in folders for splits."""
    names = {entry.name.lower(): entry for entry in _folders(root)}
    train, test = (_chosen(names, which, kwargs, root) for which in ("train", "test"))
    splits = [train or root, *([test] if train and test else [])]
    classes = sorted({entry.name for split in splits for entry in _folders(split)})
    if len(classes) < 2:
        raise ConfigError.of("dataset", f"is folder:{root}: {splits[0]} must have one folder of images per class")
    train_items, *tests = ([item for name in classes for item in _items(split, name, classes)] for split in splits)
    return checked(Contents(tuple(classes), train_items, tests[0] if tests else []), f"folder:{root}")


def _chosen(names: Mapping[str, Path], which: str, kwargs: Mapping[str, Any], root: Path) -> Path | None:
    """Return the folder of a split: the one in `kwargs`, or the first usual name that exists."""
    if which not in kwargs:
        return next((names[name] for name in USUAL[which] if name in names), None)
    if str(kwargs[which]).lower() in names:
        return names[str(kwargs[which]).lower()]
    raise ConfigError.of("dataset_kwargs", f"has {which} {kwargs[which]!r}: folder not found in folder:{root}")


def _folders(root: Path) -> list[Path]:
    return sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _items(split: Path, name: str, classes: Sequence[str]) -> Iterator[Item]:
    label = classes.index(name)
    for folder, inside, files in os.walk(split / name):
        inside[:] = sorted(entry for entry in inside if not entry.startswith("."))
        for file in sorted(files):
            if not file.startswith(".") and file.lower() not in IGNORED:
                path = Path(folder, file)
                yield Item(label, str(path), partial(_bytes_of, path))


def _bytes_of(path: Path) -> bytes:
    try:
        return (allowed(str(path)) if path.is_symlink() else path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror})") from None
