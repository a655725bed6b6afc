"""Claim: the right to write one run, held as a lock of the operating system that ends with the process.

A heartbeat is not enough: a process that was paused (SIGSTOP, a suspended machine) continues to write.
"""

import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lpwd.config import ConfigError
from lpwd.store import ACTIVE, RunStore, is_lost
from lpwd.training.provenance import commit

WAIT_SECONDS = 1.0  # checking whether a run is claimed holds its lock for a moment


class ClaimLost(ConfigError):
    """The claim is lost: the run's folder was removed, or created again by another process."""


class Claim:
    """A held lock: `begin` marks the run as trained by this process, `check` verifies that the claim is still valid."""

    def __init__(self, store: RunStore, run_id: str) -> None:
        self.store, self.run_id = store, run_id
        self._path: Path = store.paths(run_id).claim
        self._file = _identity(self._path)

    def begin(self) -> None:
        """Mark the run as training here. Raises ConfigError if it trains on another machine."""
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
        """Raise ClaimLost if a write would not reach the claimed run."""
        try:
            held = _identity(self._path) == self._file
        except FileNotFoundError:
            held = False
        if not held:
            raise ClaimLost(f"run {self.run_id!r} was removed during training; nothing more is written")


@contextmanager
def claimed(store: RunStore, run_ids: Sequence[str]) -> Iterator[dict[str, Claim]]:
    """Claim all of these runs, and mark them as training. Raises ConfigError if another process has one of them."""
    with ExitStack() as stack:
        claims = {run_id: stack.enter_context(_held(store, run_id)) for run_id in run_ids}
        for claim in claims.values():
            claim.begin()
        yield claims


@contextmanager
def _held(store: RunStore, run_id: str) -> Iterator[Claim]:
    """Hold the lock of a run. Raises ConfigError if another process holds it."""
    lock = FileLock(str(store.existing(run_id).claim), thread_local=False)
    try:
        lock.acquire(timeout=WAIT_SECONDS)
    except Timeout:
        raise ConfigError(_taken(store, run_id)) from None
    try:
        yield Claim(store, run_id)
    finally:
        lock.release()


def _identity(path: Path) -> tuple[int, int]:
    stat = os.stat(path)
    return stat.st_dev, stat.st_ino


def _taken(store: RunStore, run_id: str) -> str:
    status = store.status(run_id)
    return f"run {run_id!r} is being trained by process {status.pid} on {status.host}: stop it first"
