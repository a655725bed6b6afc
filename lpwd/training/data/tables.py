"""Your own data in parquet files or on the Hub, read with the `datasets` library, which is imported on use.

Columns and splits are detected from the types of the features, or named by `dataset_kwargs`.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lpwd.config import ConfigError
from lpwd.facts import FOLDER, HUB_NAME
from lpwd.training.data.contents import (
    KWARGS,
    TEST_NAMES,
    TRAIN_NAMES,
    Contents,
    Item,
    allowed,
    below,
    checked,
    of_folder,
)


def open_contents(dataset: str, kwargs: Mapping[str, Any]) -> Contents:
    """Open your own data. Raises ConfigError with the folder, file, column or split that is unusable."""
    if unknown := sorted(set(kwargs) - set(KWARGS)):
        raise ConfigError.of("dataset_kwargs", f"has an unknown key {unknown[0]!r}: allowed are {', '.join(KWARGS)}")
    if not dataset.startswith(FOLDER):
        return _of_table(*_from_hub(dataset), kwargs)
    root = allowed(dataset.removeprefix(FOLDER))
    if not root.is_dir():
        raise ConfigError.of("dataset", f"is {dataset}: folder not found")
    if next(root.rglob("*.parquet"), None):
        return _of_table(*_from_parquet(root), kwargs)
    return of_folder(root, kwargs)


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
    """Return the data loaded by the library, or raise its errors as one sentence."""
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
    return checked(Contents(classes, rows[0], rows[1] if len(rows) > 1 else []), dataset)


LABEL_TYPES = (
    "string",
    "large_string",
    "bool",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
)


def _split(splits: Any, which: str, kwargs: Mapping[str, Any], usual: Sequence[str], dataset: str) -> str:
    if which in kwargs:
        return _named(which, kwargs, splits, dataset)
    found = next((name for name in usual if name in splits), "")
    if which == "test" or found:
        return found
    if len(splits) == 1:
        return str(next(iter(splits)))
    raise ConfigError.of("dataset_kwargs", f"must name the split to train on: {dataset} has {', '.join(splits)}")


def _named(which: str, kwargs: Mapping[str, Any], available: Any, dataset: str) -> str:
    """Return the split or column named in `kwargs`. Raises ConfigError if it does not exist."""
    if kwargs[which] not in available:
        raise ConfigError.of("dataset_kwargs", f"has {which} {kwargs[which]!r}: {dataset} has {', '.join(available)}")
    return str(kwargs[which])


def _holds_images(kind: Any) -> bool:
    struct = isinstance(kind, dict) and {"bytes", "path"} == set(kind)
    return struct or type(kind).__name__ == "Image" or getattr(kind, "dtype", "") in ("binary", "large_binary")


def _column(which: str, kwargs: Mapping[str, Any], found: Sequence[str], features: Any, dataset: str) -> str:
    if which in kwargs:
        return _named(which, kwargs, features, dataset)
    if len(found) == 1:
        return found[0]
    could = f"could be {' or '.join(found)}" if found else f"was not found among {', '.join(features)}"
    raise ConfigError.of("dataset_kwargs", f"must name the column {which}: in {dataset} it {could}")


def _labels(feature: Any, values: dict[str, list[Any]], dataset: str) -> tuple[tuple[str, ...], dict[str, list[int]]]:
    """Return the names of the classes, sorted unless the source orders them, and the labels of each split."""
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
            raise ConfigError(f"{self._name}, row {row} has no image")
        return bytes(content)


def _encoded(table: Any, image: str) -> Any:
    """Return the table with only the image column, without decoding."""
    table = table.select_columns([image])
    if type(table.features[image]).__name__ != "Image":
        return table
    return table.cast_column(image, _library().Image(decode=False))


def _cached_file(value: Any) -> bytes | None:
    """Read the file of a row if it is in the library's cache, because a row may name any file of this machine."""
    import datasets.config
    from huggingface_hub import constants

    path = os.path.realpath(str((value or {}).get("path") or ""))
    caches = [os.path.realpath(folder) for folder in (datasets.config.HF_DATASETS_CACHE, constants.HF_HUB_CACHE)]
    return Path(path).read_bytes() if below(path, caches) and os.path.isfile(path) else None
