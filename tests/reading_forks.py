"""Files read in processes forked from one that has loaded pyarrow: 60 starts of Python take 20 s of a core."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lpwd.bounded import ROOT
from lpwd.hub import reading

SERVER = """
import os, sys
from pathlib import Path
from lpwd.hub import reading
for line in sys.stdin:
    folder, out = map(Path, line.rstrip("\\n").split("\\t"))
    if not (child := os.fork()):
        reading.child(folder, out)
        os._exit(0)
    os.waitpid(child, 0)
    print(flush=True)
"""


@contextmanager
def forked() -> Iterator[None]:
    """Make `reading.read` use such processes; they have the limits of the others, without the clock."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    environment = os.environ | {"ARROW_DEFAULT_MEMORY_POOL": "system"}  # as `reading` has it
    server = subprocess.Popen([sys.executable, "-c", SERVER], cwd=ROOT, env=environment, **pipes)

    def run_child(folder: Path, out: Path) -> str:
        server.stdin.write(f"{folder.resolve()}\t{out}\n")
        server.stdin.flush()
        server.stdout.readline()
        return ""

    before, reading._run_child = reading._run_child, run_child
    try:
        yield
    finally:
        reading._run_child = before
        server.communicate()
