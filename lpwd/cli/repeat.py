"""`lpwd repeat`: is a recorded run what its configuration gives?"""

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
    ["--threads"], type=click.IntRange(1), help="CPU threads of torch  [default: as many as the run had]"
)


@click.command(params=[click.Argument(["run_id"]), device_option, threads_option, runs_dir_option])
def repeat(run_id: str, device: str, threads: int | None, runs_dir: Path) -> None:
    """Train a finished run again, elsewhere, and compare every number with the stored ones."""
    store = RunStore(runs_dir)
    status = store.status(run_id)
    if status.state not in ENDED:
        raise ConfigError(f"run {run_id!r} is {status.state}: only a finished run can be compared")
    stored = store.read_metrics(run_id)[0]
    whole = has_steps(stored)
    if not whole:
        stored = [without_gaps(record) for record in stored if record["event"] in PUBLISHED]
        click.echo(f"{run_id} was taken back from published results: its epochs and results are compared", err=True)
    if not stored:
        raise ConfigError(f"run {run_id!r} has no recorded epoch and no result: there is nothing to compare")
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
    """Exit code and records of the same configuration and kernels, trained in a temporary folder."""
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


PUBLISHED = frozenset({"epoch", "zero_shot", "diverged", "finished"})  # what a run taken back from the Hub records


def has_steps(records: Records) -> bool:
    """False for a run that was taken back from published results, which hold epochs and results alone."""
    return any(record["event"] == "step" for record in records)


def differ(stored: dict[str, Any], repeated: dict[str, Any]) -> bool:
    """Whether a field that the stored record tells is another in the repeated one."""
    given, obtained = reproducible(stored), reproducible(repeated)
    return any(json.dumps(value) != json.dumps(obtained.get(name)) for name, value in given.items())  # NaN equals NaN


def without_gaps(record: dict[str, Any]) -> dict[str, Any]:
    """A published record without what its row lacks: None, NaN and empty lists stand for that."""
    return {name: value for name, value in record.items() if value is not None and value != [] and value == value}
