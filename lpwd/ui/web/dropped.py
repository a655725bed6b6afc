"""`POST /lpwd/dropped`: compare runs exported by other trackers. The files are not stored."""

import asyncio
import base64
import binascii
import json
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lpwd.analysis.dropped import compare_files
from lpwd.config import ConfigError
from lpwd.jobs.rights import User
from lpwd.ui.web.answers import answers, json_response, parsed
from lpwd.ui.web.people import MAX_BYTES

MAX_WAITING = 8  # requests; one is processed at a time
BUSY = "The app is busy with other files: try again in a minute."


def compare(
    files: dict[str, str],
    method: str | None = None,
    seed: str | None = None,
    value: str | None = None,
    margin: float | None = None,
) -> dict[str, Any]:
    """Compare files, given as base64 by name. Columns and margin that are None are inferred. Raises ConfigError."""
    if margin is not None and not 0 < margin < float("inf"):
        raise ConfigError("the margin must be above 0")
    try:
        contents = {name: base64.b64decode(content, validate=True) for name, content in files.items()}
    except (binascii.Error, ValueError):
        raise ConfigError("a file is not in base64") from None
    return compare_files(contents, {"method": method, "seed": seed, "value": value, "margin": margin})


def route() -> Route:
    """Return the route, which is open to every visitor. A limited child process handles one request at a time."""
    answer, one_at_a_time, inside = answers(compare), asyncio.Lock(), 0

    def work(body: bytes) -> str:
        try:
            return json.dumps(answer(parsed(body.decode(errors="replace"), MAX_BYTES), User()))
        except ConfigError as error:
            return json.dumps({"problem": str(error)})

    async def serve(request: Request) -> Response:
        nonlocal inside
        if inside > MAX_WAITING:
            return json_response(json.dumps({"problem": BUSY}))
        inside += 1
        try:
            body = await request.body()  # before the lock, so that a slow upload blocks nobody
            async with one_at_a_time:
                return json_response(await run_in_threadpool(work, body))
        finally:
            inside -= 1

    return Route("/lpwd/dropped", serve, methods=["POST"])
