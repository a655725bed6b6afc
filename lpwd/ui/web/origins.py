"""Reject requests from pages of other origins (CSRF).

A request that may change state must have this app's own Origin, or none, as programs send it, and a JSON content type,
which forms and pages of other origins cannot send without a CORS preflight. Preflights are always refused, which alone
keeps other pages from writing. Behind a proxy, which may hide the port and the scheme of the browser, the host name of
the Origin is therefore enough.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from lpwd.jobs.rights import ON_SPACE

READING = ("GET", "HEAD")
OWN_SITES = ("same-origin", "none")  # values of Sec-Fetch-Site, which pages cannot set: this page, and the address bar
FOREIGN = (
    "This app accepts requests from its own page and from programs, not from pages of {}. If this is its own page "
    "behind a proxy, the proxy must pass on Host, X-Forwarded-Host and X-Forwarded-Proto."
)
NO_JSON = "This app accepts only JSON requests (Content-Type: application/json)."


class OwnOrigin:
    """Outermost middleware. Gradio's own lets every origin read with credentials, except on localhost."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        if scope["method"] not in READING and (refusal := _refusal(scope, headers)):
            return await refusal(scope, receive, send)
        # Without an Origin header no inner middleware allows another origin to read the response.
        if headers.get("origin") not in own_origins(headers, scope["scheme"]):
            scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"origin"]}
        await self.app(scope, receive, send)


def foreign_origin(headers: Headers, scheme: str) -> str:
    """Return the foreign origin of a request, or "" if our page or a program sent it."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
    own = origin is None or origin in own_origins(headers, scheme) or _behind_proxy(headers, origin)
    return "" if own and site in OWN_SITES else origin or "another origin"


def _behind_proxy(headers: Headers, origin: str) -> bool:
    """Return whether a proxy forwarded the request with the Origin's host name, as Gradio's guide configures it."""
    proxied = "x-forwarded-host" in headers or "x-forwarded-proto" in headers
    name = _web_host(f"http://{headers.get('host', '')}")
    return proxied and name is not None and _web_host(origin) == name


def _web_host(origin: str) -> str | None:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.hostname if parts.scheme in ("http", "https") else None


def own_origins(headers: Headers, scheme: str) -> set[str]:
    """Return the origins of this app: the Host header; on a Space also those of its proxy and SPACE_HOST."""
    hosts = {headers.get("host", "")}
    if ON_SPACE:  # a page cannot add these headers without a preflight
        scheme = _first(headers.get("x-forwarded-proto", scheme))
        hosts.add(_first(headers.get("x-forwarded-host", "")))
    origins = {f"{scheme}://{host.lower()}" for host in hosts if host}
    if ON_SPACE:
        origins |= {f"https://{host.strip()}" for host in os.environ.get("SPACE_HOST", "").split(",") if host.strip()}
    return origins


def _first(value: str) -> str:
    return value.split(",")[0].strip()


def _refusal(scope: Scope, headers: Headers) -> Response | None:
    foreign = foreign_origin(headers, scope["scheme"])
    if scope["method"] == "OPTIONS" and "origin" in headers:  # our own page needs no preflight
        foreign = headers["origin"]
    if foreign:
        return PlainTextResponse(FOREIGN.format(foreign[:100]), 403)
    media_type = headers.get("content-type", "").split(";")[0].strip().lower()
    if scope["method"] != "OPTIONS" and media_type != "application/json":
        return PlainTextResponse(NO_JSON, 415)
    return None


@asynccontextmanager
async def outermost(app: Starlette) -> AsyncIterator[None]:
    """Wrap the app in OwnOrigin when it starts, because Gradio puts its own middleware around ours before that."""
    if app.middleware_stack is None:
        raise RuntimeError("the app started without its middleware")
    app.middleware_stack = OwnOrigin(app.middleware_stack)
    yield
