"""File names of a run, and how its files are read and replaced.

runs/<run_id>/  config.json  metrics.jsonl  status.json  log.txt  error.txt (on failure)  .claim (a lock)
                checkpoint.pt  checkpoint.prev.pt (the one before, until the run has ended)  checkpoint.sha256
"""

import errno
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lpwd.config import ConfigError

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})  # disk full, or quota exceeded
BLOCK_BYTES = 512  # unit of st_blocks
Stamp = tuple[int, int, int]  # modification time (ns), size (bytes) and inode; changes when the file changes


class Damaged(ConfigError):
    """A file of a run is damaged; the message names the run and the file."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"run {path.parent.name!r} is damaged: {path.name} {why}")
        self.why = why


class DiskFull(ConfigError):
    """The disk that holds the runs is full."""


class _File:
    """Path of a file in the folder of a run."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, paths: "RunPaths", owner: object = None) -> Path:
        return paths.folder / self.name


class RunPaths:
    """The files of one run. Raises ConfigError for an invalid run id, so that no request leaves the root."""

    config, status, metrics = _File("config.json"), _File("status.json"), _File("metrics.jsonl")
    log, error = _File("log.txt"), _File("error.txt")
    checkpoint, previous = _File("checkpoint.pt"), _File("checkpoint.prev.pt")
    digests = _File("checkpoint.sha256")  # of the last checkpoints, one per line, newest first; missing in older runs
    claim = _File(".claim")  # locked by the process that trains the run

    def __init__(self, root: Path, run_id: str) -> None:
        if not isinstance(run_id, str) or not RUN_ID.fullmatch(run_id):
            allowed = "at most 200 letters, digits and . _ + - are allowed"
            raise ConfigError(f"invalid run id {str(run_id)[:80]!r}: {allowed}")
        self.run_id, self.folder = run_id, root / run_id


def stamp_of(path: Path) -> Stamp:
    """Return the stamp of a file. Raises OSError if it does not exist."""
    stat = os.stat(path)
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Convert errors in reading a run's file to Damaged; FileNotFoundError passes through."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Damaged(path, f"cannot be read ({error.strerror})") from None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, which replaces `path` if the block ends without an exception."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomic(path: Path, text: str) -> None:
    """Replace the file atomically with `text` in UTF-8."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_over(path: Path, text: str) -> None:
    """Write atomically, or on a full disk overwrite the old file if the text fits. Raises OSError and DiskFull."""
    with naming_full_disk(path):
        try:
            write_atomic(path, text)
        except OSError as error:
            if error.errno not in FULL or len(text.encode()) > path.stat().st_blocks * BLOCK_BYTES:
                raise
            with open(path, "r+b") as file:
                file.write(text.encode())
                file.truncate()


def append_whole(path: Path, data: bytes) -> None:
    """Append all of `data` to the file, or nothing: half a line would damage the next. Raises OSError and DiskFull."""
    with naming_full_disk(path), open(path, "ab", buffering=0) as file:
        size = file.tell()
        try:
            left = memoryview(data)
            while left:
                left = left[file.write(left) :]
        except OSError:
            file.truncate(size)
            raise


@contextmanager
def naming_full_disk(path: Path) -> Iterator[None]:
    """Convert the operating system's error for a full disk to DiskFull. `path` is the file of a run."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise DiskFull(f"The disk of {path.parent.parent} is full: free some space, then resume.") from error
        raise
