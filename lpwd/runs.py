"""The record of a run, and the collection of own and published runs. No pandas here."""

import datetime
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol

from lpwd.config import ConfigError, RunConfig
from lpwd.facts import public_name
from lpwd.history import History
from lpwd.status import ENDED, Status

if TYPE_CHECKING:
    from lpwd.store import RunStore

Origin = Literal["own", "published", "imported"]  # trained here, published, or restored from published data
RESULTS = ("best10_mean", "best10_std", "last_top1", "val_selected_top1", "train_loss")  # keys of status.summary
FACTS = ("mean_decay_rate", "parameter_count", "opposing_count_rate", "opposing_magnitude_rate")
CHOSEN = frozenset({"method", "lr", "weight_decay", "seed", "scale", "plugins"})  # may differ between equal batches
UNKNOWN = "unknown"  # device class of a run that has not started
PUBLISHED = "published."  # prefix of a published run's ref
NO_RUNS: Mapping[str, "Run"] = MappingProxyType({})


@dataclass(frozen=True)
class Run:
    """One run: configuration, status, origin and recorded events."""

    run_id: str
    config: RunConfig
    status: Status
    read: Callable[[], History] = field(default=History, repr=False, compare=False)
    origin: Origin = "own"
    place: str = ""  # for a published run: the repository, or `snapshot`

    @property
    def history(self) -> History:
        """The recorded events, read on access. Published runs have no steps."""
        return self.read()

    @property
    def is_published(self) -> bool:
        return self.origin == "published"

    @property
    def has_result(self) -> bool:
        """Whether the run is finished or diverged."""
        return self.status.state in ENDED

    @property
    def ref(self) -> str:
        """The name in lists and links: the run id, with the prefix `published.` for a published run."""
        return f"{PUBLISHED if self.is_published else ''}{self.run_id}"

    @property
    def day(self) -> str:
        """The day when the run ended, or was created: `2026-11-20`, UTC; empty if unknown."""
        moment = self.status.ended or self.status.created
        return datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime("%Y-%m-%d") if moment else ""

    @property
    def origin_text(self) -> str:
        """`snapshot, 2026-11-20` for a published run, else empty."""
        return f"{self.place}, {self.day}" if self.is_published else ""


class RunSource(Protocol):
    """Where runs are read from: a RunStore, or Runs."""

    def records(self) -> list[Run]:
        """Return one record per run id."""

    def history(self, run_id: str) -> History:
        """Return what the run recorded."""


def counting(own: Run | None, published: Run | None) -> Run | None:
    """Return which of two records of one run id to use: an own run with a result, else the published one."""
    return published if published and not (own and own.has_result) else own


class Runs:
    """Own and published runs.

    As a RunSource it has one record per run id, chosen by `counting`. Lists and links use refs and keep both records.
    """

    def __init__(
        self, store: "RunStore | None" = None, published: Callable[[], Mapping[str, Run]] = lambda: NO_RUNS
    ) -> None:
        """Use the runs of `store`, and of `published`: runs by run id, the same object until they change."""
        self._store, self.published = store, published
        self._keys: dict[tuple[str, str, str], str] = {}  # ref, scale, device -> group key

    @property
    def store(self) -> "RunStore":
        """The store of own runs. Raises ConfigError if there is none."""
        if self._store is None:
            raise ConfigError("no runs folder is open")
        return self._store

    def own(self) -> list[Run]:
        """Return the runs of the store, newest first."""
        return self._store.records() if self._store else []

    def by_id(self) -> dict[str, Run]:
        """Return the record to use, by run id."""
        own, published = {run.run_id: run for run in self.own()}, self.published()
        kept = {
            run_id: counting(own.get(run_id), published.get(run_id)) for run_id in dict.fromkeys([*own, *published])
        }
        return {run_id: run for run_id, run in kept.items() if run}

    def records(self) -> list[Run]:
        """Return one record per run id."""
        return list(self.by_id().values())

    def record(self, ref: str) -> Run:
        """Return the run with this ref. Raises ConfigError if it is unknown."""
        if not is_published(ref):
            return self.store.record(ref)
        try:
            return self.published()[ref.removeprefix(PUBLISHED)]
        except KeyError:
            raise ConfigError(
                f"published run {ref.removeprefix(PUBLISHED)!r} not found in the results loaded so far"
            ) from None

    def history(self, run_id: str) -> History:
        """Return the recorded events of a run. Raises ConfigError if it is unknown."""
        own = self._store.record(run_id) if self._store and self._store.exists(run_id) else None
        run = counting(own, self.published().get(run_id))
        return (run or self.record(run_id)).history

    # ---- groups of seeds

    def key(self, run: Run) -> str:
        """Return the group key of a run, for links: runs of one origin that differ only in the seed share it."""
        known = (run.ref, run.config.scale, run.status.device)
        if known not in self._keys:
            self._keys[known] = (PUBLISHED if run.is_published else "") + group_key(run)
        return self._keys[known]

    def members(self, keys: Iterable[str]) -> dict[str, list[Run]]:
        """Return the runs of each group. Raises ConfigError for a group without runs."""
        groups: dict[str, list[Run]] = {key: [] for key in keys}
        for run in (*self.own(), *self.published().values()) if groups else ():
            if (key := self.key(run)) in groups:
                groups[key].append(run)
        if missing := [key for key, runs in groups.items() if not runs]:
            raise ConfigError(f"group {missing[0]!r} has no runs in the results loaded so far")
        return groups

    def chosen(self, items: Iterable[str]) -> list[Run]:
        """Return the distinct runs with these refs and group keys. Raises ConfigError for an unknown one."""
        items = list(items)
        runs = {item: self.record(item) for item in items if "*" not in item}
        for members in self.members(item for item in items if "*" in item).values():
            runs |= {run.ref: run for run in members}
        return list(runs.values())


def is_published(item: str) -> bool:
    """Return whether a ref or group key is that of published runs."""
    return item.startswith(PUBLISHED)


def device_class(device: str) -> str:
    """Return the class of a device label: `CPU` for `CPU, 2 cores, 23 GiB`. Classes are never averaged together."""
    return device.partition(",")[0].strip() or UNKNOWN


def batches(fields: Mapping[str, Any]) -> str:
    """Return a digest of all fields of a configuration (as JSON) except method, eta, lambda, seed and scale.

    Runs with equal digests and seeds see the same batches from the same initial weights. Your own data enter with the
    digest of their content, and a plug-in's model, optimizer or data set with the digest of its file.
    """
    same = {name: value for name, value in fields.items() if name not in CHOSEN}
    same["dataset"] = public_name(same["dataset"])
    if shared := {kind: record for kind, record in _plugins(fields).items() if kind != "method"}:
        same["plugins"] = shared
    return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:8]


def setting(fields: Mapping[str, Any]) -> str:
    """Return a key equal for configurations that differ only in method, seed and scale.

    For a method of a plug-in the key includes the plug-in's digest.
    """
    of_method = _plugins(fields).get("method", "").rpartition("@")[2]
    return "-".join([batches(fields), f"{fields['lr']:g}", f"{fields['weight_decay']:g}", *filter(None, [of_method])])


def _plugins(fields: Mapping[str, Any]) -> Mapping[str, str]:
    return fields.get("plugins") or {}


def group_key(run: Run) -> str:
    """Return `method*setting*scale*device`, which is equal for runs that differ only in the seed."""
    device = device_class(run.status.device).replace(" ", "_")
    return f"{run.config.method}*{setting(run.config.model_dump(mode='json'))}*{run.config.scale}*{device}"


# ---- origins of results as text


def origins_text(runs: Iterable[Run]) -> str:
    """Return `3 own and 21 published runs`, or "" without runs."""
    published = [run.is_published for run in runs]
    return f"{published.count(False):,} own and {sum(published):,} published runs" if published else ""


def repeated_text(own: Mapping[str, Run], published: Mapping[str, Run]) -> str:
    """Return how far own and published results of the same runs differ, or "" without such runs."""
    twice = [run_id for run_id, run in own.items() if run.has_result and run_id in published]
    if not twice:
        return ""
    apart = max(_apart(own[run_id], published[run_id]) for run_id in twice)
    same = "with the same numbers" if apart == 0 else f"at most {apart:.2g} points of best-10 top-1 apart"
    return f"{len(twice):,} cells have a published run too, {same if apart == apart else 'some diverged'}: yours count"


def _apart(left: Run, right: Run) -> float:
    """Return the difference in best-10 test top-1 in points; nan if one run diverged."""
    values = [run.status.summary.get("best10_mean") for run in (left, right)]
    return math.nan if None in values else abs(float(values[0] or 0) - float(values[1] or 0))
