"""Cores and memory that this process may use, within the limits of its control groups (Linux)."""

import os
from pathlib import Path

GROUPS, MEMBERSHIP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def usable_cores(groups: Path = GROUPS, membership: Path = MEMBERSHIP) -> int:
    """Return the number of cores this process may use, from its affinity and the CPU quotas of its control groups."""
    present = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [quota for folder in _folders("cpu", groups, membership) if (quota := _cpu_quota(folder)) is not None]
    return max(1, int(min([present, *quotas])))


def free_bytes(groups: Path = GROUPS, membership: Path = MEMBERSHIP) -> int:
    """Return bytes left below the lowest memory limit of this process's control groups; file cache counts as free."""
    rooms = [room for folder in _folders("memory", groups, membership) if (room := _room(folder)) is not None]
    return min(rooms, default=2**63)


def _folders(controller: str, groups: Path, membership: Path) -> list[Path]:
    """Return this process's control groups with this controller and their parents, in versions 2 and 1."""
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return []
    found = []
    for number, controllers, path in (line.split(":", 2) for line in lines if line.count(":") >= 2):
        if number == "0" or controller in controllers.split(","):
            root = groups if number == "0" else groups / controllers
            root = root if root.is_dir() else groups / controller
            inner = root / path.lstrip("/")
            found += [folder for folder in (inner, *inner.parents) if folder.is_relative_to(root)]
    return found


def _cpu_quota(folder: Path) -> float | None:
    """Return the CPU quota of a group in cores, or None without a limit."""
    try:
        if (file := folder / "cpu.max").exists():
            quota, period = file.read_text(encoding="ascii").split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text(encoding="ascii")
            period = (folder / "cpu.cfs_period_us").read_text(encoding="ascii")
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError):  # no such file, or no limit: "max"
        return None


def _room(folder: Path) -> int | None:
    """Return the bytes left below the memory limit of a group, or None without a limit."""
    for limit, used, cache in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            most, taken = (int((folder / name).read_text(encoding="ascii")) for name in (limit, used))
            counts = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines())
        except (OSError, ValueError):  # no such file, or no limit: "max"
            continue
        return most - taken + int(counts.get(cache, 0))
    return None
