"""Commit files to the Hub within a time limit. The token is passed only to the client."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi, constants, get_token
from huggingface_hub.errors import BadRequestError, HfHubHTTPError, RepositoryNotFoundError

from lpwd.hub.card import CARD, CARD_FILE, is_outdated
from lpwd.hub.client import HubRefused, check_name, hub_errors, within
from lpwd.hub.fetch import STARTS_FOLDER
from lpwd.starts import Start

UPLOAD_SECONDS = 60.0  # for one attempt; each request has a lower limit


class _Api(HfApi):
    """Skips the request that validates the card's YAML, which is a tested constant."""

    def _validate_yaml(self, *_: object, **__: object) -> None:
        pass


@contextmanager
def writing(repo: str, token: str | None) -> Iterator[None]:
    """Convert errors as `hub_errors` does, with details on missing write access."""
    with hub_errors(f"dataset {repo}", patient=False):
        try:
            yield
        except HfHubHTTPError as error:
            raise _refused(error, repo, token) from None
        except RuntimeError as error:  # from hf_xet, which transfers large files
            raise HubRefused(f"dataset {repo}: the upload failed ({error}).") from None


def create(repo: str, token: str | None) -> None:
    """Create the dataset if it does not exist. Raises HubRefused or HubUnreachable."""

    def ask() -> None:
        with writing(repo, token):
            HfApi(token=token).create_repo(repo, repo_type="dataset", exist_ok=True)

    within(UPLOAD_SECONDS, ask)


def commit(
    repo: str, token: str | None, files: Mapping[str, bytes | str], message: str, *, with_card: bool = True
) -> str:
    """Commit files, given as content or as a path, and return the commit hash. Raises HubRefused or HubUnreachable."""

    def send() -> str:
        with writing(repo, token):
            card = {CARD_FILE: CARD.encode()} if with_card and is_outdated(repo, token) else {}
            operations = [CommitOperationAdd(name, content) for name, content in {**files, **card}.items()]
            info = _Api(token=token).create_commit(repo, operations, commit_message=message, repo_type="dataset")
            return str(info.oid)

    return within(UPLOAD_SECONDS, send)


def _refused(error: HfHubHTTPError, repo: str, token: str | None) -> Exception:
    """Return the error to raise for the Hub's answer to a write."""
    code = error.response.status_code
    if code in (409, 412):
        return HubRefused(f"Another push to {repo} happened at the same time: push again.")
    if code not in (400, 401, 402, 403, 413) or (isinstance(error, RepositoryNotFoundError) and code != 401):
        return error
    message = " ".join((error.server_message or "").split())
    if token:
        message = message.replace(token, "<token>")
    reason = f" ({message[:200].rstrip('.')})" if message else ""
    if code in (401, 403):
        return HubRefused(_about_token(repo, token, reason))
    kind = "a bad request" if isinstance(error, BadRequestError) else "over its limits"
    return HubRefused(f"The Hub at {constants.ENDPOINT} rejected the push to {repo} as {kind}{reason}.")


def _about_token(repo: str, token: str | None, reason: str) -> str:
    """Return why the token was rejected, as far as the Hub tells."""
    settings = f"{constants.ENDPOINT}/settings/tokens"
    try:
        me = HfApi(token=token).whoami()
    except HfHubHTTPError as error:
        if error.response.status_code != 401:
            return f"The access token has no write access to {repo}{reason}."
        invalid = f"The access token is invalid or has expired on the Hub at {constants.ENDPOINT}"
        return f"{invalid}: create one at {settings}."
    if me.get("auth", {}).get("accessToken", {}).get("role") == "read":
        writable = f"create one with write access to {repo} at {settings}"
        return f"The access token of {me.get('name')} is read-only: {writable}."
    return f"{me.get('name')} has no write access to {repo} with this access token{reason}."


def push_start(repo: str, start: Start, weights: Path, token: str | None = None) -> str:
    """Commit a start's weights to the results repository, and return the hash. Raises HubRefused or HubUnreachable."""
    check_name(repo)
    files = {f"{STARTS_FOLDER}/{start.file}": str(weights)}
    return commit(repo, token or get_token(), files, f"Start {start.name} by lpwd", with_card=False)
