"""Details of one run, and its actions: rename, annotate, delete. Imports no gradio."""

from collections.abc import Mapping, Sequence
from typing import Any

from lpwd.analysis.words import NONE, general, label, number, spread
from lpwd.config import ConfigError
from lpwd.facts import dataset_label
from lpwd.jobs.rights import HOST, User, may_change, require
from lpwd.runs import Run, Runs
from lpwd.spelled import command_line, python_snippet
from lpwd.store import RunStore
from lpwd.ui.shared.form import fields_without_control
from lpwd.ui.views import RESUMABLE, STOPPABLE, lanes_beside

NAME_CHARACTERS, NOTE_CHARACTERS = 120, 4000
IMAGES = {"train_samples": "for training", "validation_samples": "for validation", "test_samples": "for the test"}


def about(runs: Runs, ref: str, user: User = HOST) -> dict[str, Any]:
    """Return the details of a run. Log and traceback exist only for runs of this store."""
    run = runs.record(ref)
    config, status = run.config, run.status
    changed = config.model_dump(mode="json", exclude_defaults=True)
    own = not run.is_published
    mine = own and may_change(user, status.owner)
    return {
        "id": ref,
        "origin": run.origin_text,
        "name": status.name,
        "note": status.note,
        "state": status.state,
        "message": " ".join(
            filter(None, [status.message, config.read_only and f"{config.read_only[0].upper()}{config.read_only[1:]}."])
        ),
        "title": f"{label(config.method)}, {config.model} on {dataset_label(config.dataset)}",
        "settings": [[key, value, key in changed] for key, value in config.model_dump(mode="json").items()],
        "facts": _facts(run),
        "results": _results(status.summary),
        "command": command_line([config]),
        "snippet": python_snippet([[config]]),
        "log": runs.store.log_tail(ref) if own else "",
        "error": runs.store.read_error(ref) if own else "",
        "beside": lanes_beside(runs.store, ref) if own else [],
        "lost": fields_without_control(config),
        "mine": mine,
        "canResume": mine and status.state in RESUMABLE and not config.read_only,
        "canDelete": mine and status.state not in STOPPABLE and status.state != "stopping",
        "canStop": mine and status.state in STOPPABLE,
    }


def _results(summary: Mapping[str, Any]) -> list[list[str]]:
    """Return the results of the run as label and text, without missing values."""
    best, rate = (
        spread(summary.get("best10_mean"), summary.get("best10_std"), missing=""),
        summary.get("mean_decay_rate"),
    )
    shown = {
        "Best 10 epochs": best and f"{best} % (deviation over epochs)",
        "Last epoch": _percent(summary.get("last_top1")),
        "Validation-selected": _percent(summary.get("val_selected_top1")),
        "Training loss": number(summary.get("train_loss"), digits=4),
        "Mean decay rate": general(rate) if rate else "",
        "Parameters": f"{summary.get('parameter_count', 0):,}",
        "Images": ", ".join(f"{summary[name]:,} {words}" for name, words in IMAGES.items() if summary.get(name)),
        "Time": f"{summary['seconds']:,.0f} s" if summary.get("seconds") else "",
    }
    return [[name, text] for name, text in shown.items() if text not in ("", "0", NONE)]


def _percent(value: float | None) -> str:
    return "" if value is None else f"{number(value)} %"


def _facts(run: Run) -> list[list[str]]:
    status = run.status
    versions = ", ".join(f"{name} {version}" for name, version in sorted(status.versions.items()))
    speed = f"{status.images_per_second:,.0f} images/s" if status.images_per_second else ""
    facts = {
        "Device": status.device,
        "Speed": speed,
        "Steps": f"{status.step:,} of {status.total_steps:,}" if status.total_steps else "",
        "Threads": str(status.threads or ""),
        "Kernels": status.kernels,
        "Versions": versions,
        "Commit": status.commit,
        "Plug-ins": ", ".join(f"{record} ({kind})" for kind, record in run.config.plugins.items()),
        "Digest of the data": run.config.data_digest,
        "Damaged": run.history.warning,
    }
    return [[name, text] for name, text in facts.items() if text]


def edit(store: RunStore, run_id: str, name: str, note: str, user: User = HOST) -> None:
    """Set name and note, as plain text. Raises ConfigError if one is too long or the user may not change the run."""
    require(user, store.status(run_id).owner, run_id, "rename")
    for what, text, limit in (("name", name, NAME_CHARACTERS), ("note", note, NOTE_CHARACTERS)):
        if len(text) > limit:
            raise ConfigError(f"The {what} has {len(text):,} characters: {limit:,} at most.")
    store.update(run_id, name=" ".join(name.split()), note=note.strip())


def delete(store: RunStore, run_ids: Sequence[str], user: User = HOST) -> None:
    """Delete all runs, or none if one is queued, training, or not the user's. Raises ConfigError."""
    for run_id in run_ids:
        require(user, store.status(run_id).owner, run_id, "delete")
    busy = [i for i in run_ids if store.status(i).state in (*STOPPABLE, "stopping")]
    if busy:
        count = f"{len(busy)} of the {len(run_ids)} runs are" if len(run_ids) > 1 else "This run is"
        raise ConfigError(f"{count} queued or training: stop first. Nothing was deleted.")
    for run_id in run_ids:
        store.delete(run_id)
