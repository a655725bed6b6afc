"""Parquet files of anyone, read within bounds: a small file must not become gigabytes.

What a file will take is added up from the headers of its pages before anything is decoded: the footer may say anything.
Text is decoded as a dictionary with indices, so a long text that a million rows repeat is there once, and only what the
rows may take is written out.
"""

import mmap
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lpwd.config import ConfigError
from lpwd.hub.pages import DICTIONARY, Unreadable, pages

MAX_FILE_BYTES, MAX_FOOTER_BYTES, MAX_COLUMNS, MAX_PAGES = 2**28, 2**24, 1000, 50_000
INDEX_BYTES, VALUE_BYTES = 4, 8  # of a text by its dictionary, and of any number
ENTRY_BYTES = 16  # of any value in a dictionary: a text is a pointer and a length there
BATCH_ROWS = 4096
REPEATING = 7  # DELTA_BYTE_ARRAY, the one encoding whose texts repeat parts of each other within a page


class Malformed(ConfigError):
    """A file that is no table of results; its text is one sentence."""


def read(path: Path, max_rows: int, max_bytes: int) -> pa.Table:
    """All columns and rows. Raises Malformed for what is no parquet file or takes more than `max_bytes` in memory."""
    try:
        _check_size(path)
        with pq.ParquetFile(path) as file:
            texts = _check_footer(path.name, file, max_rows)
            with open(path, "rb") as raw, mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as data:
                _check_pages(path.name, file, data, max_bytes)
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            table = _decoded(path.name, file, max_bytes)
        table.validate(full=True)
    except (pa.ArrowException, OSError, Unreadable) as error:
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


def _check_footer(name: str, file: pq.ParquetFile, max_rows: int) -> list[str]:
    """The columns of text, by path; raises Malformed for what the footer announces."""
    footer = file.metadata
    if footer.num_rows > max_rows:
        raise Malformed(f"{name} has {footer.num_rows:,} rows: {max_rows:,} at most.")
    if footer.num_columns > MAX_COLUMNS:
        raise Malformed(f"{name} has {footer.num_columns:,} columns: {MAX_COLUMNS:,} at most.")
    columns = _columns(file)
    if len({column.path for column in columns}) < len(columns) or _repeated(file.schema_arrow.names):
        raise Malformed(f"{name} has two columns of the same name.")
    return [column.path for column in columns if _is_text(column)]


def _check_pages(name: str, file: pq.ParquetFile, data: mmap.mmap, max_bytes: int) -> None:
    """Raises Malformed for what the pages announce."""
    footer, columns, total, count = file.metadata, _columns(file), 0, 0
    for group in map(footer.row_group, range(footer.num_row_groups)):
        for number, column in enumerate(columns):
            for page in pages(data, group.column(number)):
                if page.encoding == REPEATING:
                    raise Malformed(
                        f"{name}: column {column.name} is encoded as DELTA_BYTE_ARRAY, which is not read here."
                    )
                total += page.size + page.values * _bytes_of_value(column, page.kind == DICTIONARY)
                count += 1
            if count > MAX_PAGES:
                raise Malformed(f"{name} has more than {MAX_PAGES:,} pages.")
    _within(name, total, max_bytes, "when decoded")


def _columns(file: pq.ParquetFile) -> list[Any]:
    return [file.schema.column(number) for number in range(file.metadata.num_columns)]


def _repeated(names: list[str]) -> bool:
    return len(set(names)) < len(names)


def _is_text(column: Any) -> bool:
    return bool(column.physical_type == "BYTE_ARRAY" and column.logical_type.type != "DECIMAL")


def _bytes_of_value(column: Any, in_dictionary: bool) -> int:
    if in_dictionary:
        return max(ENTRY_BYTES, column.length)
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
