"""What the cells of a preset cost: runs, images, hours at a measured speed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lpwd.config import RunConfig
from lpwd.facts import DATASETS, EVALUATION_SPEEDUP, ZERO_SHOT_EVALUATIONS
from lpwd.paper.grids import Cell


@dataclass(frozen=True)
class Cost:
    """What cells ask for: distinct runs, images passed forward and backward, images only evaluated, hours."""

    runs: int
    training_images: int
    evaluation_images: int
    hours: float

    @property
    def images(self) -> int:
        """Images that pass forward, whether for training or for evaluation."""
        return self.training_images + self.evaluation_images


def cost(cells: Iterable[Cell], images_per_second: float | Callable[[RunConfig], float]) -> Cost:
    """The cost at a measured training speed, for all models alike or as a function of the configuration."""
    distinct: dict[str, Cell] = {}
    for cell in cells:
        if cell.measurement != "training" or cell.run_id not in distinct:
            distinct[cell.run_id] = cell
    training, evaluation, seconds = 0, 0, 0.0
    for cell in distinct.values():
        speed = images_per_second(cell.config) if callable(images_per_second) else images_per_second
        trained, evaluated = _images(cell)
        training, evaluation = training + trained, evaluation + evaluated
        seconds += (trained + evaluated / EVALUATION_SPEEDUP) / speed
    return Cost(len(distinct), training, evaluation, seconds / 3600)


def _images(cell: Cell) -> tuple[int, int]:
    """Images that one cell trains on and evaluates, over all its epochs."""
    config = cell.config
    facts = DATASETS[config.dataset]
    train = min(config.train_samples or facts.train_images, facts.train_images)
    test = min(config.test_samples or facts.test_images, facts.test_images)
    evaluated = config.epochs * (test + config.validation_samples)
    if cell.measurement == "zero_shot":
        evaluated += ZERO_SHOT_EVALUATIONS * test
    return config.epochs * (train - config.validation_samples), evaluated
