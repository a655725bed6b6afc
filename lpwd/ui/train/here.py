"""What an untouched form shows on this machine: its data set, where the Hub can be had or not, and its precision."""

from concurrent.futures import Future, TimeoutError
from contextlib import suppress
from dataclasses import dataclass

from lpwd.config import ConfigError
from lpwd.facts import DatasetName
from lpwd.ui.live import Live
from lpwd.ui.shared import defaults


def first_dataset(hub_problem: Future[str | None], seconds: float) -> DatasetName:
    """What the form starts with; digits where the Hub does not answer in time."""
    try:
        return defaults.OFFLINE_DATASET if hub_problem.result(seconds) else defaults.DATASET
    except TimeoutError:
        return defaults.OFFLINE_DATASET


@dataclass(frozen=True)
class Here:
    """What an untouched form shows on this machine, where machines differ."""

    live: Live
    hub_problem: Future[str | None]
    built_with: DatasetName

    def dataset(self) -> DatasetName:
        return first_dataset(self.hub_problem, 0) if self.hub_problem.done() else self.built_with

    def precision(self, dataset: str) -> str:
        """The machine's, but for digits, whose small network is the one of the published scan."""
        has_machine = self.live.machine.done() and not self.live.machine.exception()
        usual = dataset == defaults.OFFLINE_DATASET or not has_machine
        return defaults.FORM["precision"] if usual else self.live.machine.result().precision

    def values(self, dataset: str | None = None) -> dict[str, str]:
        """The data set, unless a link names another, and the precision for it, as far as both are known now."""
        dataset = dataset or self.dataset()
        return {"dataset": dataset, "precision": self.precision(dataset)}

    def when_built(self) -> dict[str, str]:
        """The same for the page as it was built."""
        return {"dataset": self.built_with, "precision": defaults.FORM["precision"]}

    def wait(self, hub_seconds: float, machine_seconds: float) -> tuple[str, list[str]]:
        """Wait until both are known: what is wrong with the Hub, or "", and the models that this machine offers."""
        problem, models = "", []
        with suppress(TimeoutError):
            problem = self.hub_problem.result(hub_seconds) or ""
        with suppress(ConfigError, TimeoutError):  # the strip says it
            models = self.live.machine.result(machine_seconds).models
        return problem, models
