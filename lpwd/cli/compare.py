"""`lpwd compare`: the verdicts of runs that were not trained here."""

import json
from pathlib import Path
from typing import Any

import click


@click.command(
    params=[
        click.Argument(["files"], nargs=-1, required=True, type=click.Path(exists=True, path_type=Path)),
        click.Option(["--method"], help="column of the methods  [default: guessed]"),
        click.Option(["--seed"], help="column of the seeds  [default: guessed; without one runs are not paired]"),
        click.Option(["--value"], help="column to compare  [default: guessed]"),
        click.Option(["--margin"], type=click.FloatRange(0, min_open=True), help="difference that matters"),
        click.Option(["--json", "as_json"], is_flag=True, help="all numbers, for programs"),
    ]
)
def compare(files: tuple[Path, ...], as_json: bool, **columns: Any) -> None:
    """Compare runs of wandb, MLflow, TensorBoard or Trackio: CSV exports, a folder of them, a project's database."""
    from lpwd.analysis.exports import read_files
    from lpwd.analysis.foreign import compare as compared

    found = compared(read_files(files), **columns)
    click.echo(json.dumps(found.as_json(), indent=1) if as_json else str(found))
