"""Plotly figures. `STYLES` is the one table of method colours, dashes and markers; every chart and chip reads it."""

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Style:
    """Colour-blind safe, readable on white and on near-black; dash and marker tell methods apart without colour."""

    color: str
    dash: str = "solid"  # Plotly dash name
    marker: str | None = None  # Plotly symbol


STYLES: MappingProxyType[str, Style] = MappingProxyType(
    {
        "baseline": Style("#7F7F7F", "dot"),
        "l2": Style("#E69F00", "dash"),
        "wd": Style("#D55E00", "solid", "circle"),
        "rwd": Style("#CC79A7", "dashdot"),
        "pwd": Style("#56B4E9", "dash"),
        "lpwd": Style("#0072B2", "solid", "square"),
        "lwd": Style("#009E73", "solid", "diamond"),
        "lrwd": Style("#009E73", "dot"),
        "wd15": Style("#D55E00", "dot"),
        "cwd": Style("#B8860B", "dash"),
        "adams": Style("#8C564B", "dash"),
        "llrd": Style("#5B5EA6", "dash"),
        "wdlr2": Style("#5B5EA6", "dot"),
    }
)
