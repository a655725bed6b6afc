"""The head of the page: Open Graph tags for links to it, and a script that stops the loading clock of Gradio."""

import html
import re
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PICTURE = Path(__file__).parent.parent / "shared" / "picture.png"
ADDRESS = "lpwd/picture.png"
WIDTH, HEIGHT = 1200, 630  # pixels
DESCRIPTION = (
    "See where weight decay pushes, turn the penalty up, and train WD against LPWD live: same initial weights, same "
    "batches, every verdict with its n and interval."
)
CHARSET = '<meta charset="utf-8" />'  # must be within the first 1,024 bytes
# Gradio 6.31 never stops the clock of its loading screen, which then asks for 60 frames a second on every open page.
# Its scripts keep the function that they find, so it is replaced before they load; `head` of Gradio comes too late.
STOP_LOADING_CLOCK = r"""<script>{
  const request = requestAnimationFrame.bind(window);
  const isClock = (draw) => /^\(\)=>\{.*performance\.now\(\)-.*\/1e3\)/.test(draw.toString());
  window.requestAnimationFrame = (draw) => isClock(draw) ? 0 : request(draw);
}</script>"""
GRADIOS = re.compile(r'<meta\s+(?:property="og:|name="twitter:)[^>]*?/?>\s*')


class OpenGraph:
    """Middleware that replaces Gradio's tags in the head of the page."""

    def __init__(self, app: ASGIApp, title: str) -> None:
        self.app, self.title = app, title

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] != "GET":
            return await self.app(scope, receive, send)
        start: Message = {}
        body = b""

        async def gather(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if not message.get("more_body"):
                whole = rewritten(start, body, self.title, address_of(scope))
                MutableHeaders(scope=start)["Content-Length"] = str(len(whole))
                await send(start)
                await send({"type": "http.response.body", "body": whole})

        await self.app(scope, receive, gather)


def rewritten(start: Message, body: bytes, title: str, address: str) -> bytes:
    """Return the body with our tags, or unchanged if it is not plain HTML."""
    headers = Headers(raw=start["headers"])
    if "text/html" not in headers.get("content-type", "") or "content-encoding" in headers:
        return body
    return (
        GRADIOS.sub("", body.decode()).replace(CHARSET, CHARSET + STOP_LOADING_CLOCK + tags(title, address), 1).encode()
    )


def tags(title: str, address: str) -> str:
    """Return the meta tags. Open Graph requires absolute URLs."""
    card = {
        "og:type": "website",
        "og:title": title,
        "og:description": DESCRIPTION,
        "og:url": address,
        "og:image": address + ADDRESS,
        "og:image:width": str(WIDTH),
        "og:image:height": str(HEIGHT),
        "og:image:alt": "WD, RWD and PWD on one number line: WD's decay pushes away from 0.",
    }
    named = {"twitter:card": "summary_large_image", "description": DESCRIPTION}
    lines = [f'<meta property="{name}" content="{html.escape(text)}">' for name, text in card.items()]
    return "".join(lines + [f'<meta name="{name}" content="{html.escape(text)}">' for name, text in named.items()])


def address_of(scope: Scope) -> str:
    """Return the URL of the page as the browser sees it, also behind a proxy."""
    headers = Headers(scope=scope)
    scheme = headers.get("x-forwarded-proto", scope.get("scheme", "http")).split(",")[0].strip()
    root = scope.get("root_path", "").rstrip("/")
    return f"{scheme}://{headers.get('x-forwarded-host', headers.get('host', ''))}{root}/"


def picture() -> Route:
    """`GET /lpwd/picture.png`."""

    def serve(_: Request) -> FileResponse:
        return FileResponse(PICTURE, media_type="image/png", headers={"Cache-Control": "public, max-age=86400"})

    return Route(f"/{ADDRESS}", serve)
