"""Cores and memory within the limits of control groups, and of taskset."""

import subprocess
import sys
from pathlib import Path

import pytest

from lpwd.cgroups import free_bytes, usable_cores

ROOT = Path(__file__).parent.parent
QUOTA, PERIOD = "cpu.cfs_quota_us", "cpu.cfs_period_us"


@pytest.fixture
def group(tmp_path):
    """A function that writes the files of a control group and returns the arguments that name it."""

    def write(line, files):
        (tmp_path / "membership").write_text(f"{line}\n")
        for name, content in files.items():
            path = tmp_path / "groups" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return tmp_path / "groups", tmp_path / "membership"

    return write


@pytest.mark.parametrize(
    ("line", "files", "cores"),
    [
        ("0::/app", {"app/cpu.max": "100000 100000\n"}, 1),
        ("0::/app/inner", {"app/cpu.max": "150000 100000\n", "app/inner/cpu.max": "max 100000\n"}, 1),
        ("0::/app", {"app/cpu.max": "20000 100000\n"}, 1),
        ("4:cpu,cpuacct:/app", {f"cpu,cpuacct/app/{QUOTA}": "100000", f"cpu,cpuacct/app/{PERIOD}": "100000"}, 1),
        ("4:cpu,cpuacct:/app", {f"cpu/app/{QUOTA}": "100000", f"cpu/app/{PERIOD}": "100000"}, 1),
    ],
)
def test_a_quota_limits_the_cores(group, line, files, cores):
    assert usable_cores(*group(line, files)) == cores


@pytest.mark.parametrize(
    "files", [{"app/cpu.max": "max 100000\n"}, {"app/cpu.max": "6400000 100000\n"}, {"app/cpu.max": "nonsense"}, {}]
)
def test_without_a_tighter_quota_the_affinity_decides(group, files):
    assert usable_cores(*group("0::/app", files)) == usable_cores(Path("/nowhere"), Path("/nowhere"))


@pytest.mark.skipif(sys.platform != "linux", reason="taskset is Linux's")
def test_a_sweep_under_taskset_starts_one_worker_per_core_that_it_may_use():
    code = "import os; os.sched_setaffinity(0, {0}); from lpwd.cgroups import usable_cores; print(usable_cores())"
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True) == "1\n"


def test_the_tightest_memory_limit_counts_and_file_cache_is_free(group):
    inner = {
        "app/inner/memory.max": "500",
        "app/inner/memory.current": "300",
        "app/inner/memory.stat": "inactive_file 50",
    }
    outer = {"app/memory.max": "max", "app/memory.current": "400", "app/memory.stat": "inactive_file 0"}
    assert free_bytes(*group("0::/app/inner", inner | outer)) == 250
