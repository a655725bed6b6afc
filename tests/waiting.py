"""Waiting for what a test asserts: with the patience of a busy machine, as only a failure takes that long."""

import time
from collections.abc import Callable
from typing import Any

PATIENCE = 180.0  # seconds


def wait_until(condition: Callable[[], Any], seconds: float = PATIENCE, every: float = 0.1) -> Any:
    """The condition's first true value; AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not true within {seconds} s"
        time.sleep(every)
    return value
