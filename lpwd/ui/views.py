"""Views of races for the page: plain dictionaries made from the run store."""

from collections.abc import Sequence
from typing import Any

from lpwd.analysis.words import label, seeds_text
from lpwd.config import RunConfig
from lpwd.facts import dataset_label
from lpwd.jobs import costs
from lpwd.methods import METHODS, shown_method
from lpwd.optimizers import optimizer_label
from lpwd.sentences import counted
from lpwd.spelled import command_line
from lpwd.store import ENDED, Run, RunStore, State

MAX_LANES = 120  # runs in one chart: ten seeds of a dozen methods
RESUMABLE: frozenset[State] = frozenset({"stopped", "interrupted", "failed"})
STOPPABLE: frozenset[State] = frozenset({"queued", "running"})
WORKING: frozenset[State] = frozenset({"queued", "running", "stopping"})
# The state of a race is the first of these that any of its lanes has.
PRECEDENCE: tuple[State, ...] = (
    "running",
    "stopping",
    "queued",
    "failed",
    "interrupted",
    "stopped",
    "finished",
    "diverged",
)


def race_records(store: RunStore, run_ids: Sequence[str]) -> list[Run]:
    """Return the runs in the order of METHODS. Raises ConfigError for an unknown run."""
    records = [store.record(run_id) for run_id in run_ids]
    place = {method: number for number, method in enumerate(METHODS)}
    return sorted(records, key=lambda run: (place.get(run.config.method, len(place)), run.config.seed))


def lanes_beside(store: RunStore, run_id: str) -> list[str]:
    """Return the run and the other lanes of its race. Raises ConfigError for an unknown run."""
    job = store.status(run_id).job
    return [record.run_id for record in store.records() if job and record.status.job == job] or [run_id]


def public(record: Run) -> dict[str, Any]:
    """Return the public fields of a run."""
    status = record.status.model_dump(mode="json", exclude={"owner", "pid", "host"})
    return {"run_id": record.run_id, "config": record.config.model_dump(mode="json"), "status": status}


def with_all_seeds(store: RunStore, run_ids: Sequence[str]) -> list[str]:
    """Add the other seeds that were started together with these runs. Raises ConfigError for an unknown run."""
    ids = dict.fromkeys(run_ids)
    for record in [store.record(run_id) for run_id in run_ids]:
        others = [record.config.model_copy(update={"seed": seed}).run_id for seed in record.status.seeds]
        ids |= dict.fromkeys(run_id for run_id in others if store.exists(run_id))
    return list(ids)


def by_seed(records: Sequence[Run]) -> dict[int, list[Run]]:
    """Group runs by seed, in order of the seeds."""
    seeds: dict[int, list[Run]] = {}
    for record in sorted(records, key=lambda record: record.config.seed):
        seeds.setdefault(record.config.seed, []).append(record)
    return seeds


def title(records: Sequence[Run]) -> str:
    """Return `WD vs LPWD`, or with several seeds `WD vs LPWD, 5 seeds`."""
    names = " vs ".join(dict.fromkeys(label(record.config.method) for record in records))
    seeds = len(by_seed(records))
    return f"{names}, {seeds} seeds" if seeds > 1 else names


def network(config: RunConfig, parameters: int | None = None) -> str:
    """Return `convnext_atto`, or with model arguments `convnext_atto, 0.28 M parameters`.

    Names the arguments instead of the size while the size is unknown.
    """
    if not config.model_kwargs:
        return config.model
    changes = f"with its own {', '.join(config.model_kwargs)}"
    return f"{config.model}, {millions(parameters)} parameters" if parameters else f"{config.model} {changes}"


def millions(count: int) -> str:
    return f"{float(f'{count / 1e6:.2g}'):g} M"


def detail(config: RunConfig, parameters: int | None = None, seeds: Sequence[int] = ()) -> str:
    """Return the settings that all lanes share, as one line."""
    images = f"{config.train_samples:,} training images" if config.train_samples else "all training images"
    epochs = counted(config.epochs, "epoch")
    parts = [
        f"{network(config, parameters)} on {dataset_label(config.dataset)}",
        optimizer_label(config.optimizer),
        f"η {config.lr:g}",
        f"λ {config.weight_decay:g}",
        epochs,
        images,
        f"batch {config.batch_size}",
        seeds_text(seeds or [config.seed]),
    ]
    return ", ".join([*parts, "pretrained"] if config.pretrained else parts)


def race_state(records: Sequence[Run]) -> State:
    return min((record.status.state for record in records), key=PRECEDENCE.index)


def lane_style(method: str) -> dict[str, Any]:
    """Return label, colour, dash and marker of a method."""
    style = shown_method(method)
    return {"label": label(method), "color": style.color, "dash": style.dash, "marker": style.marker}


def lane_view(record: Run) -> dict[str, Any]:
    config, status = record.config, record.status
    return {
        "id": record.run_id,
        "method": config.method,
        "seed": config.seed,
        **lane_style(config.method),
        "state": status.state,
        "step": status.step,
        "totalSteps": status.total_steps,
        "epoch": status.epoch,
        "epochs": config.epochs,
        "imagesPerSecond": status.images_per_second,
        "seconds": status.seconds,
        "message": status.message,
        "summary": status.summary,
    }


def progress(records: Sequence[Run]) -> float:
    """Return the share of the race's work that is done; an ended lane counts as done."""
    done = sum(_share(record) for record in records)
    return done / len(records)


def _share(record: Run) -> float:
    status = record.status
    if status.state in ENDED:
        return 1.0
    return costs.share_done(record.config, status)


def race_view(records: Sequence[Run]) -> dict[str, Any]:
    """Return the view of a race without curves, queue position and time left."""
    states = {record.status.state for record in records}
    first, seeds = records[0], by_seed(records)
    working = [record for record in records if record.status.state in ("running", "stopping")]
    return {
        "ids": [record.run_id for record in records],
        "title": title(records),
        "detail": detail(first.config, int(first.status.summary.get("parameter_count") or 0), list(seeds)),
        "seeds": [{"seed": seed, "state": race_state(lanes)} for seed, lanes in seeds.items()],
        "state": race_state(records),
        "progress": round(progress(records), 5),
        "epoch": max(record.status.epoch for record in working or records),
        "epochs": first.config.epochs,
        "canStop": bool(states & STOPPABLE),
        "canResume": bool(states & RESUMABLE) and not states & WORKING and not any(r.config.read_only for r in records),
        "messages": _messages(records),
        "gpuMemory": max(record.status.gpu_memory for record in records),
        "device": next((record.status.device for record in records if record.status.device), ""),
        "command": "\n".join(command_line([lane.config for lane in lanes]) for lanes in seeds.values()),
        "lanes": [lane_view(record) for record in records],
    }


def _messages(records: Sequence[Run]) -> list[str]:
    """Return the messages of the lanes without repeats; with one seed, prefixed by method unless all are equal."""
    method_by_message = {
        record.status.message: label(record.config.method) for record in records if record.status.message
    }
    if len(method_by_message) == 1 or len(by_seed(records)) > 1:
        return list(method_by_message)
    return [f"{name}: {message}" for message, name in method_by_message.items()]
