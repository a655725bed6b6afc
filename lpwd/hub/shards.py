"""Read and check shards of published runs, write new shards, and restore run folders from them."""

import functools
import hashlib
import io
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lpwd.config import RunConfig
from lpwd.history import History, lines_of
from lpwd.hub import reading
from lpwd.hub.reading import FILES, SHARD
from lpwd.hub.results import Results
from lpwd.hub.rows import config_of, history_of, row_of, status_of
from lpwd.hub.schema import CURVES_FOLDER, CURVES_SCHEMA, RUNS_FOLDER, RUNS_SCHEMA
from lpwd.paths import write_atomic
from lpwd.runs import RESULTS, Run
from lpwd.sentences import first_line
from lpwd.status import Status
from lpwd.store import RunStore

NAMED_ROWS = 3  # skipped rows listed by name
KEPT_HISTORIES = 256


def read(folder: Path, place: str) -> Results:
    """Return the results in a folder of repository `place`. Raises Malformed for an unreadable file."""
    tables = reading.read(folder)
    return check(tables[RUNS_FOLDER], tables[CURVES_FOLDER], place)


def check(runs: pa.Table, curves: pa.Table, place: str = "") -> Results:
    """Return the runs with valid rows; invalid rows are counted and named. A newer row of a run replaces older ones."""
    bad: list[str] = []
    seen: set[str] = set()  # shard and run id of every row, valid or not
    rows_of_shard: dict[str, int] = {}
    histories = _Histories(curves)
    for row in runs.to_pylist():
        shard, run_id = row.pop(SHARD.name), row["run_id"]
        rows_of_shard[shard] = rows_of_shard.get(shard, 0) + 1
        try:
            if _key(shard, run_id) in seen:
                raise ValueError("its run id appears twice")
            seen.add(_key(shard, run_id))
            histories.rows[run_id] = (shard, row, config_of(row), status_of(row))
        except (ValueError, TypeError) as error:
            place_in_file = _place(RUNS_FOLDER, shard, rows_of_shard[shard], run_id)
            bad.append(f"{place_in_file}: {first_line(error)}")
    bad += histories.select(seen)
    kept = {
        run_id: Run(run_id, config, status, functools.partial(histories.of, run_id), "published", place)
        for run_id, (_, _, config, status) in histories.rows.items()
    }
    return Results(place, kept, len(bad), tuple(bad[:NAMED_ROWS]))


def _key(shard: str, run_id: Any) -> str:
    return f"{shard}/{run_id}"


def _place(kind: str, shard: str, number: int, run_id: Any) -> str:
    """Return the location of a row: `row 3 of results.parquet (a-run-id)`."""
    return f"row {number} of {f'{kind}/{shard}.parquet' if shard else FILES[kind]} ({str(run_id)[:80]})"


class _Histories:
    """Histories of published runs, built from their rows on access and cached."""

    def __init__(self, curves: pa.Table) -> None:
        self.rows: dict[str, tuple[str, dict[str, Any], RunConfig, Status]] = {}  # run id -> shard, row, ...
        self._curves = curves
        self._places: dict[str, Any] = {}  # run id -> its row numbers in `curves`
        self.of = functools.lru_cache(KEPT_HISTORIES)(self._of)

    def _of(self, run_id: str) -> History:
        _, row, config, status = self.rows[run_id]
        epochs = self._curves.take(pa.array(self._places.get(run_id, []), pa.int64())).to_pylist()
        return history_of(row, config, status, epochs)

    def select(self, seen: set[str]) -> list[str]:
        """Assign the rows of `curves` to runs, and return one sentence per invalid row.

        Rows of runs that were skipped, or replaced by a newer shard, are dropped silently.
        """
        frame = self._curves.select([SHARD.name, "run_id", "epoch", "step", "test_top1"]).to_pandas()
        key = frame[SHARD.name] + "/" + frame.run_id.fillna("None")
        known = key.isin([_key(row[0], run_id) for run_id, row in self.rows.items()])
        reasons = {
            "its run does not exist": ~key.isin(list(seen)),
            "epoch or step is less than 1 or missing": known & ~((frame.epoch >= 1) & (frame.step >= 1)),
            "test_top1 is not a percentage": known & ~frame.test_top1.between(0, 100),
            "the epoch appears twice": known & frame.duplicated([SHARD.name, "run_id", "epoch"]),
        }
        wrong = pd.Series(False, index=frame.index)
        number = frame.groupby(SHARD.name).cumcount() + 1
        bad: dict[int, str] = {}
        for reason, rows in reasons.items():
            for i in frame.index[rows & ~wrong]:
                bad[i] = f"{_place(CURVES_FOLDER, frame[SHARD.name][i], number[i], frame.run_id[i])}: {reason}"
            wrong |= rows
        self._places = frame[known & ~wrong].groupby("run_id").groups
        return [bad[i] for i in sorted(bad)]


# ---- from a store to shards, and back


def ended_runs(store: RunStore, run_ids: Iterable[str] | None = None) -> tuple[list[Run], list[str]]:
    """Return the runs of a store (or those in `run_ids`) with a result, and one sentence per skipped run."""
    chosen = None if run_ids is None else set(run_ids)
    runs, left_out = [], []
    for run in sorted(store.records(), key=lambda run: run.run_id):
        if chosen is None or run.run_id in chosen:
            if run.has_result:
                runs.append(run)
            elif chosen is not None:
                left_out.append(f"{run.run_id} is {run.status.state}, not finished")
    return runs, left_out + [f"run {i!r} not found" for i in sorted(chosen or ()) if not store.exists(i)]


def shard(runs: Iterable[Run], left_out: list[str]) -> tuple[dict[str, bytes], list[str]]:
    """Return the files of a shard (runs and curves) by path in a repository, and the ids of their runs.

    Runs that cannot be published are skipped and appended to `left_out`. Without runs there are no files.
    """
    rows: list[dict[str, Any]] = []
    epochs: list[dict[str, Any]] = []
    for run in runs:
        try:
            row, curve = row_of(run)
        except (ValueError, KeyError, TypeError) as error:
            left_out.append(f"{run.run_id}: {error}")
            continue
        rows.append(row)
        epochs += curve
    contents = (_parquet(rows, RUNS_SCHEMA), _parquet(epochs, CURVES_SCHEMA))
    digest = hashlib.sha256(b"".join(contents)).hexdigest()[:8]
    name = f"{time.strftime('%Y-%m-%dT%H%M%S', time.gmtime())}-{digest}.parquet"  # sorted by time
    files = dict(zip((f"{RUNS_FOLDER}/{name}", f"{CURVES_FOLDER}/{name}"), contents, strict=True))
    return files if rows else {}, [row["run_id"] for row in rows]


def _parquet(rows: list[dict[str, Any]], schema: pa.Schema) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), buffer)
    return buffer.getvalue()


def differs(ours: Run, theirs: Run) -> bool:
    """Return whether two records of the same run have different outcomes."""
    return _outcome(ours) != _outcome(theirs)


def _outcome(run: Run) -> tuple[Any, ...]:
    summary = run.status.summary if run.status.state == "finished" else {}
    return run.status.state, *(summary.get(name) for name in RESULTS)


def restore(store: RunStore, runs: Mapping[str, Run], place: str) -> list[str]:
    """Create the run folders missing in the store, with settings, status and curves. Returns their run ids.

    The configuration is written last: a folder without one is not a run, and the next call creates it again.
    """
    message = f"Restored from {place}: curves by epoch, without steps and checkpoint."
    missing = [run_id for run_id in runs if not store.exists(run_id)]
    for run_id in missing:
        run, paths = runs[run_id], store.paths(run_id)
        paths.folder.mkdir(exist_ok=True)
        write_atomic(paths.metrics, lines_of(run.history.without_steps()))
        store.create(run.config, run_id, **run.status.model_dump() | {"message": message, "origin": "imported"})
    return missing
