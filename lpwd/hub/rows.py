"""Convert a run to one table row and its curve to one row per epoch, and back. No Hub here.

Rows are untrusted: a row's settings must give its run id, so that an id never refers to another run or a path, and
invalid values raise ValueError.
"""

import dataclasses
import datetime
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lpwd.config import RunConfig
from lpwd.correct import unpacked
from lpwd.events import MOTION, Diverged, Epoch, Event, Finished, Started, ZeroShot
from lpwd.facts import public_name
from lpwd.history import History
from lpwd.hub.schema import JSON_FIELDS, LAYERED, SCHEMA_VERSION
from lpwd.paper.protocols import protocol
from lpwd.runs import FACTS, RESULTS, Run, device_class
from lpwd.status import ENDED, Status

MAX_TEXT = 2000  # characters of one text cell


def row_of(run: Run) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the row of an ended run and the rows of its curve. Raises ValueError if it cannot be published."""
    history, status, summary = run.history, run.status, run.status.summary
    if history.warning:
        raise ValueError(history.warning)
    started, fields = history.started, run.config.model_dump(mode="json")
    zero_shot = sorted(history.zero_shots, key=lambda event: event.shrink_percent)
    row = {
        "run_id": run.run_id,
        **{name: _cell(name, value) for name, value in fields.items()},
        **{name: summary.get(name) for name in (*RESULTS, *FACTS)},
        "dataset": public_name(run.config.dataset),
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
        "protocol": protocol(run.config),
        "start_digest": status.start_digest or None,
        "correct": history.finished.correct or None if history.finished else None,
    }
    status_of(row)
    return row, [{"run_id": run.run_id, **epoch} for epoch in history.epochs.rows()]


def _cell(name: str, value: Any) -> Any:
    """Return the column value of a setting; containers become JSON text."""
    return json.dumps(value, sort_keys=True) if name in JSON_FIELDS and value is not None else value


def config_of(row: Mapping[str, Any]) -> RunConfig:
    """Return the configuration in a row, with defaults for columns missing in older files. Raises ValueError."""
    given = {name: row.get(name) for name in RunConfig.model_fields}
    present = {name: value for name, value in given.items() if value is not None and value == value}
    config = RunConfig(**{name: json.loads(v) if name in JSON_FIELDS else v for name, v in present.items()})
    if not config.is_named(row["run_id"]):
        raise ValueError(f"its settings belong to run {config.run_id}")
    return config


def status_of(row: Mapping[str, Any]) -> Status:
    """Return the status in a row. Raises ValueError with the reason if the row is invalid."""
    texts = {name: value for name, value in row.items() if isinstance(value, str) and name != "correct"}
    long = [name for name, value in texts.items() if len(value) > MAX_TEXT]
    if long:
        raise ValueError(f"{long[0]} is longer than {MAX_TEXT} characters")
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
    return Status(**given, created=ended, queued=ended, ended=ended, versions=versions, summary=_summary(row))


def _check_result(row: Mapping[str, Any]) -> None:
    for name in ("best10_mean", "best10_std", "last_top1", "train_loss"):
        value = row[name]
        if value is None or not math.isfinite(value):
            raise ValueError(f"{name} is {value}")
    for name in ("best10_mean", "last_top1", "val_selected_top1"):
        if (value := row.get(name)) is not None and not 0 <= value <= 100:
            raise ValueError(f"{name} is {value:g}: it must be between 0 and 100")
    _correct(row)


def _correct(row: Mapping[str, Any]) -> str:
    """Return `correct` as in `Finished`. Raises ValueError if it contradicts the row's test images or top-1."""
    text, images = row.get("correct") or "", row.get("test_images") or 0
    if not text:
        return ""
    top1 = 100 * float(unpacked(text, images).sum()) / max(images, 1)
    if not math.isclose(top1, row["last_top1"], abs_tol=1e-6):
        raise ValueError(f"correct means a top-1 of {top1:g} %, but last_top1 is {row['last_top1']:g}")
    return text


def _summary(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `Status.summary` that `row_of` split into columns."""
    results = (*RESULTS, "images_per_second", "seconds") if row["state"] == "finished" else ()
    summary = {name: row.get(name) for name in (*results, *FACTS)}
    summary |= {f"{part}_samples": row.get(f"{part}_images") for part in ("train", "test", "validation")}
    return {name: value for name, value in summary.items() if value is not None or name == "val_selected_top1"}


# ---- recorded events of a published run


def history_of(row: Mapping[str, Any], config: RunConfig, status: Status, epochs: Iterable[dict[str, Any]]) -> History:
    """Return the history of a published run, which has no steps; `epochs` are the rows of its curve."""
    return History(_events(row, config, status, epochs))


def _events(
    row: Mapping[str, Any], config: RunConfig, status: Status, epochs: Iterable[dict[str, Any]]
) -> Iterator[Event]:
    if row["layer_names"]:
        yield _started(row, config, status)
    names = [field.name for field in dataclasses.fields(Epoch)]
    for epoch in sorted(epochs, key=lambda epoch: epoch["epoch"]):
        given: dict[str, Any] = {name: epoch.get(name) for name in names}
        numbers = dict.fromkeys(("train_loss", "test_loss", "lr", "images_per_second", "seconds"), math.nan)
        filled = {name: value for name, value in given.items() if value is not None or name not in numbers}
        layered = {name: _numbers(given[name]) for name in ("weight_norms", *MOTION)}
        yield Epoch(**numbers | filled | layered)
    step = row["step"] or 0
    for s, (top1, loss) in enumerate(zip(*map(_numbers, (row["zero_shot_top1"], row["zero_shot_loss"])), strict=False)):
        yield ZeroShot(step, shrink_percent=float(s), test_top1=top1, test_loss=loss)
    if row["state"] == "diverged":
        yield Diverged(step, row["epoch"] or 0)
    else:
        results = {field.name: row.get(field.name) for field in dataclasses.fields(Finished)}
        yield Finished(**results | {"step": step, "correct": _correct(row)})


def _numbers(values: list[float | None] | None) -> list[float]:
    """Return a list with NaN for nulls; a null list becomes empty."""
    return [math.nan if value is None else value for value in values or ()]


def _started(row: Mapping[str, Any], config: RunConfig, status: Status) -> Started:
    return Started(
        device=status.device,
        model=row["timm_model"] or config.model,
        parameter_count=row["parameter_count"] or 0,
        layer_names=[str(name) for name in row["layer_names"]],
        layer_decay_rates=_numbers(row["layer_decay_rates"]),
        layer_parameter_counts=[count or 0 for count in row["layer_parameter_counts"] or ()],
        mean_decay_rate=row["mean_decay_rate"] or 0.0,
        train_samples=row["train_images"] or 0,
        test_samples=row["test_images"] or 0,
        validation_samples=row["validation_images"] or 0,
        steps_per_epoch=math.ceil((row["train_images"] or 0) / config.batch_size),
        total_steps=status.total_steps,
        initial_weight_norms=_numbers(row["initial_weight_norms"]),
        threads=status.threads,
        versions=status.versions,
        start_digest=status.start_digest,
        kernels="" if row.get("kernels") else "timm",  # tables without this column are older than other kernels
    )
