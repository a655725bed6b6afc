"""Checkpoints of a run on disk: the newest and the previous one, each accepted only if its digest is known.

checkpoint.sha256 holds the digests of the last checkpoints, newest first. A digest is added before its file is renamed
into place, so that every file is listed whenever a process is killed. Runs of older code have no digests and no check.
"""

import hashlib
import os
import pickle
from pathlib import Path
from typing import IO, Any

import torch

from lpwd.paths import Damaged, RunPaths, naming_full_disk, reading, replacing, write_atomic
from lpwd.sentences import first_line

KEPT_DIGESTS = 3  # of the new file, and of the two that exist while it is written


def save(paths: RunPaths, state: dict[str, Any]) -> None:
    """Write `state` as the newest checkpoint; the newest so far becomes the previous one. Raises DiskFull.

    A kill at any time leaves at least one complete checkpoint.
    """
    with naming_full_disk(paths.checkpoint), replacing(paths.checkpoint) as temporary:
        with open(temporary, "wb") as file:
            written = _Hashed(file)
            _write(state, written)
        _list(paths, [written.digest.hexdigest(), *(_digests(paths) or [])])
        if paths.checkpoint.exists():
            os.replace(paths.checkpoint, paths.previous)


def load(paths: RunPaths) -> tuple[dict[str, Any] | None, str]:
    """Return the newest undamaged state, on the CPU, and a warning if that is the previous one; (None, "") without any.

    Raises Damaged if there are checkpoints but all are damaged.
    """
    damage: Damaged | None = None
    for path in (paths.checkpoint, paths.previous):
        try:
            state = read(paths, path)
        except FileNotFoundError:
            continue
        except Damaged as error:
            damage = damage or error
            continue
        return state, f"{damage}; the previous checkpoint was used." if damage else ""
    if damage:
        raise damage
    return None, ""


def take(paths: RunPaths) -> tuple[dict[str, Any] | None, str]:
    """Load the state to resume from, and clean up for the next checkpoints. Raises Damaged and DiskFull.

    A damaged newest file is replaced, so that it does not become the previous one. Digests that a killed process listed
    without saving a file are removed, so that they do not displace digests of existing files.
    """
    state, warning = load(paths)
    if warning:
        os.replace(paths.previous, paths.checkpoint)
    if state is not None:
        known, files = _digests(paths), (path for path in (paths.checkpoint, paths.previous) if path.exists())
        with naming_full_disk(paths.digests):
            _list(paths, [digest for digest in map(_digest, files) if known is None or digest in known])
    return state, warning


def read(paths: RunPaths, path: Path) -> dict[str, Any]:
    """Return the state in one of the run's files, on the CPU. Raises FileNotFoundError or Damaged."""
    with reading(path):
        known = _digests(paths)
        if known is not None and _digest(path) not in known:
            raise Damaged(path, f"has changed since it was saved (its SHA-256 is not in {paths.digests.name})")
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except (RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
            raise Damaged(path, f"cannot be read ({first_line(error)})") from None
    return state


def is_there(paths: RunPaths) -> bool:
    """Return whether the run has a checkpoint to resume from."""
    return paths.checkpoint.exists() or paths.previous.exists()


class _Hashed:
    """A file written sequentially, with the digest of its content."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.digest = file, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self.file.write(data)

    def flush(self) -> None:
        self.file.flush()


def _write(state: dict[str, Any], file: _Hashed) -> None:
    torch.serialization.set_crc32_options(False)  # a third of the time, and the digest is stronger
    try:
        torch.save(state, file)  # type: ignore[arg-type]  # it needs only write and flush
    except RuntimeError as error:  # torch's writer hides the error of the file
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise
    finally:
        torch.serialization.set_crc32_options(True)


def _digests(paths: RunPaths) -> list[str] | None:
    """Return the listed digests, or None for a run without a list."""
    try:
        return paths.digests.read_bytes().decode(errors="replace").split()
    except FileNotFoundError:
        return None


def _list(paths: RunPaths, digests: list[str]) -> None:
    write_atomic(paths.digests, "\n".join(digests[:KEPT_DIGESTS]) + "\n")


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
