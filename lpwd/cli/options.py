"""Command line options: one per field of RunConfig, and options shared by several commands.

`lpwd.spelled` does the reverse: it writes a RunConfig as a command line.
"""

import builtins
import reprlib
import typing
from pathlib import Path
from typing import Any

import click

from lpwd import codec, plugins
from lpwd.config import ConfigError, RunConfig
from lpwd.methods import METHODS
from lpwd.spelled import HIDDEN

runs_dir_option = click.Option(
    ["--runs-dir"],
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    envvar="LPWD_RUNS_DIR",
    help="folder of runs",
)
device_option = click.Option(
    ["--device"], default="auto", show_default=True, envvar="LPWD_DEVICE", help="auto, cpu, cuda or cuda:1"
)
threads_option = click.Option(
    ["--threads"], type=click.IntRange(1), help="torch CPU threads per lane  [default: cores / lanes]"
)


def _load_plugins(ctx: click.Context, param: click.Parameter, files: tuple[Path, ...]) -> None:
    plugins.load_all(files)


plugin_option = click.Option(  # eager, because plug-ins add values of other options
    ["--plugin"],
    type=click.Path(path_type=Path),
    multiple=True,
    is_eager=True,
    expose_value=False,
    callback=_load_plugins,
    help="Python file that registers methods, optimizers, data sets or models; repeatable  [env: LPWD_PLUGINS]",
)


class MethodName(click.ParamType):
    """A name in METHODS, including methods of plug-ins."""

    name = "method"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in METHODS:
            self.fail(f"{value!r} is not one of {', '.join(METHODS)}", param, ctx)
        return str(value)

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return f"[{'|'.join(METHODS)}]"


class FieldValue(click.ParamType):
    """The value of a field of RunConfig: a JSON object, or comma-separated numbers."""

    def __init__(self, name: str) -> None:
        self.name = name  # in the help, such as JSON

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            parsed = codec.read(str(param.name), value) if param else value
        except ConfigError as error:
            self.fail(str(error), param, ctx)
        if not isinstance(parsed, dict | tuple):
            self.fail(f"{reprlib.repr(value)} is not a JSON object", param, ctx)
        return parsed


def options(multiple_methods: bool) -> list[click.Option]:
    """Return one option per field of RunConfig. Options default to None; RunConfig defines the defaults."""
    return [_option(name, multiple_methods) for name in RunConfig.model_fields if name not in HIDDEN]


def _option(name: str, multiple_methods: bool) -> click.Option:
    field = RunConfig.model_fields[name]
    flag = "--" + name.replace("_", "-")
    help_text = f"{field.description}  [default: {_shown_default(name)}]"
    if name == "method":
        text = "decay method; repeat the option for each lane" if multiple_methods else str(field.description)
        return click.Option(
            [flag], type=MethodName(), multiple=multiple_methods, default=None, required=True, help=text
        )
    inner = codec.inner_type(field.annotation)
    if inner is bool:
        return click.Option([f"{flag}/--no-{flag[2:]}"], default=None, help=help_text)
    return click.Option([flag], type=_type(inner), default=None, help=help_text)


def _type(inner: Any) -> Any:
    """Return the click type for a type annotation."""
    parts = typing.get_args(inner)
    match typing.get_origin(inner):
        case typing.Literal:
            return click.Choice(parts)
        case builtins.tuple:
            return FieldValue("numbers") if Ellipsis in parts else parts
        case builtins.dict:
            return FieldValue("json")
    return inner


def _shown_default(name: str) -> str:
    if name == "precision":
        return "bf16 if the device supports it, else fp32"
    default = RunConfig.model_fields[name].get_default(call_default_factory=True)
    return "all" if name.endswith("_samples") and default is None else str(default)
