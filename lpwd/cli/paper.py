"""`lpwd report`, and the options that commands about presets share."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpwd.cli.options import runs_dir_option
from lpwd.config import ConfigError, RunConfig
from lpwd.facts import is_pinned
from lpwd.paper.own import own_preset
from lpwd.paper.presets import PRESETS, Preset, get_preset
from lpwd.store import RunStore

if TYPE_CHECKING:  # it loads what only reports need
    from lpwd.runs import Runs


def pinned(configs: list[RunConfig]) -> list[RunConfig]:
    """The configurations with the digests of one's own data, which are read for it."""
    if not any(is_pinned(config.dataset) for config in configs):
        return configs
    from lpwd.training.data.own import pin

    return pin(configs)


class PresetName(click.Choice[Any]):
    """The name of a preset, or a TOML file of claims."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if str(value).endswith(".toml"):
            return own_preset(Path(value), pinned)
        return get_preset(super().convert(value, param, ctx))


preset_argument = click.Argument(["preset"], type=PresetName(list(PRESETS)))
scale_option = click.Option(["--scale"], type=click.Choice(["paper", "cpu"]), default="cpu", show_default=True)
seeds_option = click.Option(["--seeds"], type=click.IntRange(1), help="seeds 0..N-1  [default: the preset's]")


def published_option(default: bool) -> click.Option:
    """With published results beside the run store's own."""
    words = "with published results, the last copy of LPWD_RESULTS_REPO or the bundled ones, where there is no own run"
    return click.Option(["--published/--no-published"], default=default, show_default=True, help=words)


def own_and_published(runs_dir: Path, published: bool) -> "Runs":
    """The run store, and with `published` the published runs, by the one rule of `Runs`."""
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
            help="a folder, or FILE.html for the page alone",
        ),
        published_option(default=False),
        runs_dir_option,
    ]
)
def report(preset: Preset, scale: Any, seeds: int | None, out: Path, published: bool, runs_dir: Path) -> None:
    """Write a preset's table or figure, ours beside the paper's, as CSV and one self-contained HTML page.

    Its sentences go to stderr, the page's path to stdout.
    """
    from lpwd.paper.findings import find
    from lpwd.paper.report import write

    if not runs_dir.is_dir() and not published:
        raise ConfigError(f"runs-dir is {str(runs_dir)!r}: there is no such folder")
    source = own_and_published(runs_dir, published)
    findings = find(preset, source, scale, seeds)
    for sentence in findings.sentences:
        click.echo(sentence, err=True)
    click.echo(write(findings, source, out))
