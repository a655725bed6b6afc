"""RunStore: the runs in a folder. Every write is atomic, and reading is safe while another process writes.

`paths` names the files, `status` reads config.json and status.json, `history` reads metrics.jsonl.
"""

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lpwd.config import ConfigError, RunConfig
from lpwd.events import Event
from lpwd.facts import is_pinned
from lpwd.history import Histories, History, lines_of, read, rewind
from lpwd.paths import (
    RUN_ID,
    Damaged,
    RunPaths,
    append_whole,
    naming_full_disk,
    reading,
    stamp_of,
    write_atomic,
    write_over,
)
from lpwd.runs import Run
from lpwd.status import ACTIVE, ENDED, STALE_SECONDS, State, StateFiles, Status, is_lost

__all__ = ["ACTIVE", "ENDED", "Run", "RunStore", "State", "Status", "is_lost"]

LOST = "The training process exited without a status. Resume to continue from the last checkpoint."
RESET: dict[str, Any] = {"state": "stopped", "step": 0, "epoch": 0, "seconds": 0.0, "summary": {}, "message": ""}


class RunStore:
    """All runs below `root`; safe to use from several processes on one machine."""

    def __init__(self, root: str | Path, *, stale_seconds: float = STALE_SECONDS) -> None:
        self.root, self.stale_seconds = Path(root).resolve(), stale_seconds
        self.root.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(str(self.root / ".lock"))
        self._files = StateFiles()
        self._histories = Histories()

    def paths(self, run_id: str) -> RunPaths:
        """Return the paths of a run's files, existing or not. Raises ConfigError for an invalid run id."""
        return RunPaths(self.root, run_id)

    def existing(self, run_id: str) -> RunPaths:
        """Return the paths of an existing run's files. Raises ConfigError if it does not exist."""
        paths = self.paths(run_id)
        if not paths.config.is_file():
            raise self._unknown(run_id)
        return paths

    def _unknown(self, run_id: str) -> ConfigError:
        return ConfigError(f"run {run_id!r} not found in {self.root}")

    @property
    def app_lock_path(self) -> Path:
        """Lock held by the one app that uses this folder."""
        return self.root / ".app.lock"

    @property
    def worker_log_path(self) -> Path:
        """Output of worker processes and the libraries in them."""
        return self.root / ".worker.log"

    def owner_key(self) -> str:
        """Return the app owner's secret, created on first use and readable only by this user of the machine."""
        path = self.root / ".owner-key"
        with self._lock:
            if not path.exists():
                with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                    file.write(secrets.token_urlsafe(32))
            return path.read_text(encoding="utf-8")

    # ---- configuration and status

    def create(self, config: RunConfig, run_id: str = "", **fields: Any) -> str:
        """Create the run's folder with state queued, and return the run id. An existing run is left unchanged.

        Pass `run_id` for a published run whose configuration does not determine its id (`RunConfig.is_named`).
        """
        if is_pinned(config.dataset) and not config.data_digest:
            raise ConfigError(f"dataset {config.dataset} has no digest yet: read the data before you create a run")
        paths = self.paths(run_id or config.run_id)
        self.root.mkdir(parents=True, exist_ok=True)  # it may have been removed
        with self._lock, naming_full_disk(paths.status):
            if not paths.config.exists():
                paths.folder.mkdir(exist_ok=True)
                write_atomic(paths.status, Status(**fields).model_dump_json(indent=1))
                write_atomic(paths.config, config.model_dump_json(indent=1))
        return paths.run_id

    def exists(self, run_id: str) -> bool:
        return self.paths(run_id).config.is_file()

    def config(self, run_id: str) -> RunConfig:
        """Return the configuration of a run. Raises ConfigError if it does not exist, Damaged if it is invalid."""
        try:
            return self._files.config(self.paths(run_id))
        except FileNotFoundError:
            raise self._unknown(run_id) from None

    def status(self, run_id: str) -> Status:
        """Return the status of a run. Raises ConfigError if it does not exist, Damaged if the file is invalid."""
        return self._files.status(self.existing(run_id))

    def update(self, run_id: str, **changes: Any) -> Status:
        """Change fields of status.json and return the new, validated status."""
        return self.update_if(run_id, lambda _: True, **changes)

    def update_if(self, run_id: str, condition: Callable[[Status], bool], **changes: Any) -> Status:
        """Update atomically if `condition` holds for the current status; else return it unchanged."""
        paths = self.existing(run_id)
        with self._lock:
            current = self._files.status(paths)
            if not condition(current):
                return current
            status = Status.model_validate(current.model_dump() | changes)
            write_over(paths.status, status.model_dump_json(indent=1))
        return status

    def repair(self, run_id: str, known: Status, **changes: Any) -> None:
        """Replace an unreadable status.json with `known` and `changes`."""
        with self._lock:
            write_over(self.existing(run_id).status, known.model_copy(update=changes).model_dump_json(indent=1))

    def record(self, run_id: str) -> Run:
        """Return the record of a run. Raises ConfigError if it does not exist, Damaged if it cannot be read."""
        config, status = self.config(run_id), self._files.status(self.paths(run_id))
        return Run(run_id, config, status, partial(self.history, run_id), status.origin)

    def records(self) -> list[Run]:
        """Return all readable runs, newest first; `damaged()` lists the others."""
        return self.scan()[0]

    def damaged(self) -> dict[str, str]:
        """Return, by run id, one sentence about each run that cannot be read."""
        return self.scan()[1]

    def scan(self) -> tuple[list[Run], dict[str, str]]:
        """Return `records()` and `damaged()` in one pass. A folder without config.json is not a run."""
        records: list[Run] = []
        damaged: dict[str, str] = {}
        for run_id in sorted(self.ids()):
            try:
                records.append(self.record(run_id))
            except Damaged as error:
                damaged[run_id] = str(error)
            except ConfigError:
                continue
        return sorted(records, key=lambda record: (-record.status.created, record.run_id)), damaged

    def ids(self) -> list[str]:
        """Return the names of all folders that may be runs, in arbitrary order."""
        with os.scandir(self.root) as entries:
            return [entry.name for entry in entries if RUN_ID.fullmatch(entry.name) and entry.is_dir()]

    def recover(self) -> list[str]:
        """Mark active runs whose worker is gone as `interrupted`, and return their ids."""
        stale = lambda status: is_lost(status, self.stale_seconds)  # noqa: E731
        lost = [r.run_id for r in self.records() if stale(r.status) and not self.is_claimed(r.run_id)]
        for run_id in lost:
            self.update_if(run_id, stale, state="interrupted", ended=time.time(), message=LOST)
        return lost

    def is_claimed(self, run_id: str) -> bool:
        """Return whether a running process holds the claim of this run."""
        path = self.paths(run_id).claim
        if not path.exists():
            return False
        try:
            with FileLock(str(path), timeout=0):
                return False
        except Timeout:
            return True

    def delete(self, run_id: str) -> None:
        """Remove a run that is not queued or active."""
        paths = self.existing(run_id)
        with self._lock:
            state = self.status(run_id).state
            if state in ACTIVE or state == "queued":
                raise ConfigError(f"run {run_id!r} is {state}: stop it before deleting it")
            shutil.rmtree(paths.folder)

    def restart(self, run_id: str) -> None:
        """Delete results and checkpoints of a run, so that it is retrained. Raises ConfigError for an active run."""
        status = self.update_if(run_id, lambda s: s.state not in ACTIVE, **RESET)
        if status.state in ACTIVE:
            raise ConfigError(f"run {run_id!r} is {status.state}: stop it before retraining it")
        paths = self.paths(run_id)
        for path in (paths.previous, paths.checkpoint, paths.digests, paths.metrics, paths.error):
            path.unlink(missing_ok=True)  # in this order: a partly removed run can still be resumed

    # ---- metrics, log, error

    def append(self, run_id: str, events: Iterable[Event]) -> None:
        """Append events to metrics.jsonl in one write."""
        if lines := lines_of(events):
            append_whole(self.paths(run_id).metrics, lines.encode())

    def history(self, run_id: str) -> History:
        """Return the events recorded so far. Raises ConfigError if the run does not exist."""
        return self._histories.of(self.existing(run_id).metrics)

    def read_metrics(self, run_id: str, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Return complete records from byte `offset` on, and the next offset; ([], 0) before the first record."""
        return read(self.existing(run_id).metrics, offset)

    def rewind_metrics(self, run_id: str, step: int, epoch: int) -> None:
        """Drop records after `step` of the unfinished `epoch`, because a resumed run writes them again."""
        rewind(self.existing(run_id).metrics, step, epoch)

    def log(self, run_id: str, text: str) -> None:
        """Append a line with a timestamp to log.txt."""
        with open(self.paths(run_id).log, "a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")

    def save_error(self, run_id: str, text: str) -> None:
        write_atomic(self.existing(run_id).error, text)

    def read_error(self, run_id: str) -> str:
        """Return the traceback of a failed run, or ""."""
        return _text(self.existing(run_id).error)

    def log_tail(self, run_id: str, characters: int = 8000) -> str:
        """Return the end of log.txt."""
        return _text(self.existing(run_id).log, characters)


def _text(path: Path, characters: int | None = None) -> str:
    try:
        with reading(path), open(path, "rb") as file:
            file.seek(max(0, stamp_of(path)[1] - characters) if characters else 0)
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
