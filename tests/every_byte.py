"""Every byte of a small run's files damaged in turn, and 2,000 places of a checkpoint: `test_damage.py --every-byte`.

Readers that draw are asked once for all damages of which the store reads as much, with numbers of the same signs and
orders of magnitude and texts of the same kinds of characters; all others every time.
"""

import math
import time
import unicodedata
from collections import Counter
from dataclasses import replace

from synthetic import write_run
from test_checkpoints import stopped_run

from lpwd.config import ConfigError
from lpwd.paper.presets import get_preset
from lpwd.paths import Damaged
from lpwd.training import checkpoints

DRAWING = {"findings", "norms by layer", "comparison", "losses", "endpoint", "csv", "tables", "rates"}
CHANGES = {"a turned bit": lambda byte, place: byte ^ 1 << place % 8, "a NUL": lambda byte, place: 0}


def small_runs(store):
    """Three runs of two epochs; the second is the one to damage."""
    cells = get_preset("table3").cells("cpu", 1)[:3]
    short = [replace(cell, config=cell.config.model_copy(update={"epochs": 2})) for cell in cells]
    return [write_run(store, cell) for cell in short]


def read(store, run_id):
    """What the store says of the run: its record or a sentence, then its events or a sentence."""
    answers = []
    for ask in (lambda: _record(store.record(run_id)), lambda: store.read_metrics(run_id)[0]):
        try:
            answers.append(ask())
        except ConfigError as error:
            answers.append(str(error))
    return answers


def _record(run):
    return {"config": run.config.model_dump(), "status": run.status.model_dump()}


def shape(value):
    """The value with numbers and texts reduced to their kind."""
    if isinstance(value, dict):
        return tuple((name, shape(item)) for name, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(map(shape, value))
    if isinstance(value, str):
        return "".join(sorted(set(map(unicodedata.category, value))))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return repr(value)
    finite = math.isfinite(value) and value != 0
    return type(value).__name__, math.copysign(1, value), math.floor(math.log10(abs(value))) if finite else repr(value)


class EveryByte:
    """`counts` says, of each file, what the damages came to."""

    def __init__(self, store, readers, every=1):
        self.store, self.every = store, every
        self.ids = small_runs(store)
        self.bad = self.ids[1]
        self.asks = readers(store, self.ids, self.bad)
        self.whole = read(store, self.bad)
        assert all(not isinstance(found, str) for found in self.whole)
        self.drawn = set()
        self.counts = {}

    def run(self):
        paths = self.store.paths(self.bad)
        for path in (paths.config, paths.status, paths.metrics):
            begun = time.process_time()
            counts = self.counts[path.name] = Counter()
            whole = path.read_bytes()
            for place in range(0, len(whole), self.every):
                for change in CHANGES.values():
                    data = bytearray(whole)
                    data[place] = change(data[place], place)
                    path.write_bytes(data)
                    self.ask(counts)
            path.write_bytes(whole)
            print(f"{path.name}: {len(whole):,} bytes, {dict(counts)}, {time.process_time() - begun:.0f} s", flush=True)
        return self.counts

    def ask(self, counts):
        found = read(self.store, self.bad)
        counts[self.verdict(found)] += 1
        kind = shape(found)
        asked = [ask for name, ask in self.asks.items() if name not in DRAWING or kind not in self.drawn]
        self.drawn.add(kind)
        for ask in asked:
            try:
                ask()
                counts["answers"] += 1
            except ConfigError as error:
                counts["several lines" if "\n" in str(error) else "sentences"] += 1
        assert {self.ids[0], self.ids[2]} <= {record.run_id for record in self.store.records()}

    def verdict(self, found):
        if found == self.whole:
            return "read as it was"
        record, events = found
        if isinstance(record, str) or isinstance(events, str) or self.store.history(self.bad).bad_lines:
            return "named as damaged"
        if record["config"] != self.whole[0]["config"]:
            return "another configuration believed"
        return "another value, of which there is no digest"


def places(store, config, count):
    """Outcomes of `count` bytes of a small run's checkpoint with a turned bit, evenly spread, by its digest alone."""
    run_id, _ = stopped_run(store, config)
    paths, outcomes = store.paths(run_id), Counter({"named as damaged": 0})
    whole, begun = paths.checkpoint.read_bytes(), time.process_time()
    with open(paths.checkpoint, "r+b", buffering=0) as file:
        for number in range(count):
            place = number * len(whole) // count
            turned = whole[place] ^ 1 << number % 8
            _put(file, place, turned)
            try:
                checkpoints.read(paths, paths.checkpoint)
                outcomes["believed"] += 1
            except Damaged as error:
                outcomes[
                    "named as damaged" if "has changed since it was saved" in str(error) else "another sentence"
                ] += 1
            _put(file, place, whole[place])
    checkpoints.read(paths, paths.checkpoint)
    outcomes["bytes"], outcomes["seconds"] = len(whole), round(time.process_time() - begun)
    return outcomes


def _put(file, place, byte):
    file.seek(place)
    file.write(bytes([byte]))
