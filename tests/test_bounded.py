"""Small parquet files that would become gigabytes: refused in a sentence, in little memory and time."""

import re
import resource
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lpwd.hub import reading
from lpwd.hub.schema import RUNS_FILE, Malformed

ROWS = 100_000
LONG = "x" * 1_000_000
REQUIRED = {
    **dict.fromkeys(("run_id", "model", "dataset", "optimizer", "method", "scale", "state", "device"), "a"),
    **dict.fromkeys(("lr", "weight_decay", "best10_mean", "best10_std", "last_top1", "train_loss"), 1.0),
    **dict.fromkeys(("epochs", "seed", "schema_version"), 1),
}


def table(**columns):
    """A table with every column that a file of runs must have, these among them."""
    count = len(next(iter(columns.values())))
    return pa.table({name: pa.repeat(pa.scalar(value), count) for name, value in REQUIRED.items()} | columns)


@contextmanager
def peak_of_children():
    """A list that gets the peak resident memory of each child process that reads files meanwhile, in MiB."""
    peaks, ended = {}, threading.Event()

    def look():
        children = Path(f"/proc/self/task/{threading.main_thread().native_id}/children")
        while not ended.wait(0.002):
            for pid in children.read_text(encoding="utf-8").split():
                with suppress(OSError, TypeError):  # it has just ended
                    if b"lpwd.hub.reading" in Path(f"/proc/{pid}/cmdline").read_bytes():
                        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
                        peaks[pid] = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024

    thread, result = threading.Thread(target=look), []
    thread.start()
    try:
        yield result
    finally:
        ended.set()
        thread.join()
        result.extend(peaks.values())


def refusal(path, folder=None, peak=140):
    """What reading the folder says; asserts that this process did not grow, and that the child had `peak` MiB."""
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with pytest.raises(Malformed) as caught, peak_of_children() as peaks:
        reading.read(folder or path.parent)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    seconds, [taken] = time.monotonic() - begun, peaks
    print(f"{path.stat().st_size:,} bytes; {grown:.0f} MiB; child {taken:.0f} MiB; {seconds:.1f} s; {caught.value}")
    assert grown < 100
    assert taken < peak  # an idle child has 88
    assert "\n" not in str(caught.value)
    return str(caught.value)


def repeated(count):
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), [LONG])


def groups(path, name, array, count, **options):
    """The column written `count` times, a row group each."""
    bomb = table(**{name: array})
    with pq.ParquetWriter(path, bomb.schema, compression="zstd", **options) as writer:
        for _ in range(count):
            writer.write_table(bomb)


def text(path):
    pq.write_table(table(device=repeated(ROWS)), path)


def texts_in_lists(path):
    offsets = pa.array(np.arange(ROWS + 1, dtype=np.int32))
    pq.write_table(table(layer_names=pa.ListArray.from_arrays(offsets, repeated(ROWS))), path)


def texts_in_structs(path):
    pq.write_table(table(device=pa.StructArray.from_arrays([repeated(ROWS)], ["y"])), path)


def numbers_in_lists(path):
    groups(path, "layer_decay_rates", pa.array([np.zeros(1_000_000)]), 400)


def many_equal_texts_in_a_page(path):
    groups(path, "device", pa.array([LONG] * 50), 20, use_dictionary=False)


def wide_values(path):
    groups(path, "device", pa.array([bytes(1_000_000)] * 2, pa.binary(1_000_000)), 400)


def varint(number, width=0):
    """As a footer writes it, of at least so many bytes."""
    parts = [number >> 7 * place & 127 for place in range(max(width, -(-number.bit_length() // 7)))]
    return bytes([*(part | 128 for part in parts[:-1]), parts[-1]])


def deny(path):
    """Make the footer say that the column `device` takes 100 bytes when decompressed."""
    group, column = pq.ParquetFile(path).metadata.row_group(0), 7
    assert group.column(column).path_in_schema == "device"
    data = path.read_bytes()
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    footer = data[start:]
    for size in {group.total_byte_size, group.column(column).total_uncompressed_size}:
        real = varint(2 * size)
        assert real in footer
        footer = footer.replace(real, varint(200, len(real)))
    path.write_bytes(data[:start] + footer)
    assert pq.ParquetFile(path).metadata.row_group(0).column(column).total_uncompressed_size == 100


def one_page_that_the_footer_denies(path, version="1.0"):
    bomb = table(device=[bytes(1_500_000_000)])
    options = {"use_dictionary": False, "write_statistics": False, "data_page_version": version}
    pq.write_table(bomb, path, compression="zstd", **options)
    deny(path)


def one_page_of_version_two_that_the_footer_denies(path):
    one_page_that_the_footer_denies(path, "2.0")


def a_dictionary_that_the_footer_denies(path):
    bomb = table(device=[bytes(1_500_000_000)])
    pq.write_table(bomb, path, compression="zstd", write_statistics=False)
    deny(path)


DENIED = [
    one_page_that_the_footer_denies,
    one_page_of_version_two_that_the_footer_denies,
    a_dictionary_that_the_footer_denies,
]
BOMBS = {  # and the peak of the child that reads it, in MiB: measured, and a tenth more
    **dict.fromkeys(DENIED, 110),  # nothing is decompressed
    **dict.fromkeys((text, texts_in_lists, texts_in_structs), 150),
    **{many_equal_texts_in_a_page: 580, numbers_in_lists: 650, wide_values: 990},  # a page, or a batch of rows
}


EVERYDAY = (text, many_equal_texts_in_a_page, one_page_of_version_two_that_the_footer_denies)


@pytest.mark.parametrize(
    ("bomb", "peak"),
    [pytest.param(*one, marks=[] if one[0] in EVERYDAY else pytest.mark.long) for one in BOMBS.items()],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_small_file_of_gigabytes_is_refused_in_little_memory(tmp_path, bomb, peak):
    path = tmp_path / RUNS_FILE
    bomb(path)
    assert path.stat().st_size < 2_000_000
    said = refusal(path, peak=peak)
    assert "column device is struct" in said or said in (
        "results.parquet takes more than 1,073,741,824 bytes of memory to read.",
        "results.parquet is too large: all files of runs together may have 100,000 rows and 268,435,456 decoded bytes.",
    )


def test_many_small_files_together_are_bounded_too(tmp_path):
    (tmp_path / "runs").mkdir()
    for number in range(5):
        path = tmp_path / "runs" / f"{number}.parquet"
        pq.write_table(table(device=repeated(100)), path)
    said = refusal(path, tmp_path, peak=250)
    assert said.startswith(
        "runs/2.parquet is too large: all files of runs together may have 100,000 rows and 268,435,456 decoded bytes"
    )


def test_what_is_within_the_bound_is_read_whatever_its_encoding(tmp_path):
    written = table(device=["ab", "ac", "ab"], layer_names=[["stem", "head"], [], None]).append_column(
        "extra", [[1] * 3]
    )
    path = tmp_path / RUNS_FILE
    large = pa.array(written["device"].to_pylist(), pa.large_string())
    delta = {"use_dictionary": False, "column_encoding": {"device": "DELTA_BYTE_ARRAY"}}
    for options in (delta, {"use_dictionary": False}, {"row_group_size": 1}, {"store_schema": False}):
        for device in (written["device"], large):
            pq.write_table(written.set_column(7, "device", device), path, **options)
            runs = reading.read(tmp_path)["runs"]
            assert runs["device"].to_pylist() == ["ab", "ac", "ab"]
            assert runs["layer_names"].to_pylist() == [["stem", "head"], [], None]
            assert "extra" not in runs.column_names


def test_rows_columns_names_and_sizes_are_bounded(tmp_path):
    path = tmp_path / RUNS_FILE
    pq.write_table(table(device=["a"] * 100_001), path)
    assert "is too large: all files of runs together may have 100,000 rows" in refusal(path, peak=150)
    many = table(device=["a"])
    for number in range(1001):
        many = many.append_column(f"c{number}", [[1]])
    pq.write_table(many, path)
    assert "has 1,018 columns: at most 1,000 are allowed" in refusal(path)
    pq.write_table(pa.Table.from_arrays([pa.array([1])] * 2, ["a", "a"]), path)
    assert "two columns with the same name" in refusal(path)
    with open(path, "wb") as file:
        file.truncate(2**28 + 1)
    assert "has 268,435,457 bytes: at most 268,435,456 are allowed" in refusal(path)


def test_a_footer_of_any_length_is_refused_in_little_memory(tmp_path):
    path = tmp_path / RUNS_FILE
    path.write_bytes(b"PAR1" + bytes(1000) + (2**31 - 1).to_bytes(4, "little") + b"PAR1")
    assert refusal(path) == "results.parquet is not a readable parquet file (ArrowInvalid)."


def test_a_child_that_takes_too_long_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "CHILD_SECONDS", 0.0)
    path = tmp_path / RUNS_FILE
    pq.write_table(table(device=["a"]), path)
    with pytest.raises(Malformed, match=r"takes more than 0 s to read\.$"):
        reading.read(tmp_path)
