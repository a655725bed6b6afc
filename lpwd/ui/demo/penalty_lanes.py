"""Seeds of a scan that are trained here, one lane per method. Imports no gradio."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lpwd.config import ConfigError, RunConfig
from lpwd.jobs.rights import User, may_change
from lpwd.paper.scans import NAMES, Scan, get_scan
from lpwd.store import ENDED, Run
from lpwd.ui.demo.penalty_recorded import Recorded
from lpwd.ui.live import IDLE_POLL_MS, POLL_MS, Live
from lpwd.ui.views import WORKING, detail, race_records

Seeds = dict[int, list[Run]]  # the lanes of each seed, by seed


class Lanes:
    """Answers the landing page about seeds of its scans."""

    def __init__(self, live: Live, recorded: Recorded) -> None:
        self.live, self.store, self.recorded = live, live.store, recorded
        self.scans = {name: get_scan(name) for name in NAMES}

    def situation(self, user: User, scan: str, decay: float, methods: list[str]) -> dict[str, Any]:
        """Return the finished seeds of a cell, their verdict, and the seed that Start would train."""
        coming, working = self.next(user, scan, decay, methods)
        cells = [self.scans[scan].cells[method, decay] for method in methods]
        seeds = self._seeds(cells, self.recorded.seeds(scan, decay))
        finished = [seed for seed, lanes in seeds.items() if is_finished(lanes, methods)]
        shown = [cell.model_copy(update={"seed": finished[-1]}) for cell in cells] if finished else []
        return {
            "finished": finished,
            "shown": [config.run_id for config in shown],
            "next": coming[0].seed,
            "working": working,
            "begun": coming[0].seed in seeds,
            "line": detail(coming[0]),
            "verdict": holds_here([record for lanes in seeds.values() for record in lanes]),
        }

    def next(self, user: User, scan: str, decay: float, methods: Sequence[str]) -> tuple[list[RunConfig], bool]:
        """Return the lanes that Start would train, and whether they are already queued or training.

        Otherwise their seed is the lowest one that is neither published nor finished here. Raises ConfigError for an
        unknown cell.
        """
        chosen = self._scan(scan)
        if not methods:
            raise ConfigError("no method is selected: select at least one")
        lanes = [chosen.config(method, decay, 0) for method in chosen.methods if method in methods]
        if len(lanes) < len(set(methods)):
            raise ConfigError(f"methods are {', '.join(methods)[:200]}: {scan} has {', '.join(chosen.methods)}")
        published = self.recorded.seeds(scan, decay)
        seeds = self._seeds(lanes, published)
        working = [seed for seed, records in seeds.items() if any(r.status.state in WORKING for r in records)]
        if working:
            there = {record.config.method for record in seeds[working[0]]}
            lanes, seed = [lane for lane in lanes if lane.method in there], working[0]
        else:
            seed = next_seed(seeds, methods, published, user)
        return [lane.model_copy(update={"seed": seed}) for lane in lanes], bool(working)

    def look(self, user: User, ids: Sequence[str], cursors: Mapping[str, str]) -> dict[str, Any]:
        """Return the state of these lanes and their points after `cursors`."""
        records = race_records(self.store, ids[: max(len(scan.methods) for scan in self.scans.values()) + 1])
        where = self._cell(records)
        race = self.live.race([record.run_id for record in records]) or {}
        curves = {run_id: self.live.curves.since(run_id, cursors.get(run_id, "")) for run_id in race["ids"]}
        mine = all(may_change(user, record.status.owner) for record in records)
        answer = {"race": race, "mine": mine, "curves": curves, **where}
        return answer | {"pollMs": POLL_MS.get(race["state"], IDLE_POLL_MS)}

    def _scan(self, name: str) -> Scan:
        return self.scans[name] if name in self.scans else get_scan(name)  # raises ConfigError

    def _cell(self, records: Sequence[Run]) -> dict[str, Any]:
        """Return the cell and the seed of these lanes. Raises ConfigError for other runs."""
        ids = [record.run_id for record in records]
        strengths = {(record.config.weight_decay, record.config.seed) for record in records}
        if len(strengths) == 1 and len(set(ids)) == len(ids):
            decay, seed = strengths.pop()
            for scan in self.scans.values():
                lanes = [scan.cells.get((record.config.method, decay)) for record in records]
                if ids == [lane.model_copy(update={"seed": seed}).run_id for lane in lanes if lane]:
                    return {"scan": scan.name, "decay": decay, "seed": seed}
        raise ConfigError("demo_runs of this link must be runs of one scan with the same λ and seed")

    def _seeds(self, lanes: Sequence[RunConfig], published: set[int]) -> Seeds:
        """Return the runs of these lanes in this store by seed, without published seeds."""
        by_method = {lane.method: lane for lane in lanes}
        seeds: Seeds = {}
        for record in self.store.records():
            other, lane = record.config, by_method.get(record.config.method)
            if (
                lane is None
                or (other.lr, other.weight_decay) != (lane.lr, lane.weight_decay)
                or other.seed in published
            ):
                continue
            if lane.model_copy(update={"seed": other.seed}).run_id == record.run_id:
                seeds.setdefault(other.seed, []).append(record)
        return dict(sorted(seeds.items()))


def is_finished(lanes: Sequence[Run], methods: Sequence[str]) -> bool:
    """Return whether the runs of all methods have ended."""
    return {record.config.method for record in lanes if record.status.state in ENDED} >= set(methods)


def next_seed(seeds: Seeds, methods: Sequence[str], published: set[int], user: User) -> int:
    """Return the lowest seed that is neither published nor finished, and whose unfinished lanes `user` may resume."""

    def free(seed: int) -> bool:
        lanes = seeds.get(seed, [])
        unfinished = [record for record in lanes if record.status.state not in ENDED]
        return not is_finished(lanes, methods) and all(may_change(user, r.status.owner) for r in unfinished)

    candidates = range(len(seeds) + len(published) + 1)
    return next(seed for seed in candidates if seed not in published and free(seed))


def holds_here(records: Iterable[Run]) -> str:
    """Return the verdict over the seeds that ended here on the newest kind of device. Imports pandas if any."""
    ended = [record for record in records if record.status.state in ENDED]
    if not ended:
        return ""
    from lpwd.analysis.gap import holds, minus_wd
    from lpwd.analysis.statistics import runs_frame
    from lpwd.runs import device_class

    newest = max(ended, key=lambda record: record.status.ended or 0)
    device = device_class(newest.status.device)
    return holds(minus_wd(runs_frame(r for r in ended if device_class(r.status.device) == device), "best10_mean"))
