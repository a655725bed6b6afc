"""Our own routes: `/lpwd/poll` for the page and `/health` for monitoring.

Polls bypass Gradio's queue and dependencies: as a Gradio server function, a poll kept the event loop busy 15 times as
long, which slows down training when thirty pages are open on two cores (benchmarks/page.py clients).
"""

import json
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lpwd import __version__
from lpwd.config import ConfigError
from lpwd.jobs.queue import Jobs
from lpwd.jobs.rights import User
from lpwd.ui.live import Live
from lpwd.ui.web.answers import answers, json_response, parsed
from lpwd.ui.web.people import People
from lpwd.ui.web.topics import Topics


def polling(live: Live, people: People, watched: Topics) -> Route:
    """`POST /lpwd/poll`: return the news of the race and the topics that a page shows.

    The request is a JSON object with the arguments of `Live.poll`, and under `topics` the arguments of each topic by
    name. The answer is that of `Live.poll`, and under `topics` the answer of each topic.
    """

    def poll(
        user: User,
        run: str = "",
        shown: list[str] | None = None,
        cursors: dict[str, str] | None = None,
        topics: dict[str, dict[str, Any]] | None = None,
    ) -> dict[str, Any]:
        return live.poll(user, run, shown or [], cursors) | {"topics": watched.answer(topics or {}, user)}

    answer = answers(poll)

    def work(arguments: dict[str, Any], user: User) -> str:
        return json.dumps(answer(arguments, user))

    async def serve(request: Request) -> Response:
        try:
            arguments = parsed((await request.body()).decode(errors="replace"))
        except ConfigError as error:
            return json_response(json.dumps({"problem": str(error)}))
        user = people.who(request)
        return json_response(
            await run_in_threadpool(work, arguments, user) if may_take_long(arguments) else work(arguments, user)
        )

    return Route("/lpwd/poll", serve, methods=["POST"])


def may_take_long(arguments: dict[str, Any]) -> bool:
    """Return whether a poll may read whole files or answer a topic, and so must run in a thread."""
    cursors = arguments.get("cursors")
    return bool(arguments.get("topics")) or not isinstance(cursors, dict) or not all(cursors.values()) or not cursors


def health(jobs: Jobs) -> Route:
    """`GET /health`: whether this app can train, and if not, `why`."""

    def report(_: Request) -> JSONResponse:
        worker, queue, failing = jobs.worker_state(), jobs.queue(), jobs.failing()
        answer = {
            "status": "failing" if failing else "ok",
            "version": __version__,
            "worker": worker,
            "queue": sum(not job.active for job in queue),
            "active": next((job.run_ids for job in queue if job.active), []),
            **({"why": failing} if failing else {}),
        }
        return JSONResponse(answer, 503 if failing else 200, headers={"Cache-Control": "no-store"})

    return Route("/health", report)
