"""Write runs as code: a `python -m lpwd` command line, and a Python snippet."""

import json
import pprint
import shlex
from collections.abc import Iterable, Sequence
from typing import Any

from lpwd import codec
from lpwd.config import RunConfig

ALWAYS = ("model", "dataset", "optimizer", "lr", "weight_decay", "epochs", "seed")  # shown even at their defaults
HIDDEN = frozenset({"scale", "data_digest", "plugins"})


def command_line(configs: Sequence[RunConfig]) -> str:
    """Return the `python -m lpwd` command line that trains these lanes, which differ only in the method."""
    words = ["python", "-m", "lpwd", "train" if len(configs) == 1 else "race"]
    for file in plugin_files(configs):
        words += ["--plugin", file]
    for config in configs:
        words += ["--method", config.method]
    shared = shared_fields(configs)
    changed = shared.model_dump(mode="json", exclude_defaults=True)
    for name, value in shared.model_dump(mode="json").items():
        if name in HIDDEN or name == "method" or (name not in (*ALWAYS, "precision") and name not in changed):
            continue
        words += _words(name, value)
    return shlex.join(words)


def shared_fields(configs: Sequence[RunConfig]) -> RunConfig:
    """Return the fields that lanes of a race share, with `profile` and `mean` of the lane that has a profile."""
    drawn = next((config for config in configs if config.profile), configs[0])
    return configs[0].model_copy(update={"profile": drawn.profile, "mean": drawn.mean})


def plugin_files(configs: Iterable[RunConfig]) -> list[str]:
    """Return the file names of the plug-ins that these runs use."""
    records = (record for config in configs for record in config.plugins.values())
    return list(dict.fromkeys(f"{record.partition('@')[0]}.py" for record in records))


def _words(name: str, value: Any) -> list[str]:
    flag = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        return [flag if value else f"--no-{flag[2:]}"]
    if isinstance(value, dict):
        return [flag, json.dumps(value)]
    if name == "profile":
        return [flag, codec.write(name, value)]
    if isinstance(value, list):
        return [flag, *(repr(part) for part in value)]
    return [flag, str(value)]


IMPORT = "from lpwd import RunConfig, train"
WIDTH = 100


def python_snippet(races: Sequence[Sequence[RunConfig]]) -> str:
    """Return code that trains these runs, which differ only in method and seed, as the command line does."""
    first = shared_fields(races[0])
    methods, seeds = [config.method for config in races[0]], [race[0].seed for race in races]
    varied: dict[str, list[Any]] = {"method": methods, **({"seed": seeds} if len(seeds) > 1 else {})}
    changed = first.model_dump(exclude_defaults=True, exclude=set(HIDDEN))
    fields = {name: getattr(first, name) for name in RunConfig.model_fields if name in changed or name in ALWAYS}
    settings = {name: value for name, value in fields.items() if name not in varied}
    own = {}
    if first.profile and any(config.profile is None for config in races[0]):
        layerwise = [config.method for config in races[0] if config.profile]
        own["profile"] = f"{settings.pop('profile')!r} if method in {layerwise!r} else None"
        if first.mean == "drawn":
            own["mean"] = f"{settings.pop('mean')!r} if method in {layerwise!r} else 'layers'"
    loops = {name: values for name, values in reversed(varied.items()) if len(values) > 1}
    fixed = {name: values[0] for name, values in varied.items() if name not in loops}
    body = [
        "config = RunConfig("
        + ", ".join(
            [
                *(f"{name}={name}" for name in varied if name in loops),
                *(f"{name}={text}" for name, text in own.items()),
                "**settings)",
            ]
        ),
        "for event in train(config):",
        '    if event.kind == "epoch":',
        "        print(config.method, config.seed, event.epoch, event.train_loss, event.test_top1)",
    ]
    heads = [f"for {name} in {values!r}:" for name, values in loops.items()]
    lines = [f"{'    ' * depth}{head}" for depth, head in enumerate(heads)]
    lines += ["    " * len(heads) + line for line in body]
    files = plugin_files(config for race in races for config in race)
    loading = ["from lpwd.plugins import load", *(f"load({file!r})" for file in files)] if files else []
    return "\n".join([*_imports(len(methods)), *loading, "", *_settings(fixed | settings), *lines, ""])


def _imports(lanes: int) -> list[str]:
    """Return the imports, and the threads of each lane: lanes share the cores, and threads change the last bits."""
    if lanes == 1:
        return [IMPORT]
    share = f"torch.set_num_threads(max(1, torch.get_num_threads() // {lanes}))"
    return ["import torch", IMPORT, "", f"{share}  # each lane's share of a CPU"]


def _settings(settings: dict[str, Any]) -> list[str]:
    return [
        "settings = dict(",
        *(f"    {name}={pprint.pformat(value, width=WIDTH, sort_dicts=False)}," for name, value in settings.items()),
        ")",
    ]
