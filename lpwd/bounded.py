"""Child processes with limits on memory and time, which read files from anyone.

A small file may decode to gigabytes, and a damaged one may crash the library that reads it. The child is ended when it
takes too much memory or time.
"""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent  # of the package: the child imports this code
CHILD_BYTES = 2**30  # of memory beyond what the started child has
TOO_LARGE = f"takes more than {CHILD_BYTES:,} bytes of memory to read"
POLL_SECONDS = 0.02


def run_child(module: str, *arguments: str, seconds: float) -> str:
    """Run `python -m module` until it ends; end it when it takes too much, and return why."""
    command = [sys.executable, "-m", module, *arguments]
    pool = {"ARROW_DEFAULT_MEMORY_POOL": "system"}  # other allocators reserve a gigabyte of addresses at once
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **pool}) as process:  # noqa: S603  our own code
        stopped = _watch(process, seconds)
        if stopped:
            process.kill()
    return stopped


def _watch(process: "subprocess.Popen[bytes]", seconds: float) -> str:
    deadline = time.monotonic() + seconds
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        while process.poll() is None:
            if psutil.Process(process.pid).memory_info().rss > 2 * CHILD_BYTES:
                return TOO_LARGE
            if time.monotonic() > deadline:
                return f"takes more than {seconds:g} s to read"
            time.sleep(POLL_SECONDS)
    return ""


def limit_memory() -> None:
    """Let this process take CHILD_BYTES more addresses than it has; elsewhere than on Linux the parent watches it."""
    if sys.platform == "linux":
        import resource

        limit = psutil.Process().memory_info().vms + CHILD_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
