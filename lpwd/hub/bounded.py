"""Parquet files of anyone, read within bounds: a small file must not become gigabytes.

What a file will take is added up from its footer before anything is decoded. Text is decoded as a dictionary with
indices, so a long text that a million rows repeat is there once, and only what the rows may take is written out.
"""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lpwd.config import ConfigError

MAX_FILE_BYTES, MAX_FOOTER_BYTES, MAX_COLUMNS = 2**28, 2**24, 1000
INDEX_BYTES, VALUE_BYTES = 4, 8  # of a text by its dictionary, and of any number
BATCH_ROWS = 4096
REPEATING = "DELTA_BYTE_ARRAY"  # the one encoding whose texts repeat parts of each other within a page


class Malformed(ConfigError):
    """A file that is no table of results; its text is one sentence."""


def read(path: Path, max_rows: int, max_bytes: int) -> pa.Table:
    """All columns and rows. Raises Malformed for what is no parquet file or takes more than `max_bytes` in memory."""
    try:
        _check_size(path)
        with pq.ParquetFile(path) as file:
            texts = _check_footer(path.name, file, max_rows, max_bytes)
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            table = _decoded(path.name, file, max_bytes)
        table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise Malformed(f"{path.name} is no parquet file ({type(error).__name__}).") from None
    return table


def _check_size(path: Path) -> None:
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 8))
        footer = int.from_bytes(file.read(4), "little")
    _within(path.name, size, MAX_FILE_BYTES, "on disk")
    if footer <= size:  # else it is no parquet file
        _within(path.name, footer, MAX_FOOTER_BYTES, "of footer")


def _within(name: str, count: int, limit: int, where: str) -> None:
    if count > limit:
        raise Malformed(f"{name} has {count:,} bytes {where}: {limit:,} at most.")


def _check_footer(name: str, file: pq.ParquetFile, max_rows: int, max_bytes: int) -> list[str]:
    """The columns of text, by path; raises Malformed for what the footer announces."""
    footer, schema = file.metadata, file.schema
    if footer.num_rows > max_rows:
        raise Malformed(f"{name} has {footer.num_rows:,} rows: {max_rows:,} at most.")
    if footer.num_columns > MAX_COLUMNS:
        raise Malformed(f"{name} has {footer.num_columns:,} columns: {MAX_COLUMNS:,} at most.")
    columns = [schema.column(number) for number in range(footer.num_columns)]
    if len({column.path for column in columns}) < len(columns) or _repeated(file.schema_arrow.names):
        raise Malformed(f"{name} has two columns of the same name.")
    total = 0
    for group in map(footer.row_group, range(footer.num_row_groups)):
        for number, column in enumerate(columns):
            chunk = group.column(number)
            if REPEATING in chunk.encodings:
                raise Malformed(f"{name}: column {column.name} is encoded as {REPEATING}, which is not read here.")
            total += chunk.total_uncompressed_size + chunk.num_values * _bytes_of_value(column)
    _within(name, total, max_bytes, "when decoded")
    return [column.path for column in columns if _is_text(column)]


def _repeated(names: list[str]) -> bool:
    return len(set(names)) < len(names)


def _is_text(column: Any) -> bool:
    return bool(column.physical_type == "BYTE_ARRAY" and column.logical_type.type != "DECIMAL")


def _bytes_of_value(column: Any) -> int:
    return INDEX_BYTES if _is_text(column) else max(VALUE_BYTES, column.length)


def _decoded(name: str, file: pq.ParquetFile, max_bytes: int) -> pa.Table:
    """A few rows at a time; texts are written out where the rows so far stay within the bound."""
    schema = pa.schema([(field.name, _plain(field.type)) for field in file.schema_arrow])
    total, batches = 0, []
    for group in range(file.num_row_groups):  # one by one: dictionaries in lists do not go on from one to the next
        for batch in file.iter_batches(BATCH_ROWS, [group], use_threads=False):
            total += sum(map(_bytes, batch.columns))
            _within(name, total, max_bytes, "when decoded")
            columns = [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)]
            batches.append(pa.record_batch(columns, schema=schema))
    return pa.Table.from_batches(batches, schema)


def _bytes(column: pa.Array) -> int:
    """What a column takes once its texts are written out."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        if not _has_lengths(kind.value_type):
            return int(column.nbytes)
        lengths = pc.binary_length(column.dictionary).cast(pa.int64())
        return int(pc.sum(lengths.take(column.indices)).as_py() or 0) + INDEX_BYTES * len(column)
    if pa.types.is_struct(kind):
        return sum(map(_bytes, column.flatten()))
    if pa.types.is_map(kind):
        return _bytes(column.keys) + _bytes(column.items)
    if pa.types.is_nested(kind):
        return INDEX_BYTES * len(column) + _bytes(column.flatten())
    return int(column.nbytes)


def _has_lengths(kind: pa.DataType) -> bool:
    return any(
        of(kind) for of in (pa.types.is_string, pa.types.is_binary, pa.types.is_large_string, pa.types.is_large_binary)
    )


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type without dictionaries in it, as far as a list of texts goes."""
    if pa.types.is_dictionary(kind):
        return kind.value_type
    if pa.types.is_list(kind) and pa.types.is_dictionary(kind.value_type):
        return pa.list_(kind.value_type.value_type)
    return kind
