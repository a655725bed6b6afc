"""The Hugging Face Hub with bounded waiting, and one sentence for each way to fail. No torch here.

huggingface_hub alone waits 23 s for a Hub that refuses connections and more than 300 s for one that accepts them and
never answers. Two measures bound this: the probe does not retry and has a deadline that also covers name resolution,
and every request of the shared client gets time limits, after `UNANSWERED_LIMIT` of which the thread gives up. Where
something else can stand in (`patient=False`), the first unanswered or refused request ends it: the client would wait as
long as a busy Hub asks for, five times.
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
READ_SECONDS = {"HEAD": 3.0, "GET": 5.0}  # silence on the line, not the whole transfer
UPLOAD_SECONDS = 60.0  # a commit may take the server long
IMPATIENT_UPLOAD_SECONDS = 8.0
UNANSWERED_LIMIT = 2  # requests in a row, per thread


class HubUnreachable(ConfigError):
    """Nothing at the Hub's address answers in time, or offline mode forbids to ask."""


class HubRefused(ConfigError):
    """The Hub answers, but not with what was asked for: no such repository or file, no access, a server error."""


class HubMissing(HubRefused):
    """The repository does not exist, or is private."""


class _State(threading.local):
    """Of this thread: requests in a row without an answer, what `hub_errors` is about, and its patience."""

    unanswered = 0
    what = "The Hub"
    patient = True


_state = _State()


def _limit(request: httpx2.Request) -> None:
    """Request hook: bound each phase of the request, seconds; give up after too many unanswered ones."""
    limit = UNANSWERED_LIMIT if _state.patient else 1
    if _state.unanswered >= limit:
        raise _unreachable("it left a request unanswered" if limit == 1 else f"it left {limit} requests unanswered")
    _state.unanswered += 1
    caller_limits = request.extensions.get("timeout") or {}
    upload = UPLOAD_SECONDS if _state.patient else IMPATIENT_UPLOAD_SECONDS
    read = READ_SECONDS.get(request.method, upload)
    limits = {"connect": CONNECT_SECONDS, "read": read, "write": upload, "pool": upload}
    request.extensions["timeout"] = {
        name: min(limit, caller_limits.get(name) or limit) for name, limit in limits.items()
    }


def _answered(response: httpx2.Response) -> None:
    """Response hook: the Hub is alive; where nobody wants to wait, a busy or broken one is an error at once."""
    _state.unanswered = 0
    if not _state.patient and (response.status_code == 429 or response.status_code >= 500):
        raise HubRefused(_refusal(_state.what, response))


def _bounded_client(usual: EventHooks) -> httpx2.Client:
    """A client as huggingface_hub makes it, with its `usual` hooks and then ours."""
    hooks: EventHooks = {"request": [*usual["request"], _limit], "response": [*usual["response"], _answered]}
    with _starting():
        return httpx2.Client(event_hooks=hooks, follow_redirects=True, timeout=None)


@contextmanager
def _starting() -> Iterator[None]:
    """Name what the environment sets wrongly, a proxy or certificates, before any request is made."""
    try:
        yield
    except (ImportError, OSError, ValueError) as error:
        why = f"{type(error).__name__}: {first_line(error)}"
        raise HubUnreachable(
            f"The client of the Hub cannot start ({why}): check the proxy variables and SSL_CERT_FILE."
        ) from None


@contextmanager
def hub_errors(what: str, *, patient: bool = True) -> Iterator[None]:
    """Bound the Hub requests made inside and turn their failures into HubUnreachable or HubRefused about `what`.

    Covers whatever uses huggingface_hub's shared client in this thread, timm's loading of weights included.
    """
    _install()
    before = _state.what, _state.patient
    _state.unanswered, _state.what, _state.patient = 0, what, patient
    try:
        yield
    except OfflineModeIsEnabled:
        raise offline(what) from None
    except UnicodeEncodeError:
        raise HubRefused(f"{what} was not asked for: the access token (HF_TOKEN) must be ASCII.") from None
    except RepositoryNotFoundError as error:
        if isinstance(error, GatedRepoError):
            raise HubRefused(f"{what} needs an access token on the Hub at {constants.ENDPOINT}.") from None
        raise HubMissing(f"{what} does not exist or is private on the Hub at {constants.ENDPOINT}.") from None
    except RemoteEntryNotFoundError:
        raise HubRefused(f"{what} is not in its repository on the Hub at {constants.ENDPOINT}.") from None
    except LocalEntryNotFoundError:
        raise offline(what) if constants.is_offline_mode() else _unreachable(f"{what} is not cached") from None
    except HfHubHTTPError as error:
        raise HubRefused(_refusal(what, error.response)) from None
    except FileMetadataError:
        raise HubRefused(f"{what}: what answers at {constants.ENDPOINT} is not a Hugging Face Hub.") from None
    except (httpx2.HTTPError, ConnectionError, TimeoutError) as error:
        raise _unreachable(f"{what}: {type(error).__name__}") from None
    except OSError as error:  # a full or read-only disk, a transfer that broke off
        raise HubRefused(f"{what} cannot be stored: {first_line(error)}.") from None
    finally:
        _state.what, _state.patient = before


def within(seconds: float, ask: Callable[[], T]) -> T:
    """The value of `ask`, or its ConfigError. Raises HubUnreachable after `seconds`, which bounds what no hook can.

    It runs in a thread of its own that is abandoned when the time is up.
    """
    outcome: Future[T] = Future()

    def work() -> None:
        try:
            outcome.set_result(ask())
        except ConfigError as error:
            outcome.set_exception(error)
        except (ValueError, TypeError, KeyError) as error:  # a captive portal's page, for instance
            why = type(error).__name__
            refused = HubRefused(f"What answers at {constants.ENDPOINT} is not a Hugging Face Hub ({why}).")
            outcome.set_exception(refused)
        except BaseException as error:  # raised again by whoever waits
            outcome.set_exception(error)

    thread = threading.Thread(target=work, name="lpwd-hub", daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome.done():
        raise _unreachable(f"no answer within {seconds:g} s")
    return outcome.result()


def check_name(repo: str) -> None:
    """Raises ConfigError for a name that no repository can have."""
    if not REPO.fullmatch(repo):
        raise ConfigError(f"results repository is {repo[:100]!r}: it has to be owner/name.")


_installed = threading.Lock()
_is_installed = False


def _install() -> None:
    """Bound the shared client of this process, once."""
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
        more = ": it wants an access token, or another one"
    if code == 429:
        more = f": too many requests, come back in {wait} s" if wait.isdecimal() else ": too many requests"
    return f"{what}: the Hub at {constants.ENDPOINT} answered with HTTP status {code}{more}."


def _unreachable(why: str) -> HubUnreachable:
    return HubUnreachable(f"The Hub at {constants.ENDPOINT} cannot be reached ({why}).")


def offline(what: str) -> HubUnreachable:
    return HubUnreachable(f"{what} is not cached and HF_HUB_OFFLINE forbids to ask the Hub.")
