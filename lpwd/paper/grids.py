"""The cells of every preset: which configuration stands at which place; chosen before anything is run."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from lpwd.config import RunConfig
from lpwd.facts import DATASETS
from lpwd.optimizers import optimizer_label
from lpwd.paper import regime
from lpwd.paper.numbers import BASE_LR, DECAYS, LRS, PAPER_BASE, PAPER_MODELS, PAPER_SIZES, Scale, place
from lpwd.starts import name_of


@dataclass(frozen=True)
class Cell:
    """One run and its place: `column` is a table's column or a figure's panel, `row` the method."""

    config: RunConfig
    column: str
    in_paper: bool  # False: a control that the paper lacks
    start: RunConfig | None = None  # the run whose weights `config.init_from` names

    @property
    def row(self) -> str:
        """The method: a table's row, a figure's curve."""
        return self.config.method

    @property
    def run_id(self) -> str:
        """The run that fills this cell; cells of several presets may share it."""
        return self.config.run_id

    @property
    def from_own_start(self) -> "Cell":
        """The same cell from a start trained here, for use if the published one is unavailable."""
        if self.start is None:
            return self
        return replace(self, config=RunConfig(**self.config.model_dump() | {"init_from": self.start.run_id}))


PAPER_METHODS = ("baseline", "l2", "wd", "rwd", "pwd", "lpwd")
UNDECAYED = ("baseline", "adamh", "soda")


def pretrained_run(family: str) -> RunConfig:
    """The run of scale cpu that makes a model's start."""
    return RunConfig(**(regime.PRETRAINING | regime.CPU_MODELS[family]))


def _cell(scale: Scale, seed: int, family: str, method: str, in_paper: bool | None = None, **changes: Any) -> Cell:
    """A fine-tuning cell; `family` names the model, `column` (optional) the place."""
    changes = {"dataset": "cifar100", "optimizer": "adam"} | changes
    column = changes.pop("column", place(changes["dataset"], family, changes["optimizer"]))
    if method in UNDECAYED:
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


def _grid(scale: Scale, seed: int, family: str, methods: Iterable[str], **changes: Any) -> Iterator[Cell]:
    """Table 2's whole grid for each method; Baseline has no lambda to search."""
    for method in methods:
        for lr in LRS[changes.get("optimizer", "adam")]:
            for decay in DECAYS if method != "baseline" else (0.0,):
                yield _cell(scale, seed, family, method, **{"lr": lr, "weight_decay": decay} | changes)


def _point(optimizer: str = "adam") -> dict[str, Any]:
    """The one setting of scale cpu that stands for a grid."""
    return {"optimizer": optimizer, "lr": regime.CPU_LR[optimizer], "weight_decay": regime.CPU_DECAY[optimizer]}


TABLE1_METHODS = ("baseline", "l2", "wd", "lpwd", "lwd", "wd15")


def table1(scale: Scale, seed: int) -> Iterator[Cell]:
    """Table 1: top-1 of each method by data set, architecture and optimizer, beside controls."""
    for dataset in ("cifar100", "cifar10") if scale == "cpu" else ("cifar10", "cifar100"):
        for family in ("ConvNeXt", "Swin"):
            for optimizer in LRS:
                where: dict[str, Any] = {"dataset": dataset, "optimizer": optimizer}
                if scale == "paper":
                    yield from _grid(scale, seed, family, TABLE1_METHODS, **where)
                    continue
                for method in TABLE1_METHODS:
                    yield _cell(scale, seed, family, method, **where | _point(optimizer))


TABLE3_METHODS = ("wd", "rwd", "pwd", "lpwd", "lwd", "lrwd", "wd15")


def table3(scale: Scale, seed: int) -> Iterator[Cell]:
    """Table 3: from WD to LPWD one change at a time, with the layer rule at every timing beside it."""
    if scale == "paper":
        yield from _grid(scale, seed, "ConvNeXt", TABLE3_METHODS)
        return
    for method in ("baseline", *TABLE3_METHODS):
        in_paper = method in ("wd", "rwd", "pwd", "lpwd")  # Table 3 calls the architecture "Baseline"
        yield _cell(scale, seed, "ConvNeXt", method, in_paper, **_point())


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
    """Figure 4: top-1 over learning rate and decay rate, a heatmap a method."""
    for family in ("ConvNeXt", "Swin") if scale == "paper" else ("ConvNeXt",):
        for optimizer, lrs in LRS.items():
            if scale == "paper":
                yield from _grid(scale, seed, family, ("wd", "lpwd", "lwd"), optimizer=optimizer)
                continue
            for lr in lrs[:3]:
                for decay in regime.FIG4_DECAYS:
                    for method in ("wd", "lpwd"):
                        point: dict[str, Any] = {"optimizer": optimizer, "lr": lr, "weight_decay": decay}
                        yield _cell(scale, seed, family, method, **point)


def fig5(scale: Scale, seed: int) -> Iterator[Cell]:
    """Figure 5: WD against LPWD by size of the model."""
    for size in PAPER_SIZES if scale == "paper" else regime.CPU_SIZES:
        if scale == "paper":
            yield from _grid(scale, seed, size, ("wd", "lpwd", "lwd"), column=size)
            continue
        for method in ("wd", "lpwd", "lwd"):
            yield _cell(scale, seed, size, method, **_point(), column=size)


# ---- presets that the paper lacks


def settle(scale: Scale, seed: int) -> Iterator[Cell]:
    """One fine-tuning task; strengths, controls and rivals. Scale paper: the same points with the paper's models.

    The first column, Adam at a constant eta, is what the question is about. The other rivals have columns of their own:
    AdamC over a half cosine, at a constant eta it is WD; and Muon, with lambda so that eta lambda is Adam's.
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
    """No decay, and each method at the strengths of the first column."""
    point: dict[str, Any] = {"lr": regime.SETTLE_LR, "column": column} | changes
    yield _cell(scale, seed, "ConvNeXt", "baseline", weight_decay=0.0, **point)
    for decay in regime.SETTLE_DECAYS:
        for method in methods:
            weight_decay = decay * regime.SETTLE_LR / point["lr"]
            yield _cell(scale, seed, "ConvNeXt", method, weight_decay=weight_decay, **point)


PRETRAINED_FAMILIES = ("ConvNeXt", "Swin", "half atto", "pico")  # in the order in which they are needed
LONGER: MappingProxyType[str, Any] = MappingProxyType(
    {"epochs": 100, "batch_size": 512, "precision": "bf16", "scale": "paper"}
)


def pretrain(scale: Scale, seed: int) -> Iterator[Cell]:
    """The starts; at scale paper the paper's models on the same images, for who wants starts of known origin."""
    for family in PRETRAINED_FAMILIES if scale == "cpu" else ("ConvNeXt", "Swin"):
        config = pretrained_run(family)
        if scale == "paper":
            config = RunConfig(**(regime.PRETRAINING | PAPER_MODELS[family] | LONGER))
        config = RunConfig(**(config.model_dump() | {"seed": seed}))
        yield Cell(config, place(config.dataset, family, config.optimizer), in_paper=False)


SCAN_COLUMN = f"{DATASETS['digits'].label}, ConvNeXt of 0.28 M parameters, {optimizer_label('adam')}"


def scan(scale: Scale, seed: int) -> Iterator[Cell]:
    """Both scales are the same runs: seconds each."""
    base = regime.SMALL | regime.SMALL_MODEL
    base |= {"optimizer": "adam", "lr": regime.SCAN_LR, "seed": seed, "scale": scale}
    points = [("baseline", 0.0)]
    points += [(method, decay) for decay in regime.SCAN_DECAYS for method in regime.SCAN_METHODS]
    for method, decay in points:
        config = RunConfig(**(base | {"method": method, "weight_decay": decay}))
        yield Cell(config, SCAN_COLUMN, in_paper=False)
