"""Places: a preset or a visitor's claims file, at a scale and a number of seeds."""

import functools
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from lpwd.config import ConfigError
from lpwd.facts import is_pinned
from lpwd.paper.numbers import SCALES, Scale
from lpwd.paper.own import preset_of_text
from lpwd.paper.presets import PRESETS, Cell, Preset, get_preset

FIRST_SCALE: Scale = "cpu"  # the default of the tab
MAX_TILES = 32  # cached tiles of claims files
MAX_CLAIMS_CHARACTERS, MAX_CLAIMS_NAME, MAX_CLAIMS_CELLS = 20_000, 100, 500  # limits of a claims file on the page
SCALE_LABELS = {"cpu": "cpu: small models, minutes per run", "paper": "paper: its models and data, for a GPU"}


def check_scale(scale: str) -> None:
    """Raises ConfigError."""
    if scale not in SCALES:
        raise ConfigError(f"scale is {scale!r}: allowed are {', '.join(SCALES)}")


@functools.lru_cache(MAX_TILES)
def preset_of(name: str, text: str = "") -> Preset:
    """Return a preset, or the claims of a file with this text. Raises ConfigError above the limits of the page."""
    if not text:
        return get_preset(name)
    if len(text) > MAX_CLAIMS_CHARACTERS or len(name) > MAX_CLAIMS_NAME:
        raise ConfigError(f"{name[:40]} has {len(text):,} characters: at most {MAX_CLAIMS_CHARACTERS:,} are allowed")
    preset = preset_of_text(name, text, most=MAX_CLAIMS_CELLS)
    cells = preset.cells(FIRST_SCALE, 1)
    if any(is_pinned(cell.config.dataset) for cell in cells):
        raise ConfigError(f"{name}: the page does not run claims about your own data: use lpwd sweep {name}")
    if len(cells) * preset.cpu_seeds > MAX_CLAIMS_CELLS:
        raise ConfigError(
            f"{name} plans {len(cells) * preset.cpu_seeds:,} runs: at most {MAX_CLAIMS_CELLS} are allowed"
        )
    return preset


@functools.lru_cache(2 * MAX_TILES)
def by_id(name: str, text: str, scale: Scale, seeds: int) -> dict[str, Cell]:
    """Return the cells by run id. A cell has two ids if its start may be published or trained here."""
    cells = preset_of(name, text).cells(scale, seeds)
    return {cell.from_own_start.run_id: cell for cell in cells} | {cell.run_id: cell for cell in cells}


@dataclass(frozen=True)
class Place:
    """A preset by name, or claims by name and text, with the number of seeds of its verdict."""

    name: str
    text: str
    scale: Scale
    seeds: int

    @property
    def preset(self) -> Preset:
        return preset_of(self.name, self.text)

    @property
    def cells(self) -> dict[str, Cell]:
        """The cells by run id, as returned by `by_id`."""
        return by_id(self.name, self.text, self.scale, self.seeds)

    @property
    def look(self) -> int:
        """The number of seeds of the next planned look, or the current number after the last look."""
        from lpwd.analysis.inference import next_look

        return next_look(self.seeds)

    @property
    def next_look(self) -> dict[str, Cell]:
        """The cells up to the next planned look."""
        return by_id(self.name, self.text, self.scale, self.look)


@dataclass(frozen=True)
class Missing:
    """Cells without a result."""

    seeds: int  # seeds that these cells add to the verdict
    idle: list[Cell]
    waiting: int  # number of cells that are queued or training


def missing(cells: Mapping[str, Cell], added: int, results: Set[str], busy: Set[str]) -> Missing:
    """Return the cells (from `by_id`) without a result; `results` and `busy` are ids of runs."""
    ids: dict[int, set[str]] = {}  # the run ids of each cell
    for run_id, cell in cells.items():
        ids.setdefault(id(cell), set()).add(run_id)
    still_open = [cell for run_id, cell in cells.items() if run_id == cell.run_id and not ids[id(cell)] & results]
    idle = [cell for cell in still_open if not ids[id(cell)] & busy]
    return Missing(added, idle, len(still_open) - len(idle))


def choices() -> dict[str, Any]:
    presets = [[preset.name, f"{preset.source}: {preset.title}"] for preset in PRESETS.values()]
    scales = [[scale, SCALE_LABELS[scale]] for scale in ("cpu", "paper")]
    return {"presets": presets, "scales": scales, "firstScale": FIRST_SCALE}
