"""Publishing: finished runs of a store to a dataset on the Hub, into a folder, and back into a wiped store.

Both tables and the card go in one commit whose parent is the commit that was read: where somebody else was quicker, the
Hub refuses it, and we read and merge again. The token is only ever handed to the client.
"""

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi, constants, get_token
from huggingface_hub.errors import BadRequestError, HfHubHTTPError, RepositoryNotFoundError

from lpwd.config import ConfigError
from lpwd.hub import chosen, scans
from lpwd.hub.card import CARD, CARD_FILE, is_outdated
from lpwd.hub.checked import Merged, check, merge, restore
from lpwd.hub.client import PROBE_SECONDS, HubRefused, hub_errors, within
from lpwd.hub.pull import Results, check_commit, check_name, download, pull
from lpwd.hub.rows import CURVES_FILE, RUNS_FILE, Malformed, Tables, from_store
from lpwd.hub.starts import REPOSITORY_FOLDER
from lpwd.paths import replacing
from lpwd.starts import Start
from lpwd.store import RunStore

ATTEMPTS = 6  # against others who publish at the same moment
UPLOAD_SECONDS = 60.0  # of one attempt in all; each request has less
NAMED = 5  # run ids in a sentence


class Conflict(HubRefused):
    """Somebody else's commit came first."""


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
    """Add the store's finished and diverged runs (of `run_ids` where given) to a dataset, which is made if missing.

    What is published already stays as it is, unless `replace`. Raises ConfigError with one sentence.
    """
    check_name(repo)
    token = token or get_token()
    if token is None and not dry_run:
        raise HubRefused(
            f"There is no access token: set HF_TOKEN to one that may write to {repo}, or run `hf auth login`."
        )
    ours, left_out = from_store(store, run_ids)
    for attempt in range(1, ATTEMPTS + 1):
        commit, files, theirs = _read(repo, token)
        merged = merge(theirs, ours, replace)
        if merged.sent and not dry_run:
            if not commit:
                _create(repo, token)
                continue  # it has a first commit now, and perhaps somebody else's
            try:
                commit = _commit(repo, token, commit, files, merged)
            except Conflict:
                time.sleep(random.uniform(0.05, 0.25) * attempt)  # noqa: S311  a pause, no secret
                continue
        return Report(
            repo, dry_run, merged.added, merged.replaced, merged.differing, tuple(left_out), merged.published, commit
        )
    raise HubRefused(f"Others publish to {repo} all the time: nothing was sent after {ATTEMPTS} attempts, push again.")


def _read(repo: str, token: str | None) -> tuple[str, set[str], Tables]:
    """Newest commit, file names and tables of the repository; "" and empty tables where it does not exist.

    Raises Malformed where its tables cannot be read: overwriting them would lose somebody's results.
    """
    head = within(UPLOAD_SECONDS, lambda: _head(repo, token))
    if head is None:
        return "", set(), Tables.of()
    commit, files = head
    if not {RUNS_FILE, CURVES_FILE} & files:
        return commit, files, Tables.of()
    try:
        return commit, files, Tables.read(*download(repo, commit, (RUNS_FILE, CURVES_FILE), token))
    except Malformed as error:
        raise Malformed(f"{error} Nothing was sent to {repo}, because it would overwrite that file.") from None


def _head(repo: str, token: str | None) -> tuple[str, set[str]] | None:
    with hub_errors(f"dataset {repo}", patient=False):
        try:
            info = HfApi(token=token).dataset_info(repo, timeout=PROBE_SECONDS)
        except RepositoryNotFoundError:
            return None
        except HfHubHTTPError as error:
            raise _refused(error, repo, token) from None
        return check_commit(str(info.sha)), {sibling.rfilename for sibling in info.siblings or ()}


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


def _commit(repo: str, token: str | None, parent: str, files: set[str], merged: Merged) -> str:
    """One commit on top of `parent`; returns its hash. Raises Conflict, HubRefused or HubUnreachable."""

    def send() -> str:
        with _writing(repo, token):
            contents = merged.tables.files()
            if CARD_FILE not in files or is_outdated(repo, parent, token):
                contents[CARD_FILE] = CARD.encode()
            info = _Api(token=token).create_commit(
                repo,
                [CommitOperationAdd(name, content) for name, content in contents.items()],
                commit_message=f"{_count(len(merged.sent))} by lpwd",
                repo_type="dataset",
                parent_commit=parent,
            )
            return str(info.oid)

    return within(UPLOAD_SECONDS, send)


def _refused(error: HfHubHTTPError, repo: str, token: str | None) -> Exception:
    """What to raise for an answer of the Hub to somebody who wants to write."""
    code = error.response.status_code
    if code in (409, 412):
        return Conflict(f"Somebody else published to {repo} at the same moment.")
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
            operation = CommitOperationAdd(f"{REPOSITORY_FOLDER}/{start.file}", str(weights))
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
    return Restored(tuple(restore(store, results.checked, message)), results)


def write_snapshot(
    store: RunStore, folder: Path, run_ids: Sequence[str] | None = None, *, dry_run: bool = False, replace: bool = False
) -> Report:
    """Add the store's finished runs to a snapshot in a folder, such as lpwd/snapshot, and choose what the Demo draws.

    As `push` does on the Hub: what is there already stays, unless `replace`.
    """
    ours, left_out = from_store(store, run_ids)
    files = [folder / name for name in (RUNS_FILE, CURVES_FILE)]
    merged = merge(Tables.read(*files) if all(file.exists() for file in files) else Tables.of(), ours, replace)
    if not merged.published:
        raise ConfigError(f"There is no finished run in {store.root}: nothing was written.")
    if not dry_run:
        _write(merged.tables, folder)
    return Report(
        str(folder),
        dry_run,
        merged.added,
        merged.replaced,
        merged.differing,
        tuple(left_out),
        merged.published,
    )


def _write(tables: Tables, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in tables.files().items():
        with replacing(folder / name) as temporary:
            temporary.write_bytes(content)
    checked = check(tables)
    chosen.write(checked, folder)
    scans.write(checked, folder)
