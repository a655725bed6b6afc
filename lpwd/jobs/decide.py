"""Sweeps that end when every claim is decided: seeds are added in planned looks, each with a share of the level."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from lpwd.analysis.inference import holm, looks, spent
from lpwd.analysis.pairs import DECIDED, Paired
from lpwd.analysis.words import short
from lpwd.config import ConfigError
from lpwd.paper.contrasts import Placed
from lpwd.paper.findings import claims
from lpwd.paper.numbers import Scale
from lpwd.paper.presets import Preset
from lpwd.runs import RunSource

MOST_SEEDS = 20


@dataclass
class Decision:
    """The claims of a preset, and the look that decided each."""

    preset: Preset
    scale: Scale
    most: int = MOST_SEEDS
    decided: dict[tuple[str, ...], tuple[int, Paired]] = field(default_factory=dict)  # (look, pair) by claim
    last: dict[tuple[str, ...], tuple[int, Placed]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ConfigError for a preset without contrasts, or too few seeds for a verdict."""
        if not self.preset.contrasts:
            raise ConfigError(f"preset {self.preset.name!r} has no contrast to decide")
        if self.most < 3:
            raise ConfigError(f"max-seeds is {self.most}: a verdict needs at least 3")

    def run(self, source: RunSource, sweep: Callable[[int], bool]) -> None:
        """Sweep to each planned look and judge there, until all claims are decided or the seeds are used up.

        `sweep` runs the cells of seeds 0 to n - 1 without a result, and returns whether to continue.
        """
        for seeds in looks(self.most):
            if not sweep(seeds) or self.look(source, seeds):
                return

    def look(self, source: RunSource, seeds: int) -> bool:
        """Judge the undecided claims on the first `seeds` seeds, and return whether all are decided.

        Applies Holm's correction to them, at the level that Pocock's spending function gives this look.
        """
        placed = {_key(one): one for one in claims(self.preset, source, self.scale, seeds)}
        still_open = [key for key in placed if key not in self.decided]
        judges = [placed[key].pair.decided for key in still_open]
        for key, alpha in zip(still_open, holm(judges, spent(self.most)[seeds]), strict=True):
            pair = replace(placed[key].pair, alpha=alpha)
            self.last[key] = (seeds, replace(placed[key], pair=pair))
            if pair.outcome in DECIDED:
                self.decided[key] = (seeds, pair)
        return len(self.decided) == len(placed)

    def sentences(self) -> list[str]:
        """Return one sentence per claim, with its verdict and the number of seeds."""
        return [
            f"{one.sentence(self.preset, self.scale)} "
            f"{'Decided' if key in self.decided else 'Still undecided'} at {seeds} seeds."
            for key, (seeds, one) in self.last.items()
        ]

    def as_json(self) -> list[dict[str, Any]]:
        """Return the verdicts as JSON."""
        return [
            {
                **{"column": one.column, "method": one.pair.method, "other": one.pair.other, "value": one.pair.value},
                **{"outcome": one.pair.outcome, "seeds": seeds, "alpha": one.pair.alpha, "mean": short(one.pair.mean)},
                **dict(zip(("low", "high"), map(short, one.pair.interval), strict=True)),
            }
            for seeds, one in self.last.values()
        ]


def _key(one: Placed) -> tuple[str, ...]:
    return one.column, one.pair.method, one.pair.other, one.pair.value
