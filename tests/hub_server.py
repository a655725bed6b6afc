"""A Hugging Face Hub on loopback for tests: repositories in memory, for the real huggingface_hub client.

    hub = FakeHub()
    hub.put("datasets/owner/name", {"data.parquet": content})
    with serve(hub) as endpoint:            # in a thread of this process
        run_with_hub(code, endpoint, home)  # in a process of its own, since HF_ENDPOINT is read at import

Faults: `hub.status = 503` (every answer), `hub.silent_paths = "/resolve/"` (requests of such paths stay unanswered, of
all paths for "/"), `silent_server()` (a socket that accepts and never reads), `closed_port()` (nothing listens).
`hub.requests` keeps what was asked. A further route of the Hub is a further method and a line in `FakeHub.routes`.
"""

import asyncio
import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

API = "/api/{kind}/{owner}/{name}"


class FakeHub:
    """Repositories "<kind>s/<owner>/<name>" -> {path: content}; every put makes a new commit."""

    def __init__(self) -> None:
        self.repos: dict[str, dict[str, bytes]] = {}
        self.status: int | None = None
        self.silent_paths = ""  # requests whose path contains this stay unanswered; empty: none
        self.requests: list[str] = []  # "METHOD /path"

    def put(self, repo: str, files: Mapping[str, bytes]) -> None:
        """Add or replace files of a repository, which is created where it is missing."""
        self.repos.setdefault(repo, {}).update(files)

    def routes(self) -> list[Route]:
        return [
            Route(API, self.info),
            Route(API + "/revision/{revision}", self.info),
            Route("/{kind}/{owner}/{name}/resolve/{revision}/{path:path}", self.resolve),
            Route("/{owner}/{name}/resolve/{revision}/{path:path}", self.resolve),  # models have no prefix
        ]

    def app(self) -> Starlette:
        return Starlette(routes=self.routes(), middleware=[Middleware(_Faults, hub=self)])

    async def info(self, request: Request) -> Response:
        """What `HfApi().repo_info` asks."""
        repo = self.key(request)
        if repo not in self.repos:
            return missing("RepoNotFound")
        siblings = [{"rfilename": path} for path in sorted(self.repos[repo])]
        return JSONResponse({"id": repo.split("/", 1)[1], "sha": self.commit(repo), "siblings": siblings})

    async def resolve(self, request: Request) -> Response:
        """What `hf_hub_download` asks, by HEAD and then by GET."""
        repo = self.key(request)
        if repo not in self.repos:
            return missing("RepoNotFound")
        content = self.repos[repo].get(request.path_params["path"])
        if content is None:
            return missing("EntryNotFound")
        headers = {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": self.commit(repo)}
        return Response(content, headers=headers, media_type="application/octet-stream")

    def key(self, request: Request) -> str:
        """The repository that a request is about."""
        names = request.path_params
        return f"{names.get('kind', 'models')}/{names['owner']}/{names['name']}"

    def commit(self, repo: str) -> str:
        """The repository's commit hash: of its paths and contents."""
        state = sorted((path, hashlib.sha1(content).hexdigest()) for path, content in self.repos[repo].items())
        return hashlib.sha1(repr(state).encode()).hexdigest()


class _Faults:
    """ASGI middleware: note the request, then fail as `hub.status` and `hub.silent_paths` say."""

    def __init__(self, app, hub: FakeHub) -> None:
        self.app, self.hub = app, hub

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "http":
            self.hub.requests.append(f"{scope['method']} {scope['path']}")
            while self.hub.silent_paths and self.hub.silent_paths in scope["path"]:
                await asyncio.sleep(0.05)
            if self.hub.status is not None:
                return await Response(status_code=self.hub.status)(scope, receive, send)
        return await self.app(scope, receive, send)


def missing(code: str) -> Response:
    """The Hub's 404, whose header tells the client what is missing."""
    return JSONResponse({"error": code}, 404, headers={"X-Error-Code": code, "X-Error-Message": code})


@contextmanager
def serve(hub: FakeHub) -> Iterator[str]:
    """The hub's endpoint, such as http://127.0.0.1:41234, while the block runs."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(hub.app(), log_level="error", lifespan="off", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        hub.silent_paths, server.should_exit = "", True
        thread.join(5)
        listener.close()


@contextmanager
def silent_server() -> Iterator[str]:
    """The endpoint of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:  # the kernel accepts, nobody reads
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def closed_port() -> str:
    """An endpoint where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def run_with_hub(code: str, endpoint: str, home: Path, **environment: str):
    """Run Python code in a process of its own against a Hub; the value of its variable `result`, by way of JSON."""
    process = subprocess.run(
        [sys.executable, "-c", f"import json\n{code}\nprint(json.dumps(result))"],
        env={**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0", **environment},
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout.splitlines()[-1])
