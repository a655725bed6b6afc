"""What the Runs tab knows: a row a run, what is new since a page last asked, one run in full. No gradio here."""

import json
import secrets
import threading
from collections.abc import Sequence
from typing import Any, Literal

from lpwd.analysis.figures import STYLES
from lpwd.analysis.words import label, short
from lpwd.config import ConfigError
from lpwd.facts import DATASETS, OPTIMIZER_LABELS
from lpwd.jobs.rights import HOST, User, may_change, require
from lpwd.methods import METHODS
from lpwd.spelled import command_line
from lpwd.store import Record, RunStore, Status
from lpwd.ui.answers import count_in
from lpwd.ui.shared.form import lost
from lpwd.ui.shared.spreadsheet import csv
from lpwd.ui.views import RESUMABLE, STOPPABLE, lanes_beside, public

NAME_CHARACTERS, NOTE_CHARACTERS = 120, 4000
COLUMNS = (
    *("id", "name", "note", "state", "method", "model", "dataset", "optimizer", "lr", "weightDecay", "seed"),
    *("epoch", "epochs", "top1", "last", "loss", "seconds", "created", "job"),
)
NAMED = 3  # damaged runs in one sentence
Kind = Literal["csv", "json"]


class RunList:
    """One object an app. `since` sends a row again only when its status.json changed; metrics.jsonl is never read."""

    def __init__(self, store: RunStore) -> None:
        self.store = store
        self._boot = secrets.token_hex(3)  # a cursor of an earlier process is worth nothing
        self._version = 0
        self._entries: dict[str, tuple[int, Status, list[Any]]] = {}
        self._gone: dict[str, int] = {}  # run -> version that no longer had it
        self._lock = threading.Lock()

    def since(self, cursor: str = "") -> dict[str, Any]:
        """Rows that are new or changed since `cursor`, and ids that are gone; everything without a known cursor."""
        boot, _, version = cursor.partition(".")
        with self._lock:
            seen = count_in(version) if boot == self._boot else None
            if seen is None or seen > self._version:
                seen = 0
            damaged = self._look()
            return {
                "cursor": f"{self._boot}.{self._version}",
                "reset": not seen,
                "rows": [row for changed, _, row in self._entries.values() if changed > seen],
                "gone": [run_id for run_id, left in self._gone.items() if left > seen] if seen else [],
                "damaged": damaged,
            }

    def _look(self) -> str:
        """Compare the store with what is known; returns what there is to say of damaged runs.

        An unchanged file is the same Status object.
        """
        self._version += 1
        records, damaged = self.store.scan()
        for record in records:
            entry = self._entries.get(record.run_id)
            if entry is None or entry[1] is not record.status:
                self._entries[record.run_id] = (self._version, record.status, row(record))
                self._gone.pop(record.run_id, None)
        for run_id in self._entries.keys() - {record.run_id for record in records}:
            del self._entries[run_id]
            self._gone[run_id] = self._version
        more = f"; and {len(damaged) - NAMED:,} more" if len(damaged) > NAMED else ""
        return "; ".join(list(damaged.values())[:NAMED]) + more


def labels() -> dict[str, Any]:
    """What the rows' keys are called and drawn with."""
    methods = {key: {"label": method.label, "color": STYLES[key].color} for key, method in METHODS.items()}
    return {
        "columns": COLUMNS,
        "methods": methods,
        "datasets": {name: facts.label for name, facts in DATASETS.items()},
        "optimizers": dict(OPTIMIZER_LABELS),
    }


def row(record: Record) -> list[Any]:
    """The values of COLUMNS."""
    config, status = record.config, record.status
    result = status.summary.get
    return [
        *(record.run_id, status.name, status.note, status.state, config.method, config.model, config.dataset),
        *(config.optimizer, config.lr, config.weight_decay, config.seed, status.epoch, config.epochs),
        *(short(result("best10_mean")), short(result("last_top1")), short(result("train_loss"))),
        *(round(status.seconds, 1), round(status.created, 1), status.job),
    ]


def about(store: RunStore, run_id: str, user: User = HOST) -> dict[str, Any]:
    """One run in full: settings, circumstances, the end of its log, and the traceback where it failed."""
    config, status = store.config(run_id), store.status(run_id)
    changed = config.model_dump(mode="json", exclude_defaults=True)
    mine = may_change(user, status.owner)
    return {
        "id": run_id,
        "name": status.name,
        "note": status.note,
        "state": status.state,
        "message": status.message,
        "title": f"{label(config.method)}, {config.model} on {DATASETS[config.dataset].label}",
        "settings": [[key, value, key in changed] for key, value in config.model_dump(mode="json").items()],
        "facts": _facts(status, store.history(run_id).warning),
        "results": [[key, value] for key, value in status.summary.items() if isinstance(value, (int, float))],
        "command": command_line([config]),
        "log": store.log_tail(run_id),
        "error": store.read_error(run_id),
        "beside": lanes_beside(store, run_id),
        "lost": lost(config),
        "mine": mine,
        "canResume": mine and status.state in RESUMABLE,
        "canDelete": mine and status.state not in STOPPABLE and status.state != "stopping",
        "canStop": mine and status.state in STOPPABLE,
    }


def _facts(status: Status, warning: str) -> list[list[str]]:
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
        "Damaged": warning,
    }
    return [[name, text] for name, text in facts.items() if text]


def edit(store: RunStore, run_id: str, name: str, note: str, user: User = HOST) -> None:
    """Name and note are plain text. Raises ConfigError for one that is too long and for somebody else's run."""
    require(user, store.status(run_id).owner, run_id, "rename")
    for what, text, limit in (("name", name, NAME_CHARACTERS), ("note", note, NOTE_CHARACTERS)):
        if len(text) > limit:
            raise ConfigError(f"The {what} has {len(text):,} characters: {limit:,} at most.")
    store.update(run_id, name=" ".join(name.split()), note=note.strip())


def delete(store: RunStore, run_ids: Sequence[str], user: User = HOST) -> None:
    """Delete them all, or none where one of them is queued or training, or somebody else's."""
    for run_id in run_ids:
        require(user, store.status(run_id).owner, run_id, "delete")
    busy = [i for i in run_ids if store.status(i).state in (*STOPPABLE, "stopping")]
    if busy:
        count = f"{len(busy)} of the {len(run_ids)} runs are" if len(run_ids) > 1 else "This run is"
        raise ConfigError(f"{count} queued or training: stop before deleting. Nothing was deleted.")
    for run_id in run_ids:
        store.delete(run_id)


def export(store: RunStore, run_ids: Sequence[str], kind: Kind) -> str:
    """Settings, results and circumstances of the runs; pandas is loaded only here."""
    from lpwd.analysis.statistics import runs_frame

    records = [store.record(run_id) for run_id in run_ids]
    if kind == "json":
        return json.dumps([public(record) for record in records], indent=1, ensure_ascii=False)
    frame = runs_frame(records)
    frame.insert(1, "name", [record.status.name for record in records])
    frame.insert(2, "note", [record.status.note for record in records])
    return csv(frame)
