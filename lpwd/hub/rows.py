"""Published results: the columns of results.parquet and curves.parquet, rows of a RunStore, validation, merging.

results.parquet has a row a run, curves.parquet a row a run and epoch, both in plain types. What is read may come from
anyone: columns and types are checked, columns we do not know are kept, and rows that cannot be right are left out and
named. A row's settings must give its run id, so an id never names another run, nor a path. No Hub and no torch here.
"""

import datetime
import io
import json
import math
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lpwd.analysis.settings import device_class
from lpwd.analysis.statistics import FACTS, RESULTS
from lpwd.config import RunConfig
from lpwd.history import History
from lpwd.hub import bounded
from lpwd.hub.bounded import Malformed
from lpwd.paper.protocols import protocol
from lpwd.store import ENDED, Record, RunStore, Status

SCHEMA_VERSION = 1
RUNS_FILE, CURVES_FILE = "results.parquet", "curves.parquet"
MAX_RUNS, MAX_CURVE_ROWS = 100_000, 5_000_000
MAX_RUNS_BYTES, MAX_CURVES_BYTES = 2**28, 2**29  # in memory; as Python's objects, runs take several times as much
MAX_TEXT = 2000  # characters of one text cell
YEAR_2100 = 4_102_444_800_000  # milliseconds since 1970

TEXT, INTEGER, NUMBER, NUMBERS = pa.string(), pa.int64(), pa.float64(), pa.list_(pa.float64())
JSON_FIELDS = frozenset(
    name for name, field in RunConfig.model_fields.items() if get_origin(field.annotation) in (tuple, dict)
)

LAYERED = ("layer_names", "layer_decay_rates", "layer_parameter_counts", "initial_weight_norms")  # a value a layer


def _config_type(annotation: Any) -> pa.DataType:
    """The column type of a RunConfig field; containers are JSON text."""
    if isinstance(annotation, types.UnionType):
        annotation = next(kind for kind in get_args(annotation) if kind is not types.NoneType)
    return {bool: pa.bool_(), int: INTEGER, float: NUMBER}.get(annotation, TEXT)


RUNS_SCHEMA = pa.schema(
    {
        "run_id": TEXT,
        **{name: _config_type(field.annotation) for name, field in RunConfig.model_fields.items()},
        "state": TEXT,  # finished or diverged
        **dict.fromkeys((*RESULTS, *FACTS), NUMBER),
        "parameter_count": INTEGER,
        **dict.fromkeys(("train_images", "test_images", "validation_images"), INTEGER),  # as used
        **dict.fromkeys(("step", "total_steps", "epoch"), INTEGER),  # reached
        **dict.fromkeys(("device", "device_class", "versions", "commit"), TEXT),
        "threads": INTEGER,
        **dict.fromkeys(("seconds", "images_per_second"), NUMBER),
        "date": pa.timestamp("ms", tz="UTC"),
        "timm_model": TEXT,  # with the tag of its weights
        "layer_names": pa.list_(TEXT),
        "layer_decay_rates": NUMBERS,
        "layer_parameter_counts": pa.list_(INTEGER),
        **dict.fromkeys(("initial_weight_norms", "zero_shot_top1", "zero_shot_loss"), NUMBERS),  # the latter per s
        "schema_version": INTEGER,
        **dict.fromkeys(("protocol", "start_digest"), TEXT),  # see lpwd.paper.protocols, lpwd.training.starts
    }
)
CURVES_SCHEMA = pa.schema(
    {
        "run_id": TEXT,
        **dict.fromkeys(("epoch", "step"), INTEGER),
        **dict.fromkeys(("train_loss", "test_loss", "test_top1", "validation_top1", "lr"), NUMBER),
        "weight_norms": NUMBERS,  # L2 norm per layer, shallow to deep
        **dict.fromkeys(("opposing_count_rate", "opposing_magnitude_rate"), NUMBER),
        **dict.fromkeys(("seconds", "images_per_second"), NUMBER),
        "angular_update": NUMBERS,  # radians per layer in the epoch's last step; empty in older rows
    }
)
REQUIRED_RUN_COLUMNS = (
    *("run_id", "model", "dataset", "optimizer", "method", "lr", "weight_decay", "epochs", "seed", "scale"),
    *("state", "best10_mean", "best10_std", "last_top1", "train_loss", "device", "schema_version"),
)
REQUIRED_CURVE_COLUMNS = ("run_id", "epoch", "step", "train_loss", "test_loss", "test_top1")


@dataclass(frozen=True)
class Tables:
    """results.parquet and curves.parquet, with every column and row that is in them."""

    runs: pa.Table
    curves: pa.Table

    @classmethod
    def of(cls, runs: Sequence[Mapping[str, Any]] = (), curves: Sequence[Mapping[str, Any]] = ()) -> "Tables":
        return cls(
            pa.Table.from_pylist(list(runs), schema=RUNS_SCHEMA),
            pa.Table.from_pylist(list(curves), schema=CURVES_SCHEMA),
        )

    @classmethod
    def read(cls, runs: Path, curves: Path) -> "Tables":
        """Raises Malformed where a file, a column or a type is not right."""
        return cls(
            _read(runs, RUNS_SCHEMA, REQUIRED_RUN_COLUMNS, MAX_RUNS, MAX_RUNS_BYTES),
            _read(curves, CURVES_SCHEMA, REQUIRED_CURVE_COLUMNS, MAX_CURVE_ROWS, MAX_CURVES_BYTES),
        )

    def files(self) -> dict[str, bytes]:
        """File name -> content."""
        return {RUNS_FILE: _parquet(self.runs), CURVES_FILE: _parquet(self.curves)}


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def _read(path: Path, schema: pa.Schema, required: Sequence[str], max_rows: int, max_bytes: int) -> pa.Table:
    table = bounded.read(path, max_rows, max_bytes).replace_schema_metadata(None)
    names = table.column_names
    if missing := [name for name in required if name not in names]:
        raise Malformed(f"{path.name} has no column {', '.join(missing)}.")
    columns = {field.name: _column(table, field, path.name) for field in schema}
    return pa.table(columns | {name: table.column(name) for name in names if name not in columns})


def _column(table: pa.Table, field: pa.Field, file: str) -> Any:
    """The column in the type we know it by; nulls where the file is older than the column."""
    if field.name not in table.column_names:
        return pa.nulls(table.num_rows, field.type)
    column = table.column(field.name)
    try:
        if not pa.types.is_timestamp(field.type):
            return column.cast(field.type)
        date = column.cast(field.type, safe=False)
        number = date.cast(INTEGER)
        return pc.if_else(pc.and_(pc.greater(number, 0), pc.less(number, YEAR_2100)), date, None)
    except pa.ArrowException:
        raise Malformed(f"{file}: column {field.name} is {column.type}, not {field.type}.") from None


# ---- rows of runs


def from_store(store: RunStore, run_ids: Iterable[str] | None = None) -> tuple[Tables, list[str]]:
    """The finished and diverged runs of a store (of `run_ids` where given), and a sentence for each left out."""
    chosen_ids = None if run_ids is None else set(run_ids)
    runs, curves, left_out = [], [], []
    for record in sorted(store.records(), key=lambda record: record.run_id):
        if chosen_ids is not None and record.run_id not in chosen_ids:
            continue
        if record.status.state not in ENDED:
            if chosen_ids is not None:
                left_out.append(f"{record.run_id} is {record.status.state}, not finished")
            continue
        try:
            row, epochs = row_of(record, store.history(record.run_id))
            checked_record(row)
        except (ValueError, KeyError, TypeError) as error:
            left_out.append(f"{record.run_id}: {error}")
            continue
        runs.append(row)
        curves += epochs
    if chosen_ids is not None:
        left_out += [f"{run_id!r} is no run here" for run_id in sorted(chosen_ids) if not store.exists(run_id)]
    return Tables.of(runs, curves), left_out


def row_of(record: Record, history: History) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The row of an ended run and its rows of curves. Raises ValueError where a line of metrics.jsonl is damaged."""
    if history.warning:
        raise ValueError(history.warning)
    status, summary, started = record.status, record.status.summary, history.started
    fields = record.config.model_dump(mode="json")
    zero_shot = sorted(history.zero_shots, key=lambda event: event.shrink_percent)
    row = {
        "run_id": record.run_id,
        **{name: json.dumps(v, sort_keys=True) if name in JSON_FIELDS else v for name, v in fields.items()},
        **{name: summary.get(name) for name in (*RESULTS, *FACTS)},
        **{f"{part}_images": summary.get(f"{part}_samples") for part in ("train", "test", "validation")},
        **{name: getattr(status, name) for name in ("state", "total_steps", "device", "commit")},
        "step": status.step or history.last_step,
        "epoch": history.diverged.epoch if history.diverged else status.epoch,
        "device_class": device_class(status.device),
        "threads": status.threads or None,
        "seconds": status.seconds,
        "versions": json.dumps(status.versions),
        "images_per_second": summary.get("images_per_second", status.images_per_second),
        "date": datetime.datetime.fromtimestamp(status.ended or status.created, datetime.UTC),
        "timm_model": started.model if started else None,
        **{name: getattr(started, name, None) for name in LAYERED},
        "zero_shot_top1": [event.test_top1 for event in zero_shot] or None,
        "zero_shot_loss": [event.test_loss for event in zero_shot] or None,
        "schema_version": SCHEMA_VERSION,
        "protocol": protocol(record.config),
        "start_digest": status.start_digest or None,
    }
    return row, [{"run_id": record.run_id, **epoch} for epoch in history.epochs.rows()]


def checked_record(row: Mapping[str, Any]) -> Record:
    """The run of a row. Raises ValueError with the reason where the row cannot be right."""
    long = [name for name, value in row.items() if isinstance(value, str) and len(value) > MAX_TEXT]
    if long:
        raise ValueError(f"{long[0]} has more than {MAX_TEXT} characters")
    config = _config(row)
    if config.run_id != row["run_id"]:
        raise ValueError(f"its settings belong to run {config.run_id}")
    if row["state"] not in ENDED:
        raise ValueError(f"state is {row['state']!r}: allowed are {' and '.join(sorted(ENDED))}")
    if not row["device"]:
        raise ValueError("device is missing")
    if row["state"] == "finished":
        _check_result(row)
    if len({len(row[name]) for name in LAYERED if row.get(name)}) > 1:
        raise ValueError(f"{', '.join(LAYERED)} differ in length")
    versions = json.loads(row.get("versions") or "{}")
    date = row.get("date")
    ended = date.timestamp() if date else 0.0
    columns = ("state", "device", "commit", "threads", "step", "total_steps", "epoch", "images_per_second", "seconds")
    given = {name: row[name] for name in (*columns, "start_digest") if row.get(name) is not None}
    status = Status(**given, created=ended, queued=ended, ended=ended, versions=versions, summary=_summary(row))
    return Record.model_construct(run_id=row["run_id"], config=config, status=status)


def _config(row: Mapping[str, Any]) -> RunConfig:
    """The configuration of a row; a column that an older file lacks has its default."""
    given = {name: row.get(name) for name in RunConfig.model_fields}
    present = {name: value for name, value in given.items() if value is not None and value == value}
    return RunConfig(**{name: json.loads(v) if name in JSON_FIELDS else v for name, v in present.items()})


def _check_result(row: Mapping[str, Any]) -> None:
    for name in ("best10_mean", "best10_std", "last_top1", "train_loss"):
        value = row[name]
        if value is None or not math.isfinite(value):
            raise ValueError(f"{name} is {value}")
    for name in ("best10_mean", "last_top1", "val_selected_top1"):
        if (value := row.get(name)) is not None and not 0 <= value <= 100:
            raise ValueError(f"{name} is {value:g}: a percentage is between 0 and 100")


def _summary(row: Mapping[str, Any]) -> dict[str, Any]:
    """status.summary of the run: what `row_of` spread over columns."""
    results = (*RESULTS, "images_per_second", "seconds") if row["state"] == "finished" else ()
    summary = {name: row.get(name) for name in (*results, *FACTS)}
    summary |= {f"{part}_samples": row.get(f"{part}_images") for part in ("train", "test", "validation")}
    return {name: value for name, value in summary.items() if value is not None or name == "val_selected_top1"}
