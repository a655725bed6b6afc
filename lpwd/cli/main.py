"""The command line: the table of its commands, and the one place where an error becomes a sentence."""

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
from lpwd.cli.paper import report
from lpwd.cli.repeat import repeat
from lpwd.cli.scorecard import scorecard
from lpwd.cli.sweep import sweep
from lpwd.cli.train import race, resume, train
from lpwd.config import ConfigError
from lpwd.plugins import PluginError

# Their modules are light: what a command works with (torch, pandas, Gradio) is imported when it runs.
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
    """Shows bad input, and files that cannot be used, as one sentence with exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ConfigError, PluginError) as error:
            refuse(str(error))
        except BrokenPipeError:
            raise  # whoever read our output has left: click ends quietly
        except OSError as error:
            path = f"{str(error.filename)!r} cannot be used: " if error.filename else ""
            refuse(f"{path}{error.strerror or next(iter(str(error).splitlines()), type(error).__name__)}")
        except (json.JSONDecodeError, UnicodeDecodeError, ValidationError) as error:
            refuse(f"a file is damaged: {next(iter(str(error).splitlines()))}")


def refuse(sentence: str) -> NoReturn:
    click.echo(f"Error: {sentence}", err=True)
    sys.exit(2)


main = Group(
    commands=COMMANDS,
    help="Layer-wise pre-weight decay: train, compare, reproduce.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
