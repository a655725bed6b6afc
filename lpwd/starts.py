"""Starts: weights of finished runs, published in half precision, that other runs start from. No torch here.

lpwd/snapshot/starts/<run_id>.json         facts about a start, bundled with lpwd
                     <run_id>.safetensors  its weights, if bundled; else they are in the results repository

`RunConfig.init_from` names a finished run of the same store, `<run_id>`, or a published start, `<run_id>+<digest8>`.
"""

import functools
import json
import os
import re
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from lpwd.config import ConfigError, RunConfig

BUNDLED = Path(__file__).parent / "snapshot" / "starts"
NAME = re.compile(r"(?P<run_id>.+-[0-9a-f]{8})\+(?P<digest8>[0-9a-f]{8})")  # a run id ends in its own eight digits


class Start(BaseModel):
    """The JSON file beside the weights of a start."""

    run_id: str
    digest: str  # of the weights in the file, see lpwd.training.starts.digest
    bytes: int  # of the file
    config: RunConfig
    last_top1: float  # percent, of the run
    device: str
    commit: str
    date: str

    @property
    def name(self) -> str:
        """The value of `init_from`."""
        return f"{self.run_id}+{self.digest[:8]}"

    @property
    def file(self) -> str:
        return f"{self.run_id}.safetensors"


def folder() -> Path:
    """Return the folder that lists the published starts."""
    return Path(os.environ.get("LPWD_STARTS_DIR") or BUNDLED)


def published() -> MappingProxyType[str, Start]:
    """Return the published starts by run id."""
    return _published(folder())


@functools.cache
def _published(where: Path) -> MappingProxyType[str, Start]:
    starts = [Start(**_fields(path)) for path in sorted(where.glob("*.json"))]
    return MappingProxyType({start.run_id: start for start in starts})


def _fields(path: Path) -> dict[str, Any]:
    fields = json.loads(path.read_text(encoding="utf-8"))
    return fields | {"config": RunConfig(**fields["config"])}


def published_start(name: str) -> Start:
    """Return the start that `init_from` names. Raises ConfigError if there is none."""
    start = published().get(split(name)[0])
    if start is None or start.name != name:
        names = ", ".join(one.name for one in published().values()) or "none"
        raise ConfigError(f"init_from is {name!r}: published start not found; available are: {names}")
    return start


def name_of(config: RunConfig) -> str:
    """Return the value of `init_from` for the weights of this run: the published start, else the run itself."""
    start = published().get(config.run_id)
    return start.name if start else config.run_id


def split(name: str) -> tuple[str, str]:
    """Split `init_from` into a run id and eight digits of the digest, which are "" for a run of the store."""
    match = NAME.fullmatch(name)
    return (match["run_id"], match["digest8"]) if match else (name, "")
