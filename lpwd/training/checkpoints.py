"""Checkpoints of a run on disk: the newest and the one before it, each believed only where its digest is known.

checkpoint.sha256 holds the digests of what was saved last, newest first. It learns of a new file before that file takes
its name, so that whenever a process is killed, every file there is listed. Runs of older code have none, and no check.
"""

import hashlib
import os
import pickle
from pathlib import Path
from typing import IO, Any

import torch

from lpwd.paths import Damaged, RunPaths, naming_full_disk, reading, replacing, write_atomic

State = dict[str, Any]
KEPT_DIGESTS = 3  # the new one's, and those of the two files that are there while it is written
CHUNK_BYTES = 1 << 20


def save(paths: RunPaths, state: State) -> None:
    """Write `state` as the newest; the newest until now becomes the one before. Raises DiskFull where it does not fit.

    A kill on the way leaves both older files, then the older newest under the name of the one before, then the new one.
    """
    with naming_full_disk(paths.checkpoint), replacing(paths.checkpoint) as temporary:
        with open(temporary, "wb") as file:
            written = _Hashed(file)
            _write(state, written)
        _list(paths, [written.digest.hexdigest(), *(_digests(paths) or [])])
        if paths.checkpoint.exists():
            os.replace(paths.checkpoint, paths.previous)


def load(paths: RunPaths) -> tuple[State | None, str]:
    """The newest undamaged state, on the CPU, and a sentence where that is the one before; (None, "") without any.

    Raises Damaged where there are checkpoints and none can be believed.
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
        return state, f"{damage}; the checkpoint before it was used." if damage else ""
    if damage:
        raise damage
    return None, ""


def take(paths: RunPaths) -> tuple[State | None, str]:
    """`load` for the process that goes on with the run and saves the next ones. Raises Damaged and DiskFull.

    A damaged newest makes room, or it would be the one before; what a killed process listed and did not save is
    forgotten, or it would crowd out what is there.
    """
    state, warning = load(paths)
    if warning:
        os.replace(paths.previous, paths.checkpoint)
    if state is not None:
        known, files = _digests(paths), (path for path in (paths.checkpoint, paths.previous) if path.exists())
        with naming_full_disk(paths.digests):
            _list(paths, [digest for digest in map(_digest, files) if known is None or digest in known])
    return state, warning


def read(paths: RunPaths, path: Path) -> State:
    """The state in one of the run's files, on the CPU. Raises FileNotFoundError, and Damaged for other bytes."""
    with reading(path):
        known = _digests(paths)
        if known is not None and _digest(path) not in known:
            raise Damaged(path, f"is not what was saved (its SHA-256 is not in {paths.digests.name})")
        try:
            state: State = torch.load(path, map_location="cpu", weights_only=True)
        except (RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
            first_line = next(iter(str(error).splitlines()), type(error).__name__)
            raise Damaged(path, f"cannot be read ({first_line[:200]})") from None
    return state


def is_there(paths: RunPaths) -> bool:
    """Whether the run has a checkpoint to go on from."""
    return paths.checkpoint.exists() or paths.previous.exists()


class _Hashed:
    """A file that is written from front to back, and the digest of what was written."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.digest = file, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self.file.write(data)

    def flush(self) -> None:
        self.file.flush()


def _write(state: State, file: _Hashed) -> None:
    torch.serialization.set_crc32_options(False)  # a third of the time, and the digest says more
    try:
        torch.save(state, file)  # type: ignore[arg-type]  # write and flush are all that it asks for
    except RuntimeError as error:  # torch's writer hides what the file said
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise
    finally:
        torch.serialization.set_crc32_options(True)


def _digests(paths: RunPaths) -> list[str] | None:
    """None for a run that has no list of them."""
    try:
        return paths.digests.read_bytes().decode(errors="replace").split()
    except FileNotFoundError:
        return None


def _list(paths: RunPaths, digests: list[str]) -> None:
    write_atomic(paths.digests, "\n".join(digests[:KEPT_DIGESTS]) + "\n")


def _digest(path: Path) -> str:
    total = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            total.update(chunk)
    return total.hexdigest()
