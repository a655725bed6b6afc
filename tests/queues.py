"""A queue for all tests of a module: its two child processes take 11 s of a core to start, whatever they do then."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from waiting import wait_until

from lpwd.jobs.queue import Jobs
from lpwd.store import RunStore


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
