"""The app's own addresses beside Gradio's: `/lpwd/poll`, which every page asks, and `/health` for whatever watches.

A poll is answered straight from the store, past Gradio's queue, dependencies and threads.

Through a server function of Gradio, our own work was a fifteenth of what a poll kept the event loop busy with; thirty
watchers on the two cores that train are felt (benchmarks/page.py clients).
"""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lpwd import __version__
from lpwd.jobs.queue import Jobs
from lpwd.jobs.rights import User
from lpwd.ui.answers import answering
from lpwd.ui.live import Live
from lpwd.ui.people import People

FIRST = b'"cursors":{}'  # of a page that shows nothing yet: many files may have to be read


def polling(live: Live, people: People) -> Route:
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


def health(jobs: Jobs) -> Route:
    """Whether this app can train."""

    def report(_: Request) -> JSONResponse:
        worker, queue = jobs.worker_state(), jobs.queue()
        failing = worker == "dead"
        said = {
            "status": "failing" if failing else "ok",
            "version": __version__,
            "worker": worker,
            "queue": sum(not job.active for job in queue),
            "active": next((job.run_ids for job in queue if job.active), []),
        }
        return JSONResponse(said, 503 if failing else 200, headers={"Cache-Control": "no-store"})

    return Route("/health", report)
