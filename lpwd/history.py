"""Read metrics.jsonl incrementally, and keep the recorded numbers in columns. No pandas here.

Lines that are not recorded events (cut short, overwritten, damaged on disk) are counted and skipped.
"""

import itertools
import json
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from pydantic_core import from_json

from lpwd.columns import Columns
from lpwd.config import ConfigError
from lpwd.events import Diverged, Epoch, Event, Finished, Started, Step, ZeroShot, from_record, to_record
from lpwd.paths import Stamp, reading, stamp_of, write_atomic
from lpwd.sentences import counted

KEPT_RUNS, KEPT_BYTES = 256, 2**28  # histories in memory; the least recently used are dropped
MAX_LINE = 2**22  # bytes; a longer line is damaged
TAIL = 512  # bytes before the current offset, compared with the file to detect a replacement

_boot = secrets.token_hex(3)  # makes generations unique to this process
_generations = itertools.count()


class History:
    """The events of one run recorded so far. `generation` changes when the run is retrained."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.generation = f"{_boot}{next(_generations)}"
        self.started: Started | None = None
        self.steps, self.epochs = Columns(Step), Columns(Epoch)
        self.zero_shots: list[ZeroShot] = []
        self.diverged: Diverged | None = None
        self.finished: Finished | None = None
        self.last_step = 0
        self.bad_lines = 0
        for event in events:
            self.add(event)

    def add(self, event: Event) -> None:
        match event:
            case Started():
                self.started = event
            case Step():
                self.steps.add(event)
            case Epoch():
                self.epochs.add(event)
            case ZeroShot():
                self.zero_shots.append(event)
            case Diverged():
                self.diverged = event
            case Finished():
                self.finished = event
        self.last_step = max(self.last_step, event.step)

    def without_steps(self) -> list[Event]:
        """Return all recorded events except steps."""
        epochs = [Epoch(**row) for row in self.epochs.rows()]
        events: list[Event | None] = [self.started, *epochs, *self.zero_shots, self.diverged, self.finished]
        return [event for event in events if event]

    @property
    def norms(self) -> dict[int, Sequence[float]]:
        """L2 norm of the weights per layer, shallow to deep, by epoch; epoch 0 is the start. Empty before the start."""
        if self.started is None or not self.started.initial_weight_norms:
            return {}
        return {0: self.started.initial_weight_norms, **self._by_epoch("weight_norms")}

    @property
    def angles(self) -> dict[int, Sequence[float]]:
        """Radians by which a step turned each layer, mean of sampled steps, by epoch; empty if not recorded."""
        return self._by_epoch("angular_update")

    def _by_epoch(self, name: str) -> dict[int, Sequence[float]]:
        layers = len(self.started.layer_names) if self.started else 0
        epochs = zip(self.epochs.numbers(["epoch"])["epoch"], self.epochs.lists(name), strict=False)
        return {epoch: values for epoch, values in epochs if layers and len(values) == layers}

    @property
    def stamp(self) -> tuple[str, int, int]:
        """Changes when records arrive."""
        return self.generation, len(self.steps), len(self.epochs)

    @property
    def warning(self) -> str:
        """A sentence without a full stop if lines are damaged, else empty."""
        if not self.bad_lines:
            return ""
        verb = "are" if self.bad_lines > 1 else "is"
        return f"{counted(self.bad_lines, 'line')} of metrics.jsonl cannot be read and {verb} skipped"

    @property
    def size(self) -> int:
        """Approximate size in bytes."""
        layers = len(self.started.layer_names) if self.started else 0
        return 10_000 + 64 * len(self.steps) + (200 + 16 * layers) * len(self.epochs) + 200 * len(self.zero_shots)


def _lines(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield complete lines from here on with their length in bytes; a line longer than MAX_LINE becomes empty."""
    length = 0
    while part := file.readline(MAX_LINE):
        length += len(part)
        if part.endswith(b"\n"):  # else it is half written, and read when complete
            yield part if length == len(part) else b"\n", length
            length = 0


def _parsed(line: bytes) -> tuple[dict[str, Any], Event] | None:
    """Return the record of a line and its event, or None for a damaged line."""
    try:
        record = from_json(line)
        return record, from_record(record)
    except (ValueError, KeyError, TypeError):  # pydantic's ValidationError is a ValueError
        return None


def read(path: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Return complete records from byte `offset` on, and the next offset; ([], 0) before the first record.

    Raises ConfigError for an offset inside a line, and Damaged if the file cannot be opened.
    """
    try:
        with reading(path), open(path, "rb") as file:
            if offset > stamp_of(path)[1]:
                return [], offset
            file.seek(max(0, offset - 1))
            if offset < 0 or (offset and file.read(1) != b"\n"):
                raise ConfigError(f"offset is {offset}: allowed are 0 and offsets returned earlier")
            records = []
            for line, length in _lines(file):
                offset += length
                if entry := _parsed(line):
                    records.append(entry[0])
            return records, offset
    except FileNotFoundError:
        return [], 0


class _Follower:
    """Reads only appended lines of a file, or everything again if the file was replaced or truncated."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reset()

    def refresh(self, path: Path) -> History:
        with self._lock:
            try:
                stamp = stamp_of(path)
                if stamp != self._stamp:
                    with reading(path), open(path, "rb") as file:
                        self._read_on(file, stamp)
            except FileNotFoundError:
                if self._offset:
                    self._reset()
            return self.history

    def _reset(self) -> None:
        self.history, self._stamp = History(), (0, 0, 0)
        self._offset, self._tail = 0, b""  # number of bytes read, and the last ones

    def _read_on(self, file: BinaryIO, stamp: Stamp) -> None:
        file.seek(self._offset - len(self._tail))
        if stamp[1] < self._offset or stamp[2] != self._stamp[2] or file.read(len(self._tail)) != self._tail:
            self._reset()
            file.seek(0)
        line = self._tail
        for line, length in _lines(file):
            if entry := _parsed(line):
                self.history.add(entry[1])
            else:
                self.history.bad_lines += 1
            self._offset += length
        self._tail, self._stamp = line[-TAIL:], stamp


class Histories:
    """Cache of the most recently used histories, in bounded memory; safe to use from several threads."""

    def __init__(self) -> None:
        self._followers: OrderedDict[Path, _Follower] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, path: Path) -> History:
        """Return the history in a metrics.jsonl, empty before the file exists. Raises Damaged."""
        with self._lock:
            follower = self._followers.setdefault(path, _Follower())
            self._followers.move_to_end(path)
        history = follower.refresh(path)
        with self._lock:
            held = sum(follower.history.size for follower in self._followers.values())
            while len(self._followers) > 1 and (len(self._followers) > KEPT_RUNS or held > KEPT_BYTES):
                held -= self._followers.popitem(last=False)[1].history.size
        return history


def lines_of(events: Iterable[Event]) -> str:
    """Return the lines of metrics.jsonl that record these events."""
    return "".join(json.dumps(to_record(event)) + "\n" for event in events)


def rewind(path: Path, step: int, epoch: int) -> None:
    """Keep the records up to `step` in the still unfinished `epoch`."""
    kept = [
        record
        for record in read(path)[0]
        if (record["event"] in ("started", "step") and record["step"] <= step)
        or (record["event"] == "epoch" and record["epoch"] < epoch)
    ]
    write_atomic(path, "".join(json.dumps(record) + "\n" for record in kept))
