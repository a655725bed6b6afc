"""Published results as frames, with what was left out; merging by run id; runs back into a store."""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lpwd.analysis.statistics import RESULTS, runs_frame
from lpwd.events import Diverged, Epoch, Event, Finished, Started, ZeroShot
from lpwd.history import History, lines_of
from lpwd.hub.rows import CURVES_FILE, RUNS_FILE, RUNS_SCHEMA, Tables, checked_record
from lpwd.paths import write_atomic
from lpwd.store import Record, RunStore

NAMED_ROWS = 3  # of those left out
OUTCOME = ("state", *RESULTS)  # equal where the same run was published twice


@dataclass(frozen=True)
class Checked:
    """The rows of `tables` that can be right, and how many cannot."""

    records: Mapping[str, Record] = field(default_factory=dict)  # by run id
    rows: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by run id: the columns we know
    extras: pa.Table = field(default_factory=lambda: pa.table({}))  # the other columns, a row a record
    curves: pa.Table = field(default_factory=lambda: Tables.of().curves)
    bad_count: int = 0
    bad: tuple[str, ...] = ()  # the first of them, with the reason

    @functools.cached_property
    def runs_frame(self) -> pd.DataFrame:
        """The columns of `tables.runs_frame`, and all others of the file after them."""
        frame = runs_frame(self.records.values())
        other_columns = [name for name in RUNS_SCHEMA.names if name not in frame.columns]
        for name in other_columns:
            frame[name] = pd.Series([row[name] for row in self.rows.values()], dtype=object, index=frame.index)
        for name in self.extras.column_names:
            if name not in frame.columns:
                frame[name] = _series(self.extras[name], frame.index)
        return frame

    @functools.cached_property
    def curves_frame(self) -> pd.DataFrame:
        """One row a run and epoch."""
        return self.curves.to_pandas()

    @property
    def note(self) -> str:
        """One sentence on what was left out; empty where nothing was."""
        if not self.bad_count:
            return ""
        rest = self.bad_count - len(self.bad)
        named = "; ".join(self.bad) + (f"; and {rest} more" if rest else "")
        return f"{self.bad_count} row{'s were' if self.bad_count > 1 else ' was'} left out: {named}."


def _series(column: Any, index: pd.Index) -> pd.Series:
    """A column of unknown type; nulls where pandas cannot hold it."""
    try:
        return pd.Series(column.to_pandas().to_numpy(), index=index)
    except (pa.ArrowException, ValueError, OverflowError):
        return pd.Series([None] * len(index), index=index)


def check(tables: Tables) -> Checked:
    """The rows that can be right; never raises for a row."""
    rows: list[dict[str, Any]] = tables.runs.select(RUNS_SCHEMA.names).to_pylist()
    records: dict[str, Record] = {}
    kept, bad = [], []
    for number, row in enumerate(rows):
        try:
            if row["run_id"] in records:
                raise ValueError("its run id appears twice")
            records[str(row["run_id"])] = checked_record(row)
            kept.append(number)
        except (ValueError, TypeError) as error:
            reason = str(error).splitlines()[0][:200]
            bad.append(f"row {number + 1} of {RUNS_FILE} ({str(row['run_id'])[:80]}): {reason}")
    curves, bad_curves = _check_curves(tables.curves, records.keys(), {row["run_id"] for row in rows})
    bad += bad_curves
    unknown = [name for name in tables.runs.column_names if name not in RUNS_SCHEMA.names]
    return Checked(
        records,
        {rows[number]["run_id"]: rows[number] for number in kept},
        tables.runs.select(unknown).take(pa.array(kept, pa.int64())),
        curves,
        len(bad),
        tuple(bad[:NAMED_ROWS]),
    )


def _check_curves(curves: pa.Table, run_ids: Any, named: set[Any]) -> tuple[pa.Table, list[str]]:
    """The rows of the runs in `run_ids`; those of a run that was itself left out go with it, unnamed."""
    columns = ["run_id", "epoch", "step", "test_top1"]
    frame = curves.select(columns).to_pandas()
    of_known = frame.run_id.isin(list(run_ids))
    reasons = {
        "there is no such run": ~frame.run_id.isin(list(named)),
        "epoch or step is less than 1 or missing": of_known & ~((frame.epoch >= 1) & (frame.step >= 1)),
        "test_top1 is no percentage": of_known & ~frame.test_top1.between(0, 100),
        "the epoch appears twice": of_known & frame.duplicated(["run_id", "epoch"]),
    }
    wrong = pd.Series(False, index=frame.index)
    bad: dict[int, str] = {}
    for reason, rows in reasons.items():
        for number in frame.index[rows & ~wrong]:
            bad[number] = f"row {number + 1} of {CURVES_FILE} ({str(frame.run_id[number])[:80]}): {reason}"
        wrong |= rows
    return curves.filter(pa.array((of_known & ~wrong).to_numpy(bool))), [bad[number] for number in sorted(bad)]


@dataclass(frozen=True)
class Published:
    """Published results as a source of runs, for findings."""

    checked: Checked

    def records(self) -> list[Record]:
        return list(self.checked.records.values())

    def history(self, run_id: str) -> History:
        """All but the steps, which are not published."""
        return History(self._events[run_id])

    @functools.cached_property
    def _events(self) -> Mapping[str, list[Event]]:
        return events_of(self.checked, list(self.checked.records))


# ---- merging


@dataclass(frozen=True)
class Merged:
    """`tables` with the runs of `added` and `replaced` in them; `differing` are those left as published."""

    tables: Tables
    added: tuple[str, ...]
    replaced: tuple[str, ...]
    differing: tuple[str, ...]
    published: int  # runs in the result

    @property
    def sent(self) -> tuple[str, ...]:
        return self.added + self.replaced


def merge(published: Tables, ours: Tables, replace: bool = False) -> Merged:
    """Add our runs by run id. A published run stays, even where ours has other numbers, unless `replace`.

    Rows and columns that we do not understand stay too, but a row that cannot be right gives way to ours of its id.
    """
    theirs, mine = check(published).rows, check(ours).rows
    added = tuple(run_id for run_id in mine if run_id not in theirs)
    other = tuple(run_id for run_id in mine if run_id in theirs and _outcome(mine[run_id]) != _outcome(theirs[run_id]))
    replaced = other if replace else ()
    sent = pa.array([*added, *replaced], pa.string())
    tables = Tables(*(_put(old, new, sent) for old, new in _pairs(published, ours)))
    return Merged(tables, added, replaced, () if replace else other, len(theirs) + len(added))


def _pairs(left: Tables, right: Tables) -> Sequence[tuple[pa.Table, pa.Table]]:
    return (left.runs, right.runs), (left.curves, right.curves)


def _put(old: pa.Table, new: pa.Table, run_ids: pa.Array) -> pa.Table:
    """The rows of `old` but those of `run_ids`, then theirs of `new`."""
    goes = pc.is_in(old["run_id"], value_set=run_ids)
    comes = pc.is_in(new["run_id"], value_set=run_ids)
    return pa.concat_tables([old.filter(pc.invert(goes)), new.filter(comes)], promote_options="default")


def _outcome(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(None if value is None or value != value else value for value in (row[name] for name in OUTCOME))


# ---- back into a store


def restore(store: RunStore, checked: Checked, message: str) -> list[str]:
    """Make the run folders that the store lacks: settings, status, curves, not the steps and no checkpoint.

    The configuration is written last: a folder without one is no run, and the next call makes it anew.
    """
    missing = [run_id for run_id in checked.records if not store.exists(run_id)]
    for run_id, events in events_of(checked, missing).items():
        if store.exists(run_id):  # begun meanwhile
            continue
        record = checked.records[run_id]
        paths = store.paths(run_id)
        paths.folder.mkdir(exist_ok=True)
        write_atomic(paths.metrics, lines_of(events))
        store.create(record.config, **record.status.model_dump() | {"message": message})
    return missing


def events_of(checked: Checked, run_ids: Sequence[str]) -> dict[str, list[Event]]:
    """What the metrics.jsonl of published runs recorded, but for their steps."""
    epoch_rows = checked.curves.filter(pc.is_in(checked.curves["run_id"], value_set=pa.array(run_ids, pa.string())))
    curves: dict[str, list[dict[str, Any]]] = {}
    for epoch in epoch_rows.to_pylist():
        curves.setdefault(epoch.pop("run_id"), []).append(epoch)
    return {i: _events(checked.records[i], checked.rows[i], curves.get(i, [])) for i in run_ids}


def _events(record: Record, row: Mapping[str, Any], epochs: list[dict[str, Any]]) -> list[Event]:
    """What the run's metrics.jsonl recorded, but for its steps."""
    events: list[Event] = []
    if row["layer_names"]:
        events.append(_started(record, row))
    names = [field.name for field in dataclasses.fields(Epoch)]
    for epoch in sorted(epochs, key=lambda epoch: epoch["epoch"]):
        given = {name: epoch.get(name) for name in names}
        numbers = dict.fromkeys(("train_loss", "test_loss", "lr", "images_per_second", "seconds"), math.nan)
        filled = {name: value for name, value in given.items() if value is not None or name not in numbers}
        layered = {name: given[name] or [] for name in ("weight_norms", "angular_update")}
        events.append(Epoch(**numbers | filled | layered))
    step = row["step"] or 0
    for s, (top1, loss) in enumerate(zip(row["zero_shot_top1"] or (), row["zero_shot_loss"] or (), strict=False)):
        events.append(ZeroShot(step, shrink_percent=float(s), test_top1=top1, test_loss=loss))
    if row["state"] == "diverged":
        return [*events, Diverged(step, row["epoch"] or 0)]
    results = {field.name: row[field.name] for field in dataclasses.fields(Finished)}
    return [*events, Finished(**results | {"step": step})]


def _started(record: Record, row: Mapping[str, Any]) -> Started:
    status = record.status
    return Started(
        device=status.device,
        model=row["timm_model"] or record.config.model,
        parameter_count=row["parameter_count"] or 0,
        layer_names=row["layer_names"],
        layer_decay_rates=row["layer_decay_rates"] or [],
        layer_parameter_counts=row["layer_parameter_counts"] or [],
        mean_decay_rate=row["mean_decay_rate"] or 0.0,
        train_samples=row["train_images"] or 0,
        test_samples=row["test_images"] or 0,
        validation_samples=row["validation_images"] or 0,
        steps_per_epoch=math.ceil((row["train_images"] or 0) / record.config.batch_size),
        total_steps=status.total_steps,
        initial_weight_norms=row["initial_weight_norms"] or [],
        threads=status.threads,
        versions=status.versions,
        start_digest=status.start_digest,
        kernels="" if row.get("kernels") else "timm",  # a table without that setting is older than other kernels
    )
