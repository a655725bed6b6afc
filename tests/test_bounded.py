"""Small parquet files that would become gigabytes: refused in a sentence, in little memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lpwd.hub import bounded
from lpwd.hub.bounded import Malformed

ROWS, LIMIT = 100_000, 2**28
LONG = "x" * 1_000_000
# Reads a file in a process that may take 1 GiB more than it has, and says what it took.
READING = """
import json, resource, sys
from pathlib import Path
from lpwd.hub import bounded
from lpwd.hub.rows import MAX_RUNS, MAX_RUNS_BYTES
def kilobytes(name):
    return int(next(line for line in open("/proc/self/status") if line.startswith(name)).split()[1])
resource.setrlimit(resource.RLIMIT_AS, (1024 * kilobytes("VmSize") + 2**30,) * 2)
before = kilobytes("VmHWM")
try:
    said = f"{bounded.read(Path(sys.argv[1]), MAX_RUNS, MAX_RUNS_BYTES).nbytes:,} bytes"
except bounded.Malformed as error:
    said = str(error)
print(json.dumps([said, (kilobytes("VmHWM") - before) / 1024]))
"""


def in_a_child(path):
    """What reading says, and by how many MiB its memory grew."""
    pool = {"ARROW_DEFAULT_MEMORY_POOL": "system"}  # others reserve a gigabyte of addresses at once
    environment = {**os.environ, **pool, "PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", READING, str(path)], capture_output=True, text=True, timeout=120, env=environment
    )
    assert done.returncode == 0, done.stderr
    said, grown = json.loads(done.stdout)
    print(f"{path.name}: {path.stat().st_size:,} bytes; {grown:.0f} MiB; {said}")
    return said, grown


def repeated(count):
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), [LONG])


def groups(path, array, count, **options):
    """The column written `count` times, a row group each."""
    table = pa.table({"bomb": array})
    with pq.ParquetWriter(path, table.schema, compression="zstd", **options) as writer:
        for _ in range(count):
            writer.write_table(table)


def text(path):
    pq.write_table(pa.table({"device": repeated(ROWS)}), path)


def texts_in_lists(path):
    offsets = pa.array(np.arange(ROWS + 1, dtype=np.int32))
    pq.write_table(pa.table({"layer_names": pa.ListArray.from_arrays(offsets, repeated(ROWS))}), path)


def texts_in_structs(path):
    pq.write_table(pa.table({"x": pa.StructArray.from_arrays([repeated(ROWS)], ["y"])}), path)


def numbers_in_lists(path):
    groups(path, pa.array([np.zeros(1_000_000)]), 400)


def many_equal_texts_in_a_page(path):
    groups(path, pa.array([LONG] * 50), 20, use_dictionary=False)


def wide_values(path):
    groups(path, pa.array([bytes(1_000_000)] * 2, pa.binary(1_000_000)), 400)


def varint(number, width=0):
    """As a footer writes it, of at least so many bytes."""
    parts = [number >> 7 * place & 127 for place in range(max(width, -(-number.bit_length() // 7)))]
    return bytes([*(part | 128 for part in parts[:-1]), parts[-1]])


def deny(path):
    """Make the footer say that the one column takes 100 bytes when decompressed."""
    group = pq.ParquetFile(path).metadata.row_group(0)
    data = path.read_bytes()
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    footer = data[start:]
    for size in {group.total_byte_size, group.column(0).total_uncompressed_size}:
        real = varint(2 * size)
        assert real in footer
        footer = footer.replace(real, varint(200, len(real)))
    path.write_bytes(data[:start] + footer)
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).total_uncompressed_size == 100


def one_page_that_the_footer_denies(path, version="1.0"):
    table = pa.table({"device": [bytes(400_000_000)]})
    options = {"use_dictionary": False, "write_statistics": False, "data_page_version": version}
    pq.write_table(table, path, compression="zstd", **options)
    deny(path)


def one_page_of_version_two_that_the_footer_denies(path):
    one_page_that_the_footer_denies(path, "2.0")


def a_dictionary_that_the_footer_denies(path):
    table = pa.table({"device": [bytes(400_000_000)]})
    pq.write_table(table, path, compression="zstd", write_statistics=False)
    deny(path)


DENIED = [
    one_page_that_the_footer_denies,
    one_page_of_version_two_that_the_footer_denies,
    a_dictionary_that_the_footer_denies,
]
BOMBS = [*DENIED, text, texts_in_lists, texts_in_structs, numbers_in_lists, many_equal_texts_in_a_page, wide_values]


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.__name__)
def test_a_small_file_of_gigabytes_is_refused_in_little_memory(tmp_path, bomb):
    path = tmp_path / f"{bomb.__name__}.parquet"
    bomb(path)
    assert path.stat().st_size < 500_000
    said, grown = in_a_child(path)
    assert f"{path.name} has " in said
    assert said.endswith("bytes when decoded: 268,435,456 at most.")
    assert grown < 300


def test_what_is_within_the_bound_is_read_as_it_was_written(tmp_path):
    names = [["stem", "head"], [], None, ["stem"]]
    table = pa.table(
        {
            "text": ["a", None, "b", "a"],
            "large": pa.array(["a", "b", None, "b"], pa.large_string()),
            "bytes": [b"1", b"2", b"1", None],
            "names": names,
            "large_names": pa.array(names, pa.large_list(pa.large_string())),
            "category": pa.array(["u", "v", "u", None]).dictionary_encode(),
            "numbers": [[1.0], [], None, [2.0, 3.0]],
            "struct": [{"x": "a", "y": 1}] * 4,
            "price": pa.array([1, 2, 3, None], pa.decimal128(9, 2)),
        }
    )
    path = tmp_path / "table.parquet"
    for options in ({}, {"use_dictionary": False}, {"row_group_size": 1}, {"store_schema": False}):
        pq.write_table(table, path, **options)
        assert bounded.read(path, 4, LIMIT).to_pylist() == table.to_pylist()


def test_a_text_encoding_that_repeats_parts_is_refused(tmp_path):
    path = tmp_path / "r.parquet"
    encoding = {"device": "DELTA_BYTE_ARRAY"}
    pq.write_table(pa.table({"device": ["ab", "ac"]}), path, use_dictionary=False, column_encoding=encoding)
    with pytest.raises(Malformed, match=r"r\.parquet: column device is encoded as DELTA_BYTE_ARRAY, which is not read"):
        bounded.read(path, 2, LIMIT)


def test_rows_columns_names_and_the_footer_are_bounded(tmp_path, monkeypatch):
    path = tmp_path / "r.parquet"
    pq.write_table(pa.table({"a": [1, 2, 3]}), path)
    with pytest.raises(Malformed, match="has 3 rows: 2 at most"):
        bounded.read(path, 2, LIMIT)
    monkeypatch.setattr(bounded, "MAX_FOOTER_BYTES", 100)
    with pytest.raises(Malformed, match="bytes of footer: 100 at most"):
        bounded.read(path, 3, LIMIT)
    monkeypatch.setattr(bounded, "MAX_FILE_BYTES", 200)
    with pytest.raises(Malformed, match="bytes on disk: 200 at most"):
        bounded.read(path, 3, LIMIT)
    monkeypatch.undo()
    pq.write_table(pa.table({f"c{number}": [1] for number in range(1001)}), path)
    with pytest.raises(Malformed, match="has 1,001 columns: 1,000 at most"):
        bounded.read(path, 3, LIMIT)
    pq.write_table(pa.Table.from_arrays([pa.array([1])] * 2, ["a", "a"]), path)
    with pytest.raises(Malformed, match="two columns of the same name"):
        bounded.read(path, 3, LIMIT)
