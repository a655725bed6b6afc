"""Where the weights of a published start lie: bundled, downloaded before, or in the results repository."""

import os
from pathlib import Path

from lpwd.config import ConfigError
from lpwd.hub.client import fetch
from lpwd.starts import Start, folder, published, split

REPOSITORY_FOLDER = "starts"


def published_start(name: str) -> Start:
    """The start that `init_from` names. Raises ConfigError where none is published under this name."""
    start = published().get(split(name)[0])
    if start is None or start.name != name:
        names = ", ".join(one.name for one in published().values()) or "none"
        raise ConfigError.of("init_from", f"is {name!r}: no such start is published; there are {names}")
    return start


def weights_file(start: Start) -> Path:
    """The file of a start's weights. Raises HubUnreachable, HubRefused or ConfigError where it cannot be had."""
    bundled = folder() / start.file
    if bundled.is_file():
        return bundled
    repo = os.environ.get("LPWD_RESULTS_REPO", "")
    if not repo:
        raise ConfigError(f"start {start.name} is not bundled, and LPWD_RESULTS_REPO names no repository that has it")
    from lpwd.hub.pull import check_name  # pandas, which a worker with a bundled start does not wait for

    check_name(repo)
    return fetch(repo, [f"{REPOSITORY_FOLDER}/{start.file}"], "dataset")[0]
