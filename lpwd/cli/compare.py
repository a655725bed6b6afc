"""`lpwd compare`: compare runs of other trackers."""

import json
from pathlib import Path
from typing import Any

import click


@click.command(
    params=[
        click.Argument(["files"], nargs=-1, required=True, type=click.Path(exists=True, path_type=Path)),
        click.Option(["--method"], help="column with the methods  [default: guessed]"),
        click.Option(["--seed"], help="column with the seeds  [default: guessed; runs without seeds are not paired]"),
        click.Option(["--value"], help="column to compare  [default: guessed]"),
        click.Option(["--margin"], type=click.FloatRange(0, min_open=True), help="smallest relevant difference"),
        click.Option(["--json", "as_json"], is_flag=True, help="print all numbers as JSON"),
    ]
)
def compare(files: tuple[Path, ...], as_json: bool, **columns: Any) -> None:
    """Compare runs of wandb, MLflow, TensorBoard or Trackio from CSV files, folders of CSV files, or a database."""
    from lpwd.analysis.exports import read_files
    from lpwd.analysis.foreign import compare as compared

    found = compared(read_files(files), **columns)
    click.echo(json.dumps(found.as_json(), indent=1) if as_json else str(found))
