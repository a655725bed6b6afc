"""Runs on a folder of one's own: the folder's name and the digest of its content are published, its path is not."""

import pyarrow.parquet as pq
import pytest
from synthetic import write_run

from lpwd.config import ConfigError
from lpwd.hub import shards
from lpwd.hub.push import write_snapshot
from lpwd.paper.grids import Cell
from lpwd.store import RunStore
from lpwd.training.data.own import pin


def test_the_path_of_a_folder_is_not_published_and_the_run_keeps_its_id(tiny, tmp_path):
    own, snapshot = RunStore(tmp_path / "own"), tmp_path / "snapshot"
    own_data = {"dataset": "folder:/home/jane doe/flowers", "data_digest": "0123456789abcdef"}
    configs = [tiny(**own_data, method=method) for method in ("wd", "lpwd")]
    run_ids = [write_run(own, Cell(config, "", False)) for config in configs]
    write_snapshot(own, snapshot)
    tables = [pq.read_table(path).to_pylist() for path in snapshot.rglob("*.parquet")]
    assert "flowers" in str(tables)
    assert "jane" not in str(tables) + "".join(path.read_text() for path in snapshot.rglob("*.json"))

    runs = shards.read(snapshot, "").runs
    assert sorted(runs) == sorted(run_ids) == sorted(config.run_id for config in configs)
    assert {run.config.dataset for run in runs.values()} == {"folder:*/flowers"}
    assert {run.config.data_digest for run in runs.values()} == {"0123456789abcdef"}
    assert write_snapshot(own, snapshot, dry_run=True).added == ()

    other = RunStore(tmp_path / "other")
    assert sorted(shards.restore(other, runs, "a snapshot")) == sorted(run_ids)
    assert (other.damaged(), sorted(run.run_id for run in other.records())) == ({}, sorted(run_ids))
    with pytest.raises(ConfigError, match=r"folder:\*/flowers: it was published without its path; use your own folder"):
        pin([tiny(dataset="folder:*/flowers")])


def test_a_published_folders_name_lets_no_run_pass_for_another(tiny):
    config = tiny(dataset="folder:*/flowers", data_digest="0123456789abcdef")
    of_jane = tiny(dataset="folder:/home/jane/flowers", data_digest="0123456789abcdef")
    assert config.is_named(of_jane.run_id)
    assert not config.is_named(tiny(dataset="folder:/home/jane/flowers", lr=0.5).run_id)
    assert not config.is_named(f"{of_jane.run_id}/..")
    assert not of_jane.is_named(tiny(dataset="folder:/home/joe/flowers", data_digest="0123456789abcdef").run_id)
