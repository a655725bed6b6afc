"""Audits of optimizers for the page: those recorded with the package, and one of torch or timm run here and now."""

import functools
import json
import subprocess
import sys
import threading
from typing import Any

from lpwd.audit.table import HEAD, cells, recorded
from lpwd.config import ConfigError
from lpwd.optimizers import OPTIMIZERS, OWN

SECONDS = 120  # of one audit, most of which imports torch and timm
_one_at_a_time = threading.Lock()


def audits() -> dict[str, Any]:
    """Head and rows of the recorded table, each row with the version that was audited; and what can be audited here."""
    rows = [[*cells(row), row["version"]] for row in recorded()]
    return {"head": [*HEAD, "Version"], "rows": rows, "names": names()}


def names() -> list[str]:
    """The names of torch and timm: no request names a module to import."""
    return [name for name, row in OPTIMIZERS.items() if isinstance(row.source, str) and name not in OWN]


def audit_now(name: str) -> dict[str, Any]:
    """The row of an optimizer as its class is on this machine. Raises ConfigError on another name, and if busy."""
    if name not in names():
        raise ConfigError(f"unknown optimizer {name[:60]!r}: choose one from the list")
    if not _one_at_a_time.acquire(timeout=SECONDS):
        raise ConfigError("another audit is running: try again in a minute")
    try:
        return _measured(name)
    finally:
        _one_at_a_time.release()


@functools.cache
def _measured(name: str) -> dict[str, Any]:
    """From a process of its own: the page has no torch."""
    command = [sys.executable, "-m", "lpwd", "audit", name, "--json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise ConfigError(f"the audit of {name} took more than {SECONDS} s") from None
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        said = done.stderr.strip().splitlines()
        raise ConfigError(f"the audit of {name} failed: {said[-1][:200] if said else 'no answer'}")
    row = json.loads(lines[0])
    return {"row": [*cells(row), row["version"]]}
