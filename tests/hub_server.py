"""A Hugging Face Hub on loopback for tests: repositories in memory, for the real huggingface_hub client.

    hub = FakeHub()
    hub.put("datasets/owner/name", {"data.parquet": content})
    with serve(hub) as endpoint:            # in a thread of this process
        run_with_hub(code, endpoint, home)  # in a process of its own, since HF_ENDPOINT is read at import

    with client(endpoint, home) as ask:     # the same, for many pieces of code in one process
        ask("result = 1 + 1")

Faults: `hub.status = 503` (every answer, or those of `hub.failing_paths`, with `hub.headers`), `hub.silent_paths =
"/resolve/"` (requests of such paths stay unanswered, of all paths for "/"), `hub.rivals` (commits of others that come
first), `silent_server()` (a socket that accepts and never reads), `closed_port()` (nothing listens).
`hub.requests` keeps what was asked. A further route of the Hub is a further method and a line in `FakeHub.routes`.
"""

import asyncio
import base64
import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

API = "/api/{kind}/{owner}/{name}"
TOKENS = {"hf_write": "write", "hf_read": "read"}  # token -> role, of the user `me`


class FakeHub:
    """Repositories "<kind>s/<owner>/<name>" -> {path: content}; every put makes a new commit."""

    def __init__(self) -> None:
        self.repos: dict[str, dict[str, bytes]] = {}
        self.commits: dict[str, dict[str, bytes]] = {}  # what each commit holds
        self.status: int | None = None
        self.failing_paths = ""  # requests whose path contains this are answered with `status`
        self.headers: dict[str, str] = {}  # of these answers
        self.rivals: list[tuple[str, dict[str, bytes]]] = []  # (repository, files) put right before a commit
        self.commit_seconds = 0.0  # how long a commit is under way before its parent is compared
        self.conflicts = 0  # commits refused because another one came first
        self.silent_paths = ""  # requests whose path contains this stay unanswered; empty: none
        self.requests: list[str] = []  # "METHOD /path"

    def put(self, repo: str, files: Mapping[str, bytes]) -> None:
        """Add or replace files of a repository, which is created where it is missing."""
        self.repos.setdefault(repo, {}).update(files)

    def routes(self) -> list[Route]:
        return [
            Route(API, self.info),
            Route(API + "/revision/{revision}", self.info),
            Route(API + "/tree/{revision}", self.tree),
            Route(API + "/tree/{revision}/{path:path}", self.tree),
            Route("/{kind}/{owner}/{name}/resolve/{revision}/{path:path}", self.resolve),
            Route("/{owner}/{name}/resolve/{revision}/{path:path}", self.resolve),  # models have no prefix
            Route("/api/repos/create", self.create, methods=["POST"]),
            Route(API + "/preupload/{revision}", self.preupload, methods=["POST"]),
            Route(API + "/commit/{revision}", self.add_commit, methods=["POST"]),
            Route("/api/whoami-v2", self.whoami),
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

    async def tree(self, request: Request) -> Response:
        """What the datasets library asks: the files and folders below one, or all of them."""
        files, below = self.files(request), request.path_params.get("path", "")
        prefix = f"{below}/" if below else ""
        inside = {path: content for path, content in files.items() if path.startswith(prefix)}
        if not inside:
            return missing("EntryNotFound")
        names = {prefix + path.removeprefix(prefix).split("/")[0] for path in inside}
        paths = [*inside] if request.query_params.get("recursive", "").lower() == "true" else sorted(names)
        return JSONResponse([entry(path, files) for path in paths])

    def files(self, request: Request) -> dict[str, bytes]:
        """The content of the repository that a request is about."""
        return self.repos.get(self.key(request), {})

    async def resolve(self, request: Request) -> Response:
        """What `hf_hub_download` asks, by HEAD and then by GET."""
        repo = self.key(request)
        if repo not in self.repos:
            return missing("RepoNotFound")
        revision = request.path_params["revision"]
        commit = revision if revision in self.commits else self.commit(repo)
        content = self.commits[commit].get(request.path_params["path"])
        if content is None:
            return missing("EntryNotFound")
        headers = {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": commit}
        return Response(content, headers=headers, media_type="application/octet-stream")

    async def create(self, request: Request) -> Response:
        """What `HfApi().create_repo` asks."""
        body = await request.json()
        if refused := self.unwelcome(request):
            return refused
        repo = f"{body['type']}s/{body['organization']}/{body['name']}"
        taken = repo in self.repos
        self.repos.setdefault(repo, {})
        return JSONResponse({"url": f"{request.base_url}{repo}", "error": "already exists"}, 409 if taken else 200)

    async def preupload(self, request: Request) -> Response:
        """What `create_commit` asks before: all files go into the commit itself, not through LFS or xet."""
        if self.key(request) not in self.repos:
            return missing("RepoNotFound")
        files = (await request.json())["files"]
        regular = [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False} for file in files]
        return self.unwelcome(request) or JSONResponse({"files": regular})

    async def add_commit(self, request: Request) -> Response:
        """What `create_commit` sends: lines of JSON. 412 where the parent is not the newest commit."""
        repo, lines = self.key(request), [json.loads(line) for line in (await request.body()).splitlines()]
        if refused := self.unwelcome(request):
            return refused
        await asyncio.sleep(self.commit_seconds)
        if self.rivals:
            self.put(*self.rivals.pop(0))
        parent = next(line["value"].get("parentCommit") for line in lines if line["key"] == "header")
        if parent not in (None, self.commit(repo)):
            self.conflicts += 1
            return error(412, "A commit has happened since. Please refresh and try again.")
        files = [line["value"] for line in lines if line["key"] == "file"]
        self.put(repo, {file["path"]: base64.b64decode(file["content"]) for file in files})
        head = self.commit(repo)
        return JSONResponse(
            {"success": True, "commitOid": head, "commitUrl": f"{request.base_url}{repo}/commit/{head}"}
        )

    async def whoami(self, request: Request) -> Response:
        role = TOKENS.get(token_of(request))
        if role is None:
            return error(401, "Invalid user token.")
        return JSONResponse({"type": "user", "name": "me", "auth": {"accessToken": {"role": role}}, "orgs": []})

    def unwelcome(self, request: Request) -> Response | None:
        """The refusal of somebody who may not write; None for one who may."""
        role = TOKENS.get(token_of(request))
        if role is None:
            return error(401, "Invalid credentials in Authorization header")
        return None if role == "write" else error(403, "Forbidden: pass a write token")

    def key(self, request: Request) -> str:
        """The repository that a request is about."""
        names = request.path_params
        return f"{names.get('kind', 'models')}/{names['owner']}/{names['name']}"

    def commit(self, repo: str) -> str:
        """The repository's commit hash: of its paths and contents."""
        state = sorted((path, hashlib.sha1(content).hexdigest()) for path, content in self.repos[repo].items())
        commit = hashlib.sha1(repr(state).encode()).hexdigest()
        self.commits.setdefault(commit, dict(self.repos[repo]))
        return commit


class _Faults:
    """ASGI middleware: note the request, then fail as `hub.status` and `hub.silent_paths` say."""

    def __init__(self, app, hub: FakeHub) -> None:
        self.app, self.hub = app, hub

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "http":
            self.hub.requests.append(f"{scope['method']} {scope['path']}")
            while self.hub.silent_paths and self.hub.silent_paths in scope["path"]:
                await asyncio.sleep(0.05)
            if self.hub.status is not None and self.hub.failing_paths in scope["path"]:
                return await Response(status_code=self.hub.status, headers=self.hub.headers)(scope, receive, send)
            token = token_of(Request(scope))
            if token and token not in TOKENS:
                return await error(401, "Invalid credentials in Authorization header")(scope, receive, send)
        return await self.app(scope, receive, send)


def missing(code: str) -> Response:
    """The Hub's 404, whose header tells the client what is missing."""
    return JSONResponse({"error": code}, 404, headers={"X-Error-Code": code, "X-Error-Message": code})


def error(status: int, message: str) -> Response:
    """A refusal with the words of the Hub."""
    return JSONResponse({"error": message}, status, headers={"X-Error-Message": message})


def token_of(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def entry(path: str, files: Mapping[str, bytes]) -> dict[str, Any]:
    """A file or a folder as the Hub lists it."""
    if path not in files:
        return {"type": "directory", "oid": hashlib.sha1(path.encode()).hexdigest(), "size": 0, "path": path}
    content = files[path]
    return {"type": "file", "oid": hashlib.sha1(content).hexdigest(), "size": len(content), "path": path}


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


def environment(endpoint: str, home: Path, **more: str) -> dict[str, str]:
    """Of a process whose Hub is at `endpoint` and whose cache is `home`; no token of this machine gets there."""
    mine = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0", "HF_TOKEN": ""}
    return {**os.environ, **mine, "OMP_NUM_THREADS": "1", **more}


def run_with_hub(code: str, endpoint: str, home: Path, **more: str):
    """Run Python code in a process of its own against a Hub; the value of its variable `result`, by way of JSON."""
    process = subprocess.run(
        [sys.executable, "-c", f"import json\n{code}\nprint(json.dumps(result))"],
        env=environment(endpoint, home, **more),
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout.splitlines()[-1])


@contextmanager
def client(endpoint: str, home: Path, **more: str) -> Iterator[Callable[[str], Any]]:
    """A function that runs Python code in one long-lived process and returns the value of its variable `result`."""
    loop = "import json, sys\nscope = {}\nfor line in sys.stdin:\n    exec(json.loads(line), scope)\n"
    with subprocess.Popen(
        [sys.executable, "-c", f"{loop}    print(json.dumps(scope['result']), flush=True)"],
        env=environment(endpoint, home, **more),
        cwd=Path(__file__).parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout

        def ask(code: str) -> Any:
            process.stdin.write(json.dumps(code) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            assert answer, "the process ended; its traceback is on stderr"
            return json.loads(answer)

        yield ask
        process.stdin.close()
