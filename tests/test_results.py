"""The published tables: rows of a store and back, validation of what others wrote, merging by run id."""

import io
import random

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from synthetic import DEVICE, ramp, write_run

from lpwd.analysis.statistics import over_seeds, runs_frame, weight_norms_frame
from lpwd.config import RunConfig
from lpwd.events import Finished, from_record
from lpwd.hub.checked import check, merge, restore
from lpwd.hub.rows import CURVES_FILE, CURVES_SCHEMA, RUNS_FILE, RUNS_SCHEMA, Malformed, Tables, from_store
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
def tables(store):
    return from_store(store)[0]


def save(folder, tables):
    """The two files of `tables` in a folder."""
    folder.mkdir(exist_ok=True)
    for name, content in tables.files().items():
        (folder / name).write_bytes(content)
    return folder / RUNS_FILE, folder / CURVES_FILE


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


def test_what_was_published_reads_back_as_the_frame_of_the_store(store, tables, tmp_path):
    checked = check(Tables.read(*save(tmp_path / "files", tables)))
    ours = runs_frame(store.records()).set_index("run_id").sort_index()
    theirs = checked.runs_frame.set_index("run_id").sort_index()
    same = [name for name in ours.columns if name not in ("created", "images_per_second")]
    pd.testing.assert_frame_equal(theirs[same], ours[same], check_dtype=False)
    assert (checked.bad_count, checked.note) == (0, "")
    assert len(checked.curves_frame) == len(CELLS[0].config.epochs * CELLS[:4]) + 2
    assert list(checked.curves_frame.weight_norms[0]) == [0.99, 1.98, 2.9]
    assert over_seeds(checked.runs_frame).n.sum() == 4


def test_the_files_hold_plain_types_that_a_viewer_shows(tables, tmp_path):
    for path in save(tmp_path / "files", tables):
        for field in pq.read_schema(path):
            inner = field.type.value_type if pa.types.is_list(field.type) else field.type
            assert str(inner) in ("string", "int64", "double", "bool", "timestamp[ms, tz=UTC]"), field


def test_a_run_with_damaged_lines_is_left_out_and_named(store):
    bad = CELLS[0].run_id
    with open(store.paths(bad).metrics, "a", encoding="utf-8") as file:
        file.write("{\n")
    tables, left_out = from_store(store)
    assert bad not in tables.runs["run_id"].to_pylist()
    assert left_out == [f"{bad}: 1 line of metrics.jsonl cannot be read and is left out"]


def test_a_row_whose_layers_disagree_is_left_out(tables):
    runs = changed(tables.runs, 0, "layer_decay_rates", [1.0])
    checked = check(Tables(runs, tables.curves))
    assert "layer_decay_rates" in checked.note
    assert len(checked.records) == 4


def test_only_ended_runs_are_published_and_the_others_are_named(store):
    queued = store.create(CELLS[6].config)
    assert queued not in from_store(store)[0].runs["run_id"].to_pylist()
    tables, left_out = from_store(store, [CELLS[0].run_id, queued, "nobody"])
    assert tables.runs["run_id"].to_pylist() == [CELLS[0].run_id]
    assert left_out == [f"{queued} is queued, not finished", "'nobody' is no run here"]


def test_a_row_carries_where_its_numbers_come_from_and_nothing_private(store):
    store.update(CELLS[0].run_id, owner="0123456789abcdef", host="my-laptop", name="secret name", note="secret note")
    row = from_store(store, [CELLS[0].run_id])[0].runs.to_pylist()[0]
    assert (row["device"], row["device_class"], row["commit"], row["seed"]) == (DEVICE, "CPU", "abc123", 0)
    assert (row["scale"], row["seconds"], row["schema_version"]) == ("cpu", 12.0, 1)
    assert not any(word in str(row) for word in ("secret", "0123456789abcdef", "my-laptop"))


@pytest.mark.parametrize(
    ("said", "damage"),
    [
        ("results.parquet is no parquet file", lambda content: b"garbage"),
        ("results.parquet is no parquet file", lambda content: content[: len(content) // 2]),
        ("results.parquet is no parquet file", lambda content: b""),
        ("results.parquet has no column run_id, device", lambda content: rewrite(content, ["run_id", "device"])),
        ("column seed is string, not int64", lambda content: rewrite(content, seed=pa.array(["a"] * 5))),
        ("column lr is list<", lambda content: rewrite(content, lr=pa.array([[1.0]] * 5))),
    ],
)  # fmt: skip
def test_a_file_that_is_no_table_of_results_is_one_sentence(tables, tmp_path, said, damage):
    runs, curves = save(tmp_path / "files", tables)
    runs.write_bytes(damage(runs.read_bytes()))
    with pytest.raises(Malformed, match=said) as caught:
        Tables.read(runs, curves)
    assert "\n" not in str(caught.value)


def rewrite(content, without=(), **columns):
    table = pq.read_table(io.BytesIO(content)).drop_columns(list(without))
    for name, values in columns.items():
        table = with_column(table, name, values)
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def test_damaged_bytes_never_do_worse_than_one_sentence(tables, tmp_path):
    runs, curves = save(tmp_path / "files", tables)
    whole, chance, refused = runs.read_bytes(), random.Random(0), 0
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(20):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        runs.write_bytes(damaged)
        try:
            found = check(Tables.read(runs, curves))
            assert len(found.runs_frame) + found.bad_count >= 5
        except Malformed:
            refused += 1
    assert refused


def test_rows_that_cannot_be_right_are_left_out_and_named(tables):
    names = tables.runs["run_id"].to_pylist()
    runs = changed(tables.runs, 0, "best10_mean", 101.0)
    runs = changed(runs, 1, "seed", 7)
    runs = changed(runs, 2, "lr", -1.0)
    runs = changed(runs, 3, "run_id", "../../etc")
    runs = pa.concat_tables([runs, runs.slice(4, 1)])
    checked = check(Tables(runs, tables.curves))
    assert list(checked.records) == [names[4]]
    assert checked.bad_count == 5 + len(tables.curves.filter(pa.compute.equal(tables.curves["run_id"], names[3])))
    assert (
        f"row 1 of results.parquet ({names[0]}): best10_mean is 101: a percentage is between 0 and 100" in checked.note
    )
    assert "its settings belong to run" in checked.note
    assert "lr is -1.0: input should be greater than 0" in checked.note
    assert checked.note.endswith(f"; and {checked.bad_count - 3} more.")


def test_rows_of_curves_that_cannot_be_right_are_left_out_and_named(tables):
    curves = changed(tables.curves, 0, "test_top1", float("nan"))
    curves = changed(curves, 1, "epoch", None)
    curves = changed(curves, 2, "run_id", "nobody")
    curves = pa.concat_tables([curves, curves.slice(5, 1)])
    checked = check(Tables(tables.runs, curves))
    assert checked.bad_count == 4
    assert len(checked.curves) == len(curves) - 4
    for reason in ("test_top1 is no percentage", "epoch or step is less than 1", "(nobody): there is no such run"):
        assert reason in checked.note


def test_a_date_from_nowhere_is_no_date(tables, tmp_path):
    runs = with_column(tables.runs, "date", pa.array([2**62] * 5, pa.int64()).cast(pa.timestamp("us", "UTC")))
    checked = check(Tables.read(*save(tmp_path / "files", Tables(runs, tables.curves))))
    assert (len(checked.records), checked.bad_count) == (5, 0)


def test_unknown_columns_are_kept_and_known_ones_may_be_missing(tables, tmp_path):
    runs = with_column(tables.runs, "dropout", [0.1] * 5).drop_columns(
        ["layer_names", "threads", "betas", "protocol", "start_digest"]
    )
    read = Tables.read(*save(tmp_path / "files", Tables(runs, tables.curves)))
    checked = check(read)
    assert checked.runs_frame.dropout.tolist() == [0.1] * 5
    assert (len(checked.records), checked.bad_count) == (5, 0)
    merged = merge(read, Tables.of()).tables
    assert merged.runs["dropout"].to_pylist() == [0.1] * 5
    assert set(merged.runs.column_names) == {*RUNS_SCHEMA.names, "dropout"}


def test_merging_adds_by_run_id_and_a_second_time_changes_nothing(store, tables):
    ids = [cell.run_id for cell in CELLS[:5]]
    first, rest = from_store(store, ids[:2])[0], from_store(store, ids[1:])[0]
    both = merge(first, rest)
    assert (set(both.added), both.published) == (set(ids[2:]), 5)
    again = merge(both.tables, tables)
    assert (again.sent, again.differing) == ((), ())
    assert again.tables.runs.equals(both.tables.runs)
    assert sorted(both.tables.curves.to_pylist(), key=str) == sorted(tables.curves.to_pylist(), key=str)


def test_a_published_run_stays_unless_it_is_to_be_replaced(store, tables, tmp_path):
    other = RunStore(tmp_path / "other")
    write_run(other, CELLS[0], lambda config, epoch: 50 + ramp(config, epoch), device="NVIDIA H100, 79 GiB")
    ours = from_store(other)[0]
    kept = merge(tables, ours)
    assert (kept.sent, kept.differing) == ((), (CELLS[0].run_id,))
    assert kept.tables.runs.equals(tables.runs)
    replaced = check(merge(tables, ours, replace=True).tables)
    assert replaced.records[CELLS[0].run_id].status.device == "NVIDIA H100, 79 GiB"
    assert (len(replaced.records), replaced.bad_count, len(replaced.curves)) == (5, 0, len(tables.curves))


def test_rows_that_nobody_understands_survive_merging_but_give_way_to_a_good_one(tables):
    ids = tables.runs["run_id"].to_pylist()
    odd = changed(changed(tables.runs, 0, "state", "half done"), 1, "state", "half done")
    published = Tables(odd, tables.curves)
    mine = Tables(tables.runs.slice(0, 1), tables.curves.filter(pa.compute.equal(tables.curves["run_id"], ids[0])))
    merged = merge(published, mine)
    assert merged.added == (ids[0],)
    assert merged.tables.runs["state"].to_pylist().count("half done") == 1
    assert len(merged.tables.runs) == 5
    assert len(merged.tables.curves) == len(tables.curves)


def test_a_wiped_store_takes_its_runs_back(store, tables, tmp_path):
    wiped = RunStore(tmp_path / "wiped")
    (wiped.root / CELLS[0].run_id).mkdir()  # left behind by a call that was cut off
    checked = check(tables)
    assert sorted(restore(wiped, checked, "Taken back.")) == sorted(store.ids())
    assert restore(wiped, checked, "Taken back.") == []
    for run_id in store.ids():
        assert wiped.config(run_id) == store.config(run_id)
        before, after = store.status(run_id), wiped.status(run_id)
        same = ("state", "device", "versions", "commit", "epoch", "step", "seconds")
        assert [getattr(after, name) for name in same] == [getattr(before, name) for name in same]
        assert after.message == "Taken back."
        curves = [[r for r in s.read_metrics(run_id)[0] if r["event"] in ("epoch", "diverged")] for s in (store, wiped)]
        assert curves[0] == curves[1]
    assert isinstance(from_record(wiped.read_metrics(CELLS[0].run_id)[0][-1]), Finished)
    pd.testing.assert_frame_equal(
        weight_norms_frame(wiped, CELLS[0].run_id), weight_norms_frame(store, CELLS[0].run_id)
    )
    assert merge(tables, from_store(wiped)[0]).differing == ()


def test_a_zero_shot_measurement_is_published_and_taken_back(tmp_path):
    cells = (cell for preset in PRESETS.values() for cell in preset.cells("cpu", 1))
    cell = next(cell for cell in cells if cell.measurement == "zero_shot")
    store, wiped = RunStore(tmp_path / "runs"), RunStore(tmp_path / "wiped")
    write_run(store, cell)
    restore(wiped, check(from_store(store)[0]), "")
    kept = [[r for r in s.read_metrics(cell.run_id)[0] if r["event"] == "zero_shot"] for s in (store, wiped)]
    assert kept[0] == kept[1]
    assert len(kept[0]) == 101


def test_two_thousand_published_runs_are_all_checked(tables):
    row, curve = tables.runs.to_pylist()[0], tables.curves.to_pylist()[0]
    rows = []
    for seed in range(2000):
        config = RunConfig(**CELLS[0].config.model_dump() | {"seed": seed})
        rows.append(row | {"seed": seed, "run_id": config.run_id})
    many = Tables.of(rows, [curve | {"run_id": r["run_id"], "epoch": e + 1} for r in rows for e in range(50)])
    checked = check(many)
    assert len(checked.runs_frame) == 2000
    assert checked.bad_count == 0


def test_every_setting_has_a_column_of_its_own_type():
    assert [name for name in RunConfig.model_fields if name not in RUNS_SCHEMA.names] == []
    assert RUNS_SCHEMA.field("train_samples").type == RUNS_SCHEMA.field("epochs").type == pa.int64()
    assert RUNS_SCHEMA.field("clip_grad_norm").type == CURVES_SCHEMA.field("test_top1").type == pa.float64()
    assert RUNS_SCHEMA.field("pretrained").type == pa.bool_()
    assert RUNS_SCHEMA.field("betas").type == RUNS_SCHEMA.field("model_kwargs").type == pa.string()
