"""Defaults of the form that depend on the machine: data set (is the Hub reachable?) and precision."""

from concurrent.futures import Future, TimeoutError
from contextlib import suppress
from dataclasses import dataclass

from lpwd.config import ConfigError
from lpwd.facts import DATASETS, DatasetName
from lpwd.ui.live import Live
from lpwd.ui.shared import defaults


def why_digits() -> str | None:
    """Return one sentence if CIFAR is neither cached nor downloadable, else None. Blocks for seconds if offline."""
    from lpwd.hub.fetch import probe
    from lpwd.training.data import images  # slow imports

    source = DATASETS[defaults.DATASET].hub
    if source is None or images.cached_sizes(defaults.DATASET):
        return None
    try:
        probe(source.repo, "dataset")
    except ConfigError as error:
        return (
            f"{error} CIFAR is not cached here either, so the form starts with digits: scikit-learn's 8×8 images, "
            "upscaled."
        )
    return None


def first_dataset(hub_problem: Future[str | None], seconds: float) -> DatasetName:
    """Return the default data set: digits if the Hub does not answer in time."""
    try:
        return defaults.OFFLINE_DATASET if hub_problem.result(seconds) else defaults.DATASET
    except TimeoutError:
        return defaults.OFFLINE_DATASET


@dataclass(frozen=True)
class MachineDefaults:
    """Defaults of the form that depend on the machine."""

    live: Live
    hub_problem: Future[str | None]
    built_with: DatasetName

    def dataset(self) -> DatasetName:
        return first_dataset(self.hub_problem, 0) if self.hub_problem.done() else self.built_with

    def precision(self, dataset: str) -> str:
        """Return the machine's precision; for digits that of the published scan."""
        has_machine = self.live.machine.done() and not self.live.machine.exception()
        usual = dataset == defaults.OFFLINE_DATASET or not has_machine
        return defaults.FORM["precision"] if usual else self.live.machine.result().precision

    def values(self, dataset: str | None = None) -> dict[str, str]:
        """Return data set and precision, as far as they are known now."""
        dataset = dataset or self.dataset()
        return {"dataset": dataset, "precision": self.precision(dataset)}

    def when_built(self) -> dict[str, str]:
        """Return the defaults that the page was built with."""
        return {"dataset": self.built_with, "precision": defaults.FORM["precision"]}

    def wait(self, hub_seconds: float, machine_seconds: float) -> tuple[str, list[str]]:
        """Wait for the Hub and the machine; return the problem with the Hub, or "", and the available models."""
        problem, models = "", []
        with suppress(TimeoutError):
            problem = self.hub_problem.result(hub_seconds) or ""
        with suppress(ConfigError, TimeoutError):  # the strip shows the error
            models = self.live.machine.result(machine_seconds).models
        return problem, models
