"""Claim: the right to write one run, a lock of the operating system that ends with the process and not before.

A heartbeat alone would not do: a process that was stopped for a while (SIGSTOP, a suspended machine) goes on to write.
"""

import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from lpwd.config import ConfigError
from lpwd.store import ACTIVE, RunStore, is_lost
from lpwd.training.provenance import commit

WAIT_SECONDS = 1.0  # somebody who looks whether a run is claimed holds its lock for a moment


class ClaimLost(ConfigError):
    """The run is not ours to write any more: its folder was removed, or made anew by somebody else."""


class Claim:
    """A context that holds the lock; `begin` marks the run as this process's, `check` tells whether it still is."""

    def __init__(self, store: RunStore, run_id: str) -> None:
        self.store, self.run_id = store, run_id
        self._path: Path = store.paths(run_id).claim
        self._lock = FileLock(str(self._path), thread_local=False)
        self._file: tuple[int, int] = (0, 0)

    def __enter__(self) -> "Claim":
        """Raises ConfigError where another process holds the lock."""
        self.store.existing(self.run_id)
        try:
            self._lock.acquire(timeout=WAIT_SECONDS)
        except Timeout:
            raise ConfigError(_taken(self.store, self.run_id)) from None
        self._file = _identity(self._path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def begin(self) -> None:
        """Mark the run as training here. Raises ConfigError where it trains on another machine."""
        ours: dict[str, Any] = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "started": time.time(),
            "ended": None,
            "heartbeat": time.time(),
            "commit": commit(),
            "message": "Starting.",
        }
        free = lambda s: s.state not in ACTIVE or s.host == ours["host"] or is_lost(s, self.store.stale_seconds)  # noqa: E731
        status = self.store.update_if(self.run_id, free, state="running", **ours)
        if (status.pid, status.host) != (ours["pid"], ours["host"]):
            raise ConfigError(_taken(self.store, self.run_id))

    def check(self) -> None:
        """Raises ClaimLost where a write would not reach the run that was claimed."""
        try:
            held = _identity(self._path) == self._file
        except FileNotFoundError:
            held = False
        if not held:
            raise ClaimLost(f"run {self.run_id!r} was removed while it trained; nothing more is written")


@contextmanager
def claimed(store: RunStore, run_ids: Sequence[str]) -> Iterator[dict[str, Claim]]:
    """The claims of these runs, all or none, marked as training. Raises ConfigError where another process has one."""
    with ExitStack() as stack:
        claims = {run_id: stack.enter_context(Claim(store, run_id)) for run_id in run_ids}
        for claim in claims.values():
            claim.begin()
        yield claims


def _identity(path: Path) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino


def _taken(store: RunStore, run_id: str) -> str:
    status = store.status(run_id)
    return f"run {run_id!r} is being trained by process {status.pid} on {status.host}; stop it first"
