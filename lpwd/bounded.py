"""Child processes: limits on memory and time for those that read untrusted files, and helpers for all of them.

A small file may decode to gigabytes, and a damaged one may crash the library that reads it. The child is killed when it
exceeds a limit.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent  # of the package: children import this code
CHILD_BYTES = 2**30  # memory beyond that of the started child
OOM_SCORE = 500  # if memory is short, the kernel kills such a process rather than the app
TOO_LARGE = f"takes more than {CHILD_BYTES:,} bytes of memory to read"
OUT_OF_MEMORY = (MemoryError, SystemError)  # SystemError: C code failed, and no memory was left to say why
POLL_SECONDS = 0.02


def run_child(module: str, *arguments: str, seconds: float) -> str:
    """Run `python -m module` to its end, or kill it when it exceeds a limit and return the reason."""
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


def prefer_for_oom_kill(pid: int | None) -> None:
    """Make the kernel kill this process first if memory is short (on Linux)."""
    with suppress(OSError):  # not Linux, or the process has ended
        Path(f"/proc/{pid}/oom_score_adj").write_text(str(OOM_SCORE), encoding="ascii")


def exit_text(code: int | None) -> str:
    """Return how a process ended: a signal's name, or its exit code."""
    if code is None:
        return "still running"
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def limit_memory() -> None:
    """Limit this process to CHILD_BYTES more address space (on Linux; elsewhere only the parent watches it)."""
    if sys.platform == "linux":
        import resource

        limit = psutil.Process().memory_info().vms + CHILD_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
