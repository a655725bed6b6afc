"""`lpwd app` and `lpwd owner`."""

from pathlib import Path

import click

from lpwd.cli.options import runs_dir_option
from lpwd.store import RunStore


@click.command(
    params=[click.Argument(["words"], nargs=-1, type=click.UNPROCESSED)],
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    options_metavar="[--host H] [--port P] [--runs-dir DIR]",
)
@click.pass_context
def app(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Start the app on this machine, like `python app.py`."""
    from lpwd.ui.app import parse, run  # its options are defined there

    run(parse(words, ctx.command_path), "Error")


@click.command(
    params=[
        click.Option(["--url"], default="http://127.0.0.1:7860", show_default=True, help="address of the app"),
        runs_dir_option,
    ]
)
def owner(url: str, runs_dir: Path) -> None:
    """Print the link that signs a browser in as owner, who may stop, rename and delete every run of the app."""
    click.echo(f"{url.rstrip('/')}/owner?key={RunStore(runs_dir).owner_key()}")
