"""`python -m lpwd`: train, race, resume, repeat. Sweeps and reports, pull and push add themselves below."""

import json
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from lpwd.cli.options import options
from lpwd.cli.progress import Bars
from lpwd.config import ConfigError, RunConfig
from lpwd.events import reproducible
from lpwd.store import ENDED, RunStore, State

EXIT_CODES: dict[State, int] = {"finished": 0, "failed": 1, "diverged": 3, "stopped": 130, "interrupted": 130}
RESULTS = ("best10_mean", "best10_std", "last_top1", "val_selected_top1", "train_loss", "images_per_second", "seconds")

PUBLISHED = ("epoch", "zero_shot", "diverged", "finished")  # the events that published results have

runs_dir_option = click.Option(
    ["--runs-dir"],
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    envvar="LPWD_RUNS_DIR",
    help="where runs are kept",
)
device_option = click.Option(
    ["--device"], default="auto", show_default=True, envvar="LPWD_DEVICE", help="auto, cpu, cuda or cuda:1"
)
threads_option = click.Option(["--threads"], type=click.IntRange(1), help="CPU threads of torch  [default: all cores]")
again_option = click.Option(["--again"], is_flag=True, help="begin anew where the run is finished or has a checkpoint")


class Group(click.Group):
    """Shows every ConfigError as one sentence with exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(2)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Layer-wise pre-weight decay: train, compare, reproduce."""


def _command(name: str, parameters: Sequence[click.Parameter], help: str) -> Callable[[Callable[..., None]], None]:
    """Register a function whose parameters are made from RunConfig's fields."""

    def register(function: Callable[..., None]) -> None:
        main.add_command(click.Command(name, params=list(parameters), callback=function, help=help))

    return register


@_command(
    "train",
    [*options(multiple_methods=False), device_option, threads_option, runs_dir_option, again_option],
    "Train one run; the last line on stdout is its result as JSON.",
)
def train(device: str, threads: int | None, runs_dir: Path, again: bool, method: str, **fields: Any) -> None:
    _train(RunStore(runs_dir), [method], fields, device, threads, again)


@_command(
    "race",
    [*options(multiple_methods=True), device_option, threads_option, runs_dir_option, again_option],
    "Train several methods in lock step: same initial weights, same batches; a line of JSON each.",
)
def race(device: str, threads: int | None, runs_dir: Path, again: bool, method: tuple[str, ...], **fields: Any) -> None:
    _train(RunStore(runs_dir), list(dict.fromkeys(method)), fields, device, threads, again)


@main.command()
@click.argument("run_id")
@click.pass_context
def resume(ctx: click.Context, run_id: str, device: str, threads: int | None, runs_dir: Path) -> None:
    """Go on from a run's last checkpoint, with the lanes of its race that have not ended."""
    store = RunStore(runs_dir)
    store.recover()
    job = store.status(run_id).job
    lanes = [record.run_id for record in reversed(store.records()) if job and record.status.job == job] or [run_id]
    ctx.exit(_run(store, lanes, device, threads))


@main.command()
@click.option("--url", default="http://127.0.0.1:7860", show_default=True, help="address of the app")
def owner(url: str, runs_dir: Path) -> None:
    """Print the link that makes a browser the owner's: it may stop, rename and delete every run of the app."""
    click.echo(f"{url.rstrip('/')}/owner?key={RunStore(runs_dir).owner_key()}")


@main.command()
@click.argument("run_id")
@click.pass_context
def repeat(ctx: click.Context, run_id: str, device: str, threads: int | None, runs_dir: Path) -> None:
    """Train a finished run again, elsewhere, and compare every number with the stored ones.

    With as many CPU threads as it was trained with, unless --threads says otherwise.
    """
    store = RunStore(runs_dir)
    config, status = store.config(run_id), store.status(run_id)
    if status.state not in ENDED:
        raise ConfigError(f"run {run_id!r} is {status.state}: only a finished run can be compared")
    with tempfile.TemporaryDirectory(prefix="lpwd-repeat-") as folder:
        second = RunStore(folder)
        second.create(config)
        if config.init_from:
            (second.root / config.init_from).symlink_to(store.existing(config.init_from).folder)
        code = _run(second, [run_id], device, threads or status.threads or None, quiet=True)
        report = compared(store.read_metrics(run_id)[0], second.read_metrics(run_id)[0])
    if "compared" in report:
        click.echo(f"{run_id}: its steps are not stored; compared are: {', '.join(report['compared'])}.", err=True)
    if warning := store.history(run_id).warning:
        click.echo(f"{run_id}: {warning}.", err=True)
    click.echo(json.dumps({"run_id": run_id} | report))
    ctx.exit(code or (0 if report["identical"] else 1))


def compared(stored: list[dict[str, Any]], repeated: list[dict[str, Any]]) -> dict[str, Any]:
    """How two trainings of one configuration agree. Published results have no steps: the rest is compared there."""
    partly = not any(record["event"] == "step" for record in stored)
    if partly:
        stored, repeated = ([r for r in records if r["event"] in PUBLISHED] for records in (stored, repeated))
    pairs = [(a, b) for a, b in zip(stored, repeated, strict=False) if reproducible(a) != reproducible(b)]
    same = bool(stored) and len(stored) == len(repeated) and not pairs
    report: dict[str, Any] = {"identical": same, "records": len(stored), "differing": len(pairs)}
    if partly:
        report["compared"] = [kind for kind in PUBLISHED if any(record["event"] == kind for record in stored)]
    if pairs:
        report["first_difference"] = {"stored": pairs[0][0], "repeated": pairs[0][1]}
    return report


for command in (resume, repeat):
    command.params += [device_option, threads_option, runs_dir_option]
owner.params += [runs_dir_option]


def _train(
    store: RunStore, methods: list[str], fields: dict[str, Any], device: str, threads: int | None, again: bool
) -> None:
    """Check everything before anything is written, then train the lanes and leave with their exit code."""
    from lpwd.training.machine import default_precision, resolve_device
    from lpwd.training.models import check

    given = {name: value for name, value in fields.items() if value is not None}
    given.setdefault("precision", default_precision(resolve_device(device)))
    configs = [RunConfig(**given, method=method) for method in methods]
    for config in configs:
        check(config)
    store.recover()
    for config in configs:
        run_id = store.create(config, state="stopped")
        if again or store.status(run_id).state == "failed":
            store.restart(run_id)
        if store.status(run_id).state in ENDED:
            click.echo(f"{run_id} is {store.status(run_id).state} already; --again trains it anew", err=True)
    sys.exit(_run(store, [config.run_id for config in configs], device, threads))


def _run(store: RunStore, run_ids: list[str], device: str, threads: int | None, quiet: bool = False) -> int:
    """Train with progress bars; prints a JSON line a run unless `quiet`, returns the worst exit code."""
    from lpwd.jobs.race import run_lanes

    with stop_on_signals() as stop, Bars({run_id: store.config(run_id) for run_id in run_ids}) as bars:
        states = run_lanes(
            store, run_ids, device=device, threads=threads, should_stop=stop.is_set, on_event=bars.on_event
        )
    for run_id, state in states.items():
        status = store.status(run_id)
        if status.message:
            click.echo(f"{run_id}: {status.message}", err=True)
        if not quiet:
            result = {"run_id": run_id, "state": state} | {name: status.summary.get(name) for name in RESULTS}
            click.echo(json.dumps(result))
    return max((EXIT_CODES.get(state, 1) for state in states.values()), default=0)


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets, so that the present step ends and is kept; a second Ctrl-C kills."""
    stop = threading.Event()

    def ask(*_: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
