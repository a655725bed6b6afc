"""Publish finished runs of a store to a dataset on the Hub or to a folder, and restore them into an empty store.

A push adds one file of runs and one of their curves, and changes no existing file. A newer record of a run replaces
older ones. The token is passed only to the client.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import get_token

from lpwd.config import ConfigError
from lpwd.hub import demo_pair, scans, upload
from lpwd.hub.client import HubMissing, HubRefused, check_name
from lpwd.hub.pull import download, head, pull
from lpwd.hub.results import Results
from lpwd.hub.shards import differs, ended_runs, read, restore, shard
from lpwd.paper.scorecard import answer
from lpwd.paper.scorecard.claims import scorecard
from lpwd.paths import replacing
from lpwd.runs import Run, Runs
from lpwd.sentences import counted
from lpwd.store import RunStore

NAMED = 5  # run ids listed in a sentence


@dataclass(frozen=True)
class Report:
    """Result of a push, or of its dry run."""

    repo: str
    dry_run: bool
    added: tuple[str, ...]
    replaced: tuple[str, ...]
    differing: tuple[str, ...]  # published with other numbers, and not replaced
    left_out: tuple[str, ...]  # one sentence per skipped run
    published: int  # number of published runs after the push
    commit: str = ""  # the new commit, or the existing one if nothing was sent

    @property
    def line(self) -> str:
        """A summary to display."""
        sent = self.added + self.replaced
        done = "Would send" if self.dry_run else "Sent"
        what = f"{done} {counted(len(sent), 'run')} to {self.repo}" if sent else f"Nothing to send to {self.repo}"
        total = "would be" if self.dry_run and sent else "are"
        parts = [f"{what}: {counted(self.published, 'run')} {'is' if self.published == 1 else total} published there."]
        if self.replaced:
            parts.append(f"{counted(len(self.replaced), 'run')} replaced what was published: {_named(self.replaced)}.")
        if self.differing:
            kept = f"{counted(len(self.differing), 'run')} not sent, published with different numbers"
            parts.append(f"{kept} (use --replace to send): {_named(self.differing)}.")
        if self.left_out:
            parts.append(f"{counted(len(self.left_out), 'run')} skipped: {_named(self.left_out)}.")
        return " ".join(parts)


def _named(names: Sequence[str]) -> str:
    rest = len(names) - NAMED
    return "; ".join(names[:NAMED]) + (f"; and {rest} more" if rest > 0 else "")


def push(
    store: RunStore,
    repo: str,
    *,
    dry_run: bool = False,
    run_ids: Sequence[str] | None = None,
    replace: bool = False,
    token: str | None = None,
) -> Report:
    """Push the store's finished and diverged runs (or those in `run_ids`) to a dataset, created if missing.

    Published runs are not replaced unless `replace` is set. Raises ConfigError.
    """
    check_name(repo)
    token = token or get_token()
    if token is None and not dry_run:
        raise HubRefused(
            f"No access token found: set HF_TOKEN to one with write access to {repo}, or run `hf auth login`."
        )
    commit, theirs = _published(repo, token)
    files, report = _plan(repo, theirs, *ended_runs(store, run_ids), replace, dry_run)
    if files and not dry_run:
        if not commit:
            upload.create(repo, token)
        commit = upload.commit(repo, token, files, f"{counted(len(report.added + report.replaced), 'run')} by lpwd")
    return dataclasses.replace(report, commit=commit)


def _plan(
    place: str, theirs: Mapping[str, Run], ours: Sequence[Run], left_out: list[str], replace: bool, dry_run: bool
) -> tuple[dict[str, bytes], Report]:
    """Return a shard of the runs that are missing in `theirs` (or, with `replace`, differ), and the report."""
    other = [run for run in ours if run.run_id in theirs and differs(run, theirs[run.run_id])]
    files, sent = shard([*(run for run in ours if run.run_id not in theirs), *(other if replace else ())], left_out)
    added = tuple(run_id for run_id in sent if run_id not in theirs)
    replaced = tuple(run_id for run_id in sent if run_id in theirs)
    differing = () if replace else tuple(run.run_id for run in other)
    return files, Report(place, dry_run, added, replaced, differing, tuple(left_out), len(theirs) + len(added))


def _published(repo: str, token: str | None) -> tuple[str, Mapping[str, Run]]:
    """Return the newest commit and the runs of a dataset, or "" and no runs if it does not exist."""
    try:
        commit, files = head(repo, token, upload.writing)
    except HubMissing:
        return "", {}
    return commit, read(download(repo, commit, files, token), repo).runs if files else {}


# ---- restore from the Hub, and push to a folder


@dataclass(frozen=True)
class Restored:
    """Runs that were restored into a store."""

    run_ids: tuple[str, ...]
    results: Results

    @property
    def line(self) -> str:
        if self.results.source not in ("hub", "copy"):
            return f"No runs restored. {self.results.reason}".rstrip()
        return f"{counted(len(self.run_ids), 'run')} restored. {self.results.line}"


def restore_missing(store: RunStore, repo: str) -> Restored:
    """Restore published runs missing in the store, from the Hub or the last good copy but not the snapshot."""
    results = pull(repo)
    if results.source not in ("hub", "copy"):
        return Restored((), results)
    return Restored(tuple(restore(store, results.runs, f"{repo} on the Hub")), results)


def add_to_folder(
    store: RunStore, folder: Path, run_ids: Sequence[str] | None = None, *, dry_run: bool = False, replace: bool = False
) -> Report:
    """Push the store's finished runs to a folder as new files of runs and curves; like `push` for the Hub."""
    theirs = read(folder, "").runs if folder.is_dir() else {}
    files, report = _plan(str(folder), theirs, *ended_runs(store, run_ids), replace, dry_run)
    for name, content in ({} if dry_run else files).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with replacing(folder / name) as temporary:
            temporary.write_bytes(content)
    return report


def write_snapshot(
    store: RunStore, folder: Path, run_ids: Sequence[str] | None = None, *, dry_run: bool = False, replace: bool = False
) -> Report:
    """Push runs to the folder of a snapshot, such as lpwd/snapshot, and write the files derived from its runs.

    Raises ConfigError if there are no runs.
    """
    report = add_to_folder(store, folder, run_ids, dry_run=dry_run, replace=replace)
    if not report.published:
        raise ConfigError(f"Nothing was written: {store.root} has no finished run.")
    if not dry_run:
        runs = read(folder, "").runs
        demo_pair.write(runs, folder)
        scans.write(runs, folder)
        answer.write(scorecard(Runs(published=lambda: runs), "cpu"), folder)
    return report
