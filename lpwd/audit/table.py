"""Audits as tables, and the recorded audits in the package. This module does not import torch."""

import functools
import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

HEAD = ("Optimizer", "Weight decay", "Fraction c", "Vectors", "Notes")
Row = Mapping[str, Any]  # the fields of `lpwd.audit.decay.Audit`, and `version`


@functools.cache
def recorded() -> tuple[Row, ...]:
    """Return the audits of torch, timm, transformers, schedulefree and pytorch_optimizer, with versions."""
    return tuple(json.loads(files("lpwd.audit").joinpath("recorded.json").read_text(encoding="utf-8")))


def cells(row: Row) -> tuple[str, str, str, str, str]:
    """Return the texts of one row; defects come before notes."""
    if row["problem"]:
        return row["name"], "not measured", "", "", row["problem"]
    said = [*(f"DEFECT: {defect}" for defect in row["defects"]), *row["notes"]]
    return row["name"], row["kind"], row["law"], row["vectors"], "; ".join(said)


def markdown(rows: Iterable[Row]) -> str:
    lines = [HEAD, ("---",) * len(HEAD), *map(cells, rows)]
    return "\n".join(f"| {' | '.join(part.replace('|', '/') for part in line)} |" for line in lines)
