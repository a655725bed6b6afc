"""What an untouched form shows on this machine: its data set, where the Hub can be had or not, and its precision."""

from concurrent.futures import Future, TimeoutError
from dataclasses import dataclass

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

    def values(self) -> dict[str, str]:
        dataset = self.dataset()
        return {"dataset": dataset, "precision": self.precision(dataset)}
