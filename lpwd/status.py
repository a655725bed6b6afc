"""Read and validate config.json and status.json, and detect runs whose worker is gone."""

import math
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import psutil
from pydantic import BaseModel, Field, ValidationError
from pydantic_core import from_json

from lpwd.config import RunConfig, config_error
from lpwd.events import Count
from lpwd.paths import Damaged, RunPaths, Stamp, reading, stamp_of

State = Literal["queued", "running", "stopping", "stopped", "finished", "diverged", "failed", "interrupted"]
ACTIVE: frozenset[State] = frozenset({"running", "stopping"})
ENDED: frozenset[State] = frozenset({"finished", "diverged"})  # the result is known; nothing to resume
MAX_BYTES = 2**20  # of config.json or status.json; a longer one is damaged
STALE_SECONDS = 8.0  # the worker of an active run with an older heartbeat is gone

Time = Annotated[float, Field(ge=0, le=253_402_300_799, allow_inf_nan=False)]  # seconds since 1970, to the year 9999
Number = Annotated[float, Field(allow_inf_nan=False)]
Whole = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
T = TypeVar("T")


class Status(BaseModel):
    """State and progress of a run, stored in `status.json`. Times are seconds since the epoch."""

    state: State = "queued"
    created: Time = Field(default_factory=time.time)
    queued: Time = Field(default_factory=time.time)  # when it last joined the queue; the queue is sorted by it
    started: Time | None = None
    ended: Time | None = None
    heartbeat: Time | None = None
    pid: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    host: str = ""
    job: str = ""  # runs of one race share it
    seeds: list[int] = Field(default_factory=list)  # of all races started together with this one
    owner: str = ""  # digest of the owner's identity, never the secret
    device: str = ""
    versions: dict[str, str] = Field(default_factory=dict)
    commit: str = ""
    threads: Count = 0  # torch's CPU threads; changes the last bits of sums
    kernels: str = ""  # of events.Started
    start_digest: str = ""  # of events.Started
    step: Count = 0
    total_steps: Count = 0
    epoch: Count = 0
    images_per_second: Number = 0.0
    gpu_memory: Count = 0  # bytes held by its process, which is shared by the lanes of a race
    seconds: Number = 0.0  # training time over all sessions
    message: str = ""  # one sentence: the current phase, or why the run ended
    summary: dict[str, Whole | Number | None] = Field(default_factory=dict)  # the fields of events.Finished
    name: str = ""
    note: str = ""
    origin: Literal["own", "imported"] = "own"  # imported: made from published results


def is_lost(status: Status, stale_seconds: float = STALE_SECONDS) -> bool:
    """Return whether the process that trains this run seems to be gone. A paused process still holds its claim.

    A heartbeat in the future is also stale on this machine, whose clock was set back. On another machine it may come
    from a clock that is ahead.
    """
    if status.state not in ACTIVE:
        return False
    here = status.host == socket.gethostname()
    if here and status.pid and not psutil.pid_exists(status.pid):
        return True
    age = math.inf if status.heartbeat is None else time.time() - status.heartbeat
    return age > stale_seconds or (here and age < -stale_seconds)


class StateFiles:
    """Cache of the config.json and status.json of many runs; a file is read again only after it was replaced."""

    def __init__(self) -> None:
        self._values: dict[Path, tuple[Stamp, Any]] = {}  # the value, or the Damaged to raise

    def config(self, paths: RunPaths) -> RunConfig:
        """Return the configuration of a run. Raises Damaged, or FileNotFoundError if the run does not exist."""
        return self._read(paths.config, lambda content: _config(content, paths.run_id))

    def status(self, paths: RunPaths) -> Status:
        """Return the status of a run, as the same object until the file changes. Raises Damaged."""
        try:
            return self._read(paths.status, Status.model_validate_json)
        except FileNotFoundError:
            raise Damaged(paths.status, "is missing") from None

    def _read(self, path: Path, parse: Callable[[bytes], T]) -> T:
        with reading(path):
            stamp = stamp_of(path)
            entry = self._values.get(path)
            if entry is None or entry[0] != stamp:
                self._values[path] = entry = (stamp, _parsed(path, parse))
        if isinstance(entry[1], Damaged):
            raise Damaged(path, entry[1].why)
        value: T = entry[1]
        return value


def _parsed(path: Path, parse: Callable[[bytes], T]) -> T | Damaged:
    if path.stat().st_size > MAX_BYTES:
        return Damaged(path, f"is longer than {MAX_BYTES:,} bytes")
    try:
        return parse(path.read_bytes())
    except ValueError as error:
        return Damaged(path, f"is invalid: {config_error(error) if isinstance(error, ValidationError) else error}")


def _config(content: bytes, run_id: str) -> RunConfig:
    fields = from_json(content)
    if not isinstance(fields, dict):
        raise ValueError("it is not a JSON object")
    config = RunConfig(**fields)
    if not config.is_named(run_id):
        raise ValueError(f"its settings belong to run {config.run_id}")
    return config
