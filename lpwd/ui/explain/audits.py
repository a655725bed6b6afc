"""Audits of optimizers: the recorded table, and new audits on this machine."""

import functools
import json
import subprocess
import sys
import threading
from typing import Any

from lpwd.audit.table import HEAD, cells, recorded
from lpwd.config import ConfigError
from lpwd.optimizers import OPTIMIZERS, OWN

SECONDS = 120  # timeout of one audit, which mostly imports torch and timm
_one_at_a_time = threading.Lock()


def audits() -> dict[str, Any]:
    """Return head and rows of the recorded table, and the names that can be audited here."""
    rows = [[*cells(row), row["version"]] for row in recorded()]
    return {"head": [*HEAD, "Version"], "rows": rows, "names": names()}


def names() -> list[str]:
    """Return the optimizers of torch and timm, so that a request cannot name a module to import."""
    return [name for name, row in OPTIMIZERS.items() if isinstance(row.source, str) and name not in OWN]


def audit_now(name: str) -> dict[str, Any]:
    """Audit an optimizer on this machine and return its row. Raises ConfigError for an unknown name, and if busy."""
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
    """Run the audit in a child process, because the page does not import torch."""
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
