"""Download files from the Hub, or use cached ones, with time limits. No torch here."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from huggingface_hub import HfApi, constants, hf_hub_download, try_to_load_from_cache

from lpwd.config import ConfigError
from lpwd.hub.client import HubRefused, HubUnreachable, check_name, hub_errors, offline, within
from lpwd.starts import Start, folder

RepoType = Literal["dataset", "model", "space"]

STARTS_FOLDER = "starts"  # in a results repository
PROBE_SECONDS = 2.0  # for each phase (connect, read) of the probe's one request
CACHED_PROBE_SECONDS = 1.0  # the same if the file is cached
RESOLVE_SECONDS = 2.0  # extra time for name resolution in the probe's deadline


def probe(repo: str, repo_type: RepoType, seconds: float = PROBE_SECONDS) -> str:
    """Request the commit hash of `repo`'s main branch once, without retries. Raises HubUnreachable or HubRefused.

    Returns or raises within 2 * `seconds` + RESOLVE_SECONDS, even if name resolution hangs.
    """
    if constants.is_offline_mode():
        raise offline(f"{repo_type} {repo}")

    def ask() -> str:
        with hub_errors(f"{repo_type} {repo}"):
            return str(HfApi().repo_info(repo, repo_type=repo_type, timeout=seconds).sha)

    return within(2 * seconds + RESOLVE_SECONDS, ask)


def cached_file(repo: str, filename: str, repo_type: RepoType) -> Path | None:
    """Return the newest cached version of a file, or None. Makes no request."""
    path: Any = try_to_load_from_cache(repo, filename, repo_type=repo_type)
    return Path(path) if isinstance(path, str) else None


def fetch(repo: str, filenames: Sequence[str], repo_type: RepoType) -> list[Path]:
    """Return local paths of a repository's files, from its newest commit if the Hub answers, else from the cache.

    Downloads missing and changed files. Raises HubUnreachable or HubRefused if a file is not cached either.
    """
    cached = [cached_file(repo, filename, repo_type) for filename in filenames]
    complete = [path for path in cached if path is not None]
    have_all = len(complete) == len(cached)
    if have_all and constants.is_offline_mode():
        return complete
    try:
        commit = probe(repo, repo_type, CACHED_PROBE_SECONDS if have_all else PROBE_SECONDS)
        if have_all and all(commit in path.parts for path in complete):
            return complete
        paths = []
        for filename in filenames:
            with hub_errors(f"{filename} of {repo_type} {repo}"):
                paths.append(Path(hf_hub_download(repo, filename, repo_type=repo_type)))
        return paths
    except (HubUnreachable, HubRefused):
        if have_all:
            return complete
        raise


def start_weights(start: Start) -> Path:
    """Return the file with a start's weights: bundled, cached, or downloaded from the results repository.

    Raises HubUnreachable, HubRefused or ConfigError if it is not available.
    """
    bundled = folder() / start.file
    if bundled.is_file():
        return bundled
    repo = os.environ.get("LPWD_RESULTS_REPO", "")
    if not repo:
        raise ConfigError(f"start {start.name} is not bundled: set LPWD_RESULTS_REPO to a repository that has it")
    check_name(repo)
    return fetch(repo, [f"{STARTS_FOLDER}/{start.file}"], "dataset")[0]
