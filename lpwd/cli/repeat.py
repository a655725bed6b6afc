"""`lpwd repeat`: reproduce a recorded run and compare."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from lpwd.cli.options import device_option, runs_dir_option
from lpwd.cli.train import run
from lpwd.config import ConfigError
from lpwd.events import reproducible
from lpwd.starts import split
from lpwd.store import ENDED, RunStore

Records = list[dict[str, Any]]

threads_option = click.Option(
    ["--threads"], type=click.IntRange(1), help="torch CPU threads  [default: those of the run]"
)


@click.command(params=[click.Argument(["run_id"]), device_option, threads_option, runs_dir_option])
def repeat(run_id: str, device: str, threads: int | None, runs_dir: Path) -> None:
    """Train a finished run again in a temporary folder and compare every number with the recorded ones."""
    store = RunStore(runs_dir)
    status = store.status(run_id)
    if status.state not in ENDED:
        raise ConfigError(f"run {run_id!r} is {status.state}: only finished runs can be repeated")
    stored = store.read_metrics(run_id)[0]
    whole = has_steps(stored)
    if not whole:
        stored = [without_gaps(record) for record in stored if record["event"] in PUBLISHED]
        click.echo(f"{run_id} was restored from published results: only epochs and results are compared", err=True)
    if not stored:
        raise ConfigError(f"run {run_id!r} has no recorded epochs or results to compare")
    code, repeated = train_elsewhere(store, run_id, device, threads or status.threads or None)
    repeated = [record for record in repeated if whole or record["event"] in PUBLISHED]
    differences = [pair for pair in zip(stored, repeated, strict=False) if differ(*pair)]
    same = len(stored) == len(repeated) and not differences
    report = {"run_id": run_id, "identical": same, "records": len(stored), "differing": len(differences)}
    if differences:
        report["first_difference"] = dict(zip(("stored", "repeated"), differences[0], strict=True))
    if warning := store.history(run_id).warning:
        click.echo(f"{run_id}: {warning}.", err=True)
    click.echo(json.dumps(report))
    sys.exit(code or (0 if same else 1))


def train_elsewhere(store: RunStore, run_id: str, device: str, threads: int | None) -> tuple[int, Records]:
    """Train the configuration of a run in a temporary folder; return exit code and records."""
    config = store.config(run_id)
    started = store.history(run_id).started
    if (started.kernels if started else store.status(run_id).kernels) == "timm":
        config = config.model_copy(update={"kernels": "timm"})
    with tempfile.TemporaryDirectory(prefix="lpwd-repeat-") as folder:
        second = RunStore(folder)
        repeated = second.create(config)
        if config.init_from and not split(config.init_from)[1]:
            (second.root / config.init_from).symlink_to(store.existing(config.init_from).folder)
        code = run(second, [repeated], device, threads, quiet=True)
        return code, second.read_metrics(repeated)[0]


PUBLISHED = frozenset({"epoch", "zero_shot", "diverged", "finished"})  # events of runs restored from the Hub


def has_steps(records: Records) -> bool:
    """Return whether steps were recorded; runs restored from published results have none."""
    return any(record["event"] == "step" for record in records)


def differ(stored: dict[str, Any], repeated: dict[str, Any]) -> bool:
    """Return whether any field of the stored record has another value in the repeated one."""
    given, obtained = reproducible(stored), reproducible(repeated)
    return any(json.dumps(value) != json.dumps(obtained.get(name)) for name, value in given.items())  # NaN equals NaN


def without_gaps(record: dict[str, Any]) -> dict[str, Any]:
    """Remove the fields that published results do not have: None, NaN and empty lists."""
    return {name: value for name, value in record.items() if value is not None and value != [] and value == value}
