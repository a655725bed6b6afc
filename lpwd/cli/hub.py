"""`lpwd pull`, `push` and `start`: runs and weights published on the Hub."""

import json
import sys
from pathlib import Path

import click

from lpwd.cli.options import runs_dir_option
from lpwd.config import ConfigError
from lpwd.store import RunStore

FOLDER = click.Path(file_okay=False, path_type=Path)
repo_option = click.Option(
    ["--repo"], envvar="LPWD_RESULTS_REPO", help="dataset on the Hub, owner/name  [env: LPWD_RESULTS_REPO]"
)


@click.command(
    params=[
        repo_option,
        click.Option(["--restore"], is_flag=True, help="also make the runs that the runs folder lacks"),
        runs_dir_option,
    ]
)
def pull(repo: str | None, restore: bool, runs_dir: Path) -> None:
    """Fetch published results for use here and offline; the last line on stdout is JSON.

    Exit code 1 where the Hub could not be asked and an older copy has to do.
    """
    from lpwd.hub import pull as hub
    from lpwd.hub import push as publish
    from lpwd.hub.client import check_name

    name = named(repo)
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
        click.Option(["--dry-run"], is_flag=True, help="list what would be sent, send nothing"),
        click.Option(["--replace"], is_flag=True, help="send runs that are published with other numbers, too"),
        click.Option(
            ["--to-folder"],
            type=FOLDER,
            help="add them to the tables in a folder instead, as the snapshot bundled with lpwd",
        ),
        runs_dir_option,
    ]
)
def push(
    repo: str | None, dry_run: bool, replace: bool, to_folder: Path | None, run_ids: tuple[str, ...], runs_dir: Path
) -> None:
    """Add finished runs to the results published on the Hub: all, or those named. Needs HF_TOKEN."""
    from lpwd.hub import push as publish

    if not runs_dir.is_dir():
        raise ConfigError(f"runs-dir is {str(runs_dir)!r}: there is no such folder")
    store, chosen = RunStore(runs_dir), run_ids or None
    if to_folder:
        report = publish.write_snapshot(store, to_folder, chosen, dry_run=dry_run, replace=replace)
    else:
        report = publish.push(store, named(repo), dry_run=dry_run, run_ids=chosen, replace=replace)
    if dry_run:
        for run_id in report.added + report.replaced:
            click.echo(run_id)
    click.echo(report.line, err=True)
    names = ("repo", "dry_run", "added", "replaced", "differing", "left_out", "published", "commit")
    click.echo(json.dumps({name: getattr(report, name) for name in names}))


def named(repo: str | None) -> str:
    if not repo:
        raise ConfigError("no results repository: give --repo owner/name or set LPWD_RESULTS_REPO")
    return repo


# ---- weights that other runs start from


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
    "push",
    params=[
        click.Argument(["name"]),
        repo_option,
        click.Option(["--from", "folder"], type=FOLDER, help="where the weights lie  [default: the bundled ones]"),
    ],
)
def push_start(name: str, repo: str | None, folder: Path | None) -> None:
    """Send a published start's weights to the results repository. Needs HF_TOKEN."""
    from lpwd import starts
    from lpwd.hub import upload

    one = starts.published_start(name)
    commit = upload.push_start(named(repo), one, (folder or starts.folder()) / one.file)
    click.echo(json.dumps({"name": name, "repo": repo, "commit": commit}))
