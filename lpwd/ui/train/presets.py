"""Fillings of the form: two quick ones, then the experiments of the paper, one a column of a table or a panel."""

import functools
import html
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lpwd.methods import METHODS
from lpwd.paper.numbers import SCALES, Scale
from lpwd.paper.presets import PRESETS, Cell, Preset
from lpwd.paper.regime import CPU_DECAY, CPU_LR
from lpwd.ui.shared import address, form
from lpwd.ui.shared.form import SEEDS

QUICK = "Half a minute, no download"
MAX_SETTINGS = 7  # of a column that each have an entry; a grid has one, which stands for it
Setting = tuple[float, float]  # eta, lambda


@dataclass(frozen=True)
class Filling:
    """What the form shows, and what is said about it."""

    values: Mapping[str, Any]
    note: str


@functools.cache
def fillings() -> dict[str, Filling]:
    """By label, `<group>: <name>`; the paper's in the order of the paper."""
    return _quick() | {
        label: filling
        for preset in PRESETS.values()
        for scale in reversed(SCALES)
        for label, filling in _of_preset(preset, scale).items()
    }


def options() -> str:
    """The `<option>`s of a select, grouped."""
    groups = itertools.groupby(fillings(), lambda label: label.partition(": ")[0])
    return "".join(
        f'<optgroup label="{html.escape(group)}">'
        + "".join(f'<option value="{html.escape(label)}">{html.escape(_name(label))}</option>' for label in labels)
        + "</optgroup>"
        for group, labels in groups
    )


def _name(label: str) -> str:
    return label.partition(": ")[2]


def _quick() -> dict[str, Filling]:
    """Half a minute on two cores, without the Hub: cells of the scan over lambda."""
    first = address.first_values("digits")
    values = {name: form.shown(name, value) for name, value in first.items()}
    strong = f"Digits from scratch under a strong penalty, λ {first['weight_decay']:g}, where methods part."
    return {
        f"{QUICK}: WD and LPWD": Filling(values, f"{strong} LPWD decays more in total: its last layers get twice λ."),
        f"{QUICK}: is it only more decay?": Filling(
            values | {"methods": ["wd", "lpwd", "lpwd_matched"]},
            f"{strong} LPWD matched has LPWD's layer rule at WD's total decay.",
        ),
    }


def _of_preset(preset: Preset, scale: Scale) -> dict[str, Filling]:
    columns: dict[str, list[Cell]] = {}  # of seed 0
    seeds: dict[tuple[str, str], set[int]] = {}
    for cell in preset.cells(scale):
        seeds.setdefault((cell.column, cell.row), set()).add(cell.config.seed)
        if cell.config.seed == 0:
            columns.setdefault(cell.column, []).append(cell)
    fillings = {}
    for column, cells in columns.items():
        settings = _settings(cells)
        grid = len(settings) > MAX_SETTINGS
        for setting in [_usual(cells, settings)] if grid else settings:
            where = f"{preset.source}, scale {scale}: {column}"
            label = f"{where}, λ {setting[1]:g}" if 1 < len(settings) <= MAX_SETTINGS else where
            count = min(len(seeds[column, cell.row]) for cell in cells)  # SPD has fewer than WD
            fillings[label] = _filling(preset, cells, setting, settings, count)
    return fillings


def _undecayed(cell: Cell) -> bool:
    return METHODS[cell.row].rates == "none"


def _settings(cells: Sequence[Cell]) -> list[Setting]:
    """Each (eta, lambda) of the column, of methods that decay where there is one."""
    decayed = [cell for cell in cells if not _undecayed(cell)] or cells
    return list(dict.fromkeys((cell.config.lr, cell.config.weight_decay) for cell in decayed))


def _usual(cells: Sequence[Cell], settings: Sequence[Setting]) -> Setting:
    """The setting next to the one that stands for the grid at scale cpu, see the notes of Table 1."""
    optimizer = cells[0].config.optimizer
    cpu_setting = (CPU_LR[optimizer], CPU_DECAY[optimizer])
    return min(settings, key=lambda one: sum(abs(math.log(a / b)) for a, b in zip(one, cpu_setting, strict=True)))


def _filling(
    preset: Preset, cells: Sequence[Cell], setting: Setting, settings: Sequence[Setting], seeds: int
) -> Filling:
    lr, decay = setting
    mine = [c for c in cells if c.config.lr == lr and (c.config.weight_decay == decay or _undecayed(c))]
    config = next((cell for cell in mine if not _undecayed(cell)), mine[0]).config
    methods = [name for name in METHODS if name in {cell.row for cell in mine}]
    values = form.form_values(config) | {"methods": methods, "seeds": min(seeds, SEEDS[-1])}
    return Filling(values, " ".join(_notes(preset, mine, setting, settings)))


def _notes(preset: Preset, cells: Sequence[Cell], setting: Setting, settings: Sequence[Setting]) -> list[str]:
    notes = [preset.question]
    if len(settings) > MAX_SETTINGS:
        notes.append(f"The form has one of its {len(settings)} settings, η {setting[0]:g} and λ {setting[1]:g}.")
    if any(map(_undecayed, cells)) and not all(map(_undecayed, cells)):
        notes.append("Baseline has no decay, so that λ means nothing to it.")
    if missing := form.lost(cells[0].config):
        notes.append(f"The form has no control for {', '.join(missing)}.")
    return notes
