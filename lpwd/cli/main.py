"""The table of commands, and the conversion of errors to one-line messages."""

import json
import sys
from typing import Any, NoReturn

import click
from pydantic import ValidationError

from lpwd.cli.app import app, owner
from lpwd.cli.audit import audit
from lpwd.cli.check import check
from lpwd.cli.compare import compare
from lpwd.cli.hub import pull, push, start
from lpwd.cli.options import plugin_option
from lpwd.cli.paper import report, scorecard
from lpwd.cli.repeat import repeat
from lpwd.cli.sweep import sweep
from lpwd.cli.train import race, resume, train
from lpwd.config import ConfigError
from lpwd.plugins import PluginError

# These modules load fast: commands import torch, pandas and Gradio when they run.
COMMANDS: dict[str, click.Command] = {
    "train": train,
    "race": race,
    "resume": resume,
    "repeat": repeat,
    "check": check,
    "sweep": sweep,
    "report": report,
    "scorecard": scorecard,
    "compare": compare,
    "pull": pull,
    "push": push,
    "start": start,
    "app": app,
    "owner": owner,
    "audit": audit,
}
for command in COMMANDS.values():
    command.params.append(plugin_option)


class Group(click.Group):
    """Print errors about input and files in one line and exit with code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ConfigError, PluginError) as error:
            refuse(str(error))
        except BrokenPipeError:
            raise  # the reader of our output has exited; click handles it
        except OSError as error:
            path = f"could not open {str(error.filename)!r}: " if error.filename else ""
            refuse(f"{path}{error.strerror or next(iter(str(error).splitlines()), type(error).__name__)}")
        except (json.JSONDecodeError, UnicodeDecodeError, ValidationError) as error:
            refuse(f"damaged file: {next(iter(str(error).splitlines()))}")


def refuse(sentence: str) -> NoReturn:
    click.echo(f"Error: {sentence}", err=True)
    sys.exit(2)


main = Group(
    commands=COMMANDS,
    help="Layer-wise pre-weight decay: train, compare, reproduce.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
