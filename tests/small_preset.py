"""`python -m lpwd` with one more preset, `small`, whose cells are its first argument: a list of `as_json`."""

import json
import runpy
import sys
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from lpwd.config import RunConfig
from lpwd.paper import presets
from lpwd.paper.grids import Cell


def as_json(cell: Cell) -> list[Any]:
    """Its configuration and that of its start."""
    return [config.model_dump(mode="json") for config in (cell.config, cell.start) if config]


def small_preset(cells: Sequence[Cell]) -> presets.Preset:
    """A preset of one seed."""
    return presets.Preset(
        name="small",
        title="Two cells",
        source="Small",
        question="Does it run?",
        kind="table",
        plan=lambda scale, seed: iter(cells if seed == 0 else ()),
        contrasts=presets.LPWD_CONTRASTS,
        cpu_seeds=1,
    )


if __name__ == "__main__":
    given = [[RunConfig(**fields) for fields in pair] for pair in json.loads(sys.argv.pop(1))]
    added = small_preset([Cell(config, "digits", True, start) for config, start in given])
    presets.PRESETS = MappingProxyType({**presets.PRESETS, added.name: added})
    runpy.run_module("lpwd", run_name="__main__", alter_sys=True)
