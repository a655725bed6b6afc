"""`/health`: whether this app can train, for whatever watches over it."""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from lpwd import __version__
from lpwd.jobs import Jobs


def route(jobs: Jobs) -> Route:
    """The route, for `launch`, which puts it before those of Gradio."""

    def health(_: Request) -> JSONResponse:
        worker, queue = jobs.worker_state(), jobs.queue()
        failing = worker == "dead"
        report = {
            "status": "failing" if failing else "ok",
            "version": __version__,
            "worker": worker,
            "queue": sum(not job.active for job in queue),
            "active": next((job.run_ids for job in queue if job.active), []),
        }
        return JSONResponse(report, 503 if failing else 200, headers={"Cache-Control": "no-store"})

    return Route("/health", health)
