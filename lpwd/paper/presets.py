"""Every table and figure of the paper as configurations beside its reported numbers. No torch here.

A preset's cells are chosen before anything is run; what the text does not report is absent, never guessed.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from lpwd.config import ConfigError
from lpwd.methods import METHODS
from lpwd.paper import grids
from lpwd.paper.grids import Cell as Cell
from lpwd.paper.grids import Measurement as Measurement
from lpwd.paper.numbers import (
    CPU_NOTE,
    NOTHING,
    PAPER_NOTE,
    SCALES,
    SHRINK_NOTE,
    TABLE1,
    TABLE3,
    Reported,
    Scale,
)

Kind = Literal["table", "curves", "opposing", "zero_shot", "difference", "heatmap", "scales"]
DEFAULT_SEEDS: MappingProxyType[Scale, int] = MappingProxyType({"paper": 1, "cpu": 3})  # the paper's text names none


@dataclass(frozen=True)
class Contrast:
    """A comparison that the preset's question rests on: `method` minus `other`, and the sign that the paper claims."""

    method: str
    other: str
    claim: int = 0  # +1: the paper says `method` is better; 0: it says nothing
    value: str = "best10_mean"


@dataclass(frozen=True)
class Preset:
    """One table or figure. `plan` yields its cells of one seed at a scale."""

    name: str
    title: str
    source: str
    question: str
    kind: Kind
    plan: Callable[[Scale, int], Iterator[Cell]] = field(repr=False)
    contrasts: tuple[Contrast, ...]
    # (row, column) -> Reported; empty where the text gives no numbers
    reported: Mapping[tuple[str, str], Reported] = field(default_factory=lambda: NOTHING)
    cpu_note: str = ""
    paper_note: str = ""
    cpu_seeds: int = DEFAULT_SEEDS["cpu"]

    def seeds(self, scale: Scale) -> int:
        """How many seeds unless somebody asks for another number."""
        return self.cpu_seeds if scale == "cpu" else DEFAULT_SEEDS["paper"]

    def cells(self, scale: Scale, seeds: int | None = None) -> list[Cell]:
        """All cells, seed by seed, so that a sweep cut short has whole replications."""
        count = self.seeds(scale) if seeds is None else seeds
        if scale not in SCALES:
            raise ConfigError(f"scale is {scale!r}: allowed are {', '.join(SCALES)}")
        if count < 1:
            raise ConfigError(f"seeds is {count}: it must be at least 1")
        return [cell for seed in range(count) for cell in self.plan(scale, seed)]

    def scale_note(self, scale: Scale) -> str:
        """What differs from the paper at this scale, and what the paper leaves open."""
        notes = (CPU_NOTE, self.cpu_note) if scale == "cpu" else (PAPER_NOTE, self.paper_note)
        return " ".join(note for note in notes if note)

    @property
    def rows(self) -> list[str]:
        """Methods at any scale, in display order."""
        return list(_rows(self.plan))


@functools.cache
def _rows(plan: Callable[[Scale, int], Iterator[Cell]]) -> tuple[str, ...]:
    present = {cell.row for scale in SCALES for cell in plan(scale, 0)}
    return tuple(name for name in METHODS if name in present)


LPWD_CONTRASTS = (Contrast("lpwd", "wd", +1), Contrast("lpwd", "lwd"), Contrast("lpwd", "wd15"))

_PRESETS = (
    Preset(
        name="table1",
        title="LPWD against Baseline, L2 and WD",
        source="Table 1",
        question="Does LPWD beat Baseline, L2 and WD in test top-1 on both data sets, models and optimizers?",
        kind="table",
        plan=grids.table1,
        contrasts=LPWD_CONTRASTS,
        reported=TABLE1,
        paper_note="The best (η, λ) of each method is chosen on the test set, as the paper does.",
        cpu_note="One setting instead of a search: Adam at η 0.001 and λ 0.1 of Table 2, SGDM at the paper's "
        f"base 0.01 and 0.01, which both shrink the weights by 0.98 nepers in total. {SHRINK_NOTE}",
    ),
    Preset(
        name="table3",
        title="What RWD, PWD and the layer rule each contribute",
        source="Table 3",
        question="What raises the test top-1 from WD to RWD to PWD to LPWD: the timing, or the rate of each layer?",
        kind="table",
        plan=grids.table3,
        contrasts=(
            Contrast("rwd", "wd", +1),
            Contrast("pwd", "rwd", +1),
            Contrast("lpwd", "pwd", +1),
            Contrast("lpwd", "wd", +1),
            Contrast("lwd", "wd"),
            Contrast("lpwd", "lwd"),
            Contrast("wd15", "wd"),
        ),
        reported=TABLE3,
        paper_note="The best (η, λ) of each method is chosen on the test set, as the paper does.",
        cpu_note="One setting instead of a search: Adam at η 0.001 and λ 0.1 of Table 2. " + SHRINK_NOTE,
    ),
    Preset(
        name="fig1",
        title="WD and LPWD under a strong penalty",
        source="Figure 1",
        question="Under a strong penalty, does LPWD keep a lower training loss and a higher test top-1 than WD?",
        kind="curves",
        plan=grids.fig1,
        contrasts=(*LPWD_CONTRASTS, Contrast("lpwd", "wd", -1, "train_loss")),
        paper_note="η 0.001 and λ 0.5, as in the paper.",
        cpu_note="η 0.001; λ 17.5 stands for the paper's 0.5. " + SHRINK_NOTE + " Beside it the literal 0.5.",
    ),
    Preset(
        name="fig2",
        title="Opposing penalty rate of WD",
        source="Figure 2",
        question="What share of weights does WD push away from zero, and does it grow with η and λ?",
        kind="opposing",
        plan=grids.fig2,
        contrasts=(),
        paper_note="Measured in every step, over the count of weights (eq. 10); by magnitude beside it.",
        cpu_note="Every other η and three λ of Table 2, 4 epochs (80 steps) each, measured in every step; λ as in the "
        "paper, because the rate is a property of single steps.",
        cpu_seeds=1,
    ),
    Preset(
        name="fig3a",
        title="Zero-shot weight decay",
        source="Figure 3a",
        question="How fast does a trained model lose its accuracy when all its weights shrink and nothing is trained?",
        kind="zero_shot",
        plan=grids.fig3a,
        contrasts=(),
        paper_note="The paper does not name η; this is its base, 0.0001 with Adam.",
        cpu_note="Adam at η 0.001.",
    ),
    Preset(
        name="fig3b",
        title="PWD minus RWD over λ",
        source="Figure 3b",
        question="Does decaying before the update (PWD) instead of after it (RWD) help once λ is large?",
        kind="difference",
        plan=grids.fig3b,
        contrasts=(Contrast("pwd", "rwd", +1),),
        paper_note="η 0.001, all λ of Table 2; LPWD minus LRWD is the same question with the layer rule.",
        cpu_note="η 0.001 and four λ of Table 2. " + SHRINK_NOTE,
    ),
    Preset(
        name="fig4",
        title="WD and LPWD over η and λ",
        source="Figure 4",
        question="Does LPWD hold its test top-1 over a wider range of η and λ than WD?",
        kind="heatmap",
        plan=grids.fig4,
        contrasts=LPWD_CONTRASTS[:2],
        cpu_note="Three η and four λ of Table 2, one seed. " + SHRINK_NOTE + " SGDM keeps the paper's λ: 35 "
        "times more would turn the weights' signs around in one step.",
        cpu_seeds=1,
    ),
    Preset(
        name="fig5",
        title="WD and LPWD over model scales",
        source="Figure 5",
        question="Does the advantage of LPWD over WD grow with the size of the model?",
        kind="scales",
        plan=grids.fig5,
        contrasts=LPWD_CONTRASTS[:2],
        paper_note="The paper does not name η and λ here: Table 2's grid, best of each method.",
        cpu_note="Four ConvNeXts of 0.3 to 1.6 M parameters, deeper from tiny to small and wider from there; Adam at "
        "η 0.001 and λ 0.1 of Table 2. " + SHRINK_NOTE,
    ),
)
PRESETS: MappingProxyType[str, Preset] = MappingProxyType({preset.name: preset for preset in _PRESETS})


def get_preset(name: str) -> Preset:
    """The preset called `name`; a ConfigError names the allowed ones."""
    if name not in PRESETS:
        raise ConfigError(f"preset is {name!r}: allowed are {', '.join(PRESETS)}")
    return PRESETS[name]
