"""Requests to the Hugging Face Hub with time limits, and one sentence for each kind of failure. No torch here.

huggingface_hub alone waits 23 s for a Hub that refuses connections, and more than 300 s for one that accepts them and
never answers. Two measures bound this. The probe does not retry and has a deadline that includes name resolution. Every
request of the shared client has time limits, and a thread gives up after `UNANSWERED_LIMIT` requests without an answer.
With `patient=False`, for callers with a fallback, the first unanswered or refused request is an error: the client would
otherwise wait as long as a busy Hub asks for, up to five times.
"""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx2
from huggingface_hub import constants, get_session, set_client_factory
from huggingface_hub.errors import (
    FileMetadataError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
)

from lpwd.config import ConfigError
from lpwd.sentences import first_line

EventHooks = Mapping[str, list[Callable[..., Any]]]
T = TypeVar("T")

REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9_][\w.-]{0,95}", re.ASCII)

CONNECT_SECONDS = 3.0
READ_SECONDS = {"HEAD": 3.0, "GET": 5.0}  # without any data, not for the whole transfer
UPLOAD_SECONDS = 60.0  # the server may take long for a commit
IMPATIENT_UPLOAD_SECONDS = 8.0
UNANSWERED_LIMIT = 2  # consecutive requests, per thread


class HubUnreachable(ConfigError):
    """The Hub does not answer in time, or offline mode is set."""


class HubRefused(ConfigError):
    """The Hub answers with an error: repository or file not found, no access, a server error."""


class HubMissing(HubRefused):
    """The repository does not exist, or is private."""


class _State(threading.local):
    """Per-thread state: consecutive unanswered requests, and the arguments of `hub_errors`."""

    unanswered = 0
    what = "The Hub"
    patient = True


_state = _State()


def _limit(request: httpx2.Request) -> None:
    """Request hook: limit each phase of the request, and give up after too many unanswered requests."""
    limit = UNANSWERED_LIMIT if _state.patient else 1
    if _state.unanswered >= limit:
        raise _unreachable("a request was not answered" if limit == 1 else f"{limit} requests were not answered")
    _state.unanswered += 1
    caller_limits = request.extensions.get("timeout") or {}
    upload = UPLOAD_SECONDS if _state.patient else IMPATIENT_UPLOAD_SECONDS
    read = READ_SECONDS.get(request.method, upload)
    limits = {"connect": CONNECT_SECONDS, "read": read, "write": upload, "pool": upload}
    request.extensions["timeout"] = {
        name: min(limit, caller_limits.get(name) or limit) for name, limit in limits.items()
    }


def _answered(response: httpx2.Response) -> None:
    """Response hook: reset the count of unanswered requests; if not patient, raise for a busy or failing Hub."""
    _state.unanswered = 0
    if not _state.patient and (response.status_code == 429 or response.status_code >= 500):
        raise HubRefused(_refusal(_state.what, response))


def _bounded_client(usual: EventHooks) -> httpx2.Client:
    """Return a client like huggingface_hub's, with its `usual` hooks followed by ours."""
    hooks: EventHooks = {"request": [*usual["request"], _limit], "response": [*usual["response"], _answered]}
    with _starting():
        return httpx2.Client(event_hooks=hooks, follow_redirects=True, timeout=None)


@contextmanager
def _starting() -> Iterator[None]:
    """Convert errors of an invalid proxy or certificate setting, which occur before any request."""
    try:
        yield
    except (ImportError, OSError, ValueError) as error:
        why = f"{type(error).__name__}: {first_line(error)}"
        raise HubUnreachable(
            f"The Hub client cannot start ({why}): check the proxy variables and SSL_CERT_FILE."
        ) from None


@contextmanager
def hub_errors(what: str, *, patient: bool = True) -> Iterator[None]:
    """Limit Hub requests in this block and convert their errors to HubUnreachable or HubRefused about `what`.

    Covers every use of huggingface_hub's shared client in this thread, including timm's loading of weights.
    """
    _install()
    before = _state.what, _state.patient
    _state.unanswered, _state.what, _state.patient = 0, what, patient
    try:
        yield
    except OfflineModeIsEnabled:
        raise offline(what) from None
    except UnicodeEncodeError:
        raise HubRefused(f"{what} was not requested: the access token (HF_TOKEN) must be ASCII.") from None
    except RepositoryNotFoundError as error:
        if isinstance(error, GatedRepoError):
            raise HubRefused(f"{what} requires an access token on the Hub at {constants.ENDPOINT}.") from None
        raise HubMissing(f"{what} does not exist or is private on the Hub at {constants.ENDPOINT}.") from None
    except RemoteEntryNotFoundError:
        raise HubRefused(f"{what} not found in its repository on the Hub at {constants.ENDPOINT}.") from None
    except LocalEntryNotFoundError:
        raise offline(what) if constants.is_offline_mode() else _unreachable(f"{what} is not cached") from None
    except HfHubHTTPError as error:
        raise HubRefused(_refusal(what, error.response)) from None
    except FileMetadataError:
        raise HubRefused(f"{what}: the server at {constants.ENDPOINT} is not a Hugging Face Hub.") from None
    except (httpx2.HTTPError, ConnectionError, TimeoutError) as error:
        raise _unreachable(f"{what}: {type(error).__name__}") from None
    except OSError as error:  # a full or read-only disk, an aborted transfer
        raise HubRefused(f"{what} could not be saved: {first_line(error)}.") from None
    finally:
        _state.what, _state.patient = before


def within(seconds: float, ask: Callable[[], T]) -> T:
    """Return `ask()`, or raise its ConfigError, or HubUnreachable after `seconds`.

    It runs in its own thread, which is abandoned at the deadline. So this also bounds what no request hook can.
    """
    outcome: Future[T] = Future()

    def work() -> None:
        try:
            outcome.set_result(ask())
        except ConfigError as error:
            outcome.set_exception(error)
        except (ValueError, TypeError, KeyError) as error:  # a captive portal's page, for instance
            why = type(error).__name__
            refused = HubRefused(f"The server at {constants.ENDPOINT} is not a Hugging Face Hub ({why}).")
            outcome.set_exception(refused)
        except BaseException as error:  # raised again by `outcome.result`
            outcome.set_exception(error)

    thread = threading.Thread(target=work, name="lpwd-hub", daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome.done():
        raise _unreachable(f"no answer within {seconds:g} s")
    return outcome.result()


def check_name(repo: str) -> None:
    """Raise ConfigError for an invalid repository name."""
    if not REPO.fullmatch(repo):
        raise ConfigError(f"results repository is {repo[:100]!r}: it must have the form owner/name.")


_installed = threading.Lock()
_is_installed = False


def _install() -> None:
    """Install the bounded client in this process, once."""
    global _is_installed
    with _installed:
        if not _is_installed:
            with _starting():
                usual = dict(get_session().event_hooks)
            set_client_factory(lambda: _bounded_client(usual))
            _is_installed = True


def _refusal(what: str, response: httpx2.Response) -> str:
    code, wait = response.status_code, response.headers.get("Retry-After", "")
    more = ""
    if code == 401:
        more = ": a valid access token is required"
    if code == 429:
        more = f": too many requests, retry in {wait} s" if wait.isdecimal() else ": too many requests"
    return f"{what}: the Hub at {constants.ENDPOINT} answered with HTTP status {code}{more}."


def _unreachable(why: str) -> HubUnreachable:
    return HubUnreachable(f"The Hub at {constants.ENDPOINT} cannot be reached ({why}).")


def offline(what: str) -> HubUnreachable:
    return HubUnreachable(f"{what} is not cached, and HF_HUB_OFFLINE is set.")
