"""`lpwd start`: weights that other runs begin from."""

import json
from pathlib import Path

import click

from lpwd.cli.hub import named, repo_option
from lpwd.cli.options import runs_dir_option
from lpwd.store import RunStore

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group()
def start() -> None:
    """Starts: the weights of finished runs that others begin from (`--init-from`)."""


@start.command(
    params=[
        click.Argument(["run_id"]),
        click.Option(["--out"], type=FOLDER, required=True, help="lpwd/snapshot/starts bundles it"),
        runs_dir_option,
    ]
)
def export(run_id: str, out: Path, runs_dir: Path) -> None:
    """Write a finished run's weights in half precision, and what is known of them, into a folder."""
    from lpwd.training import starts

    made = starts.export(RunStore(runs_dir), run_id, out)
    click.echo(f"{made.bytes / 1e6:.1f} MB in {out / made.file}", err=True)
    click.echo(made.name)


@start.command("list")
def listed() -> None:
    """Every published start, and whether its weights are bundled."""
    from lpwd.starts import folder, published

    for one in published().values():
        row = {"name": one.name, "last_top1": one.last_top1, "bytes": one.bytes, "date": one.date}
        click.echo(json.dumps(row | {"bundled": (folder() / one.file).is_file()}))


@start.command(
    params=[
        click.Argument(["name"]),
        repo_option,
        click.Option(["--from", "folder"], type=FOLDER, help="where the weights lie  [default: the bundled ones]"),
    ]
)
def push(name: str, repo: str | None, folder: Path | None) -> None:
    """Send a published start's weights to the results repository. Needs HF_TOKEN."""
    from lpwd import starts
    from lpwd.hub.push import push_start
    from lpwd.hub.starts import published_start

    one = published_start(name)
    commit = push_start(named(repo), one, (folder or starts.folder()) / one.file)
    click.echo(json.dumps({"name": name, "repo": repo, "commit": commit}))
