"""Presets: the runs behind each table and figure of the paper, with the numbers that the paper reports.

This module does not import torch.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from lpwd import starts
from lpwd.config import ConfigError
from lpwd.facts import IMAGENET_TERMS
from lpwd.methods import METHODS
from lpwd.paper import grids, regime
from lpwd.paper.grids import Cell as Cell
from lpwd.paper.numbers import FIG4, PAPER_NOTE, PAPER_STEPS, SCALES, TABLE1, TABLE3, Reported, Scale

Kind = Literal["table", "curves", "opposing", "zero_shot", "difference", "heatmap", "scales", "strengths"]
DEFAULT_SEEDS: dict[Scale, int] = {"paper": 1, "cpu": 3}  # the paper does not state a number


@dataclass(frozen=True)
class Contrast:
    """A comparison that answers the preset's question: `method` minus `other`, and the sign that the paper claims."""

    method: str
    other: str
    claim: int = 0  # +1: the paper claims that `method` is better; 0: no claim
    value: str = "best10_mean"
    margin: float | None = None  # smallest relevant difference; default: pairs.MARGINS


@dataclass(frozen=True)
class Preset:
    """One table or figure. `plan` yields the cells of one seed at a scale."""

    name: str
    title: str
    source: str
    question: str
    kind: Kind
    plan: Callable[[Scale, int], Iterator[Cell]] = field(repr=False)
    contrasts: tuple[Contrast, ...]
    reported: Mapping[tuple[str, str], Reported] = field(default_factory=dict)  # (row, column) -> Reported
    cpu_note: str = ""
    paper_note: str = ""
    own_note: str = ""  # replaces the notes of both scales for presets that are not in the paper
    cpu_seeds: int = DEFAULT_SEEDS["cpu"]
    claimant: str = "the paper"

    def seeds(self, scale: Scale) -> int:
        """Return the default number of seeds."""
        return self.cpu_seeds if scale == "cpu" else DEFAULT_SEEDS["paper"]

    def cells(self, scale: Scale, seeds: int | None = None) -> list[Cell]:
        """Return all cells ordered by seed, so that an interrupted sweep has complete replications."""
        count = self.seeds(scale) if seeds is None else seeds
        if scale not in SCALES:
            raise ConfigError(f"scale is {scale!r}: allowed are {', '.join(SCALES)}")
        if count < 1:
            raise ConfigError(f"seeds is {count}: it must be at least 1")
        return [cell for seed in range(count) for cell in self.replication(scale, seed)]

    def replication(self, scale: Scale, seed: int) -> tuple[Cell, ...]:
        """Return the cells of one seed."""
        return _cells(self.plan, scale, seed, starts.folder())

    def scale_note(self, scale: Scale) -> str:
        """Describe how this scale differs from the paper."""
        if self.own_note:
            return self.own_note
        notes = (regime.CPU_NOTE, self.cpu_note) if scale == "cpu" else (PAPER_NOTE, self.paper_note)
        return " ".join(note for note in notes if note)

    @property
    def rows(self) -> list[str]:
        """The methods of both scales, in display order."""
        return list(_rows(self.plan))


@functools.lru_cache(128)
def _cells(plan: Callable[[Scale, int], Iterator[Cell]], scale: Scale, seed: int, _starts: Path) -> tuple[Cell, ...]:
    """Return the cells of one seed, cached per folder of published starts, on which they depend."""
    return tuple(plan(scale, seed))


@functools.cache
def _rows(plan: Callable[[Scale, int], Iterator[Cell]]) -> tuple[str, ...]:
    present = {cell.row for scale in SCALES for cell in _cells(plan, scale, 0, starts.folder())}
    return tuple(name for name in METHODS if name in present)


LPWD_CONTRASTS = (Contrast("lpwd", "wd", +1), Contrast("lpwd", "lwd"), Contrast("lpwd", "wd15"))
CONTROLS = (
    Contrast("lpwd", "wd", +1),
    Contrast("lpwd_matched", "wd"),
    Contrast("lpwd_reversed", "wd"),
    Contrast("lpwd_matched", "lpwd_reversed"),
    Contrast("lpwd_shuffled", "wd"),
    Contrast("l2sp", "wd"),
    Contrast("wd", "baseline"),
)
RIVALS = (
    *(Contrast(method, other) for method in ("spd", "soda") for other in ("wd", "l2sp")),
    *(Contrast(method, "wd") for method in ("wdlr2", "adamc", "cwd")),
)
STRENGTHS_NOTE = (
    "Total decay is η times the parameter-weighted mean λ, summed over the steps, in nepers: decay alone leaves e^-x "
    "of a weight. Each method's best strength is chosen on the test set."
)
GRID_NOTE = "The best (η, λ) of each method is chosen on the test set, as the paper does."
_ADAM = f"Adam at η {regime.CPU_LR['adam']:g} and λ {regime.CPU_DECAY['adam']:g}"
ONE_SETTING = f"One setting instead of a search: {_ADAM} of Table 2"

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
        paper_note=GRID_NOTE,
        cpu_note=f"{ONE_SETTING}, SGDM at η {regime.CPU_LR['sgd']:g} and λ {regime.CPU_DECAY['sgd']:g}: both "
        f"decay by {regime.CPU_LR['sgd'] * regime.CPU_DECAY['sgd'] * regime.STEPS:.2f} nepers in total.",
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
        paper_note=GRID_NOTE,
        cpu_note=f"{ONE_SETTING}.",
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
        cpu_note=f"η 0.001 and λ 0.5, as in the paper; in {regime.STEPS:,} steps decay alone leaves "
        f"{100 * (1 - 0.0005) ** regime.STEPS:.0f} % of the weights under WD, in the paper's "
        f"{PAPER_STEPS:,} steps {100 * (1 - 0.0005) ** PAPER_STEPS:.1f} %.",
    ),
    Preset(
        name="fig2",
        title="Opposing penalty rate of WD",
        source="Figure 2",
        question="What share of weights does WD push away from zero, and does it grow with η and λ?",
        kind="opposing",
        plan=grids.fig2,
        contrasts=(),
        paper_note="Measured in every step, as a share of the weights (eq. 10) and of their magnitude.",
        cpu_note="Every other η and three λ of Table 2, measured in every step of the first "
        f"{regime.FIG2_EPOCHS} epochs, because the rate is a property of single steps.",
    ),
    Preset(
        name="fig3a",
        title="Zero-shot weight decay",
        source="Figure 3a",
        question="How fast does a trained model lose its accuracy when all its weights shrink and nothing is trained?",
        kind="zero_shot",
        plan=grids.fig3a,
        contrasts=(),
        paper_note="The paper does not state η; this is its base rate, 0.0001 with Adam.",
        cpu_note="The paper does not state η; this is its base rate, 0.0001 with Adam.",
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
        cpu_note="η 0.001 and four λ of Table 2, of which 0.01 and 0.001 remove 1.6 % of a weight at most: noise.",
    ),
    Preset(
        name="fig4",
        title="WD and LPWD over η and λ",
        source="Figure 4",
        question="Does LPWD hold its test top-1 over a wider range of η and λ than WD?",
        kind="heatmap",
        plan=grids.fig4,
        contrasts=LPWD_CONTRASTS[:2],
        reported=FIG4,
        cpu_note="ConvNeXt; three η and three λ of Table 2; with Adam, λ 0.001 removes 0.2 % of a weight at most.",
    ),
    Preset(
        name="fig5",
        title="WD and LPWD over model scales",
        source="Figure 5",
        question="Does the advantage of LPWD over WD grow with the size of the model?",
        kind="scales",
        plan=grids.fig5,
        contrasts=LPWD_CONTRASTS[:2],
        paper_note="The paper does not state η and λ; these are the best of Table 2's grid for each method.",
        cpu_note=f"Three ConvNeXts of 0.9, 3.4 and 8.6 M parameters. {ONE_SETTING}.",
    ),
    Preset(
        name="pretrain",
        title="The starts of scale cpu",
        source="Pretraining",
        question="What top-1 do the models that scale cpu fine-tunes reach on Tiny ImageNet at 32x32?",
        kind="curves",
        plan=grids.pretrain,
        contrasts=(),
        own_note="Not in the paper, which takes ImageNet-21k weights: 100,000 ImageNet images of 200 classes at 32x32, "
        f"AdamW with a half cosine from η {regime.PRETRAINING['lr']:g} and λ {regime.PRETRAINING['weight_decay']:g}, "
        f"mirrored and shifted by up to 4 pixels, batch {regime.PRETRAINING['batch_size']}, "
        f"{regime.PRETRAINING['epochs']} epochs, bf16 (scale paper: the paper's models, batch 512, 100 epochs). "
        + IMAGENET_TERMS,
        cpu_seeds=1,
    ),
    Preset(
        name="settle",
        title="Accuracy over total decay: does depth order help?",
        source="Settle",
        question="At equal total decay, does it help to decay deep layers more? Or does LPWD only decay more in "
        "total, or preserve pretrained layers?",
        kind="strengths",
        plan=grids.settle,
        contrasts=tuple(
            replace(contrast, value=value) for value in ("best10_mean", "last_top1") for contrast in CONTROLS + RIVALS
        ),
        paper_note=f"η {regime.SETTLE_LR:g}; the paper has no such figure.",
        cpu_note=f"η {regime.SETTLE_LR:g}; the paper has no such figure. {STRENGTHS_NOTE} SPD and SODA have no "
        "total decay; AdamC is trained with a half cosine of η, and Muon at η "
        f"{regime.SETTLE_MUON_LR:g} with the same ηλ as Adam.",
        cpu_seeds=regime.SETTLE_SEEDS,
    ),
    Preset(
        name="scan",
        title="Every strength, from scratch on digits",
        source="Scan",
        question="At which strength of decay do the layer rule and the timing help or harm?",
        kind="strengths",
        plan=grids.scan,
        contrasts=(*LPWD_CONTRASTS, Contrast("lpwd_matched", "wd"), Contrast("lpwd_reversed", "wd")),
        own_note="Not in the paper: a ConvNeXt of 0.28 M parameters from scratch on 600 digits, 14 epochs of 20 steps "
        f"at batch 30, Adam at η {regime.SCAN_LR:g}, tested on 500 digits; both scales are the same runs. "
        + STRENGTHS_NOTE,
        cpu_seeds=regime.SCAN_SEEDS,
    ),
)
PRESETS: dict[str, Preset] = {preset.name: preset for preset in _PRESETS}


def get_preset(name: str) -> Preset:
    """Return a preset by name. Raises ConfigError if the name is unknown."""
    if name not in PRESETS:
        raise ConfigError(f"preset is {name!r}: allowed are {', '.join(PRESETS)}")
    return PRESETS[name]
