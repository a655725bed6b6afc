"""Identify users: by a secret cookie, on a Space by their Hugging Face account.

Scripts without a cookie are identified by the random session of their gradio_client. MCP tools have no session of their
own, so each call is a new user, who may start a run and change none. Only digests leave this file.
"""

import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Mapping
from typing import Any

import gradio as gr
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lpwd.jobs.rights import ON_SPACE, User
from lpwd.store import RunStore

COOKIE, OWNER_COOKIE = "lpwd", "lpwd-owner"
MAX_BYTES = 16_000_000  # per request
YEAR_SECONDS = 365 * 86_400
WITH_ACCOUNTS = ON_SPACE and os.environ.get("SYSTEM") == "spaces" and "OAUTH_CLIENT_ID" in os.environ
# A Space is embedded in a frame of another site, where only such cookies are sent.
ATTRIBUTES = "HttpOnly; Path=/; " + ("SameSite=None; Secure; Partitioned" if ON_SPACE else "SameSite=Lax")


class People:
    """Identifies the users of an app."""

    def __init__(self, store: RunStore) -> None:
        self._owner_key = store.owner_key()

    def who(self, request: gr.Request | Request | None) -> User:
        """Return the user behind a request, regardless of its body."""
        # Gradio wraps requests to endpoints, but not requests of scripts.
        http_request: Any = getattr(request, "request", request)
        if http_request is None:
            return User()
        if WITH_ACCOUNTS:
            return _account((http_request.scope.get("session") or {}).get("oauth_info"))
        owner = hmac.compare_digest(http_request.cookies.get(OWNER_COOKIE, "").encode(), self._owner_key.encode())
        secret = http_request.cookies.get(COOKIE) or _session(request, http_request.headers)
        return User(_digest(secret) if secret else "", owner=owner)

    def routes(self) -> list[Route]:
        return [Route("/owner", self._become_owner)]

    def _become_owner(self, request: Request) -> Response:
        """Make this browser the owner's, by the link that `python -m lpwd owner` prints."""
        key = request.query_params.get("key", "")
        if ON_SPACE or not hmac.compare_digest(key.encode(), self._owner_key.encode()):
            return PlainTextResponse("Invalid owner link. `python -m lpwd owner` prints the valid one.", 403)
        response = RedirectResponse(request.scope.get("root_path", "") + "/", 303)
        response.headers["Set-Cookie"] = _cookie(OWNER_COOKIE, key)
        return response


class VisitorCookies:
    """Middleware: sets the secret cookie of new browsers; rejects uploads and large requests."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and (refusal := _refusal(scope)):
            return await refusal(scope, receive, send)

        async def give(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("Set-Cookie", _cookie(COOKIE, secrets.token_urlsafe(32)))
            await send(message)

        new = scope["type"] == "http" and scope["path"] == "/" and COOKIE not in Request(scope).cookies
        await self.app(scope, receive, give if new else send)


def _refusal(scope: Scope) -> Response | None:
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"")
    if scope["path"].rstrip("/").endswith("/upload"):
        return PlainTextResponse("This app accepts no uploads.", 403)
    if not length.isdigit() or int(length) > MAX_BYTES:
        return PlainTextResponse(f"A request must declare a Content-Length of at most {MAX_BYTES:,} bytes.", 413)
    return None


def _cookie(name: str, value: str) -> str:
    return f"{name}={value}; Max-Age={YEAR_SECONDS}; {ATTRIBUTES}"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


def _session(request: Any, headers: Mapping[str, str]) -> str:
    """Return the random session of a gradio_client. Gradio's MCP clients share one, so they get none."""
    if headers.get("x-gradio-user") == "mcp":
        return secrets.token_urlsafe(32)
    return getattr(request, "session_hash", None) or ""


def _account(info: dict[str, Any] | None) -> User:
    """Return the signed-in user. The owner is the Space's author, or an administrator of that organisation."""
    valid = info and float(info.get("expires_at", 0)) > time.time()
    person = (info or {}).get("userinfo") or {} if valid else {}
    name, author = str(person.get("preferred_username") or ""), os.environ.get("SPACE_AUTHOR_NAME", "")
    if not name:
        return User()
    orgs = [org.get("preferred_username") for org in person.get("orgs") or [] if org.get("roleInOrg") == "admin"]
    return User(_digest(f"account {name}"), name, owner=bool(author) and author in (name, *orgs))
