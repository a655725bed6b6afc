"""`lpwd scorecard`: one line per table and figure of the paper, with the verdict of our runs on its claim."""

import json
from pathlib import Path
from typing import Any

import click

from lpwd.cli.options import runs_dir_option
from lpwd.cli.paper import own_and_published, published_option, scale_option


@click.command(
    params=[
        scale_option,
        published_option(default=True),
        click.Option(["--json", "as_json"], is_flag=True, help="all numbers, for programs"),
        runs_dir_option,
    ]
)
def scorecard(scale: Any, published: bool, as_json: bool, runs_dir: Path) -> None:
    """Say of each claim of the paper whether our runs confirm or contradict it.

    Own runs fill their cells, published ones (the last copy of LPWD_RESULTS_REPO, or the bundled snapshot) the rest.
    """
    from lpwd.paper.scorecard.claims import scorecard as tiles_of
    from lpwd.paper.scorecard.tiles import summary

    tiles = tiles_of(own_and_published(runs_dir, published), scale)
    if as_json:
        click.echo(json.dumps([tile.as_json() for tile in tiles], indent=1))
        return
    for tile in tiles:
        click.echo(tile.line)
    click.echo(
        f"{summary(tiles)} (at least three seeds; 95% intervals not adjusted, verdicts adjusted by Holm's correction "
        f"for {sum(tile.judged for tile in tiles)} tiles)"
    )
