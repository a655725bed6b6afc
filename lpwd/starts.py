"""Starts: weights of finished runs, published in half precision, that other runs begin from. No torch here.

lpwd/snapshot/starts/<run_id>.json         what is known of a start, a copy of which is with everybody
                     <run_id>.safetensors  its weights, where they are bundled; else they lie in the results repository

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

from lpwd.config import RunConfig

BUNDLED = Path(__file__).parent / "snapshot" / "starts"
NAME = re.compile(r"(?P<run_id>.+-[0-9a-f]{8})\+(?P<digest8>[0-9a-f]{8})")  # a run id ends in its own eight digits


class Start(BaseModel):
    """The JSON beside a start's weights."""

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
        """What `init_from` says."""
        return f"{self.run_id}+{self.digest[:8]}"

    @property
    def file(self) -> str:
        return f"{self.run_id}.safetensors"


def folder() -> Path:
    """Where the published starts are listed."""
    return Path(os.environ.get("LPWD_STARTS_DIR") or BUNDLED)


def published() -> MappingProxyType[str, Start]:
    """By run id."""
    return _published(folder())


@functools.cache
def _published(where: Path) -> MappingProxyType[str, Start]:
    starts = [Start(**_fields(path)) for path in sorted(where.glob("*.json"))]
    return MappingProxyType({start.run_id: start for start in starts})


def _fields(path: Path) -> dict[str, Any]:
    fields = json.loads(path.read_text(encoding="utf-8"))
    return fields | {"config": RunConfig(**fields["config"])}


def name_of(config: RunConfig) -> str:
    """What `init_from` says of the weights of this run: the published ones, else those that are trained here."""
    start = published().get(config.run_id)
    return start.name if start else config.run_id


def split(name: str) -> tuple[str, str]:
    """The run id in an `init_from`, and the digest's eight digits; "" where it names a run of the store."""
    match = NAME.fullmatch(name)
    return (match["run_id"], match["digest8"]) if match else (name, "")
