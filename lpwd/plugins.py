"""Plug-ins: Python files, or modules of the entry point group `lpwd.plugins`, that extend the tables of lpwd.

A plug-in calls `lpwd.register_method`, `register_optimizer`, `register_dataset` or `register_model` when it is loaded.
Every process that trains, checks or resumes a run loads the same files: those in `LPWD_PLUGINS` (separated like PATH)
and those of `--plugin FILE.py`. A run that uses a plug-in records its `name@digest` by kind, and the record is part of
the run's id; other runs keep their id.
"""

import hashlib
import os
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from lpwd.sentences import first_line

VARIABLE, GROUP = "LPWD_PLUGINS", "lpwd.plugins"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
RECORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}@[0-9a-f]{16}")  # name@digest, as a run records it
REGISTERED = re.compile(r"[a-z][a-z0-9_]{0,63}")  # name of a registered method, optimizer, data set or model
DIGITS = 16  # of the SHA-256 of a plug-in's file


class PluginError(ValueError):
    """A plug-in cannot be loaded. The message is one sentence with the file, and the line if known."""


@dataclass(frozen=True)
class Plugin:
    """One loaded plug-in. `source` is the file's content; `names` are the (kind, name) pairs that it registered."""

    name: str
    path: str
    source: bytes
    names: frozenset[tuple[str, str]]
    is_file: bool = True  # False: an installed module, which other machines must also install

    @property
    def record(self) -> str:
        """`name@digest`."""
        return f"{self.name}@{hashlib.sha256(self.source).hexdigest()[:DIGITS]}"


_loaded: dict[str, Plugin] = {}


def loaded() -> tuple[Plugin, ...]:
    """Return the plug-ins of this process in the order of loading."""
    return tuple(_loaded.values())


def load_all(files: Iterable[str | Path] = (), environment: MutableMapping[str, str] = os.environ) -> None:
    """Load installed plug-ins, those in LPWD_PLUGINS and `files`, each once. Raises PluginError.

    Updates LPWD_PLUGINS, so that child processes load the same files.
    """
    for point in entry_points(group=GROUP):
        _load_installed(point)
    named = [path for path in environment.get(VARIABLE, "").split(os.pathsep) if path]
    for path in (*named, *files):
        load(path)
    if paths := [plugin.path for plugin in loaded() if plugin.is_file]:
        environment[VARIABLE] = os.pathsep.join(paths)


def load(path: str | Path) -> Plugin:
    """Load one Python file, once. Raises PluginError if it cannot be read, fails, or another one has its name."""
    place = Path(path).expanduser().resolve()
    try:
        source = place.read_bytes()
    except OSError as error:
        raise PluginError(f"plug-in {path} cannot be read ({error.strerror})") from None
    return load_source(place.stem, source, str(place))


def load_source(name: str, source: bytes, path: str) -> Plugin:
    """Load a plug-in from the content of its file, for example on another machine. Raises PluginError."""
    if not NAME.fullmatch(name):
        raise PluginError(f"plug-in {path}: the file name must be a Python identifier of at most 64 characters")
    if other := _loaded.get(name):
        if other.source == source:
            return other
        raise PluginError(f"plug-in {path}: another plug-in named {name} is already loaded from {other.path}")
    module = ModuleType(f"lpwd_plugin_{name}")
    module.__file__ = path
    sys.modules[module.__name__] = module  # for dataclasses, pickles and references by name
    return _loading(name, path, source, lambda: exec(compile(source, path, "exec"), module.__dict__))  # noqa: S102  the owner's own file


def _load_installed(point: EntryPoint) -> None:
    spec = find_spec(point.module) if point.name not in _loaded else None
    if spec and spec.origin:
        _loading(point.name, spec.origin, Path(spec.origin).read_bytes(), point.load, is_file=False)


def _loading(name: str, path: str, source: bytes, run: Any, is_file: bool = True) -> Plugin:
    before = set(_registered())
    try:
        run()
    except Exception as error:  # the owner's code: whatever it raises becomes one sentence
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
        line = error.lineno if isinstance(error, SyntaxError) else next(reversed(lines), None)
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise PluginError(f"plug-in {path}{f', line {line}' if line else ''}: {kind}{first_line(error)}") from None
    plugin = Plugin(name, path, source, frozenset(set(_registered()) - before), is_file)
    _loaded[name] = plugin
    return plugin


def registries() -> dict[str, Mapping[str, Any]]:
    """Return the tables that plug-ins extend, by kind, which is also the field of RunConfig."""
    from lpwd.facts import DATASETS
    from lpwd.methods import METHODS
    from lpwd.networks import MODELS
    from lpwd.optimizers import OPTIMIZERS

    return {"method": METHODS, "optimizer": OPTIMIZERS, "dataset": DATASETS, "model": MODELS}


def _registered() -> Iterator[tuple[str, str]]:
    return ((kind, name) for kind, names in registries().items() for name in names)


def provenance(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return kind -> `name@digest` for each field whose value a loaded plug-in registered."""
    if not _loaded:
        return {}
    chosen = {(kind, fields.get(kind)): kind for kind in registries()}
    return {kind: plugin.record for plugin in loaded() for pair, kind in chosen.items() if pair in plugin.names}


def absent(recorded: Mapping[str, str]) -> str:
    """Return one sentence if a recorded plug-in is not loaded here, so that the run cannot train; else ""."""
    here = {plugin.name: plugin.record for plugin in loaded()}
    for record in recorded.values():
        name, _, digest = record.partition("@")
        if name not in here:
            return f"plug-in {name} ({digest}) is not loaded, so this is view only: load it with --plugin {name}.py"
        if here[name] != record:
            other = here[name].partition("@")[2]
            return f"plug-in {name} has changed ({digest}, now {other}), so this is view only: load the older file"
    return ""
