"""Published runs for tests: made from a store, as tables, as files, or checked."""

import io

import pyarrow as pa
import pyarrow.parquet as pq

from lpwd.hub.reading import SHARD
from lpwd.hub.schema import CURVES_FILE, RUNS_FILE
from lpwd.hub.shards import check, ended_runs, read, shard


def root_files(store):
    """results.parquet and curves.parquet, as older repositories and the bundled snapshot have them."""
    return dict(zip((RUNS_FILE, CURVES_FILE), shard(ended_runs(store)[0], [])[0].values(), strict=True))


def tables(files, name=""):
    """The two tables in these files, as the reader returns them for a shard of that name."""
    both = [pq.read_table(io.BytesIO(content)) for content in files.values()]
    return [table.append_column(SHARD, pa.repeat(name, len(table))) for table in both]


def published(store):
    """The runs of a store as if they had been published."""
    return check(*tables(root_files(store)))


def save(folder, files):
    """Write files by path into a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def read_files(folder, files):
    """What is published in a repository of these files."""
    return read(save(folder, {name: c for name, c in files.items() if name.endswith(".parquet")}), "")
