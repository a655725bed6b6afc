"""Pull published results from the Hub, with fallbacks, and describe their source and age in one line.

`pull` asks the Hub, and falls back to the last good copy in huggingface_hub's cache, or to the snapshot bundled with
lpwd. A commit becomes the last good copy only after its files were read. `Puller` pulls in the background.
"""

import fnmatch
import json
import math
import re
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants, hf_hub_download, snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError

from lpwd.config import ConfigError
from lpwd.hub.client import REPO, HubRefused, check_name, hub_errors, within
from lpwd.hub.fetch import PROBE_SECONDS
from lpwd.hub.reading import FILES
from lpwd.hub.results import Results
from lpwd.hub.shards import read
from lpwd.paper.pair import SNAPSHOT
from lpwd.paths import write_atomic

HEAD_SECONDS = 6.0  # for the request of the newest commit
PULL_SECONDS = 10.0  # for the download; a slower one continues in the background, for the next pull
REFRESH_SECONDS, RETRY_SECONDS = 900.0, 60.0  # after a pull that reached the Hub, and after one that did not
COMMIT = re.compile(r"[0-9a-f]{40}")
PATTERNS = (*FILES.values(), *(f"{kind}/*.parquet" for kind in FILES))  # files of results in a repository
MAX_FILES = 10_000  # of results in a repository
DOWNLOADS = 8  # at a time
NO_REPO = "No results repository is set (LPWD_RESULTS_REPO=owner/name)."


def pull(repo: str, *, snapshot: Path = SNAPSHOT) -> Results:
    """Return the newest results available within a few seconds. Never raises: `Results.line` describes problems."""
    try:
        if not repo:
            return local(repo, NO_REPO, snapshot)
        check_name(repo)
        return _from_hub(repo)
    except ConfigError as error:
        return local(repo, str(error), snapshot)


def local(repo: str, reason: str, snapshot: Path = SNAPSHOT) -> Results:
    """Return the last good copy or the bundled snapshot. Makes no request."""
    if REPO.fullmatch(repo) and (copy := _last_good(repo)):
        return replace(copy, reason=reason)
    try:
        results = read(snapshot, "snapshot")
    except ConfigError:
        results = Results("snapshot")
    return replace(results, repo=repo, source="snapshot" if results.runs else "none", reason=reason)


def _from_hub(repo: str) -> Results:
    """Return the results of the Hub's newest commit, downloaded unless the last good copy is of that commit."""
    commit, files = head(repo)
    if not files:
        raise HubRefused(f"dataset {repo} contains no published runs.")
    is_known = (_latest(repo) or ("", 0.0))[0] == commit
    copy = _last_good(repo) if is_known else None
    if copy is None:
        folder = download(repo, commit, files, force=is_known)  # known but unreadable: the cached files are damaged
        copy = replace(read(folder, repo), source="copy", commit=commit)
    with suppress(OSError):  # on a full or read-only disk, the next start has no copy
        _latest_file(repo).parent.mkdir(parents=True, exist_ok=True)
        write_atomic(_latest_file(repo), json.dumps({"commit": commit, "asked": time.time()}))
    return replace(copy, source="hub", confirmed_at=time.time())


def _asking(repo: str, token: str | None) -> AbstractContextManager[None]:
    return hub_errors(f"dataset {repo}", patient=False)


def head(
    repo: str, token: str | None = None, errors: Callable[..., AbstractContextManager[None]] = _asking
) -> tuple[str, list[str]]:
    """Return the commit hash of a dataset's main branch and its result files. Raises HubUnreachable or HubRefused."""

    def ask() -> tuple[str, list[str]]:
        with errors(repo, token):
            info = HfApi(token=token).dataset_info(repo, timeout=PROBE_SECONDS)
            names = [sibling.rfilename for sibling in info.siblings or ()]
            return check_commit(str(info.sha)), [n for n in names if any(fnmatch.fnmatch(n, p) for p in PATTERNS)]

    commit, files = within(HEAD_SECONDS, ask)
    if len(files) > MAX_FILES:
        raise HubRefused(f"dataset {repo} has {len(files):,} result files: at most {MAX_FILES:,} are allowed.")
    return commit, files


def check_commit(commit: str) -> str:
    """Return the commit hash, which becomes a folder name. Raises HubRefused for any other text."""
    if not COMMIT.fullmatch(commit):
        raise HubRefused(f"The server at {constants.ENDPOINT} is not a Hugging Face Hub.")
    return commit


def download(repo: str, commit: str, files: Sequence[str], token: str | None = None, *, force: bool = False) -> Path:
    """Download these files of a commit to huggingface_hub's cache, and return their folder.

    Raises HubUnreachable or HubRefused.
    """

    def ask(name: str) -> str:
        with hub_errors(f"{name} of dataset {repo}", patient=False):
            try:
                return hf_hub_download(
                    repo, name, repo_type="dataset", revision=commit, token=token, force_download=force
                )
            except RuntimeError as error:  # from hf_xet, which transfers large files
                raise HubRefused(f"{name} of dataset {repo}: the download failed ({error}).") from None

    def ask_all() -> Path:
        with ThreadPoolExecutor(DOWNLOADS) as pool:
            path = next(iter(list(pool.map(ask, files))))
        return Path(path).parents[files[0].count("/")]

    return within(PULL_SECONDS, ask_all)


# ---- the last good copy: HF_HOME/lpwd/results/<owner>--<name>.json has its commit, huggingface_hub caches its files


def _latest_file(repo: str) -> Path:
    return Path(constants.HF_HOME) / "lpwd" / "results" / f"{repo.replace('/', '--')}.json"


def _latest(repo: str) -> tuple[str, float] | None:
    """Return the commit of the last good copy and when the Hub last confirmed it, or None."""
    try:
        latest = json.loads(_latest_file(repo).read_text(encoding="utf-8"))
        return check_commit(latest["commit"]), float(latest["asked"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _last_good(repo: str) -> Results | None:
    """Return the last good copy, or None if it is missing or damaged."""
    if (latest := _latest(repo)) is None:
        return None
    try:
        folder = snapshot_download(repo, repo_type="dataset", revision=latest[0], local_files_only=True)
        results = read(Path(folder), repo)
    except (OSError, ConfigError, LocalEntryNotFoundError):
        return None
    return replace(results, source="copy", commit=latest[0], confirmed_at=latest[1]) if results.runs else None


class Puller:
    """Published results for a page: `latest()` returns immediately, and a thread refreshes them."""

    def __init__(self, repo: str, *, every: float = REFRESH_SECONDS, snapshot: Path = SNAPSHOT) -> None:
        self.repo, self.every, self.snapshot = repo, every, snapshot
        self.version = 0  # increases when the displayed results change
        self._results = Results(repo, reason="Reading results.")
        self._good: Results | None = None  # the last results from the Hub, in memory
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._due = 0.0  # on the monotonic clock

    def latest(self) -> Results:
        """Return the current results without waiting, and start a refresh if one is due."""
        if time.monotonic() >= self._due:
            self.refresh()
        return self._results

    def refresh(self) -> threading.Thread:
        """Start a refresh in the background unless one is running, and return its thread."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="lpwd-results", daemon=True)
                self._thread.start()
            return self._thread

    @property
    def refreshing(self) -> bool:
        """Whether a refresh is running."""
        return self._thread is not None and self._thread.is_alive()

    def _work(self) -> None:
        if not self.repo:
            self._due = math.inf
            return self._show(local("", NO_REPO, self.snapshot))
        self._due = time.monotonic() + RETRY_SECONDS
        if self.version == 0:
            self._show(local(self.repo, "Waiting for the Hub.", self.snapshot))
        results = pull(self.repo, snapshot=self.snapshot)
        if results.source == "hub":
            self._good = results
            self._due = time.monotonic() + self.every
        elif self._good is not None:
            results = replace(self._good, source="copy", reason=results.reason)
        self._show(results)

    def _show(self, results: Results) -> None:
        before, self._results = self._results, results
        if self.version == 0 or _shown(before) != _shown(results):
            self.version += 1


def _shown(results: Results) -> tuple[Any, ...]:
    return results.source, results.commit, results.reason
