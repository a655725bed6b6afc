"""`lpwd report` and `lpwd scorecard`, and the options of commands about presets."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpwd.cli.options import runs_dir_option
from lpwd.config import ConfigError, RunConfig
from lpwd.facts import is_pinned
from lpwd.paper.own import own_preset
from lpwd.paper.presets import PRESETS, Preset, get_preset
from lpwd.sentences import counted
from lpwd.store import RunStore

if TYPE_CHECKING:  # loads modules that only reports need
    from lpwd.runs import Runs


def pinned(configs: list[RunConfig]) -> list[RunConfig]:
    """Add digests of local data to configurations; this reads the data."""
    if not any(is_pinned(config.dataset) for config in configs):
        return configs
    from lpwd.training.data.own import pin

    return pin(configs)


class PresetName(click.Choice[Any]):
    """The name of a preset, or a TOML file with claims."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if str(value).endswith(".toml"):
            return own_preset(Path(value), pinned)
        return get_preset(super().convert(value, param, ctx))


preset_argument = click.Argument(["preset"], type=PresetName(list(PRESETS)))
scale_option = click.Option(["--scale"], type=click.Choice(["paper", "cpu"]), default="cpu", show_default=True)
seeds_option = click.Option(["--seeds"], type=click.IntRange(1), help="seeds 0..N-1  [default: the preset's]")


def published_option(default: bool) -> click.Option:
    """Return the option to include published results."""
    words = "use published results (the last copy of LPWD_RESULTS_REPO, or the bundled ones) for missing runs"
    return click.Option(["--published/--no-published"], default=default, show_default=True, help=words)


def own_and_published(runs_dir: Path, published: bool) -> "Runs":
    """Return the runs of the store and, with `published`, the published runs."""
    from lpwd.hub.pull import local
    from lpwd.runs import NO_RUNS, Runs

    own = RunStore(runs_dir) if runs_dir.is_dir() else None
    theirs = local(os.environ.get("LPWD_RESULTS_REPO", ""), "").runs if published else NO_RUNS
    return Runs(own, lambda: theirs)


@click.command(
    params=[
        preset_argument,
        scale_option,
        seeds_option,
        click.Option(
            ["--out"],
            type=click.Path(path_type=Path),
            default=Path("reports"),
            show_default=True,
            help="folder, or FILE.html for the page only",
        ),
        published_option(default=False),
        runs_dir_option,
    ]
)
def report(preset: Preset, scale: Any, seeds: int | None, out: Path, published: bool, runs_dir: Path) -> None:
    """Write a preset's table or figure with the paper's numbers as CSV files and one self-contained HTML page.

    Prints the sentences to stderr and the path of the page to stdout.
    """
    from lpwd.paper.findings import find
    from lpwd.paper.report import write

    if not runs_dir.is_dir() and not published:
        raise ConfigError(f"runs-dir {str(runs_dir)!r} not found")
    source = own_and_published(runs_dir, published)
    findings = find(preset, source, scale, seeds)
    for sentence in findings.sentences:
        click.echo(sentence, err=True)
    click.echo(write(findings, source, out))


@click.command(
    params=[
        click.Argument(["files"], nargs=-1, type=click.Path(dir_okay=False, path_type=Path)),
        scale_option,
        published_option(default=True),
        click.Option(["--json", "as_json"], is_flag=True, help="print all numbers as JSON"),
        runs_dir_option,
    ]
)
def scorecard(files: tuple[Path, ...], scale: Any, published: bool, as_json: bool, runs_dir: Path) -> None:
    """Print the verdict on each claim of the paper, or of TOML files (docs/claims.md), one line per claim.

    Uses your own runs, and published runs (the last copy of LPWD_RESULTS_REPO, or the bundled ones) for other cells.
    """
    from lpwd.paper.own import own_preset
    from lpwd.paper.scorecard.claims import own_tile
    from lpwd.paper.scorecard.claims import scorecard as tiles_of
    from lpwd.paper.scorecard.tiles import holm_adjusted, summary

    source = own_and_published(runs_dir, published)
    tiles = holm_adjusted([own_tile(own_preset(file), source) for file in files]) or tiles_of(source, scale)
    if as_json:
        click.echo(json.dumps([tile.as_json() for tile in tiles], indent=1))
        return
    for tile in tiles:
        click.echo(tile.line)
    judged = counted(sum(tile.judged for tile in tiles), "tile")
    click.echo(
        f"{summary(tiles)} (at least three seeds; 95% intervals not adjusted, verdicts adjusted by Holm's correction "
        f"for {judged})"
    )
