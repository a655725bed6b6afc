"""One record of a run, and one collection of own and published runs. No pandas here."""

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

Origin = Literal["own", "published", "imported"]  # trained here, published by somebody, made here from published data
RESULTS = ("best10_mean", "best10_std", "last_top1", "val_selected_top1", "train_loss")  # keys of status.summary
FACTS = ("mean_decay_rate", "parameter_count", "opposing_count_rate", "opposing_magnitude_rate")
CHOSEN = frozenset({"method", "lr", "weight_decay", "seed", "scale", "plugins"})  # may differ on the same batches
UNKNOWN = "unknown"  # device class of a run that has not started
PUBLISHED = "published."  # prefix of a published run's ref
NO_RUNS: Mapping[str, "Run"] = MappingProxyType({})


@dataclass(frozen=True)
class Run:
    """One run: its configuration, its status, where it comes from, and what it recorded."""

    run_id: str
    config: RunConfig
    status: Status
    read: Callable[[], History] = field(default=History, repr=False, compare=False)
    origin: Origin = "own"
    place: str = ""  # of a published run: the repository, or `snapshot`

    @property
    def history(self) -> History:
        """The recorded events, read when asked for. The steps of a published run are not published."""
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
        """The name in lists and links: the run id, after `published.` for a published run."""
        return f"{PUBLISHED if self.is_published else ''}{self.run_id}"

    @property
    def day(self) -> str:
        """The day on which the run ended, or was created: `2026-11-20`, UTC; empty if unknown."""
        moment = self.status.ended or self.status.created
        return datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime("%Y-%m-%d") if moment else ""

    @property
    def origin_text(self) -> str:
        """`snapshot, 2026-11-20` for a published run, else empty."""
        return f"{self.place}, {self.day}" if self.is_published else ""


class RunSource(Protocol):
    """Where runs are read from: a RunStore, or Runs."""

    def records(self) -> list[Run]:
        """One record per run id."""

    def history(self, run_id: str) -> History:
        """What the run recorded."""


def counting(own: Run | None, published: Run | None) -> Run | None:
    """Of two records of one run id the one that counts: an own run with a result, else the published one."""
    return published if published and not (own and own.has_result) else own


class Runs:
    """Own and published runs.

    As a source of runs it has one record per run id, the one that counts. Lists and links name every record by its
    ref and keep both.
    """

    def __init__(
        self, store: "RunStore | None" = None, published: Callable[[], Mapping[str, Run]] = lambda: NO_RUNS
    ) -> None:
        """`published` returns the published runs by run id, the same object until they change."""
        self._store, self.published = store, published
        self._keys: dict[tuple[str, str, str], str] = {}  # ref, scale, device -> group key

    @property
    def store(self) -> "RunStore":
        """The store of own runs. Raises ConfigError if there is none."""
        if self._store is None:
            raise ConfigError("there is no folder of runs here")
        return self._store

    def own(self) -> list[Run]:
        """Runs of the store, newest first."""
        return self._store.records() if self._store else []

    def by_id(self) -> dict[str, Run]:
        """The record that counts, by run id."""
        own, published = {run.run_id: run for run in self.own()}, self.published()
        kept = {
            run_id: counting(own.get(run_id), published.get(run_id)) for run_id in dict.fromkeys([*own, *published])
        }
        return {run_id: run for run_id, run in kept.items() if run}

    def records(self) -> list[Run]:
        """The records that count."""
        return list(self.by_id().values())

    def record(self, ref: str) -> Run:
        """The run of that ref. Raises ConfigError if it is unknown."""
        if not is_published(ref):
            return self.store.record(ref)
        try:
            return self.published()[ref.removeprefix(PUBLISHED)]
        except KeyError:
            raise ConfigError(f"{ref.removeprefix(PUBLISHED)!r} is not among the published runs read so far") from None

    def history(self, run_id: str) -> History:
        """What the run recorded, from the record that counts. Raises ConfigError if there is none."""
        own = self._store.record(run_id) if self._store and self._store.exists(run_id) else None
        run = counting(own, self.published().get(run_id))
        return (run or self.record(run_id)).history

    # ---- groups of seeds

    def key(self, run: Run) -> str:
        """`method*setting*scale*device`: equal for runs of one origin that differ in the seed alone; links carry it."""
        known = (run.ref, run.config.scale, run.status.device)
        if known not in self._keys:
            self._keys[known] = (PUBLISHED if run.is_published else "") + group_key(run)
        return self._keys[known]

    def members(self, keys: Iterable[str]) -> dict[str, list[Run]]:
        """The runs of each group. Raises ConfigError for a group without runs."""
        groups: dict[str, list[Run]] = {key: [] for key in keys}
        for run in (*self.own(), *self.published().values()) if groups else ():
            if (key := self.key(run)) in groups:
                groups[key].append(run)
        if missing := [key for key, runs in groups.items() if not runs]:
            raise ConfigError(f"the group {missing[0]!r} has no runs among those read so far")
        return groups

    def chosen(self, items: Iterable[str]) -> list[Run]:
        """The runs of these refs and group keys, each once. Raises ConfigError for an unknown one."""
        items = list(items)
        runs = {item: self.record(item) for item in items if "*" not in item}
        for members in self.members(item for item in items if "*" in item).values():
            runs |= {run.ref: run for run in members}
        return list(runs.values())


def is_published(item: str) -> bool:
    """Whether a ref or a group key belongs to published runs."""
    return item.startswith(PUBLISHED)


def device_class(device: str) -> str:
    """`CPU, 2 cores, 23 GiB` -> `CPU`: results of different classes are never averaged."""
    return device.partition(",")[0].strip() or UNKNOWN


def batches(fields: Mapping[str, Any]) -> str:
    """A digest of all fields of a configuration (as JSON) but method, eta, lambda, seed and scale.

    Runs with equal digests and seeds see the same batches from the same initial weights: one's own data count by the
    digest of their content, and a plug-in's model, optimizer or data set by the digest of its file.
    """
    same = {name: value for name, value in fields.items() if name not in CHOSEN}
    same["dataset"] = public_name(same["dataset"])
    if shared := {kind: record for kind, record in _plugins(fields).items() if kind != "method"}:
        same["plugins"] = shared
    return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:8]


def setting(fields: Mapping[str, Any]) -> str:
    """Equal for configurations that differ in method, seed and scale alone; a plug-in's method has its digest in it."""
    of_method = _plugins(fields).get("method", "").rpartition("@")[2]
    return "-".join([batches(fields), f"{fields['lr']:g}", f"{fields['weight_decay']:g}", *filter(None, [of_method])])


def _plugins(fields: Mapping[str, Any]) -> Mapping[str, str]:
    return fields.get("plugins") or {}


def group_key(run: Run) -> str:
    """`method*setting*scale*device`: equal for runs that differ in the seed alone."""
    device = device_class(run.status.device).replace(" ", "_")
    return f"{run.config.method}*{setting(run.config.model_dump(mode='json'))}*{run.config.scale}*{device}"


# ---- where results come from, in words


def origins_text(runs: Iterable[Run]) -> str:
    """`3 own and 21 published runs`; empty without runs."""
    published = [run.is_published for run in runs]
    return f"{published.count(False):,} own and {sum(published):,} published runs" if published else ""


def repeated_text(own: Mapping[str, Run], published: Mapping[str, Run]) -> str:
    """How far results of the same run lie apart, own against published; empty without such runs."""
    twice = [run_id for run_id, run in own.items() if run.has_result and run_id in published]
    if not twice:
        return ""
    apart = max(_apart(own[run_id], published[run_id]) for run_id in twice)
    same = "with the same numbers" if apart == 0 else f"at most {apart:.2g} points of best-10 top-1 apart"
    return f"{len(twice):,} cells have a published run too, {same if apart == apart else 'some diverged'}: yours count"


def _apart(left: Run, right: Run) -> float:
    """Points of best-10 test top-1; nan if one diverged."""
    values = [run.status.summary.get("best10_mean") for run in (left, right)]
    return math.nan if None in values else abs(float(values[0] or 0) - float(values[1] or 0))
