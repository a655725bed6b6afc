"""Why the form starts with digits: one sentence where CIFAR can neither be fetched nor is cached, else None."""

from lpwd.config import ConfigError
from lpwd.facts import DATASETS
from lpwd.ui.shared import defaults


def why_digits() -> str | None:
    """Takes some seconds where the Hub does not answer: run it in the background."""
    from lpwd.hub.fetch import probe
    from lpwd.training.data import images  # opencv and the Hub's client take longer to import than the page needs

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
