"""`lpwd train`, `lpwd race` and `lpwd resume`."""

import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from lpwd.cli.options import device_option, options, runs_dir_option, threads_option
from lpwd.cli.progress import lane_bars
from lpwd.config import RunConfig, race_configs
from lpwd.jobs.costs import check_fits
from lpwd.jobs.rights import check_trainable
from lpwd.store import ENDED, RunStore, State

EXIT_CODES: dict[State, int] = {"finished": 0, "failed": 1, "diverged": 3, "stopped": 130, "interrupted": 130}
RESULTS = ("best10_mean", "best10_std", "last_top1", "val_selected_top1", "train_loss", "images_per_second", "seconds")

seeds_option = click.Option(
    ["--seeds"], type=click.IntRange(1), default=1, help="number of races, with seeds from --seed upwards"
)
again_option = click.Option(
    ["--again"], is_flag=True, help="retrain from scratch if the run is finished or has a checkpoint"
)


@click.command(params=[*options(multiple_methods=False), device_option, threads_option, runs_dir_option, again_option])
def train(device: str, threads: int | None, runs_dir: Path, again: bool, method: str, **fields: Any) -> None:
    """Train one run; the last line on stdout is its result as JSON."""
    _train(RunStore(runs_dir), [method], fields, device, threads, again)


race_options = [*options(multiple_methods=True), seeds_option, device_option, threads_option, runs_dir_option]


@click.command(params=[*race_options, again_option])
def race(
    device: str, threads: int | None, runs_dir: Path, again: bool, method: tuple[str, ...], seeds: int, **fields: Any
) -> None:
    """Train several methods in lock step, with the same initial weights and batches; prints one line of JSON per run.

    With --seeds, runs one race per seed and prints paired differences with intervals to stderr at the end.
    """
    _train(RunStore(runs_dir), list(dict.fromkeys(method)), fields, device, threads, again, seeds)


@click.command(params=[click.Argument(["run_id"]), device_option, threads_option, runs_dir_option])
def resume(run_id: str, device: str, threads: int | None, runs_dir: Path) -> None:
    """Resume a run from its last checkpoint, with the unfinished lanes of its race."""
    store = RunStore(runs_dir)
    store.recover()
    job = store.status(run_id).job
    lanes = [record.run_id for record in reversed(store.records()) if job and record.status.job == job] or [run_id]
    sys.exit(run(store, lanes, device, threads))


def _train(
    store: RunStore,
    methods: list[str],
    fields: dict[str, Any],
    device: str,
    threads: int | None,
    again: bool,
    seeds: int = 1,
) -> None:
    """Check all settings, then train the lanes and exit with their exit code."""
    from lpwd.training import optimizer
    from lpwd.training.data.own import pin
    from lpwd.training.machine import default_precision, resolve_device
    from lpwd.training.memory import free_bytes
    from lpwd.training.models import check, footprint

    given = {name: value for name, value in fields.items() if value is not None}
    given.setdefault("precision", default_precision(resolve_device(device)))
    first = given.get("seed", RunConfig.model_fields["seed"].default)
    configs = pin([one for i in range(seeds) for one in race_configs(methods, given | {"seed": first + i})])
    for config in configs[: len(methods)]:  # seeds do not change the result
        check(config)
        optimizer.check(config)
    lanes = configs[: len(methods)]
    check_fits([lanes], [footprint(config) for config in lanes], free_bytes(resolve_device(device)))
    store.recover()
    for config in configs:
        run_id = store.create(config, state="stopped")
        if again or store.status(run_id).state == "failed":
            store.restart(run_id)
        if store.status(run_id).state in ENDED:
            click.echo(f"{run_id} is {store.status(run_id).state} already; use --again to retrain it", err=True)
    ids = [config.run_id for config in configs]
    code = 0
    for start in range(0, len(ids), len(methods)):
        code = max(code, run(store, ids[start : start + len(methods)], device, threads))
        if code == EXIT_CODES["stopped"]:
            break
    for sentence in differences(store, ids) if seeds > 1 else ():
        click.echo(sentence, err=True)
    sys.exit(code)


def differences(store: RunStore, run_ids: list[str]) -> list[str]:
    """Return one sentence per method on its paired difference from WD, or from the first method without WD."""
    from lpwd.analysis.pairs import paired
    from lpwd.analysis.statistics import runs_frame
    from lpwd.analysis.verdict import one_sentence

    frame = runs_frame(map(store.record, run_ids))
    methods = list(dict.fromkeys(frame.method))
    base = "wd" if "wd" in methods else methods[0]
    return [one_sentence(paired(frame, method, base)) for method in methods if method != base]


def run(store: RunStore, run_ids: list[str], device: str, threads: int | None, quiet: bool = False) -> int:
    """Train with progress bars and return the largest exit code; prints one JSON line per run unless `quiet`."""
    from lpwd.jobs.race import run_lanes

    check_trainable(store, run_ids)
    with stop_on_signals() as stop, lane_bars({run_id: store.config(run_id) for run_id in run_ids}) as on_event:
        states = run_lanes(store, run_ids, device=device, threads=threads, should_stop=stop.is_set, on_event=on_event)
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
    """Set the event on Ctrl-C or SIGTERM, so that runs stop after the current step; a second Ctrl-C interrupts."""
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
