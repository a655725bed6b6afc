"""Validate requests of scripts and programs, and answer bad input with one sentence."""

import inspect
import json
from collections import Counter
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, Protocol

import gradio as gr
from pydantic import ConfigDict, ValidationError, validate_call
from starlette.responses import Response

from lpwd.config import ConfigError, config_error
from lpwd.jobs.rights import User

MAX_CHARACTERS = 200_000  # per request; enough for 2,000 run ids of 80 characters
Act = Callable[..., Any]


class Who(Protocol):
    """Return the user behind a request."""

    def __call__(self, request: Any) -> User: ...


def answering(act: Act, who: Who | None = None) -> Callable[[str, Any], str]:
    """Wrap `act` as a server function: takes a JSON object of arguments, returns `{"problem": "", ...}` as JSON.

    `act` returns a dictionary or None. If it takes `user`, it gets the user behind the request.
    """
    answer = answers(act)

    def serve(request_text: str, request: gr.Request) -> str:
        try:
            return json.dumps(answer(parsed(request_text), who(request) if who else User()))
        except ConfigError as error:
            return json.dumps({"problem": str(error)})

    serve.__name__ = act.__name__
    return serve


def server_functions(*acts: Act, who: Who | None = None) -> list[Callable[[str, Any], str]]:
    """Return the server functions of one component. Raises ValueError if two have the same name."""
    if twice := repeated(act.__name__ for act in acts):
        raise ValueError(f"two server functions are named {twice[0]!r}")
    return [answering(act, who) for act in acts]


def repeated(names: Iterable[str]) -> list[str]:
    """Return the names that occur more than once."""
    return [name for name, count in Counter(names).items() if count > 1]


def answers(act: Act) -> Callable[[dict[str, Any], User], dict[str, Any]]:
    """Wrap `act` to take a dictionary of arguments and return its dictionary with `problem`: "" or one sentence."""
    checked = checking(act)
    personal = "user" in inspect.signature(act).parameters

    def answer(arguments: dict[str, Any], user: User) -> dict[str, Any]:
        try:
            return {"problem": "", **(checked(**(arguments | {"user": user} if personal else arguments)) or {})}
        except ConfigError as error:
            return {"problem": str(error)}

    return answer


def checking(act: Act) -> Act:
    """Wrap `act` to raise ConfigError for arguments that its annotations do not allow."""
    checked = validate_call(config=ConfigDict(arbitrary_types_allowed=True))(act)
    names = list(inspect.signature(act).parameters)

    @wraps(act)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return checked(**dict(zip(names, args, strict=False)), **kwargs)  # by name, so that errors contain the name
        except ValidationError as error:
            raise config_error(error) from None

    return call


def endpoint(act: Act) -> Act:
    """Wrap `act` for `gr.api`: bad input is reported to the caller as one sentence."""
    checked = checking(act)

    @wraps(act)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return checked(*args, **kwargs)
        except ConfigError as error:
            raise gr.Error(str(error), print_exception=False) from None

    return call


def parsed(request_text: Any, most: int = MAX_CHARACTERS) -> dict[str, Any]:
    """Parse the JSON object of a request. Raises ConfigError for anything else or more than `most` characters."""
    if not isinstance(request_text, str) or len(request_text) > most:
        size = (
            f"{len(request_text):,} characters" if isinstance(request_text, str) else f"a {type(request_text).__name__}"
        )
        raise ConfigError(f"the request must be a JSON object of at most {most:,} characters, not {size}")
    try:
        arguments = json.loads(request_text)
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        raise ConfigError(f"the request must be a JSON object, not {request_text[:80]!r}")
    return arguments


def json_response(text: str) -> Response:
    """Return a JSON response that is not cached."""
    return Response(text, media_type="application/json", headers={"Cache-Control": "no-store"})
