"""Explain why the form starts with digits instead of CIFAR."""

from lpwd.config import ConfigError
from lpwd.facts import DATASETS
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
