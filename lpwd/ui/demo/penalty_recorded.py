"""Recorded scans of act two: one JSON file per scan, served under the digest of its content."""

import hashlib
import json
import threading
from pathlib import Path
from typing import Any

from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lpwd.paper.pair import SNAPSHOT
from lpwd.paper.scans import NAMES, file_of, get_scan
from lpwd.ui.demo.pairs import BUNDLED, source
from lpwd.ui.published import Cached

READING_MS = 4000  # poll interval while published results load
UNCHANGING = "public, max-age=31536000, immutable"  # for URLs with a digest


class Recorded:
    """The bundled scans, replaced by those of the results repository once it has been read."""

    def __init__(self, cached: Cached, folder: Path = SNAPSHOT) -> None:
        self.cached = cached
        self._texts = {name: _with_source(file_of(name, folder)) for name in NAMES}
        self._seeds: dict[str, dict[float, set[int]]] = {}
        self._version = ""
        self._choosing = threading.Lock()

    def digests(self) -> dict[str, str]:
        """Return the digest of each scan, "" if no run of it is published."""
        return {name: _digest(text) for name, text in self._texts.items()}

    def news(self) -> dict[str, Any]:
        """Return the current digests, and whether newer results are being read."""
        self._take_newest()
        reading = bool(self.cached.repo) and self.cached.view()["reading"]
        return {"digests": self.digests(), "reading": reading, "pollMs": READING_MS}

    def seeds(self, name: str, decay: float) -> set[int]:
        """Return the published seeds of all methods at this lambda."""
        if name not in self._seeds:
            found = json.loads(self._texts[name] or b'{"decays": [], "methods": {}}')
            seeds: dict[float, set[int]] = {value: set() for value in found["decays"]}
            for cells in found["methods"].values():
                for value, cell in zip(found["decays"], cells, strict=True):
                    seeds[value] |= set(cell["seeds"] if cell else ())
            self._seeds[name] = seeds
        return self._seeds[name].get(decay, set())

    def route(self) -> Route:
        """`GET /lpwd/scans/<name>?v=<digest>`: the scan as JSON, or null if no run of it is published."""

        async def serve(request: Request) -> Response:
            text = self._texts.get(request.path_params["name"], b"")
            if not text:  # no longer published
                return JSONResponse(None, headers={"Cache-Control": "no-store"})
            headers = {"Cache-Control": UNCHANGING if request.query_params.get("v") == _digest(text) else "no-store"}
            return Response(text, 200, headers, "application/json")

        return Route("/lpwd/scans/{name}", serve, methods=["GET"], middleware=[Middleware(GZipMiddleware)])

    def _take_newest(self) -> None:
        """Convert results of the Hub, or their last good copy, to JSON once per version."""
        results, version = self.cached.results, self.cached.version
        if results is None or results.source not in ("hub", "copy"):
            return
        with self._choosing:
            if version == self._version:
                return
            from lpwd.hub import scans

            found = {name: scans.recorded(get_scan(name), results.runs) for name in NAMES}
            where = {"source": source(results)}
            self._texts = {name: scans.as_json(scan | where).encode() if scan else b"" for name, scan in found.items()}
            self._seeds, self._version = {}, version


def _with_source(path: Path) -> bytes:
    """Return a bundled scan with its source, or b""."""
    return (
        json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"source": BUNDLED}).encode()
        if path.exists()
        else b""
    )


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:12] if text else ""
