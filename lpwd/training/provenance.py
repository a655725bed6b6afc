"""Provenance of a result beyond its configuration: versions and commit."""

import functools
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


@functools.cache
def versions() -> dict[str, str]:
    """Return the versions of the packages that the numbers depend on."""
    version_by_package = {"python": platform.python_version()}
    for package in ("lpwd", "torch", "timm", "numpy"):
        try:
            version_by_package[package] = version(package)
        except PackageNotFoundError:
            version_by_package[package] = "source"
    return version_by_package


@functools.cache
def commit() -> str:
    """Return the commit of this source tree, or "" outside a git checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short=12", "HEAD"]
    try:
        return subprocess.check_output(command, stderr=subprocess.DEVNULL, encoding="utf-8", timeout=5).strip()  # noqa: S603  no word of it is a user's
    except (OSError, subprocess.SubprocessError):
        return ""
