"""Serve the page's scripts and Plotly at addresses that change when a file changes."""

import hashlib
from functools import cache
from pathlib import Path

import plotly
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

FOLDER = Path(__file__).parent.parent  # scripts are named by their path below it, such as train/panel.js
PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"  # from the Python package
UNCHANGING = "public, max-age=31536000, immutable"


@cache
def scripts() -> dict[str, Path]:
    """Return the path of each script by its name, `plotly.min.js` included."""
    own = {path.relative_to(FOLDER).as_posix(): path for path in sorted(FOLDER.rglob("*.js"))}
    return own | {"plotly.min.js": PLOTLY}


@cache
def address() -> str:
    """Return the URL of the scripts, relative to the page, which may be mounted below any path."""
    contents = hashlib.sha256(plotly.__version__.encode())
    for name, path in scripts().items():
        if path != PLOTLY:
            contents.update(f"{name}\0".encode() + path.read_bytes())
    return f"lpwd/assets/{contents.hexdigest()[:12]}"


def route() -> Route:
    """`GET /lpwd/assets/<version>/<name>`. Returns 404 for another version, so that versions never mix."""

    def serve(request: Request) -> Response:
        name = request.path_params["name"]
        if f"lpwd/assets/{request.path_params['version']}" != address() or name not in scripts():
            return PlainTextResponse("not found", 404, headers={"Cache-Control": "no-store"})
        return FileResponse(scripts()[name], headers={"Cache-Control": UNCHANGING}, media_type="text/javascript")

    return Route("/lpwd/assets/{version}/{name:path}", serve, methods=["GET"])
