"""`lpwd sweep`: run a preset on this machine or on Ray."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import TaskProgressColumn, TimeRemainingColumn

from lpwd.cli.options import device_option, runs_dir_option, threads_option
from lpwd.cli.paper import preset_argument, scale_option, seeds_option
from lpwd.cli.progress import progress_on_stderr
from lpwd.cli.train import stop_on_signals
from lpwd.config import RunConfig
from lpwd.jobs import costs
from lpwd.jobs.costs import cost
from lpwd.jobs.sweep import Plan, Sweep, run_local, states, with_starts
from lpwd.paper.presets import Cell, Preset
from lpwd.store import RunStore

if TYPE_CHECKING:  # loads modules that only --decide needs
    from lpwd.jobs.decide import Decision


@click.command(
    params=[
        preset_argument,
        scale_option,
        seeds_option,
        click.Option(["--engine"], type=click.Choice(["local", "ray"]), default="local", show_default=True),
        click.Option(["--plan"], is_flag=True, help="print cells, images and estimated hours without running anything"),
        click.Option(["--decide"], is_flag=True, help="add seeds until every claim is decided"),
        click.Option(["--max-seeds"], type=click.IntRange(3), default=20, show_default=True, help="with --decide"),
        click.Option(["--limit"], type=click.IntRange(1), help="run only the first N cells"),
        device_option,
        threads_option,
        click.Option(
            ["--workers"], type=click.IntRange(1), help="processes of engine local  [default: cores / threads]"
        ),
        click.Option(["--address"], help="a running Ray cluster: auto or host:port  [default: a local one]"),
        click.Option(["--cpus-per-run"], type=click.FloatRange(0), default=1, show_default=True, help="engine ray"),
        click.Option(["--gpus-per-run"], type=click.FloatRange(0), default=0, show_default=True, help="engine ray"),
        runs_dir_option,
    ]
)
def sweep(
    preset: Preset,
    scale: Any,
    seeds: int | None,
    plan: bool,
    decide: bool,
    max_seeds: int,
    limit: int | None,
    runs_dir: Path,
    **engine: Any,
) -> None:
    """Run the cells of a preset that have no result yet; the last line on stdout is JSON.

    PRESET is a table or figure of the paper, or a TOML file with claims (docs/claims.md). With --decide, seeds are
    added in planned looks (3, 5, 8, 12, 20 seeds) until every claim is decided.
    """
    if plan:
        show_plan(
            preset, preset.cells(scale, max_seeds if decide else seeds)[:limit], scale, engine["device"], runs_dir
        )
        return
    store = RunStore(runs_dir)
    with stop_on_signals() as stop:

        def run(count: int | None) -> Sweep:
            return _run(store, preset.cells(scale, count)[:limit], should_stop=stop.is_set, **engine)

        if decide:
            from lpwd.jobs.decide import Decision

            work, found = _decide(Decision(preset, scale, max_seeds), store, run, stop.is_set)
        else:
            work, found = run(seeds), {}
    counts = states(work)
    click.echo(json.dumps({"preset": preset.name, "scale": scale, "cells": len(work.by_id), "states": counts} | found))
    if counts.get("failed"):
        _name_failures(work)
    sys.exit(130 if stop.is_set() else 1 if set(counts) - {"finished", "diverged"} else 0)


def _decide(
    decision: "Decision", store: RunStore, run: Callable[[int], Sweep], stopped: Callable[[], bool]
) -> tuple[Sweep, dict[str, Any]]:
    """Run the sweep of each look; return the last sweep and the claims for the JSON line."""
    works = []

    def sweep_to(seeds: int) -> bool:
        works.append(run(seeds))
        return not stopped()

    decision.run(store, sweep_to)
    for sentence in decision.sentences():
        click.echo(sentence, err=True)
    return works[-1], {"claims": decision.as_json()}


def _run(
    store: RunStore,
    cells: list[Cell],
    *,
    engine: str,
    workers: int | None,
    address: str | None,
    cpus_per_run: float,
    gpus_per_run: float,
    **options: Any,
) -> Sweep:
    """Run the cells without a result on this machine or on Ray."""
    needed = with_starts(store, cells)
    for line in about_starts(needed, options["device"]):
        click.echo(line, err=True)
    work = Sweep(store, [*needed.starts, *needed.configs])
    with bar(work) as refresh:
        if engine == "local":
            run_local(work, workers=workers, on_change=refresh, **options)
        else:
            from lpwd.jobs.ray_cluster import run_on_ray

            run_on_ray(work, address=address, cpus=cpus_per_run, gpus=gpus_per_run, on_change=refresh, **options)
    return work


def _name_failures(work: Sweep) -> None:
    for run_id in work.by_id:
        if work.store.exists(run_id) and work.store.status(run_id).state == "failed":
            click.echo(f"{run_id}: {work.store.status(run_id).message}", err=True)


@contextmanager
def bar(work: Sweep) -> Iterator[Callable[[], None]]:
    """Show a progress bar over training images. If stderr is not a terminal, print one line per finished cell."""
    with progress_on_stderr(TaskProgressColumn(), TimeRemainingColumn()) as progress:
        task = progress.add_task("", total=work.images())
        shown = ""

        def refresh() -> None:
            nonlocal shown
            text = f"{len(work.by_id) - len(work.missing())} of {len(work.by_id)} cells"
            progress.update(task, completed=work.images_done(), description=text)
            if text != shown and progress.disable:
                click.echo(text, err=True)
            shown = text

        refresh()
        yield refresh
        refresh()


def about_starts(needed: Plan, device: str) -> Iterator[str]:
    """Yield one line per start that must be trained first, with the reason and the estimated time."""
    from lpwd.analysis.phrases import hours_text
    from lpwd.jobs.checking.speed import images_per_second

    for config in needed.starts:
        hours = costs.seconds([[config]], images_per_second(config, device)) / 3600
        took = hours_text(hours)
        yield f"{needed.reasons[config.run_id]}: start {config.run_id} is trained first, which takes about {took} here"


def show_plan(preset: Preset, cells: list[Cell], scale: str, device: str, runs_dir: Path) -> None:
    """Print the cost of a preset, from the size of each model and its speed measured on this machine."""
    from lpwd.jobs.checking.speed import images_per_second
    from lpwd.training import models
    from lpwd.training.machine import device_label, resolve_device

    @cache
    def speed_of(key: str) -> float:
        return images_per_second(RunConfig.model_validate_json(key), device)

    def speed(config: RunConfig) -> float:
        kinds = ("model", "model_kwargs", "image_size", "precision", "batch_size")  # fields that determine the speed
        return speed_of(RunConfig(**{name: getattr(config, name) for name in kinds}).model_dump_json())

    distinct = {(cell.config.model, str(cell.config.model_kwargs)): cell.config for cell in cells}
    click.echo(f"{preset.name}, {preset.source}: {preset.title}\n{preset.question}\n{preset.scale_note(scale)}\n")  # type: ignore[arg-type]
    for config in distinct.values():
        parameters = models.footprint(config).parameters / 1e6
        click.echo(f"{models.resolve(config.model)}: {parameters:.1f} M parameters, {speed(config):.3g} images/s here")
    needed = with_starts(RunStore(runs_dir) if runs_dir.is_dir() else None, cells)
    for line in about_starts(needed, device):
        click.echo(line)
    total = cost([cell.config for cell in cells], speed)
    methods = ", ".join(dict.fromkeys(cell.row for cell in cells))
    seeds = sorted({cell.config.seed for cell in cells})
    click.echo(
        f"methods: {methods}\nseeds: {', '.join(map(str, seeds))}\ncells: {len(cells)}, distinct runs: {total.runs}"
    )
    click.echo(f"images: {total.training_images:,} for training, {total.evaluation_images:,} for evaluation")
    click.echo(f"estimated: {total.hours:,.1f} hours on {device_label(resolve_device(device))}, one run at a time")
