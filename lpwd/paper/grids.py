"""The cells of every preset: which configuration fills which place of a table or figure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from lpwd.config import RunConfig
from lpwd.facts import DATASETS
from lpwd.optimizers import optimizer_label
from lpwd.paper import regime
from lpwd.paper.numbers import BASE_LR, DECAYS, LRS, PAPER_BASE, PAPER_MODELS, PAPER_SIZES, Scale, place
from lpwd.starts import name_of


@dataclass(frozen=True)
class Cell:
    """One run and its place in a table (`column`, `row`) or figure (panel, method)."""

    config: RunConfig
    column: str
    in_paper: bool  # False for controls that are not in the paper
    start: RunConfig | None = None  # the run whose weights `config.init_from` refers to

    @property
    def row(self) -> str:
        """The method: a table row or a curve of a figure."""
        return self.config.method

    @property
    def run_id(self) -> str:
        """The id of the run in this cell; cells of several presets may share a run."""
        return self.config.run_id

    @property
    def from_own_start(self) -> "Cell":
        """Return this cell with a start trained here, for use if the published one is unavailable."""
        if self.start is None:
            return self
        return replace(self, config=RunConfig(**self.config.model_dump() | {"init_from": self.start.run_id}))


PAPER_METHODS = ("baseline", "l2", "wd", "rwd", "pwd", "lpwd")
WITHOUT_RATE = ("baseline", "adamh", "soda")


def pretrained_run(family: str) -> RunConfig:
    """Return the pretraining run whose weights a model starts from at scale cpu."""
    return RunConfig(**(regime.PRETRAINING | regime.CPU_MODELS[family]))


def _cell(scale: Scale, seed: int, family: str, method: str, in_paper: bool | None = None, **changes: Any) -> Cell:
    """Return a fine-tuning cell; `family` names the model. `column` defaults to data set, family and optimizer."""
    changes = {"dataset": "cifar100", "optimizer": "adam"} | changes
    column = changes.pop("column", place(changes["dataset"], family, changes["optimizer"]))
    if method in WITHOUT_RATE:
        changes["weight_decay"] = 0.0
    start = None
    if scale == "paper":
        base = PAPER_BASE | PAPER_MODELS[family]
    else:
        start = pretrained_run(family)
        base = regime.FINE_TUNING | regime.IMAGES[changes["dataset"]] | regime.CPU_MODELS[family]
        base = base | {"init_from": name_of(start)}
    config = RunConfig(**(base | changes | {"method": method, "seed": seed}))
    return Cell(config, column, method in PAPER_METHODS if in_paper is None else in_paper, start)


def _search(scale: Scale, seed: int, family: str, methods: Iterable[str], **changes: Any) -> Iterator[Cell]:
    """Yield Table 2's grid for each method at scale paper (Baseline has no lambda), one setting at scale cpu."""
    optimizer = changes.get("optimizer", "adam")
    for method in methods:
        if scale == "cpu":
            yield _cell(scale, seed, family, method, **_point(optimizer) | changes)
            continue
        for lr in LRS[optimizer]:
            for decay in DECAYS if method != "baseline" else (0.0,):
                yield _cell(scale, seed, family, method, **{"lr": lr, "weight_decay": decay} | changes)


def _point(optimizer: str = "adam") -> dict[str, Any]:
    """Return the setting that replaces the grid at scale cpu."""
    return {"optimizer": optimizer, "lr": regime.CPU_LR[optimizer], "weight_decay": regime.CPU_DECAY[optimizer]}


TABLE1_METHODS = ("baseline", "l2", "wd", "lpwd", "lwd", "wd15")


def table1(scale: Scale, seed: int) -> Iterator[Cell]:
    """Table 1: top-1 of each method by data set, architecture and optimizer, with controls."""
    for dataset in ("cifar100", "cifar10") if scale == "cpu" else ("cifar10", "cifar100"):
        for family in ("ConvNeXt", "Swin"):
            for optimizer in LRS:
                yield from _search(scale, seed, family, TABLE1_METHODS, dataset=dataset, optimizer=optimizer)


TABLE3_METHODS = ("wd", "rwd", "pwd", "lpwd", "lwd", "lrwd", "wd15")


def table3(scale: Scale, seed: int) -> Iterator[Cell]:
    """Table 3: from WD to LPWD one change at a time, and the layer rule at every timing."""
    methods = TABLE3_METHODS if scale == "paper" else ("baseline", *TABLE3_METHODS)
    for cell in _search(scale, seed, "ConvNeXt", methods):
        yield replace(cell, in_paper=cell.in_paper and cell.row != "baseline")  # Table 3's "Baseline" is the model


def fig1(scale: Scale, seed: int) -> Iterator[Cell]:
    """Figure 1: training under a strong penalty, WD against LPWD, by architecture."""
    for family in ("ConvNeXt", "Swin"):
        for method in ("wd", "lpwd", "lwd", "wd15"):
            yield _cell(scale, seed, family, method, lr=0.001, weight_decay=0.5)


def fig2(scale: Scale, seed: int) -> Iterator[Cell]:
    """Figure 2: the share of opposing penalties (R_op, eq. 10) of WD over learning rates and decay rates."""
    changes: dict[str, Any] = {"opposing_every": 1} | ({"epochs": regime.FIG2_EPOCHS} if scale == "cpu" else {})
    for family in ("ConvNeXt", "Swin"):
        for optimizer, lrs in LRS.items():
            for lr in lrs if scale == "paper" else lrs[::2]:
                for decay in DECAYS if scale == "paper" else (0.5, 0.05, 0.005):
                    point: dict[str, Any] = {"optimizer": optimizer, "lr": lr, "weight_decay": decay}
                    yield _cell(scale, seed, family, "wd", **point, **changes)


def fig3a(scale: Scale, seed: int) -> Iterator[Cell]:
    """Figure 3a: zero-shot decay (eq. 12) of trained weights, by architecture."""
    for family in ("ConvNeXt", "Swin"):
        yield _cell(scale, seed, family, "baseline", lr=BASE_LR["adam"], zero_shot=True)


def fig3b(scale: Scale, seed: int) -> Iterator[Cell]:
    """Figure 3b: RWD against PWD over decay rates."""
    methods = ("rwd", "pwd", "lrwd", "lpwd") if scale == "paper" else ("rwd", "pwd")
    for decay in DECAYS if scale == "paper" else regime.FIG3B_DECAYS:
        for method in methods:
            yield _cell(scale, seed, "ConvNeXt", method, method in ("rwd", "pwd"), lr=0.001, weight_decay=decay)


def fig4(scale: Scale, seed: int) -> Iterator[Cell]:
    """Figure 4: top-1 over learning rate and decay rate, one heatmap per method."""
    for family in ("ConvNeXt", "Swin") if scale == "paper" else ("ConvNeXt",):
        for optimizer, lrs in LRS.items():
            if scale == "paper":
                yield from _search(scale, seed, family, ("wd", "lpwd", "lwd"), optimizer=optimizer)
                continue
            for lr in lrs[:3]:
                for decay in regime.FIG4_DECAYS:
                    for method in ("wd", "lpwd"):
                        point: dict[str, Any] = {"optimizer": optimizer, "lr": lr, "weight_decay": decay}
                        yield _cell(scale, seed, family, method, **point)


def fig5(scale: Scale, seed: int) -> Iterator[Cell]:
    """Figure 5: WD against LPWD by size of the model."""
    for size in PAPER_SIZES if scale == "paper" else regime.CPU_SIZES:
        yield from _search(scale, seed, size, ("wd", "lpwd", "lwd"), column=size)


# ---- presets that are not in the paper


def settle(scale: Scale, seed: int) -> Iterator[Cell]:
    """One fine-tuning task over decay rates, controls and rival methods, with either scale's models.

    The first column, Adam at a constant eta, answers the question. AdamC (with a half cosine; at a constant eta it
    equals WD) and Muon (with the same eta * lambda as Adam) have columns of their own.
    """
    points = [("baseline", regime.SETTLE_LR, 0.0)]
    points += [(method, regime.SETTLE_LR, decay) for decay in regime.SETTLE_DECAYS for method in regime.SETTLE_METHODS]
    points += [("lpwd_shuffled", regime.SETTLE_LR, decay) for decay in regime.SETTLE_SHUFFLED_DECAYS]
    points += [("adamh", lr, 0.0) for lr in regime.SETTLE_ADAMH_LRS]
    rivals = seed < regime.SETTLE_RIVAL_SEEDS
    if rivals:
        points += [("spd", regime.SETTLE_LR, decay) for decay in regime.SETTLE_DECAYS]
        points += [("soda", regime.SETTLE_LR, 0.0)]
    for method, lr, decay in points:
        yield _cell(scale, seed, "ConvNeXt", method, lr=lr, weight_decay=decay)
    if rivals:
        yield from _settle_elsewhere(
            scale, seed, f"{_SETTLE_COLUMN}, cosine", ("wd", "wdlr2", "adamc"), schedule="cosine"
        )
        muon: dict[str, Any] = {"optimizer": "timm:muon", "lr": regime.SETTLE_MUON_LR}
        yield from _settle_elsewhere(scale, seed, place("cifar100", "ConvNeXt", "timm:muon"), ("wd", "cwd"), **muon)


_SETTLE_COLUMN = place("cifar100", "ConvNeXt", "adam")


def _settle_elsewhere(scale: Scale, seed: int, column: str, methods: Iterable[str], **changes: Any) -> Iterator[Cell]:
    """Yield a run without decay, and each method at the decay rates of the first column."""
    point: dict[str, Any] = {"lr": regime.SETTLE_LR, "column": column} | changes
    yield _cell(scale, seed, "ConvNeXt", "baseline", weight_decay=0.0, **point)
    for decay in regime.SETTLE_DECAYS:
        for method in methods:
            weight_decay = decay * regime.SETTLE_LR / point["lr"]
            yield _cell(scale, seed, "ConvNeXt", method, weight_decay=weight_decay, **point)


PRETRAINED_FAMILIES = ("ConvNeXt", "Swin", "half atto", "pico")  # in order of first use
LONGER: dict[str, Any] = {"epochs": 100, "batch_size": 512, "precision": "bf16", "scale": "paper"}


def pretrain(scale: Scale, seed: int) -> Iterator[Cell]:
    """The pretraining runs; at scale paper, the paper's models on the same images."""
    for family in PRETRAINED_FAMILIES if scale == "cpu" else ("ConvNeXt", "Swin"):
        config = pretrained_run(family)
        if scale == "paper":
            config = RunConfig(**(regime.PRETRAINING | PAPER_MODELS[family] | LONGER))
        config = RunConfig(**(config.model_dump() | {"seed": seed}))
        yield Cell(config, place(config.dataset, family, config.optimizer), in_paper=False)


SCAN_COLUMN = f"{DATASETS['digits'].label}, ConvNeXt of 0.28 M parameters, {optimizer_label('adam')}"


def scan(scale: Scale, seed: int) -> Iterator[Cell]:
    """Small runs of a few seconds each, the same at both scales."""
    base = regime.SMALL | regime.SMALL_MODEL
    base |= {"optimizer": "adam", "lr": regime.SCAN_LR, "seed": seed, "scale": scale}
    points = [("baseline", 0.0)]
    points += [(method, decay) for decay in regime.SCAN_DECAYS for method in regime.SCAN_METHODS]
    for method, decay in points:
        config = RunConfig(**(base | {"method": method, "weight_decay": decay}))
        yield Cell(config, SCAN_COLUMN, in_paper=False)
