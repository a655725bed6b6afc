"""`lpwd audit`."""

import contextlib
import json
import sys
import warnings
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from lpwd.config import ConfigError

if TYPE_CHECKING:
    from lpwd.audit.decay import Audit
    from lpwd.audit.trial import Target

EXPECTABLE = ("none", "coupled", "decoupled", "cautious")


@click.command()
@click.argument("classes", nargs=-1, required=True, metavar="CLASS...")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object per class")
@click.option("--expect", type=click.Choice(EXPECTABLE), help="exit with 1 unless every class has this kind of decay")
def audit(classes: tuple[str, ...], as_json: bool, expect: str | None) -> None:
    """Measure what weight_decay does in an optimizer: nadam, timm:lion, package.module:Class, or all optimizers of a
    package such as torch or timm. Exits with 1 if a class has a defect or does not match --expect. Imports the named
    modules."""
    import torch

    from lpwd.audit.decay import audit as measure
    from lpwd.audit.table import markdown
    from lpwd.audit.targets import version

    warnings.simplefilter("ignore")
    results: list[Audit] = []
    for target in _targets(classes):
        with torch.compiler.set_stance("force_eager"), contextlib.redirect_stdout(sys.stderr):
            results.append(measure(target))  # compiling a step takes longer than all trials
        if as_json:
            row = {"version": version(target.name), **asdict(results[-1])}
            click.echo(json.dumps(row, ensure_ascii=False))
    if not as_json:
        click.echo(markdown(map(asdict, results)))
    wrong = [one for one in results if one.defects or (expect and not one.meets(expect))]
    for one in wrong:
        reason = "; ".join(one.defects) or one.problem or f"is {one.kind}, not {expect}"
        click.echo(f"{one.name}: {reason}", err=True)
    sys.exit(1 if wrong else 0)


def _targets(classes: tuple[str, ...]) -> "list[Target]":
    import torch

    from lpwd.audit.targets import targets

    torch.set_num_threads(1)
    try:
        return [target for name in classes for target in targets(name)]
    except (ImportError, ValueError) as error:
        raise ConfigError(f"audit: {error}") from error
