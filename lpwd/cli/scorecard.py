"""`lpwd scorecard`: one line per table and figure of the paper, with the verdict of our runs on its claim."""

import json
from pathlib import Path
from typing import Any

import click

from lpwd.cli.options import runs_dir_option
from lpwd.cli.paper import own_and_published, published_option, scale_option
from lpwd.sentences import counted


@click.command(
    params=[
        click.Argument(["files"], nargs=-1, type=click.Path(dir_okay=False, path_type=Path)),
        scale_option,
        published_option(default=True),
        click.Option(["--json", "as_json"], is_flag=True, help="all numbers, for programs"),
        runs_dir_option,
    ]
)
def scorecard(files: tuple[Path, ...], scale: Any, published: bool, as_json: bool, runs_dir: Path) -> None:
    """Say of each claim of the paper, or of these TOML files (docs/claims.md), whether the runs confirm it.

    Own runs fill their cells, published ones (the last copy of LPWD_RESULTS_REPO, or the bundled snapshot) the rest.
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
