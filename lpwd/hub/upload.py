"""Writing to the Hub within a time limit, and one sentence for each refusal. Only the client gets the token."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi, constants, get_token
from huggingface_hub.errors import BadRequestError, HfHubHTTPError, RepositoryNotFoundError

from lpwd.hub.card import CARD, CARD_FILE, is_outdated
from lpwd.hub.client import HubRefused, check_name, hub_errors, within
from lpwd.hub.fetch import STARTS_FOLDER
from lpwd.starts import Start

UPLOAD_SECONDS = 60.0  # of one attempt in all; each request has less


class _Api(HfApi):
    """Sends the card without asking the Hub first whether its YAML is valid: it is a constant, and tested."""

    def _validate_yaml(self, *_: object, **__: object) -> None:
        pass


@contextmanager
def writing(repo: str, token: str | None) -> Iterator[None]:
    """`hub_errors` with more to say about who may write."""
    with hub_errors(f"dataset {repo}", patient=False):
        try:
            yield
        except HfHubHTTPError as error:
            raise _refused(error, repo, token) from None
        except RuntimeError as error:  # of hf_xet, which the Hub's large files go through
            raise HubRefused(f"dataset {repo}: the upload failed ({error}).") from None


def create(repo: str, token: str | None) -> None:
    """Make the dataset if it is missing. Raises HubRefused or HubUnreachable."""

    def ask() -> None:
        with writing(repo, token):
            HfApi(token=token).create_repo(repo, repo_type="dataset", exist_ok=True)

    within(UPLOAD_SECONDS, ask)


def commit(repo: str, token: str | None, files: Mapping[str, bytes], message: str) -> str:
    """One commit that adds these files; returns its hash. Raises HubRefused or HubUnreachable."""

    def send() -> str:
        with writing(repo, token):
            card = {CARD_FILE: CARD.encode()} if is_outdated(repo, token) else {}
            info = _Api(token=token).create_commit(
                repo,
                [CommitOperationAdd(name, content) for name, content in {**files, **card}.items()],
                commit_message=message,
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
        with writing(repo, token):
            operation = CommitOperationAdd(f"{STARTS_FOLDER}/{start.file}", str(weights))
            message = f"Start {start.name} by lpwd"
            info = HfApi(token=token).create_commit(repo, [operation], commit_message=message, repo_type="dataset")
            return str(info.oid)

    return within(UPLOAD_SECONDS, send)
