"""Detect where an app runs (on a Hugging Face Space or elsewhere) and where it may write.

Imports no library that makes requests. Libraries read environment variables on import, so call `prepare` first.
"""

import importlib.util
import io
import os
import sys
import tempfile
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from lpwd.config import ConfigError

DISK = Path("/data")  # mount point of a Space's storage
MOUNTS = Path("/proc/self/mounts")
REMOTE = ("fuse", "nfs")  # file systems that may lose an append or a lock
PROXIES = ("all_proxy", "http_proxy", "https_proxy")
GPU_NODES = (Path("/dev/nvidiactl"), Path("/dev/kfd"))
ON_ZERO_GPU = (
    "Training is not available: this Space runs on ZeroGPU, which provides a GPU only during short calls. Choose a CPU "
    "or a dedicated GPU, such as a T4, as the Space's hardware. Everything else on this page works."
)


def printable() -> None:
    """Print characters that the locale's encoding lacks as escapes, such as \\u03bb, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def ask_this_machine_directly(host: str, environment: MutableMapping[str, str] = os.environ) -> None:
    """Bypass the environment's proxies for this machine, because Gradio sends requests to its own app on startup.

    Raises ConfigError for a SOCKS proxy if the package that HTTP clients need for it is not installed.
    """
    own = ["localhost", "127.0.0.1", "::1", host]
    for name in ("no_proxy", "NO_PROXY"):
        given = [one.strip() for one in environment.get(name, "").split(",") if one.strip()]
        environment[name] = ",".join(dict.fromkeys([*given, *own]))
    socks = [name for name in environment if name.lower() in PROXIES and environment[name].startswith("socks")]
    if socks and importlib.util.find_spec("socksio") is None:
        raise ConfigError(f"{socks[0]} is a SOCKS proxy: run pip install socksio, or unset {socks[0]}")


def zero_gpu(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether this is a ZeroGPU Space, which provides a GPU only inside a decorated call."""
    return environment.get("SPACES_ZERO_GPU", "").lower() in ("1", "true")


def on_cpu_space(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether this is a Space that trains on its CPU."""
    without_gpu = environment.get("LPWD_DEVICE") == "cpu" or not any(node.exists() for node in GPU_NODES)
    return "SPACE_ID" in environment and without_gpu


def runs_folder(environment: Mapping[str, str] = os.environ, disk: Path = DISK) -> str:
    """Return LPWD_RUNS_DIR; else, on a Space, its persistent disk if that supports file locks; else `runs`."""
    if chosen := environment.get("LPWD_RUNS_DIR"):
        return chosen
    on_disk = "SPACE_ID" in environment and disk.is_dir() and writable(disk / "runs")
    return str(disk / "runs") if on_disk and bucket(environment, disk) is None else "runs"


def bucket(environment: Mapping[str, str] = os.environ, disk: Path = DISK, mounts: Path = MOUNTS) -> Path | None:
    """Return the folder that keeps ended runs across restarts: LPWD_BUCKET, or a Space's storage without locks."""
    if chosen := environment.get("LPWD_BUCKET"):
        return Path(chosen)
    is_there = "SPACE_ID" in environment and disk.is_dir() and writable(disk)
    return disk / "lpwd" if is_there and (_is_remote(disk, mounts) or not _locks(disk)) else None


def _is_remote(folder: Path, mounts: Path) -> bool:
    """Return whether the folder is a mount point of FUSE or NFS."""
    lines = [line.split() for line in mounts.read_text(encoding="utf-8").splitlines()] if mounts.exists() else []
    return any(kind.startswith(REMOTE) for _, place, kind, *_ in lines if Path(place) == folder)


def _locks(folder: Path) -> bool:
    """Return whether files in the folder can be locked."""
    import fcntl  # not on Windows, which no Space runs on

    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def writable(folder: Path) -> bool:
    """Return whether the folder is writable, or can be created."""
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists() or parent == parent.parent)
    try:
        with tempfile.TemporaryFile(dir=nearest):  # permission bits do not reveal a full or read-only disk
            return True
    except OSError:
        return False


def prepare(runs: Path, environment: MutableMapping[str, str] = os.environ) -> None:
    """Redirect files that libraries write to a read-only home or temporary folder to `runs`/.cache.

    XDG_CACHE_HOME moves the caches of the Hub's client and of torch. Variables that are already set stay unchanged.
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
        tempfile.tempdir = None  # look it up again
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
        return Path(tempfile.gettempdir()) != Path.cwd()  # Python falls back to the working folder
    except FileNotFoundError:
        return False
