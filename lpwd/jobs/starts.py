"""Which starts a sweep has to train first, because they are neither here nor bundled nor to be had from the Hub."""

from collections.abc import Sequence
from dataclasses import dataclass

from lpwd.config import ConfigError, RunConfig
from lpwd.hub.starts import published_start, weights_file
from lpwd.paper.presets import Cell
from lpwd.starts import split
from lpwd.store import ENDED, RunStore


@dataclass(frozen=True)
class Work:
    """What a sweep runs: `starts` first, then `configs`; `reasons` says of each start by run id why it is trained."""

    configs: list[RunConfig]
    starts: list[RunConfig]
    reasons: dict[str, str]


def with_starts(store: RunStore | None, cells: Sequence[Cell]) -> Work:
    """Asks the Hub once for each start that is not here. A cell whose published start cannot be had is run from the
    same start trained here, under an id of its own: `Cell.from_own_start`.
    """
    reasons: dict[str, str] = {}
    starts: dict[str, RunConfig] = {}
    configs = []
    asked: dict[str, str] = {}  # name -> why it cannot be had, "" where it can
    for cell in cells:
        config, name = cell.config, cell.config.init_from
        ended = store is not None and store.exists(config.run_id) and store.status(config.run_id).state in ENDED
        if name is None or cell.start is None or ended:
            configs.append(config)
            continue
        if name not in asked:
            asked[name] = _missing(store, name)
        if asked[name]:
            config = cell.from_own_start.config
            if _missing(store, cell.start.run_id):
                starts[cell.start.run_id] = cell.start
                reasons[cell.start.run_id] = asked[name]
        configs.append(config)
    return Work(configs, list(starts.values()), reasons)


def _missing(store: RunStore | None, name: str) -> str:
    """Why the weights of that name cannot be had; "" where they can."""
    run_id, digest8 = split(name)
    if not digest8:
        here = store is not None and store.exists(run_id) and store.status(run_id).state == "finished"
        return (
            "" if here and store and store.paths(run_id).checkpoint.exists() else f"run {run_id} is not finished here"
        )
    try:
        weights_file(published_start(name))
    except ConfigError as error:
        return str(error)
    return ""
