"""`lpwd pull`, `lpwd push` and `lpwd start`: runs and weights on the Hub."""

import json
import sys
from pathlib import Path

import click

from lpwd.cli.options import runs_dir_option
from lpwd.config import ConfigError
from lpwd.store import RunStore

FOLDER = click.Path(file_okay=False, path_type=Path)
repo_option = click.Option(
    ["--repo"], envvar="LPWD_RESULTS_REPO", help="data set on the Hub, owner/name  [env: LPWD_RESULTS_REPO]"
)


@click.command(
    params=[
        repo_option,
        click.Option(["--restore"], is_flag=True, help="also restore runs that are missing in the runs folder"),
        runs_dir_option,
    ]
)
def pull(repo: str | None, restore: bool, runs_dir: Path) -> None:
    """Download published results; the last line on stdout is JSON.

    Exits with 1 if the Hub could not be reached and an older copy is used.
    """
    from lpwd.hub import pull as hub
    from lpwd.hub import push as publish
    from lpwd.hub.client import check_name

    name = repository(repo)
    check_name(name)
    if restore:
        taken = publish.restore_missing(RunStore(runs_dir), name)
        results, line = taken.results, taken.line
    else:
        taken, results = None, hub.pull(name)
        line = results.line
    click.echo(line, err=True)
    summary = {"repo": name, "source": results.source, "commit": results.commit, "runs": len(results.runs)}
    summary["left_out"] = results.bad_count
    if taken:
        summary["restored"] = len(taken.run_ids)
    click.echo(json.dumps(summary))
    sys.exit(0 if results.source == "hub" else 1)


@click.command(
    params=[
        click.Argument(["run_ids"], nargs=-1),
        repo_option,
        click.Option(["--dry-run"], is_flag=True, help="print the runs that would be sent, without sending them"),
        click.Option(["--replace"], is_flag=True, help="also send runs that are published with different numbers"),
        click.Option(
            ["--to-folder"],
            type=FOLDER,
            help="write them to tables in a folder instead, like the bundled snapshot",
        ),
        runs_dir_option,
    ]
)
def push(
    repo: str | None, dry_run: bool, replace: bool, to_folder: Path | None, run_ids: tuple[str, ...], runs_dir: Path
) -> None:
    """Publish finished runs on the Hub, all of them or the given ones. Needs HF_TOKEN."""
    from lpwd.hub import push as publish

    if not runs_dir.is_dir():
        raise ConfigError(f"runs-dir {str(runs_dir)!r} not found")
    store, chosen = RunStore(runs_dir), run_ids or None
    if to_folder:
        report = publish.write_snapshot(store, to_folder, chosen, dry_run=dry_run, replace=replace)
    else:
        report = publish.push(store, repository(repo), dry_run=dry_run, run_ids=chosen, replace=replace)
    if dry_run:
        for run_id in report.added + report.replaced:
            click.echo(run_id)
    click.echo(report.line, err=True)
    names = ("repo", "dry_run", "added", "replaced", "differing", "left_out", "published", "commit")
    click.echo(json.dumps({name: getattr(report, name) for name in names}))


def repository(repo: str | None) -> str:
    """Return the repository. Raises ConfigError if none is given."""
    if not repo:
        raise ConfigError("no results repository: give --repo owner/name or set LPWD_RESULTS_REPO")
    return repo


# ---- initial weights for other runs


@click.group()
def start() -> None:
    """Manage starts: weights of finished runs that other runs start from (`--init-from`)."""


@start.command(
    params=[
        click.Argument(["run_id"]),
        click.Option(["--out"], type=FOLDER, required=True, help="use lpwd/snapshot/starts to bundle the weights"),
        runs_dir_option,
    ]
)
def export(run_id: str, out: Path, runs_dir: Path) -> None:
    """Write the weights of a finished run in half precision, with metadata, to a folder."""
    from lpwd.training import starts

    made = starts.export(RunStore(runs_dir), run_id, out)
    click.echo(f"{made.bytes / 1e6:.1f} MB in {out / made.file}", err=True)
    click.echo(made.name)


@start.command("list")
def listed() -> None:
    """List published starts as JSON, and whether their weights are bundled."""
    from lpwd.starts import folder, published

    for one in published().values():
        row = {"name": one.name, "last_top1": one.last_top1, "bytes": one.bytes, "date": one.date}
        click.echo(json.dumps(row | {"bundled": (folder() / one.file).is_file()}))


@start.command(
    "push",
    params=[
        click.Argument(["name"]),
        repo_option,
        click.Option(["--from", "folder"], type=FOLDER, help="folder with the weights  [default: the bundled ones]"),
    ],
)
def push_start(name: str, repo: str | None, folder: Path | None) -> None:
    """Upload the weights of a published start to the results repository. Needs HF_TOKEN."""
    from lpwd import starts
    from lpwd.hub import upload

    one = starts.published_start(name)
    commit = upload.push_start(repository(repo), one, (folder or starts.folder()) / one.file)
    click.echo(json.dumps({"name": name, "repo": repo, "commit": commit}))
