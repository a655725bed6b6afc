"""The address that every page polls: straight from the store, past Gradio's queue, dependencies and threads.

Through a server function of Gradio, our own work was a fifteenth of what a poll kept the event loop busy with; thirty
watchers on the two cores that train are felt (benchmarks/page.py clients).
"""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lpwd.rights import User
from lpwd.ui.answers import answering
from lpwd.ui.live import Live
from lpwd.ui.people import People

FIRST = b'"cursors":{}'  # of a page that shows nothing yet: many files may have to be read


def route(live: Live, people: People) -> Route:
    """`POST /lpwd/poll`: a JSON object of the arguments of `Live.poll` in, what it returns out."""

    def poll(
        user: User, run: str = "", shown: list[str] | None = None, cursors: dict[str, str] | None = None
    ) -> dict[str, Any]:
        return live.poll(user, run, shown or [], cursors)

    serve = answering(poll, people.who)

    async def answer(request: Request) -> Response:
        asked = await request.body()
        text = asked.decode(errors="replace")
        told = await run_in_threadpool(serve, text, request) if FIRST in asked else serve(text, request)
        return Response(told, media_type="application/json", headers={"Cache-Control": "no-store"})

    return Route("/lpwd/poll", answer, methods=["POST"])
