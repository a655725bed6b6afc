"""Results published on the Hub: always something to show, and one line that says what it is, how old and why.

`pull` asks the Hub, and falls back on the last good copy, which is kept here only after validation, or on the snapshot
bundled with lpwd. `Puller` does so in the background. Nothing here trains or knows a page.
"""

import datetime
import json
import math
import re
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from huggingface_hub import constants, hf_hub_download

from lpwd.config import ConfigError
from lpwd.hub.checked import Checked, check
from lpwd.hub.client import HubRefused, hub_errors, probe, within
from lpwd.hub.rows import CURVES_FILE, RUNS_FILE, Tables
from lpwd.paper.pair import SNAPSHOT
from lpwd.paths import write_atomic

PULL_SECONDS = 10.0  # for the download; a slower one goes on unseen and is there next time
REFRESH_SECONDS, RETRY_SECONDS = 900.0, 60.0  # after a pull that reached the Hub, and after one that did not
REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9_][\w.-]{0,95}", re.ASCII)
COMMIT = re.compile(r"[0-9a-f]{40}")
NO_REPO = "No results repository is set (LPWD_RESULTS_REPO=owner/name)."

Source = Literal["hub", "copy", "snapshot", "none"]


@dataclass(frozen=True)
class Results:
    """Published runs and curves, and where they come from. Texts in them come from others: show them as text."""

    repo: str
    source: Source = "none"
    checked: Checked = field(default_factory=Checked)
    commit: str = ""
    confirmed_at: float | None = None  # when the Hub last said that this is its newest commit; seconds since the epoch
    reason: str = ""  # why this is not the Hub's newest; one sentence

    @property
    def runs(self) -> pd.DataFrame:
        """A row a run, with the columns of `tables.runs_frame` and more."""
        return self.checked.runs_frame

    @property
    def curves(self) -> pd.DataFrame:
        """A row a run and epoch."""
        return self.checked.curves_frame

    @property
    def line(self) -> str:
        """For people: which results these are, how old, why not newer, and what was left out of them."""
        count = len(self.checked.records)
        runs = f"{count} published run{'' if count == 1 else 's'}"
        commit = f"commit {self.commit[:7]}, checked {_ago(self.confirmed_at)}"
        what = {
            "hub": f"{runs} from {self.repo} on the Hub, {commit}.",
            "copy": f"{runs} from the last good copy of {self.repo}, {commit}.",
            "snapshot": f"{runs} from the snapshot bundled with lpwd, the newest of {self._newest()}.",
            "none": "No published results: there is no earlier copy and no bundled snapshot.",
        }[self.source]
        return " ".join(part for part in (what, self.reason, self.checked.note) if part)

    def _newest(self) -> str:
        dates = [record.status.created for record in self.checked.records.values()]
        return datetime.datetime.fromtimestamp(max(dates, default=0), datetime.UTC).strftime("%Y-%m-%d")


def _ago(moment: float | None) -> str:
    """`just now`, `5 minutes ago`, `3 days ago`."""
    seconds = time.time() - (moment or 0)
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def pull(repo: str, *, snapshot: Path = SNAPSHOT) -> Results:
    """The newest results that can be had within a few seconds. Raises nothing: the line says what went wrong."""
    try:
        if not repo:
            return local(repo, NO_REPO, snapshot)
        check_name(repo)
        return _from_hub(repo)
    except ConfigError as error:
        return local(repo, str(error), snapshot)


def local(repo: str, reason: str, snapshot: Path = SNAPSHOT) -> Results:
    """The last good copy or the bundled snapshot, without asking the Hub."""
    if REPO.fullmatch(repo) and (copy := _read_copy(repo)):
        return replace(copy, reason=reason)
    try:
        checked = check(Tables.read(snapshot / RUNS_FILE, snapshot / CURVES_FILE))
    except ConfigError:
        return Results(repo, reason=reason)
    return Results(repo, "snapshot", checked, reason=reason)


def check_name(repo: str) -> None:
    """Raises ConfigError for what cannot be a repository."""
    if not REPO.fullmatch(repo):
        raise ConfigError(f"results repository is {repo[:100]!r}: it has to be owner/name.")


def _from_hub(repo: str) -> Results:
    """The Hub's newest commit; downloads it where the copy is of another."""
    commit = check_commit(probe(repo, "dataset"))
    copy = _read_copy(repo)
    if copy is None or copy.commit != commit:
        files = download(repo, commit, (RUNS_FILE, CURVES_FILE))
        copy = Results(repo, "copy", check(Tables.read(*files)), commit)
        with suppress(OSError):  # a full or read-only disk: the next start has no copy
            _keep(repo, commit, files)
    with suppress(OSError):
        _write_latest(repo, commit)
    return replace(copy, source="hub", confirmed_at=time.time())


def check_commit(commit: str) -> str:
    """A commit hash; it becomes a folder's name, so nothing else may pass."""
    if not COMMIT.fullmatch(commit):
        raise HubRefused(f"What answers at {constants.ENDPOINT} is not a Hugging Face Hub.")
    return commit


def download(repo: str, commit: str, filenames: tuple[str, ...], token: str | None = None) -> list[Path]:
    """Files of one commit through the client's cache, which compares etags. Raises HubUnreachable or HubRefused."""

    def ask() -> list[Path]:
        paths = []
        for name in filenames:
            with hub_errors(f"{name} of dataset {repo}", patient=False):
                try:
                    path = hf_hub_download(repo, name, repo_type="dataset", revision=commit, token=token)
                except RuntimeError as error:  # of hf_xet, which the Hub's large files go through
                    raise HubRefused(f"{name} of dataset {repo}: the download failed ({error}).") from None
                paths.append(Path(path))
        return paths

    return within(PULL_SECONDS, ask)


# ---- the last good copy: HF_HOME/lpwd/results/<owner>--<name>/<commit>/*.parquet, and latest.json with the commit


def _folder(repo: str) -> Path:
    return Path(constants.HF_HOME) / "lpwd" / "results" / repo.replace("/", "--")


def _read_copy(repo: str) -> Results | None:
    try:
        latest = json.loads((_folder(repo) / "latest.json").read_text(encoding="utf-8"))
        folder = _folder(repo) / check_commit(latest["commit"])
        checked = check(Tables.read(folder / RUNS_FILE, folder / CURVES_FILE))
        return Results(repo, "copy", checked, latest["commit"], float(latest["asked"]))
    except (OSError, ValueError, KeyError, TypeError):  # none, or damaged
        return None


def _keep(repo: str, commit: str, files: list[Path]) -> None:
    """Copy validated files; a reader sees the old copy or the new one. The one before stays, for its readers."""
    root = _folder(repo)
    temporary = root / f".{commit}.{threading.get_ident()}.{time.monotonic_ns()}"
    temporary.mkdir(parents=True)
    try:
        for file in files:
            shutil.copyfile(file, temporary / file.name)
        shutil.rmtree(root / commit, ignore_errors=True)  # only a damaged one comes here again
        temporary.rename(root / commit)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    others = [path for path in root.iterdir() if COMMIT.fullmatch(path.name) and path.name != commit]
    for path in sorted(others, key=lambda path: path.stat().st_mtime)[:-1]:
        shutil.rmtree(path, ignore_errors=True)


def _write_latest(repo: str, commit: str) -> None:
    if (_folder(repo) / commit).is_dir():
        write_atomic(_folder(repo) / "latest.json", json.dumps({"commit": commit, "asked": time.time()}))


class Puller:
    """Published results for a page: `latest()` returns at once, a thread refreshes them."""

    def __init__(self, repo: str, *, every: float = REFRESH_SECONDS, snapshot: Path = SNAPSHOT) -> None:
        self.repo, self.every, self.snapshot = repo, every, snapshot
        self.version = 0  # grows whenever there is something else to show
        self._results = Results(repo, reason="They are being read.")
        self._good: Results | None = None  # the Hub's, in memory: needs no disk
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._due = 0.0  # on the monotonic clock

    def latest(self) -> Results:
        """What is known now; starts a refresh where it is due. Never waits."""
        if time.monotonic() >= self._due:
            self.refresh()
        return self._results

    def refresh(self) -> threading.Thread:
        """Ask the Hub in the background, unless that is under way; the thread may be joined."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="lpwd-results", daemon=True)
                self._thread.start()
            return self._thread

    @property
    def refreshing(self) -> bool:
        """Whether the Hub is being asked."""
        return self._thread is not None and self._thread.is_alive()

    def _work(self) -> None:
        if not self.repo:
            self._due = math.inf
            return self._show(local("", NO_REPO, self.snapshot))
        self._due = time.monotonic() + RETRY_SECONDS
        if self.version == 0:
            self._show(local(self.repo, "The Hub is being asked.", self.snapshot))
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
