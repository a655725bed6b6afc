"""File names of a run, and how a file is read and replaced. What is in the files, others know.

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
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})  # no room on the disk, or in one's share of it
BLOCK_BYTES = 512  # of st_blocks
Stamp = tuple[int, int, int]  # modification time (ns), size (bytes) and inode: another one for another content


class Damaged(ConfigError):
    """A file of a run that cannot be what was written; its text names the run and the file."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"run {path.parent.name!r} is damaged: {path.name} {why}")


class DiskFull(ConfigError):
    """The disk that holds the runs has no room left."""


class RunPaths:
    """The files of one run. Raises ConfigError for a name that no run can have, so that no request leaves the root."""

    def __init__(self, root: Path, run_id: str) -> None:
        if not isinstance(run_id, str) or not RUN_ID.fullmatch(run_id):
            raise ConfigError(
                f"run id {str(run_id)[:80]!r} is not one: letters, digits and . _ + - are allowed, 200 at most"
            )
        self.run_id, self.folder = run_id, root / run_id

    @property
    def config(self) -> Path:
        return self.folder / "config.json"

    @property
    def status(self) -> Path:
        return self.folder / "status.json"

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics.jsonl"

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    @property
    def previous(self) -> Path:
        """The checkpoint before the newest."""
        return self.folder / "checkpoint.prev.pt"

    @property
    def digests(self) -> Path:
        """SHA-256 of the checkpoints saved last, a line each, newest first; older runs have none."""
        return self.folder / "checkpoint.sha256"

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    @property
    def error(self) -> Path:
        return self.folder / "error.txt"

    @property
    def claim(self) -> Path:
        """Locked by the process that trains the run."""
        return self.folder / ".claim"


def stamp_of(path: Path) -> Stamp:
    """Raises OSError where there is no such file."""
    stat = os.stat(path)
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns what the file system has against reading a run's file into Damaged; a missing file stays one."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Damaged(path, f"cannot be read ({error.strerror})") from None


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
    """Replace the file by `text` in UTF-8, whatever the locale is."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_over(path: Path, text: str) -> None:
    """`write_atomic`; where the disk is full, over the old file if that has the room. Raises OSError and DiskFull."""
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
    """Add all of `data` to the file, or nothing: half a line would spoil the next. Raises OSError and DiskFull."""
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
    """DiskFull instead of the operating system's error where there is no room left for the run's file at `path`."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise DiskFull(
                f"The disk that holds {path.parent.parent} is full: free some space, then resume."
            ) from error
        raise
