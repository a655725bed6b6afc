"""Read untrusted parquet files in a child process with limits on memory, time and size.

The child process (`lpwd.bounded`) reads the files and writes tables of known columns and types as Arrow streams. This
process reads only those.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lpwd.bounded import OUT_OF_MEMORY, TOO_LARGE, limit_memory, run_child
from lpwd.hub.schema import (
    CURVES_FILE,
    CURVES_FOLDER,
    CURVES_SCHEMA,
    INTEGER,
    REQUIRED,
    RUNS_FILE,
    RUNS_FOLDER,
    RUNS_SCHEMA,
    YEAR_2100,
    Malformed,
)

SCHEMAS = {RUNS_FOLDER: RUNS_SCHEMA, CURVES_FOLDER: CURVES_SCHEMA}
FILES = {RUNS_FOLDER: RUNS_FILE, CURVES_FOLDER: CURVES_FILE}
SHARD = pa.field("shard", pa.string())  # column added to every table: name of the shard, empty for the file at the root
READING, ERROR, DONE = "reading", "error", "done"  # files that the child writes beside the tables
MAX_FILE_BYTES, MAX_COLUMNS = 2**28, 1000
MAX_ROWS = {RUNS_FOLDER: 100_000, CURVES_FOLDER: 5_000_000}  # over all files
MAX_BYTES = {RUNS_FOLDER: 2**28, CURVES_FOLDER: 2**29}  # decoded, over all files
BATCH_ROWS = 4096
CHILD_SECONDS = 60.0


def files_of(folder: Path, kind: str) -> list[Path]:
    """Return the files of one kind in a folder, oldest first: the file at the root, then shards by date."""
    root = folder / FILES[kind]
    return [*([root] if root.exists() else ()), *sorted((folder / kind).glob("*.parquet"))]


def read(folder: Path) -> dict[str, pa.Table]:
    """Return all rows of `runs` and `curves` in a folder, oldest file first, with the column SHARD.

    Raises Malformed for the first unreadable file, or after CHILD_SECONDS.
    """
    with tempfile.TemporaryDirectory(prefix="lpwd-read-") as name:
        out = Path(name)
        stopped = _run_child(folder, out)
        if not (out / DONE).exists():
            file, error = (_text(out / part) for part in (READING, ERROR))
            raise Malformed(error or f"{file or folder} {stopped or 'crashed the process that reads it'}.")
        return {kind: _table(out / kind) for kind in SCHEMAS}


def _table(path: Path) -> pa.Table:
    with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
        return stream.read_all()


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _run_child(folder: Path, out: Path) -> str:
    return run_child("lpwd.hub.reading", str(folder.resolve()), str(out), seconds=CHILD_SECONDS)


# ---- in the child


def child(folder: Path, out: Path) -> None:
    """Write the tables of `folder` to `out` as Arrow streams, or an error message to the file `error`."""
    limit_memory()
    name = ""
    try:
        for kind in SCHEMAS:
            schema = SCHEMAS[kind].append(SHARD)
            with pa.OSFile(str(out / kind), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
                left = [MAX_ROWS[kind], MAX_BYTES[kind]]
                for path in files_of(folder, kind):
                    name = path.relative_to(folder).as_posix()
                    (out / READING).write_text(name, encoding="utf-8")
                    _copy(path, name, kind, stream, left)
        (out / DONE).touch()
    except OUT_OF_MEMORY:
        (out / ERROR).write_text(f"{name} {TOO_LARGE}.", encoding="utf-8")
    except Malformed as error:
        (out / ERROR).write_text(str(error), encoding="utf-8")


def _copy(path: Path, name: str, kind: str, stream: Any, left: list[int]) -> None:
    """Append a file to the stream. `left` holds the rows and bytes still allowed for all files of this kind."""
    if (size := path.stat().st_size) > MAX_FILE_BYTES:
        raise Malformed(f"{name} has {size:,} bytes: at most {MAX_FILE_BYTES:,} are allowed.")
    try:
        with pq.ParquetFile(path) as file:
            _check_columns(name, file, kind)
            names = [name for name in SCHEMAS[kind].names if name in file.schema_arrow.names]
            for batch in file.iter_batches(BATCH_ROWS, columns=names, use_threads=False):
                batch.validate(full=True)
                shard = pa.repeat(path.stem if path.parent.name == kind else "", batch.num_rows)
                columns = [_column(batch, field, name) for field in SCHEMAS[kind]]
                known = pa.record_batch([*columns, shard], schema=SCHEMAS[kind].append(SHARD))
                left[0] -= known.num_rows
                left[1] -= known.nbytes
                if min(left) < 0:
                    most = f"{MAX_ROWS[kind]:,} rows and {MAX_BYTES[kind]:,} decoded bytes"
                    raise Malformed(f"{name} is too large: all files of {kind} together may have {most}.")
                stream.write_batch(known)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, MemoryError):
            raise
        raise Malformed(f"{name} is not a readable parquet file ({type(error).__name__}).") from None


def _check_columns(name: str, file: pq.ParquetFile, kind: str) -> None:
    names = file.schema_arrow.names
    if file.metadata.num_columns > MAX_COLUMNS:
        raise Malformed(f"{name} has {file.metadata.num_columns:,} columns: at most {MAX_COLUMNS:,} are allowed.")
    if len(set(names)) < len(names):
        raise Malformed(f"{name} has two columns with the same name.")
    if missing := [column for column in REQUIRED[kind] if column not in names]:
        raise Malformed(f"{name} has no column {', '.join(missing)}.")


def _column(batch: pa.RecordBatch, field: pa.Field, file: str) -> pa.Array:
    """Return the column in its known type, with nulls for columns missing in older files and for invalid dates."""
    if field.name not in batch.schema.names:
        return pa.nulls(batch.num_rows, field.type)
    column = batch.column(field.name)
    try:
        if not pa.types.is_timestamp(field.type):
            return column.cast(field.type)
        date = column.cast(field.type, safe=False)
        number = date.cast(INTEGER)
        return pc.if_else(pc.and_(pc.greater(number, 0), pc.less(number, YEAR_2100)), date, None)
    except pa.ArrowException as error:
        if isinstance(error, MemoryError):
            raise
        raise Malformed(f"{file}: column {field.name} is {column.type}, not {field.type}.") from None


if __name__ == "__main__":
    child(Path(sys.argv[1]), Path(sys.argv[2]))
