"""The scans over lambda on the landing: preset `scan` (digits, from scratch) and preset `settle` (fine-tuning).

This module does not import pandas, which the page loads later. `lpwd.hub.scans` computes scans from published runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lpwd.config import ConfigError, RunConfig
from lpwd.facts import DATASETS
from lpwd.methods import get_method
from lpwd.paper.pair import SNAPSHOT
from lpwd.paper.presets import get_preset

NAMES = ("scan", "settle")
LABELS: dict[str, str] = {"scan": "from scratch", "settle": "fine-tuning"}


@dataclass(frozen=True)
class Scan:
    """The cells of a preset for the methods that have every lambda; lambdas are in ascending order."""

    name: str
    label: str
    decays: tuple[float, ...]
    methods: tuple[str, ...]
    cells: Mapping[tuple[str, float], RunConfig]  # (method, lambda) -> seed 0

    @property
    def first(self) -> RunConfig:
        """WD at the smallest lambda; cells differ from it in method and lambda only."""
        return self.cells[self.methods[0], self.decays[0]]

    def config(self, method: str, decay: float, seed: int) -> RunConfig:
        """Return the configuration of a cell. Raises ConfigError if the scan lacks it."""
        if decay not in self.decays:
            raise ConfigError(
                f"Weight decay λ is {decay:g}: {self.name} has {', '.join(map('{:g}'.format, self.decays))}"
            )
        if method not in self.methods:
            raise ConfigError(f"method is {method!r}: {self.name} has {', '.join(self.methods)}")
        return RunConfig(**self.cells[method, decay].model_dump() | {"seed": seed})

    @property
    def steps(self) -> int:
        """Optimizer steps per run."""
        config = self.first
        images = (config.train_samples or DATASETS[config.dataset].train_images) - config.validation_samples
        return -(-images // config.batch_size) * config.epochs

    def frame(self) -> dict[str, Any]:
        """Return the facts that the page shows before any result."""
        config = self.first
        return {
            "name": self.name,
            "label": self.label,
            "decays": list(self.decays),
            "lr": config.lr,
            "epochs": config.epochs,
            "steps": self.steps,
            "decayingSteps": self.steps
            * (0.5 if config.schedule == "cosine" else 1),  # steps at full eta with the same total decay
            "chance": 100 / DATASETS[config.dataset].classes,
        }


def get_scan(name: str) -> Scan:
    """Return a scan by name. Raises ConfigError if the name is unknown."""
    if name not in NAMES:
        raise ConfigError(f"scan is {name[:40]!r}: allowed are {', '.join(NAMES)}")
    cells: dict[tuple[str, float], RunConfig] = {}
    every = get_preset(name).cells("cpu", 1)
    for cell in every:
        compared = cell.column == every[0].column and get_method(cell.row).has_total_decay
        if cell.config.weight_decay and compared:
            cells[cell.config.method, cell.config.weight_decay] = cell.config
    decays = sorted({decay for method, decay in cells if method == "wd"})
    methods = tuple(m for m in dict.fromkeys(m for m, _ in cells) if all((m, decay) in cells for decay in decays))
    whole = {(method, decay): cells[method, decay] for method in methods for decay in decays}
    dataset = DATASETS[next(iter(cells.values())).dataset].label
    return Scan(name, f"{dataset}, {LABELS[name]}", tuple(decays), methods, whole)


def file_of(name: str, folder: Path = SNAPSHOT) -> Path:
    """Return the path of a scan in a snapshot."""
    return folder / f"{name}.json"
