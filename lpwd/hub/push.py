"""Publishing: finished runs of a store to a dataset on the Hub, into a folder, and back into a wiped store.

A push adds one file of runs and one of their curves, and changes no file that is there. Of two records of one run the
newest file counts. The token is only ever handed to the client.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import get_token

from lpwd.config import ConfigError
from lpwd.hub import chosen, scans, upload
from lpwd.hub.client import HubMissing, HubRefused, check_name
from lpwd.hub.published import differs, ended_runs, read, restore, shard
from lpwd.hub.pull import download, head, pull
from lpwd.hub.results import Results
from lpwd.paper.scorecard import answer
from lpwd.paper.scorecard.claims import scorecard
from lpwd.paths import replacing
from lpwd.runs import Run, Runs
from lpwd.sentences import counted
from lpwd.store import RunStore

NAMED = 5  # run ids in a sentence


@dataclass(frozen=True)
class Report:
    """What a push sent, or would send."""

    repo: str
    dry_run: bool
    added: tuple[str, ...]
    replaced: tuple[str, ...]
    differing: tuple[str, ...]  # published with other numbers, and left so
    left_out: tuple[str, ...]  # sentences
    published: int  # runs there now, or then
    commit: str = ""  # the new one, or the one that has everything already

    @property
    def line(self) -> str:
        """One paragraph for people."""
        sent = self.added + self.replaced
        done = "Would send" if self.dry_run else "Sent"
        what = f"{done} {counted(len(sent), 'run')} to {self.repo}" if sent else f"Nothing to send to {self.repo}"
        total = "would be" if self.dry_run and sent else "are"
        parts = [f"{what}: {counted(self.published, 'run')} {'is' if self.published == 1 else total} published there."]
        if self.replaced:
            parts.append(f"{counted(len(self.replaced), 'run')} replaced what was published: {_named(self.replaced)}.")
        if self.differing:
            left = f"{counted(len(self.differing), 'run')} left as published, with other numbers than here"
            parts.append(f"{left} (--replace sends these): {_named(self.differing)}.")
        if self.left_out:
            parts.append(f"{counted(len(self.left_out), 'run')} left out: {_named(self.left_out)}.")
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
    """Add the store's finished and diverged runs (of `run_ids` if given) to a dataset, which is made if missing.

    What is published already stays as it is, unless `replace`. Raises ConfigError with one sentence.
    """
    check_name(repo)
    token = token or get_token()
    if token is None and not dry_run:
        raise HubRefused(
            f"There is no access token: set HF_TOKEN to one that may write to {repo}, or run `hf auth login`."
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
    """One shard of the runs that are not among `theirs`, or with `replace` differ, and the report of adding it."""
    other = [run for run in ours if run.run_id in theirs and differs(run, theirs[run.run_id])]
    files, sent = shard([*(run for run in ours if run.run_id not in theirs), *(other if replace else ())], left_out)
    added = tuple(run_id for run_id in sent if run_id not in theirs)
    replaced = tuple(run_id for run_id in sent if run_id in theirs)
    differing = () if replace else tuple(run.run_id for run in other)
    return files, Report(place, dry_run, added, replaced, differing, tuple(left_out), len(theirs) + len(added))


def _published(repo: str, token: str | None) -> tuple[str, Mapping[str, Run]]:
    """Newest commit and runs of a dataset; "" and no runs if it does not exist. Raises Malformed, ConfigError."""
    try:
        commit, files = head(repo, token, upload.writing)
    except HubMissing:
        return "", {}
    return commit, read(download(repo, commit, files, token), repo).runs if files else {}


# ---- back from the Hub, and into a folder


@dataclass(frozen=True)
class Restored:
    """Runs that a store took back."""

    run_ids: tuple[str, ...]
    results: Results

    @property
    def line(self) -> str:
        if self.results.source not in ("hub", "copy"):
            return f"No runs taken back. {self.results.reason}".rstrip()
        return f"{counted(len(self.run_ids), 'run')} taken back. {self.results.line}"


def take_back(store: RunStore, repo: str) -> Restored:
    """Make the published runs that the store lacks, from the Hub or the last good copy; not from the snapshot."""
    results = pull(repo)
    if results.source not in ("hub", "copy"):
        return Restored((), results)
    message = f"Taken back from {repo} on the Hub: its curves by epoch, not its steps, and no checkpoint."
    return Restored(tuple(restore(store, results.runs, message)), results)


def add_to_folder(
    store: RunStore, folder: Path, run_ids: Sequence[str] | None = None, *, dry_run: bool = False, replace: bool = False
) -> Report:
    """Add the store's finished runs to a folder as new files of runs and curves; no file that is there is changed.

    As `push` does on the Hub: what is there already stays, unless `replace`.
    """
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
    """`add_to_folder` for a snapshot, such as lpwd/snapshot, and choose what the Demo draws.

    Raises ConfigError if there is no run to write.
    """
    report = add_to_folder(store, folder, run_ids, dry_run=dry_run, replace=replace)
    if not report.published:
        raise ConfigError(f"There is no finished run in {store.root}: nothing was written.")
    if not dry_run:
        runs = read(folder, "").runs
        chosen.write(runs, folder)
        scans.write(runs, folder)
        answer.write(scorecard(Runs(published=lambda: runs), "cpu"), folder)
    return report
