"""The cells of every preset: which configuration stands at which place; chosen before anything is run."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from lpwd.config import RunConfig
from lpwd.paper.numbers import BASE, BASE_LR, CPU_LR, DECAY_FACTOR, DECAYS, LRS, MODEL_SCALES, MODELS, Scale, place

Measurement = Literal["training", "zero_shot"]  # zero_shot: 101 evaluations after training, eq. (12)


@dataclass(frozen=True)
class Cell:
    """One run and its place: `column` is a table's column or a figure's panel, `row` the method."""

    config: RunConfig
    column: str
    in_paper: bool  # False: a control that the paper lacks

    @property
    def measurement(self) -> Measurement:
        """What the cell asks of its run: training alone, or eq. (12) after it."""
        return "zero_shot" if self.config.zero_shot else "training"

    @property
    def row(self) -> str:
        """The method: a table's row, a figure's curve."""
        return self.config.method

    @property
    def run_id(self) -> str:
        """The run that fills this cell; cells of several presets may share it."""
        return self.config.run_id


PAPER_METHODS = ("baseline", "l2", "wd", "rwd", "pwd", "lpwd")


def _cell(scale: Scale, seed: int, family: str, method: str, in_paper: bool | None = None, **changes: Any) -> Cell:
    """A cell of the scale's base configuration; `family` names the model, `place` (optional) the column."""
    changes = {"dataset": "cifar100", "optimizer": "adam"} | changes
    column = changes.pop("column", place(changes["dataset"], family, changes["optimizer"]))
    if method == "baseline":
        changes["weight_decay"] = 0.0
    config = RunConfig(**(BASE[scale] | MODELS[scale][family] | changes | {"method": method, "seed": seed}))
    return Cell(config, column, method in PAPER_METHODS if in_paper is None else in_paper)


def cpu_decay(weight_decay: float) -> float:
    """lambda at scale cpu with the paper's total shrink eta lambda steps; see SHRINK_NOTE."""
    return round(weight_decay * DECAY_FACTOR, 6)


def _grid(scale: Scale, seed: int, family: str, methods: Iterable[str], **changes: Any) -> Iterator[Cell]:
    """Table 2's whole grid for each method; Baseline has no lambda to search."""
    for method in methods:
        for lr in LRS[changes.get("optimizer", "adam")]:
            for decay in DECAYS if method != "baseline" else (0.0,):
                yield _cell(scale, seed, family, method, **{"lr": lr, "weight_decay": decay} | changes)


TABLE1_METHODS = ("baseline", "l2", "wd", "lpwd", "lwd", "wd15")
TABLE1_CPU_DECAY = MappingProxyType({"adam": 0.1, "sgd": 0.01})  # the paper's lambda: both shrink by 0.98 in total


def table1(scale: Scale, seed: int) -> Iterator[Cell]:
    """Table 1: top-1 of each method by data set, architecture and optimizer, beside controls."""
    for dataset in ("cifar10", "cifar100"):
        for family in ("ConvNeXt", "Swin"):
            for optimizer in LRS:
                where: dict[str, Any] = {"dataset": dataset, "optimizer": optimizer}
                if scale == "paper":
                    yield from _grid(scale, seed, family, TABLE1_METHODS, **where)
                    continue
                point: dict[str, Any] = {
                    "lr": CPU_LR[optimizer],
                    "weight_decay": cpu_decay(TABLE1_CPU_DECAY[optimizer]),
                }
                for method in TABLE1_METHODS:
                    yield _cell(scale, seed, family, method, **where, **point)


TABLE3_METHODS = ("wd", "rwd", "pwd", "lpwd", "lwd", "lrwd", "wd15")


def table3(scale: Scale, seed: int) -> Iterator[Cell]:
    """Table 3: from WD to LPWD one change at a time, with the layer rule at every timing beside it."""
    if scale == "paper":
        yield from _grid(scale, seed, "ConvNeXt", TABLE3_METHODS)
        return
    for method in ("baseline", *TABLE3_METHODS):
        in_paper = method in ("wd", "rwd", "pwd", "lpwd")  # Table 3 calls the architecture "Baseline"
        yield _cell(scale, seed, "ConvNeXt", method, in_paper, lr=0.001, weight_decay=cpu_decay(0.1))


def fig1(scale: Scale, seed: int) -> Iterator[Cell]:
    """Figure 1: training under a strong penalty, WD against LPWD, by architecture."""
    decay = 0.5 if scale == "paper" else cpu_decay(0.5)
    for family in ("ConvNeXt", "Swin"):
        controls = ("lwd", "wd15") if scale == "paper" or family == "ConvNeXt" else ("lwd",)
        for method in ("wd", "lpwd", *controls):
            yield _cell(scale, seed, family, method, lr=0.001, weight_decay=decay)
    if scale == "cpu":  # the paper's literal lambda, whose total shrink is 35 times smaller here
        for method in ("wd", "lpwd"):
            column = place("cifar100", "ConvNeXt", "adam") + ", literal λ"
            yield _cell(scale, seed, "ConvNeXt", method, lr=0.001, weight_decay=0.5, column=column)


def fig2(scale: Scale, seed: int) -> Iterator[Cell]:
    """Figure 2: the share of opposing penalties (R_op, eq. 10) of WD over learning rates and decay rates."""
    changes: dict[str, Any] = {"opposing_every": 1} | ({"epochs": 4} if scale == "cpu" else {})
    for family in ("ConvNeXt", "Swin"):
        for optimizer, lrs in LRS.items():
            for lr in lrs if scale == "paper" else lrs[::2]:
                for decay in DECAYS if scale == "paper" else (0.5, 0.05, 0.005):
                    point: dict[str, Any] = {"optimizer": optimizer, "lr": lr, "weight_decay": decay}
                    yield _cell(scale, seed, family, "wd", **point, **changes)


def fig3a(scale: Scale, seed: int) -> Iterator[Cell]:
    """Figure 3a: zero-shot decay (eq. 12) of trained weights, by architecture."""
    lr = BASE_LR["adam"] if scale == "paper" else CPU_LR["adam"]
    for family in ("ConvNeXt", "Swin"):
        yield _cell(scale, seed, family, "baseline", lr=lr, zero_shot=True)


def fig3b(scale: Scale, seed: int) -> Iterator[Cell]:
    """Figure 3b: RWD against PWD over decay rates."""
    methods = ("rwd", "pwd", "lrwd", "lpwd") if scale == "paper" else ("rwd", "pwd")
    decays = DECAYS if scale == "paper" else tuple(map(cpu_decay, (0.5, 0.1, 0.05, 0.005)))
    for decay in decays:
        for method in methods:
            yield _cell(scale, seed, "ConvNeXt", method, method in ("rwd", "pwd"), lr=0.001, weight_decay=decay)


def fig4(scale: Scale, seed: int) -> Iterator[Cell]:
    """Figure 4: top-1 over learning rate and decay rate, a heatmap a method."""
    for family in ("ConvNeXt", "Swin"):
        for optimizer, lrs in LRS.items():
            if scale == "paper":
                yield from _grid(scale, seed, family, ("wd", "lpwd", "lwd"), optimizer=optimizer)
                continue
            for lr in lrs[:3]:
                for decay in (0.5, 0.1, 0.05, 0.01):
                    scaled = cpu_decay(decay) if optimizer == "adam" else decay
                    for method in ("wd", "lpwd", "lwd"):
                        point: dict[str, Any] = {"optimizer": optimizer, "lr": lr, "weight_decay": scaled}
                        yield _cell(scale, seed, family, method, **point)


def fig5(scale: Scale, seed: int) -> Iterator[Cell]:
    """Figure 5: WD against LPWD by size of the model."""
    for size in MODEL_SCALES:
        if scale == "paper":
            yield from _grid(scale, seed, size, ("wd", "lpwd", "lwd"), column=size)
            continue
        for method in ("wd", "lpwd", "lwd"):
            yield _cell(scale, seed, size, method, lr=0.001, weight_decay=cpu_decay(0.1), column=size)
