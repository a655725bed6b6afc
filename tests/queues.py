"""A queue for the tests of several files: its two child processes take 10 s of a core to start."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from waiting import wait_until

from lpwd.jobs.queue import Jobs
from lpwd.jobs.rights import Limits
from lpwd.store import RunStore
from lpwd.training.memory import free_bytes

DISK_BYTES = 32 * 2**20


@contextmanager
def running_queue(root: Path, **options: Any) -> Iterator[Jobs]:
    """Jobs that work on the CPU in a run store of their own at `root`."""
    jobs = Jobs(RunStore(root), device="cpu", **options)
    jobs.start()
    try:
        yield jobs
    finally:
        jobs.close()


def empty(jobs: Jobs) -> None:
    """Stop what trains or waits, and remove every run: what one test leaves, the next does not find."""
    for job in jobs.queue():
        jobs.stop(job.run_ids[0])
    wait_until(lambda: not jobs.queue())
    for run_id in jobs.store.ids():
        shutil.rmtree(jobs.store.paths(run_id).folder)


def mounted(path: Path, size: int) -> bool:
    """Mount a file system of `size` bytes at `path`; False if this process may not."""
    path.mkdir()
    return not subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)], capture_output=True
    ).returncode


class SharedQueue:
    """One queue for the tests of several files, on a disk of its own where this process may mount one."""

    def __init__(self, folder: Path) -> None:
        self.disk = folder / "disk"
        self.has_disk = mounted(self.disk, DISK_BYTES)
        self.room: int | None = None  # bytes of memory that the queue believes to be free; None: as it is
        self._running = contextlib.ExitStack()
        self.start()

    def start(self) -> None:
        free = lambda: free_bytes() if self.room is None else self.room  # noqa: E731
        self.jobs = self._running.enter_context(running_queue(self.disk / "runs", free_memory=free))

    def stop(self) -> None:
        self._running.close()

    def reset(self) -> None:
        """Idle, without runs and limits."""
        self.room, self.jobs.limits = None, Limits()
        empty(self.jobs)

    def close(self) -> None:
        self.stop()
        if self.has_disk:
            subprocess.run(["umount", "-l", str(self.disk)], check=True)
