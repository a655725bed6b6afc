"""Presets of the form: two quick races, then one per column or panel of the paper."""

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
MAX_SETTINGS = 7  # per column with an entry each; a larger grid has one entry
Setting = tuple[float, float]  # eta, lambda


@dataclass(frozen=True)
class FormPreset:
    """Values of the form, and a note about them."""

    values: Mapping[str, Any]
    note: str


@functools.cache
def form_presets() -> dict[str, FormPreset]:
    """Return the presets by label, `<group>: <name>`, in the order of the paper."""
    return _quick() | {
        label: form_preset
        for preset in PRESETS.values()
        for scale in reversed(SCALES)
        for label, form_preset in _of_preset(preset, scale).items()
    }


def options() -> str:
    """Return the grouped `<option>` elements of a select."""
    groups = itertools.groupby(form_presets(), lambda label: label.partition(": ")[0])
    return "".join(
        f'<optgroup label="{html.escape(group)}">'
        + "".join(f'<option value="{html.escape(label)}">{html.escape(_name(label))}</option>' for label in labels)
        + "</optgroup>"
        for group, labels in groups
    )


def _name(label: str) -> str:
    return label.partition(": ")[2]


def _quick() -> dict[str, FormPreset]:
    """Return cells of the scan over lambda, which take half a minute on two cores without a download."""
    first = address.first_values("digits")
    values = {name: form.control_value(name, value) for name, value in first.items()}
    strong = f"Digits trained from scratch with strong decay, λ {first['weight_decay']:g}, where methods differ."
    return {
        f"{QUICK}: WD and LPWD": FormPreset(
            values, f"{strong} LPWD decays more in total: its last layers have the rate 2λ."
        ),
        f"{QUICK}: is it only more decay?": FormPreset(
            values | {"methods": ["wd", "lpwd", "lpwd_matched"]},
            f"{strong} LPWD matched has LPWD's layer rule with WD's total decay.",
        ),
    }


def _of_preset(preset: Preset, scale: Scale) -> dict[str, FormPreset]:
    columns: dict[str, list[Cell]] = {}  # of seed 0
    seeds: dict[tuple[str, str], set[int]] = {}
    for cell in preset.cells(scale):
        seeds.setdefault((cell.column, cell.row), set()).add(cell.config.seed)
        if cell.config.seed == 0:
            columns.setdefault(cell.column, []).append(cell)
    form_presets = {}
    for column, cells in columns.items():
        settings = _settings(cells)
        grid = len(settings) > MAX_SETTINGS
        for setting in [_usual(cells, settings)] if grid else settings:
            where = f"{preset.source}, scale {scale}: {column}"
            label = f"{where}, λ {setting[1]:g}" if 1 < len(settings) <= MAX_SETTINGS else where
            count = min(len(seeds[column, cell.row]) for cell in cells)  # SPD has fewer than WD
            form_presets[label] = _form_preset(preset, cells, setting, settings, count)
    return form_presets


def _undecayed(cell: Cell) -> bool:
    return METHODS[cell.row].rates == "none"


def _settings(cells: Sequence[Cell]) -> list[Setting]:
    """Return each (eta, lambda) of the column, of methods with decay if there are any."""
    decayed = [cell for cell in cells if not _undecayed(cell)] or cells
    return list(dict.fromkeys((cell.config.lr, cell.config.weight_decay) for cell in decayed))


def _usual(cells: Sequence[Cell], settings: Sequence[Setting]) -> Setting:
    """Return the setting closest to the default at scale cpu (see the notes of Table 1)."""
    optimizer = cells[0].config.optimizer
    cpu_setting = (CPU_LR[optimizer], CPU_DECAY[optimizer])
    return min(settings, key=lambda one: sum(abs(math.log(a / b)) for a, b in zip(one, cpu_setting, strict=True)))


def _form_preset(
    preset: Preset, cells: Sequence[Cell], setting: Setting, settings: Sequence[Setting], seeds: int
) -> FormPreset:
    lr, decay = setting
    mine = [c for c in cells if c.config.lr == lr and (c.config.weight_decay == decay or _undecayed(c))]
    config = next((cell for cell in mine if not _undecayed(cell)), mine[0]).config
    methods = [name for name in METHODS if name in {cell.row for cell in mine}]
    values = form.form_values(config) | {"methods": methods, "seeds": min(seeds, SEEDS[-1])}
    return FormPreset(values, " ".join(_notes(preset, mine, setting, settings)))


def _notes(preset: Preset, cells: Sequence[Cell], setting: Setting, settings: Sequence[Setting]) -> list[str]:
    notes = [preset.question]
    if len(settings) > MAX_SETTINGS:
        notes.append(f"The form has one of its {len(settings)} settings, η {setting[0]:g} and λ {setting[1]:g}.")
    if any(map(_undecayed, cells)) and not all(map(_undecayed, cells)):
        notes.append("Baseline has no decay, so λ does not apply to it.")
    if missing := form.fields_without_control(cells[0].config):
        notes.append(f"The form has no control for {', '.join(missing)}.")
    return notes
