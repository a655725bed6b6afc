"""What the page says about a race: plain dictionaries made from the run store alone."""

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

MAX_LANES = 120  # runs in one picture: ten seeds of a dozen methods
RESUMABLE: frozenset[State] = frozenset({"stopped", "interrupted", "failed"})
STOPPABLE: frozenset[State] = frozenset({"queued", "running"})
WORKING: frozenset[State] = frozenset({"queued", "running", "stopping"})
# A race is in the first of these states that one of its lanes is in.
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
    """The runs in the order of the table of methods. Raises ConfigError for one that does not exist."""
    records = [store.record(run_id) for run_id in run_ids]
    place = {method: number for number, method in enumerate(METHODS)}
    return sorted(records, key=lambda run: (place.get(run.config.method, len(place)), run.config.seed))


def lanes_beside(store: RunStore, run_id: str) -> list[str]:
    """The run and those that trained in one race with it. Raises ConfigError where there is no such run."""
    job = store.status(run_id).job
    return [record.run_id for record in store.records() if job and record.status.job == job] or [run_id]


def public(record: Run) -> dict[str, Any]:
    """What everybody may know of a run."""
    status = record.status.model_dump(mode="json", exclude={"owner", "pid", "host"})
    return {"run_id": record.run_id, "config": record.config.model_dump(mode="json"), "status": status}


def with_all_seeds(store: RunStore, run_ids: Sequence[str]) -> list[str]:
    """These runs and those started together with them with other seeds. Raises ConfigError for an unknown run."""
    ids = dict.fromkeys(run_ids)
    for record in [store.record(run_id) for run_id in run_ids]:
        others = [record.config.model_copy(update={"seed": seed}).run_id for seed in record.status.seeds]
        ids |= dict.fromkeys(run_id for run_id in others if store.exists(run_id))
    return list(ids)


def by_seed(records: Sequence[Run]) -> dict[int, list[Run]]:
    """The runs of each seed, which train in lock step; seeds in order."""
    seeds: dict[int, list[Run]] = {}
    for record in sorted(records, key=lambda record: record.config.seed):
        seeds.setdefault(record.config.seed, []).append(record)
    return seeds


def title(records: Sequence[Run]) -> str:
    """`WD vs LPWD`, and how many seeds if there are several: `WD vs LPWD, 5 seeds`."""
    names = " vs ".join(dict.fromkeys(label(record.config.method) for record in records))
    seeds = len(by_seed(records))
    return f"{names}, {seeds} seeds" if seeds > 1 else names


def network(config: RunConfig, parameters: int | None = None) -> str:
    """`convnext_atto`; where its arguments make it another network, with the size: `convnext_atto, 0.28 M parameters`.

    Before a run has begun its size is not known, and the arguments stand there.
    """
    if not config.model_kwargs:
        return config.model
    changes = f"with its own {', '.join(config.model_kwargs)}"
    return f"{config.model}, {millions(parameters)} parameters" if parameters else f"{config.model} {changes}"


def millions(count: int) -> str:
    return f"{float(f'{count / 1e6:.2g}'):g} M"


def detail(config: RunConfig, parameters: int | None = None, seeds: Sequence[int] = ()) -> str:
    """Everything that the lanes share, as one line; `seeds` if there are several."""
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
    """A method's name and how charts draw it."""
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
    """Share of the race's work that is done; a lane that has ended counts as done."""
    done = sum(_share(record) for record in records)
    return done / len(records)


def _share(record: Run) -> float:
    status = record.status
    if status.state in ENDED:
        return 1.0
    return costs.share_done(record.config, status)


def race_view(records: Sequence[Run]) -> dict[str, Any]:
    """A race without its curves and without what only the queue and the clock know."""
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
    """What the lanes have to say, once where all say the same; of several seeds without their methods."""
    method_by_message = {
        record.status.message: label(record.config.method) for record in records if record.status.message
    }
    if len(method_by_message) == 1 or len(by_seed(records)) > 1:
        return list(method_by_message)
    return [f"{name}: {message}" for message, name in method_by_message.items()]
