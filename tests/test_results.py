"""Published runs: rows of a store and back, validation of what others wrote, one record per run id."""

import io
import random

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from publishing import published, read_files, root_files, save, tables
from reading_forks import forked
from synthetic import DEVICE, ramp, write_run

from lpwd.analysis.statistics import over_seeds, runs_frame, weight_norms_frame
from lpwd.config import RunConfig
from lpwd.events import Finished, from_record
from lpwd.hub.schema import CURVES_SCHEMA, RUNS_FILE, RUNS_SCHEMA, Malformed
from lpwd.hub.shards import check, differs, ended_runs, restore, shard
from lpwd.paper.presets import PRESETS
from lpwd.store import RunStore

CELLS = PRESETS["table3"].cells("cpu", 3)


@pytest.fixture
def store(tmp_path):
    store = RunStore(tmp_path / "runs")
    for cell in CELLS[:4]:
        store.update(write_run(store, cell, steps=True), step=20 * cell.config.epochs)
    store.update(write_run(store, CELLS[4], diverged=True), epoch=3)
    return store


@pytest.fixture
def both(store):
    """The tables of runs and of curves."""
    return tables(root_files(store))


def with_column(table, name, values):
    """The table with this column set, or added at its end."""
    column = values if isinstance(values, pa.Array) else pa.array(values)
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), name, column)
    return table.append_column(name, column)


def changed(table, row, name, value):
    values = table[name].to_pylist()
    values[row] = value
    return with_column(table, name, pa.array(values, table.schema.field(name).type))


def test_what_was_published_reads_back_as_the_frame_of_the_store(store, tmp_path):
    found = read_files(tmp_path / "files", root_files(store))
    ours = runs_frame(store.records()).set_index("run_id").sort_index()
    theirs = runs_frame(found.runs.values()).set_index("run_id").sort_index()
    same = [name for name in ours.columns if name not in ("created", "images_per_second")]
    pd.testing.assert_frame_equal(theirs[same], ours[same], check_dtype=False)
    assert (found.bad_count, found.note) == (0, "")
    curves = {run_id: run.history.epochs for run_id, run in found.runs.items()}
    assert sum(map(len, curves.values())) == len(CELLS[0].config.epochs * CELLS[:4]) + 2
    assert list(curves[CELLS[0].run_id].lists("weight_norms")[0]) == [0.99, 1.98, 2.9]
    assert over_seeds(runs_frame(found.runs.values())).n.sum() == 4


def test_the_files_hold_plain_types_that_a_viewer_shows(store, tmp_path):
    for path in save(tmp_path / "files", root_files(store)).iterdir():
        for field in pq.read_schema(path):
            inner = field.type.value_type if pa.types.is_list(field.type) else field.type
            assert str(inner) in ("string", "int64", "double", "bool", "timestamp[ms, tz=UTC]"), field


def test_a_run_with_damaged_lines_is_left_out_and_named(store):
    bad = CELLS[0].run_id
    with open(store.paths(bad).metrics, "a", encoding="utf-8") as file:
        file.write("{\n")
    left_out = []
    assert bad not in shard(ended_runs(store)[0], left_out)[1]
    assert left_out == [f"{bad}: 1 line of metrics.jsonl cannot be read and is skipped"]


def test_a_row_whose_layers_disagree_is_left_out(both):
    found = check(changed(both[0], 0, "layer_decay_rates", [1.0]), both[1])
    assert "layer_decay_rates" in found.note
    assert len(found.runs) == 4


def test_nulls_in_lists_are_no_error(both):
    runs = changed(both[0], 0, "layer_names", [None, "b", "c"])
    runs = changed(runs, 0, "initial_weight_norms", [None, 1.0, 2.0])
    found = check(runs, changed(both[1], 0, "weight_norms", [None, 1.0, 2.0]))
    for run in found.runs.values():
        assert len(run.history.epochs)
    assert found.bad_count == 0


def test_only_ended_runs_are_published_and_the_others_are_named(store):
    queued = store.create(CELLS[6].config)
    assert queued not in [run.run_id for run in ended_runs(store)[0]]
    runs, left_out = ended_runs(store, [CELLS[0].run_id, queued, "nobody"])
    assert [run.run_id for run in runs] == [CELLS[0].run_id]
    assert left_out == [f"{queued} is queued, not finished", "run 'nobody' not found"]


def test_a_row_carries_where_its_numbers_come_from_and_nothing_private(store):
    store.update(CELLS[0].run_id, owner="0123456789abcdef", host="my-laptop", name="secret name", note="secret note")
    rows = tables(root_files(store))[0].to_pylist()
    row = next(row for row in rows if row["run_id"] == CELLS[0].run_id)
    assert (row["device"], row["device_class"], row["commit"], row["seed"]) == (DEVICE, "CPU", "abc123", 0)
    assert (row["scale"], row["seconds"], row["schema_version"]) == ("cpu", 12.0, 1)
    assert not any(word in str(row) for word in ("secret", "0123456789abcdef", "my-laptop"))


@pytest.mark.parametrize(
    ("said", "damage"),
    [
        ("results.parquet is not a readable parquet file", lambda content: b"garbage"),
        ("results.parquet is not a readable parquet file", lambda content: content[: len(content) // 2]),
        ("results.parquet is not a readable parquet file", lambda content: b""),
        ("results.parquet has no column run_id, device", lambda content: rewrite(content, ["run_id", "device"])),
        ("column seed is string, not int64", lambda content: rewrite(content, seed=pa.array(["a"] * 5))),
        ("column lr is list<", lambda content: rewrite(content, lr=pa.array([[1.0]] * 5))),
    ],
)  # fmt: skip
def test_a_file_that_is_no_table_of_results_is_one_sentence(store, tmp_path, said, damage):
    files = root_files(store)
    with pytest.raises(Malformed, match=said) as caught:
        read_files(tmp_path / "files", files | {RUNS_FILE: damage(files[RUNS_FILE])})
    assert "\n" not in str(caught.value)


def rewrite(content, without=(), **columns):
    table = pq.read_table(io.BytesIO(content)).drop_columns(list(without))
    for name, values in columns.items():
        table = with_column(table, name, values)
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def test_damaged_bytes_never_do_worse_than_one_sentence(store, tmp_path):
    files, chance, refused = root_files(store), random.Random(0), 0
    with forked():
        assert len(read_files(tmp_path / "whole", files).runs) == 5
        for number in range(60):
            damaged = bytearray(files[RUNS_FILE])
            for _ in range(chance.choice((1, 20))):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            try:
                found = read_files(tmp_path / str(number), files | {RUNS_FILE: bytes(damaged)})
                assert len(found.runs) + found.bad_count >= 5
            except Malformed:
                refused += 1
    assert 0 < refused < 60


def test_rows_that_cannot_be_right_are_left_out_and_named(both):
    runs, curves = both
    names = runs["run_id"].to_pylist()
    runs = changed(runs, 0, "best10_mean", 101.0)
    runs = changed(runs, 1, "seed", 7)
    runs = changed(runs, 2, "lr", -1.0)
    runs = changed(runs, 3, "run_id", "../../etc")
    runs = pa.concat_tables([runs, runs.slice(4, 1)])
    checked = check(runs, curves)
    assert list(checked.runs) == [names[4]]
    assert checked.bad_count == 5 + len(curves.filter(pa.compute.equal(curves["run_id"], names[3])))
    assert f"row 1 of results.parquet ({names[0]}): best10_mean is 101: it must be between 0 and 100" in checked.note
    assert "its settings belong to run" in checked.note
    assert "lr is -1: input should be greater than 0" in checked.note
    assert checked.note.endswith(f"; and {checked.bad_count - 3} more.")


def test_rows_of_curves_that_cannot_be_right_are_left_out_and_named(both):
    curves = changed(both[1], 0, "test_top1", float("nan"))
    curves = changed(curves, 1, "epoch", None)
    curves = changed(curves, 2, "run_id", "nobody")
    curves = pa.concat_tables([curves, curves.slice(5, 1)])
    checked = check(both[0], curves)
    assert checked.bad_count == 4
    assert sum(len(run.history.epochs) for run in checked.runs.values()) == len(curves) - 4
    for reason in ("test_top1 is not a percentage", "epoch or step is less than 1", "(nobody): its run does not exist"):
        assert reason in checked.note


def test_a_date_from_nowhere_is_no_date(store, tmp_path):
    dates = pa.array([2**62] * 5, pa.int64()).cast(pa.timestamp("us", "UTC"))
    files = root_files(store)
    found = read_files(tmp_path / "files", files | {RUNS_FILE: rewrite(files[RUNS_FILE], date=dates)})
    assert (len(found.runs), found.bad_count) == (5, 0)


def test_unknown_columns_are_ignored_and_known_ones_may_be_missing(store, tmp_path):
    files = root_files(store)
    missing = ["layer_names", "threads", "betas", "protocol", "start_digest"]
    older = rewrite(files[RUNS_FILE], missing, dropout=pa.array([0.1] * 5))
    found = read_files(tmp_path / "files", files | {RUNS_FILE: older})
    assert (len(found.runs), found.bad_count) == (5, 0)


def shards(store, name):
    """The files of a push of this store, as if they had this name."""
    return dict(zip((f"runs/{name}.parquet", f"curves/{name}.parquet"), root_files(store).values(), strict=True))


def test_the_newest_record_of_a_run_counts_with_its_own_curve(store, tmp_path):
    other = RunStore(tmp_path / "other")
    write_run(other, CELLS[0], lambda config, epoch: 50 + ramp(config, epoch), device="NVIDIA H100, 79 GiB")
    files = root_files(store) | shards(store, "2026-01-01-a") | shards(other, "2026-01-02-b")
    found = read_files(tmp_path / "files", files)
    run = found.runs[CELLS[0].run_id]
    assert (len(found.runs), found.bad_count) == (5, 0)
    assert run.status.device == "NVIDIA H100, 79 GiB"
    assert min(run.history.epochs.numbers()["test_top1"]) > 50
    assert len(run.history.epochs) == CELLS[0].config.epochs
    older = read_files(tmp_path / "older", shards(other, "2025-01-01-b") | shards(store, "2026-01-01-a"))
    assert older.runs[CELLS[0].run_id].status.device == DEVICE


def test_a_newer_row_that_cannot_be_right_does_not_replace_a_good_one(store, tmp_path):
    bad = rewrite(root_files(store)[RUNS_FILE], best10_mean=pa.array([101.0] * 5))
    found = read_files(tmp_path / "files", root_files(store) | shards(store, "b") | {"runs/b.parquet": bad})
    assert len(found.runs) == 5
    assert found.bad_count == 4  # the diverged run has no best-10 mean to be wrong
    assert "row 1 of runs/b.parquet" in found.note
    assert all(len(run.history.epochs) for run in found.runs.values())


def test_a_wiped_store_takes_its_runs_back(store, tmp_path):
    wiped = RunStore(tmp_path / "wiped")
    (wiped.root / CELLS[0].run_id).mkdir()  # left behind by a call that was cut off
    runs = published(store).runs
    assert sorted(restore(wiped, runs, "elsewhere")) == sorted(store.ids())
    assert restore(wiped, runs, "elsewhere") == []
    for run_id in store.ids():
        assert wiped.config(run_id) == store.config(run_id)
        before, after = store.status(run_id), wiped.status(run_id)
        same = ("state", "device", "versions", "commit", "epoch", "step", "seconds")
        assert [getattr(after, name) for name in same] == [getattr(before, name) for name in same]
        assert after.message == "Restored from elsewhere: curves by epoch, without steps and checkpoint."
        assert wiped.record(run_id).origin == "imported"
        curves = [[r for r in s.read_metrics(run_id)[0] if r["event"] in ("epoch", "diverged")] for s in (store, wiped)]
        assert curves[0] == curves[1]
    assert isinstance(from_record(wiped.read_metrics(CELLS[0].run_id)[0][-1]), Finished)
    pd.testing.assert_frame_equal(
        weight_norms_frame(wiped, CELLS[0].run_id), weight_norms_frame(store, CELLS[0].run_id)
    )
    assert not any(differs(run, runs[run.run_id]) for run in wiped.records())


def test_a_zero_shot_measurement_is_published_and_taken_back(tmp_path):
    cells = (cell for preset in PRESETS.values() for cell in preset.cells("cpu", 1))
    cell = next(cell for cell in cells if cell.config.zero_shot)
    store, wiped = RunStore(tmp_path / "runs"), RunStore(tmp_path / "wiped")
    write_run(store, cell)
    restore(wiped, published(store).runs, "")
    kept = [[r for r in s.read_metrics(cell.run_id)[0] if r["event"] == "zero_shot"] for s in (store, wiped)]
    assert kept[0] == kept[1]
    assert len(kept[0]) == 101


def test_two_thousand_published_runs_are_all_checked(both):
    row, curve = (table.to_pylist()[0] for table in both)
    rows = []
    for seed in range(2000):
        config = RunConfig(**CELLS[0].config.model_dump() | {"seed": seed})
        rows.append(row | {"seed": seed, "run_id": config.run_id})
    curves = [curve | {"run_id": r["run_id"], "epoch": e + 1} for r in rows for e in range(50)]
    many = (pa.Table.from_pylist(part, table.schema) for part, table in zip((rows, curves), both, strict=True))
    checked = check(*many)
    assert len(checked.runs) == 2000
    assert checked.bad_count == 0


def test_every_setting_has_a_column_of_its_own_type():
    assert [name for name in RunConfig.model_fields if name not in RUNS_SCHEMA.names] == []
    assert RUNS_SCHEMA.field("train_samples").type == RUNS_SCHEMA.field("epochs").type == pa.int64()
    assert RUNS_SCHEMA.field("clip_grad_norm").type == CURVES_SCHEMA.field("test_top1").type == pa.float64()
    assert RUNS_SCHEMA.field("pretrained").type == pa.bool_()
    assert RUNS_SCHEMA.field("betas").type == RUNS_SCHEMA.field("model_kwargs").type == pa.string()
