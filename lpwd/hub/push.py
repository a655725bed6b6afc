"""Publishing: finished runs of a store to a dataset on the Hub, into a folder, and back into a wiped store.

A push adds one file of runs and one of their curves, and changes no file that is there. Of two records of one run the
newest file counts. The token is only ever handed to the client.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi, constants, get_token
from huggingface_hub.errors import BadRequestError, HfHubHTTPError, RepositoryNotFoundError

from lpwd.config import ConfigError
from lpwd.hub import chosen, scans
from lpwd.hub.card import CARD, CARD_FILE, is_outdated
from lpwd.hub.client import STARTS_FOLDER, HubMissing, HubRefused, check_name, hub_errors, within
from lpwd.hub.published import differs, ended_runs, read, restore, shard
from lpwd.hub.pull import download, head, pull
from lpwd.hub.results import Results
from lpwd.paper.scorecard import answer
from lpwd.paper.scorecard.claims import scorecard
from lpwd.paths import replacing
from lpwd.runs import Run, Runs
from lpwd.starts import Start
from lpwd.store import RunStore

UPLOAD_SECONDS = 60.0  # of one attempt in all; each request has less
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
        what = f"{done} {_count(len(sent))} to {self.repo}" if sent else f"Nothing to send to {self.repo}"
        total = "would be" if self.dry_run and sent else "are"
        parts = [f"{what}: {_count(self.published)} {'is' if self.published == 1 else total} published there."]
        if self.replaced:
            parts.append(f"{_count(len(self.replaced))} replaced what was published: {_named(self.replaced)}.")
        if self.differing:
            left = f"{_count(len(self.differing))} left as published, with other numbers than here"
            parts.append(f"{left} (--replace sends these): {_named(self.differing)}.")
        if self.left_out:
            parts.append(f"{_count(len(self.left_out))} left out: {_named(self.left_out)}.")
        return " ".join(parts)


def _count(runs: int) -> str:
    return f"{runs} run{'' if runs == 1 else 's'}"


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
    new = _News(theirs, *ended_runs(store, run_ids), replace)
    if new.sent and not dry_run:
        if not commit:
            _create(repo, token)
        commit = _commit(repo, token, new.files, len(new.sent))
    return new.report(repo, dry_run, commit)


class _News:
    """What a push adds to `theirs`: one shard of the runs that are not there, or with `replace` differ."""

    def __init__(self, theirs: Mapping[str, Run], ours: Sequence[Run], left_out: list[str], replace: bool) -> None:
        other = [run for run in ours if run.run_id in theirs and differs(run, theirs[run.run_id])]
        self._theirs, self._left_out = theirs, left_out
        wanted = [*(run for run in ours if run.run_id not in theirs), *(other if replace else ())]
        self.files, self.sent = shard(wanted, left_out)
        self._differing = () if replace else tuple(run.run_id for run in other)

    def report(self, place: str, dry_run: bool, commit: str = "") -> "Report":
        added = tuple(run_id for run_id in self.sent if run_id not in self._theirs)
        replaced = tuple(run_id for run_id in self.sent if run_id in self._theirs)
        total = len(self._theirs) + len(added)
        return Report(place, dry_run, added, replaced, self._differing, tuple(self._left_out), total, commit)


def _published(repo: str, token: str | None) -> tuple[str, Mapping[str, Run]]:
    """Newest commit and runs of a dataset; "" and no runs if it does not exist. Raises Malformed, ConfigError."""
    try:
        commit, files = head(repo, token, _writing)
    except HubMissing:
        return "", {}
    return commit, read(download(repo, commit, files, token), repo).runs if files else {}


class _Api(HfApi):
    """Sends the card without asking the Hub first whether its YAML is valid: it is a constant, and tested."""

    def _validate_yaml(self, *_: object, **__: object) -> None:
        pass


@contextmanager
def _writing(repo: str, token: str | None) -> Iterator[None]:
    """`hub_errors` with more to say about who may write."""
    with hub_errors(f"dataset {repo}", patient=False):
        try:
            yield
        except HfHubHTTPError as error:
            raise _refused(error, repo, token) from None
        except RuntimeError as error:  # of hf_xet, which the Hub's large files go through
            raise HubRefused(f"dataset {repo}: the upload failed ({error}).") from None


def _create(repo: str, token: str | None) -> None:
    def ask() -> None:
        with _writing(repo, token):
            HfApi(token=token).create_repo(repo, repo_type="dataset", exist_ok=True)

    within(UPLOAD_SECONDS, ask)


def _commit(repo: str, token: str | None, files: Mapping[str, bytes], runs: int) -> str:
    """One commit that adds these files; returns its hash. Raises HubRefused or HubUnreachable."""

    def send() -> str:
        with _writing(repo, token):
            card = {CARD_FILE: CARD.encode()} if is_outdated(repo, token) else {}
            info = _Api(token=token).create_commit(
                repo,
                [CommitOperationAdd(name, content) for name, content in {**files, **card}.items()],
                commit_message=f"{_count(runs)} by lpwd",
                repo_type="dataset",
            )
            return str(info.oid)

    return within(UPLOAD_SECONDS, send)


def _refused(error: HfHubHTTPError, repo: str, token: str | None) -> Exception:
    """What to raise for an answer of the Hub to somebody who wants to write."""
    code = error.response.status_code
    if code in (409, 412):
        return HubRefused(f"Somebody else published to {repo} at the same moment: push again.")
    if code not in (400, 401, 402, 403, 413) or (isinstance(error, RepositoryNotFoundError) and code != 401):
        return error
    message = " ".join((error.server_message or "").split())
    if token:
        message = message.replace(token, "<token>")
    reason = f" ({message[:200].rstrip('.')})" if message else ""
    if code in (401, 403):
        return HubRefused(_about_token(repo, token, reason))
    kind = "a bad request" if isinstance(error, BadRequestError) else "over its limits"
    return HubRefused(f"The Hub at {constants.ENDPOINT} refuses to store this in {repo}, as {kind}{reason}.")


def _about_token(repo: str, token: str | None, reason: str) -> str:
    """Why a token does not do, as far as the Hub tells."""
    settings = f"{constants.ENDPOINT}/settings/tokens"
    wrong = f"The Hub at {constants.ENDPOINT} does not accept the access token: it is wrong or has expired"
    try:
        me = HfApi(token=token).whoami()
    except HfHubHTTPError as error:
        token_is_valid = error.response.status_code != 401
        return (
            f"The access token may not write to {repo}{reason}."
            if token_is_valid
            else f"{wrong}; make one at {settings}."
        )
    role = me.get("auth", {}).get("accessToken", {}).get("role")
    if role == "read":
        return f"The access token of {me.get('name')} may only read: make one that may write to {repo} at {settings}."
    return f"{me.get('name')} may not write to {repo} with this access token{reason}."


def push_start(repo: str, start: Start, weights: Path, token: str | None = None) -> str:
    """Add a start's weights to the results repository; returns the commit. Raises HubRefused or HubUnreachable."""
    check_name(repo)
    token = token or get_token()

    def send() -> str:
        with _writing(repo, token):
            operation = CommitOperationAdd(f"{STARTS_FOLDER}/{start.file}", str(weights))
            message = f"Start {start.name} by lpwd"
            info = HfApi(token=token).create_commit(repo, [operation], commit_message=message, repo_type="dataset")
            return str(info.oid)

    return within(UPLOAD_SECONDS, send)


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
        return f"{_count(len(self.run_ids))} taken back. {self.results.line}"


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
    new = _News(theirs, *ended_runs(store, run_ids), replace)
    for name, content in ({} if dry_run else new.files).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with replacing(folder / name) as temporary:
            temporary.write_bytes(content)
    return new.report(str(folder), dry_run)


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
