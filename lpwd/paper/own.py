"""Presets from TOML files with your own claims; docs/claims.md has an example."""

import itertools
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lpwd.config import ConfigError, RunConfig, config_error
from lpwd.methods import METHODS
from lpwd.paper.grids import Cell
from lpwd.paper.numbers import Scale
from lpwd.paper.presets import Contrast, Preset

SETTINGS = frozenset({"lr", "weight_decay"})  # searched per method; all other grid fields make columns
MAX_CELLS = 10_000  # per seed
MAX_SEEDS = 1_000
Pin = Callable[[list[RunConfig]], list[RunConfig]]
SIGNS = {"higher": 1, "lower": -1, "none": 0}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Contrast(_Strict):
    method: str
    other: str
    claim: Literal["higher", "lower", "none"] = "none"
    value: Literal["best10_mean", "last_top1", "val_selected_top1", "train_loss"] = "best10_mean"
    margin: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None


class _File(_Strict):
    title: str
    question: str
    methods: list[str] = Field(min_length=1)
    base: dict[str, Any]
    grid: dict[str, list[Any]] = Field(default_factory=dict)
    contrast: list[_Contrast] = Field(min_length=1)
    seeds: Annotated[int, Field(ge=1, le=MAX_SEEDS)] = 3
    margin: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None


def own_preset(path: Path, pin: Pin = list) -> Preset:
    """Read a preset from a TOML file. Raises ConfigError, with the file's name, if the file is invalid.

    `pin` adds digests of local data to configurations; see `lpwd.training.data.own`.
    """
    try:
        return preset_of_text(path.name, path.read_text(encoding="utf-8"), pin)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name} is not TOML: {error}") from None


def preset_of_text(name: str, text: str, pin: Pin = list, most: int = MAX_CELLS) -> Preset:
    """Read a preset from the text of the file `name`, with at most `most` cells per seed."""
    try:
        file = _File(**tomllib.loads(text))
        named = _configs(file, most)
        cells = list(zip([column for column, _ in named], pin([config for _, config in named]), strict=True))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{name} is not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        unknown = error.title == _File.__name__ and first["type"] == "extra_forbidden"
        problem = f"unknown key {'.'.join(map(str, first['loc']))}" if unknown else config_error(error)
        raise ConfigError(f"{name}: {problem}") from None
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None

    def plan(scale: Scale, seed: int) -> Iterator[Cell]:
        for column, config in cells:
            yield Cell(config.model_copy(update={"seed": seed}), column, in_paper=False)

    return Preset(
        name=name.removesuffix(".toml"),
        title=file.title,
        source=name,
        question=file.question,
        kind="table",
        plan=plan,
        contrasts=tuple(
            Contrast(one.method, one.other, SIGNS[one.claim], one.value, one.margin or file.margin)
            for one in file.contrast
        ),
        own_note=f"Claims of {name}; both scales are the same runs.",
        cpu_seeds=file.seeds,
        claimant=name,
    )


def _configs(file: _File, most: int) -> list[tuple[str, RunConfig]]:
    """Return columns and configurations of one seed. Raises ConfigError for invalid methods or settings."""
    used = {name for one in file.contrast for name in (one.method, one.other)}
    if unknown := [name for name in (*file.methods, *used) if name not in METHODS]:
        raise ConfigError(f"method is {unknown[0]!r}: allowed are {', '.join(METHODS)}")
    if missing := sorted(used - set(file.methods)):
        raise ConfigError(f"methods are {', '.join(file.methods)}: a contrast has {missing[0]} too")
    if taken := sorted({"method", "seed"} & (file.base.keys() | file.grid.keys())):
        raise ConfigError(f"{taken[0]} is set in base or grid: methods and seeds have places of their own")
    points = list(itertools.islice(itertools.product(*file.grid.values()), most + 1))
    if len(points) * len(file.methods) > most:
        raise ConfigError(f"the grid has more than {most:,} cells per seed")
    configs = {}
    for point in points:
        fields = dict(zip(file.grid, point, strict=True))
        column = ", ".join(str(value) for name, value in fields.items() if name not in SETTINGS) or "all"
        for method in file.methods:
            rates = {"weight_decay": 0.0} if METHODS[method].rates == "none" else {}
            config = RunConfig(**(file.base | fields | {"method": method} | rates))
            configs[column, config.run_id] = (column, config)
    return list(configs.values())
