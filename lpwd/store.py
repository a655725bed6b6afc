"""RunStore: the one owner of file names under runs/. Every write is atomic; every reader tolerates a writer beside it.

runs/<run_id>/  config.json  metrics.jsonl  status.json  log.txt  checkpoint.pt  error.txt (on failure)
"""

import json
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import psutil
from filelock import FileLock
from pydantic import BaseModel, Field, ValidationError

from lpwd.config import ConfigError, RunConfig
from lpwd.events import Event, to_record

State = Literal["queued", "running", "stopping", "stopped", "finished", "diverged", "failed", "interrupted"]
ACTIVE: frozenset[State] = frozenset({"running", "stopping"})
ENDED: frozenset[State] = frozenset({"finished", "diverged"})  # the result is known; nothing to resume
STALE_SECONDS = 8.0  # an active run whose heartbeat is older has lost its worker

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")


class Status(BaseModel):
    """`status.json`: where a run stands. Times are seconds since the epoch."""

    state: State = "queued"
    created: float = Field(default_factory=time.time)
    queued: float = Field(default_factory=time.time)  # when it last joined the queue, which is ordered by it
    started: float | None = None
    ended: float | None = None
    heartbeat: float | None = None
    pid: int | None = None
    host: str = ""
    job: str = ""  # runs of one race share it
    seeds: list[int] = Field(default_factory=list)  # of the races that were started together, this one's among them
    owner: str = ""  # digest of the owner's identity, never the secret itself
    device: str = ""
    versions: dict[str, str] = Field(default_factory=dict)
    commit: str = ""
    threads: int = 0  # torch's CPU threads: sums depend on it in their last bits
    kernels: str = ""  # of events.Started
    step: int = 0
    total_steps: int = 0
    epoch: int = 0
    images_per_second: float = 0.0
    gpu_memory: int = 0  # bytes that its process held when last looked at; races share a process
    seconds: float = 0.0  # training time over all sessions
    message: str = ""  # one sentence for people: the phase, or why the run ended
    summary: dict[str, Any] = Field(default_factory=dict)  # the fields of events.Finished
    name: str = ""
    note: str = ""


class Record(BaseModel):
    """A run as lists show it."""

    run_id: str
    config: RunConfig
    status: Status


class RunStore:
    """All runs below `root`; safe to use from several processes on one machine."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).resolve()
        self.root.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(str(self.root / ".lock"))
        self._configs: dict[str, tuple[int, RunConfig]] = {}
        self._statuses: dict[str, tuple[int, Status]] = {}

    # ---- paths

    def folder(self, run_id: str) -> Path:
        """The run's folder. Raises ConfigError for a name that no run can have, so that no request leaves the root."""
        if not isinstance(run_id, str) or not RUN_ID.fullmatch(run_id):
            raise ConfigError(
                f"run id {str(run_id)[:80]!r} is not one: letters, digits and . _ + - are allowed, 200 at most"
            )
        return self.root / run_id

    def existing(self, run_id: str) -> Path:
        """The folder of a run that exists; raises ConfigError otherwise."""
        folder = self.folder(run_id)
        if not (folder / "config.json").is_file():
            raise ConfigError(f"there is no run {run_id!r} in {self.root}")
        return folder

    def checkpoint_path(self, run_id: str) -> Path:
        return self.folder(run_id) / "checkpoint.pt"

    def log_path(self, run_id: str) -> Path:
        return self.folder(run_id) / "log.txt"

    @property
    def app_lock_path(self) -> Path:
        """Held by the one app that works in this folder."""
        return self.root / ".app.lock"

    @property
    def worker_log_path(self) -> Path:
        """What worker processes and the libraries in them print."""
        return self.root / ".worker.log"

    def owner_key(self) -> str:
        """The secret of the app's owner; made when first asked for, readable by this user of the machine alone."""
        path = self.root / ".owner-key"
        with self._lock:
            if not path.exists():
                with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                    file.write(secrets.token_urlsafe(32))
            return path.read_text()

    def metrics_path(self, run_id: str) -> Path:
        return self.folder(run_id) / "metrics.jsonl"

    # ---- configuration and status

    def create(self, config: RunConfig, **fields: Any) -> str:
        """Make the run's folder if it is new, with state queued; an existing run is left exactly as it is."""
        run_id = config.run_id
        folder = self.folder(run_id)
        with self._lock:
            if not (folder / "config.json").exists():
                folder.mkdir(exist_ok=True)
                write_atomic(folder / "status.json", Status(**fields).model_dump_json(indent=1))
                write_atomic(folder / "config.json", config.model_dump_json(indent=1))
        return run_id

    def exists(self, run_id: str) -> bool:
        return (self.folder(run_id) / "config.json").is_file()

    def config(self, run_id: str) -> RunConfig:
        path = self.existing(run_id) / "config.json"
        return self._cached(self._configs, run_id, path, lambda text: RunConfig(**json.loads(text)))

    def status(self, run_id: str) -> Status:
        path = self.existing(run_id) / "status.json"
        return self._cached(self._statuses, run_id, path, Status.model_validate_json)

    def update(self, run_id: str, **changes: Any) -> Status:
        """Change some fields of status.json; validates them and returns the new status."""
        return self.update_if(run_id, lambda _: True, **changes)

    def update_if(self, run_id: str, condition: Callable[[Status], bool], **changes: Any) -> Status:
        """`update` where `condition` holds for the present status, as one atomic step; else returns it unchanged."""
        folder = self.existing(run_id)
        with self._lock:
            present = Status.model_validate_json((folder / "status.json").read_text())
            if not condition(present):
                return present
            status = Status.model_validate(present.model_dump() | changes)
            write_atomic(folder / "status.json", status.model_dump_json(indent=1))
        return status

    def ids(self) -> list[str]:
        """Ids of all runs, in no particular order."""
        with os.scandir(self.root) as entries:
            return [entry.name for entry in entries if RUN_ID.fullmatch(entry.name) and entry.is_dir()]

    def record(self, run_id: str) -> Record:
        """Raises ConfigError where there is no such run."""
        return Record.model_construct(run_id=run_id, config=self.config(run_id), status=self.status(run_id))

    def records(self) -> list[Record]:
        """All readable runs, newest first. A folder with a broken file is left out; `broken()` names those."""
        found = [record for run_id in self.ids() if (record := self._record(run_id))]
        return sorted(found, key=lambda record: (-record.status.created, record.run_id))

    def broken(self) -> list[str]:
        """Folders that look like runs but cannot be read."""
        return sorted(run_id for run_id in self.ids() if not self._record(run_id))

    def _record(self, run_id: str) -> Record | None:
        try:
            return self.record(run_id)
        except (ConfigError, ValidationError, OSError, ValueError):
            return None

    def _cached(self, cache: dict[str, tuple[int, Any]], run_id: str, path: Path, parse: Callable[[str], Any]) -> Any:
        stamp = path.stat().st_mtime_ns
        known = cache.get(run_id)
        if known is None or known[0] != stamp:
            cache[run_id] = known = (stamp, parse(path.read_text()))
        return known[1]

    def recover(self) -> list[str]:
        """Turn active runs whose worker is gone into `interrupted`; returns their ids."""
        lost = [record.run_id for record in self.records() if is_lost(record.status)]
        for run_id in lost:
            message = (
                "The process that trained this run ended without a word; resume continues from the last checkpoint."
            )
            self.update_if(run_id, is_lost, state="interrupted", ended=time.time(), message=message)
        return lost

    def delete(self, run_id: str) -> None:
        """Remove a run that is not queued or active."""
        folder = self.existing(run_id)
        with self._lock:
            state = self.status(run_id).state
            if state in ACTIVE or state == "queued":
                raise ConfigError(f"run {run_id!r} is {state}: stop it before you delete it")
            shutil.rmtree(folder)

    # ---- metrics, log, error, checkpoint

    def append(self, run_id: str, events: Iterable[Event]) -> None:
        """Add recorded events to metrics.jsonl in one write."""
        lines = "".join(json.dumps(to_record(event)) + "\n" for event in events)
        if lines:
            with open(self.metrics_path(run_id), "a") as file:
                file.write(lines)

    def read_metrics(self, run_id: str, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Whole records from byte `offset` on, and the offset to ask for next time; ([], 0) before the first."""
        path = self.existing(run_id) / "metrics.jsonl"
        if not path.exists():
            return [], 0
        with open(path, "rb") as file:
            file.seek(max(0, offset - 1))
            data = file.read()
        if offset < 0 or (offset and data[:1] not in (b"", b"\n")):
            raise ConfigError(f"offset is {offset}: 0 is allowed, and what an earlier answer gave")
        data = data[1:] if offset else data
        whole = data[: data.rfind(b"\n") + 1]
        return [json.loads(line) for line in whole.splitlines()], offset + len(whole)

    def rewind_metrics(self, run_id: str, step: int, epoch: int) -> None:
        """Keep what was recorded up to `step` in the still unfinished `epoch`: a resumed run writes the rest again."""
        records, _ = self.read_metrics(run_id)
        kept = [
            record
            for record in records
            if (record["event"] in ("started", "step") and record["step"] <= step)
            or (record["event"] == "epoch" and record["epoch"] < epoch)
        ]
        write_atomic(self.metrics_path(run_id), "".join(json.dumps(record) + "\n" for record in kept))

    def restart(self, run_id: str) -> None:
        """Forget results and checkpoint of a run, so that it begins anew. Raises ConfigError for an active one."""
        folder = self.existing(run_id)
        clean: dict[str, Any] = {
            "state": "stopped",
            "step": 0,
            "epoch": 0,
            "seconds": 0.0,
            "summary": {},
            "message": "",
        }
        status = self.update_if(run_id, lambda s: s.state not in ACTIVE, **clean)
        if status.state in ACTIVE:
            raise ConfigError(f"run {run_id!r} is {status.state}: stop it before you begin it anew")
        for name in ("metrics.jsonl", "checkpoint.pt", "error.txt"):
            (folder / name).unlink(missing_ok=True)

    def log(self, run_id: str, text: str) -> None:
        """Add a line with the time to log.txt."""
        with open(self.log_path(run_id), "a") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")

    def save_error(self, run_id: str, text: str) -> None:
        write_atomic(self.existing(run_id) / "error.txt", text)

    def read_error(self, run_id: str) -> str:
        path = self.existing(run_id) / "error.txt"
        return path.read_text() if path.exists() else ""

    def log_tail(self, run_id: str, characters: int = 8000) -> str:
        """The end of log.txt."""
        path = self.existing(run_id) / "log.txt"
        if not path.exists():
            return ""
        with open(path, "rb") as file:
            file.seek(max(0, path.stat().st_size - characters))
            return file.read().decode(errors="replace")


def is_lost(status: Status) -> bool:
    if status.state not in ACTIVE:
        return False
    if status.host == socket.gethostname() and status.pid and not psutil.pid_exists(status.pid):
        return True
    return status.heartbeat is None or time.time() - status.heartbeat > STALE_SECONDS


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends without an exception."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomic(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text)
