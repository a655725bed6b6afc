"""`lpwd check`: test the registrations of plug-ins."""

import sys
from collections.abc import Callable
from pathlib import Path

import click

from lpwd import plugins
from lpwd.config import ConfigError, RunConfig
from lpwd.methods import METHODS
from lpwd.optimizers import OPTIMIZERS

MOST_ERROR = 1e-10  # relative; reordered float64 sums differ by 1e-15


@click.command(params=[click.Argument(["files"], nargs=-1, required=True, type=click.Path(path_type=Path))])
def check(files: tuple[Path, ...]) -> None:
    """Load plug-ins and test everything that they register; exits with 1 if a test fails.

    Compares methods with their reference over 20 steps of a small model, loads data sets, builds models and makes one
    step with optimizers.
    """
    failed = False
    for plugin in map(plugins.load, files):
        click.echo(f"{plugin.path}: {plugin.record}")
        for kind, name in sorted(plugin.names):
            try:
                outcome = "ok     " + TRIALS[kind](name)
            except (ConfigError, ValueError, TypeError, RuntimeError) as error:
                outcome, failed = "failed " + str(error).partition("\n")[0], True
            click.echo(f"  {kind:9} {name:20} {outcome}")
    sys.exit(int(failed))


def _method(name: str) -> str:
    row = METHODS[name]
    if not row.reference:
        return f"{row.timing}, {row.color}; names no reference"
    from lpwd.optim.check import reference_errors

    errors = reference_errors(name)
    worst = max(errors.values())
    if not worst < MOST_ERROR:
        raise ValueError(f"its weights differ from its reference by {worst:.1g} of their norm")
    return f"{row.timing}, {row.color}; follows its reference with {' and '.join(errors)} ({worst:.0e})"


def _optimizer(name: str) -> str:
    import torch

    from lpwd.optim import build_optimizer

    model = torch.nn.Linear(3, 2)
    optimizer = build_optimizer(model, name, "wd", OPTIMIZERS[name].lr, 0.1)
    model(torch.ones(4, 3)).sum().backward()
    optimizer.step()
    if not all(p.isfinite().all() for p in model.parameters()):
        raise ValueError("its first step leaves weights that are not finite")
    return f"{OPTIMIZERS[name].label}, first learning rate {OPTIMIZERS[name].lr:g}"


def _dataset(name: str) -> str:
    from lpwd.training.data import own

    (config,) = own.pin([RunConfig(dataset=name)])
    facts = own.facts(config)
    counts = f"{facts.train_images:,} training and {facts.test_images:,} test images of {facts.classes} classes"
    return f"{counts}, digest {config.data_digest}"


def _model(name: str) -> str:
    from lpwd.training import models

    config = RunConfig(model=name, dataset="digits")
    models.check(config)
    return f"{models.footprint(config).parameters:,} parameters with 10 classes at {config.image_size} pixels"


TRIALS: dict[str, Callable[[str], str]] = {
    "method": _method,
    "optimizer": _optimizer,
    "dataset": _dataset,
    "model": _model,
}
