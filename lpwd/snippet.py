"""Races as Python: what somebody types who has the library and no page."""

import pprint
from collections.abc import Sequence
from typing import Any

from lpwd.commandline import ALWAYS
from lpwd.config import RunConfig

IMPORTS = ("from lpwd.config import RunConfig", "from lpwd.train import train")
WIDTH = 100


def python_snippet(races: Sequence[Sequence[RunConfig]]) -> str:
    """Code that trains these runs, which differ in method and seed alone, with the same numbers as the command line."""
    first = races[0][0]
    methods, seeds = [config.method for config in races[0]], [race[0].seed for race in races]
    varied: dict[str, list[Any]] = {"method": methods, **({"seed": seeds} if len(seeds) > 1 else {})}
    changed = first.model_dump(exclude_defaults=True, exclude={"scale"})
    fields = {name: getattr(first, name) for name in RunConfig.model_fields if name in changed or name in ALWAYS}
    settings = {name: value for name, value in fields.items() if name not in varied}
    loops = {name: values for name, values in reversed(varied.items()) if len(values) > 1}
    fixed = {name: values[0] for name, values in varied.items() if name not in loops}
    body = [
        "config = RunConfig(" + ", ".join([*(f"{name}={name}" for name in varied if name in loops), "**settings)"]),
        "for event in train(config):",
        '    if event.kind == "epoch":',
        "        print(config.method, config.seed, event.epoch, event.train_loss, event.test_top1)",
    ]
    heads = [f"for {name} in {values!r}:" for name, values in loops.items()]
    lines = [f"{'    ' * depth}{head}" for depth, head in enumerate(heads)]
    lines += ["    " * len(heads) + line for line in body]
    return "\n".join([*IMPORTS, "", *_settings(fixed | settings), *lines, ""])


def _settings(settings: dict[str, Any]) -> list[str]:
    return [
        "settings = dict(",
        *(f"    {name}={pprint.pformat(value, width=WIDTH, sort_dicts=False)}," for name, value in settings.items()),
        ")",
    ]
