"""Where an app runs: on a Hugging Face Space or elsewhere, and where it may write. No library that asks another host.

Libraries read these variables while they are imported: call `prepare` first.
"""

import importlib.util
import io
import os
import sys
import tempfile
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from lpwd.config import ConfigError

DISK = Path("/data")  # where a Space's storage is mounted
MOUNTS = Path("/proc/self/mounts")
REMOTE = ("fuse", "nfs")  # kinds of mounts on which an append or a lock may be lost
PROXIES = ("all_proxy", "http_proxy", "https_proxy")
GPU_NODES = (Path("/dev/nvidiactl"), Path("/dev/kfd"))
ON_ZERO_GPU = (
    "This Space runs on ZeroGPU, which lends a GPU only inside one short call: training in the background cannot run "
    "here. Choose a CPU or a GPU of its own, such as a T4, as the Space's hardware; everything else on this page works."
)


def printable() -> None:
    """Let this process print what the locale's encoding lacks as an escape, such as \\u03bb, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def ask_this_machine_directly(host: str, environment: MutableMapping[str, str] = os.environ) -> None:
    """Except this machine from the environment's proxies: Gradio asks the app itself as it starts.

    Raises ConfigError for a SOCKS proxy without the package that every HTTP client here needs for it.
    """
    own = ["localhost", "127.0.0.1", "::1", host]
    for name in ("no_proxy", "NO_PROXY"):
        given = [one.strip() for one in environment.get(name, "").split(",") if one.strip()]
        environment[name] = ",".join(dict.fromkeys([*given, *own]))
    socks = [name for name in environment if name.lower() in PROXIES and environment[name].startswith("socks")]
    if socks and importlib.util.find_spec("socksio") is None:
        raise ConfigError(f"{socks[0]} names a SOCKS proxy: run pip install socksio, or unset {socks[0]}")


def zero_gpu(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a GPU comes only inside a decorated call."""
    return environment.get("SPACES_ZERO_GPU", "").lower() in ("1", "true")


def on_cpu_space(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this is a Space that trains on its CPU."""
    without_gpu = environment.get("LPWD_DEVICE") == "cpu" or not any(node.exists() for node in GPU_NODES)
    return "SPACE_ID" in environment and without_gpu


def runs_folder(environment: Mapping[str, str] = os.environ, disk: Path = DISK) -> str:
    """LPWD_RUNS_DIR; without it, on a Space, a disk with file locks that survives a restart, if any; else `runs`."""
    if chosen := environment.get("LPWD_RUNS_DIR"):
        return chosen
    on_disk = "SPACE_ID" in environment and disk.is_dir() and writable(disk / "runs")
    return str(disk / "runs") if on_disk and bucket(environment, disk) is None else "runs"


def bucket(environment: Mapping[str, str] = os.environ, disk: Path = DISK, mounts: Path = MOUNTS) -> Path | None:
    """The folder that keeps ended runs over a restart: LPWD_BUCKET, or a Space's storage without reliable locks."""
    if chosen := environment.get("LPWD_BUCKET"):
        return Path(chosen)
    is_there = "SPACE_ID" in environment and disk.is_dir() and writable(disk)
    return disk / "lpwd" if is_there and (_is_remote(disk, mounts) or not _locks(disk)) else None


def _is_remote(folder: Path, mounts: Path) -> bool:
    """Whether the folder is itself mounted, over FUSE or NFS."""
    lines = [line.split() for line in mounts.read_text(encoding="utf-8").splitlines()] if mounts.exists() else []
    return any(kind.startswith(REMOTE) for _, place, kind, *_ in lines if Path(place) == folder)


def _locks(folder: Path) -> bool:
    """Whether a file in the folder can be locked."""
    import fcntl  # not on Windows, which no Space runs on

    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def writable(folder: Path) -> bool:
    """Whether the folder is there and can be written to, or can be made."""
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists() or parent == parent.parent)
    try:
        with tempfile.TemporaryFile(dir=nearest):  # permission bits do not tell of a full or read-only disk
            return True
    except OSError:
        return False


def prepare(runs: Path, environment: MutableMapping[str, str] = os.environ) -> None:
    """Send what libraries would write into a home or temporary folder that is read-only to `runs`/.cache instead.

    XDG_CACHE_HOME moves the caches of the Hub's client and of torch; a variable that is set already is left alone.
    """
    below = runs.resolve() / ".cache"
    home = Path(environment.get("HOME") or "/")
    moved = {
        "XDG_CACHE_HOME": (home / ".cache", below),
        "XDG_CONFIG_HOME": (home / ".config", below / "config"),
        "MPLCONFIGDIR": (home / ".config" / "matplotlib", below / "matplotlib"),
    }
    if not _has_temporary_folder():
        environment["TMPDIR"] = str(below / "tmp")
        tempfile.tempdir = None  # so that it is looked for again
    else:
        moved["GRADIO_TEMP_DIR"] = (Path(tempfile.gettempdir()) / "gradio", below / "gradio")
    for name, (usual, instead) in moved.items():
        if name not in environment and not writable(usual):
            environment[name] = str(instead)
    for name in ("TMPDIR", *moved):
        if environment.get(name, "").startswith(str(below)):
            Path(environment[name]).mkdir(parents=True, exist_ok=True)


def _has_temporary_folder() -> bool:
    try:
        return Path(tempfile.gettempdir()) != Path.cwd()  # the working folder is what Python tries last
    except FileNotFoundError:
        return False
