"""Answer a page's poll: the strip, the race on the page, and new points of its curves. Imports no gradio."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

import psutil

from lpwd.config import ConfigError, RunConfig
from lpwd.jobs.queue import Jobs
from lpwd.jobs.rights import User, may_change, may_start
from lpwd.jobs.supervision import Job
from lpwd.store import ENDED, RunStore
from lpwd.ui.curves import CurveCache
from lpwd.ui.views import MAX_LANES, by_seed, lanes_beside, race_records, race_view, with_all_seeds

POLL_MS = {"running": 500, "stopping": 300, "queued": 1000}  # by the state of what the page shows or trains
IDLE_POLL_MS = 3000
MEMORY_SECONDS = 2.0  # between measurements of the memory in use
SHARED_SECONDS = 0.2  # answers are shared between pages for this long
MAX_VIEWS = 64
ETA_AFTER_SECONDS = 1.5  # of observation before a speed is trusted
PACE_SECONDS = 20.0  # of history that count: the load of a machine changes


T = TypeVar("T")
ACTIVE_FIELDS = ("ids", "title", "state", "seeds", "epoch", "epochs", "progress", "secondsLeft", "canStop")


class Clock(Protocol):
    def __call__(self) -> float: ...


class Pace:
    """Estimates the seconds left of a race from its recent speed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[str, deque[tuple[float, float]]] = {}  # job -> (clock, share done), each with a new share

    def seconds_left(self, job: str, share: float, lanes: int = 1) -> float | None:
        """Return None until enough progress was observed. `lanes` is the number of lanes that still train.

        Time counts from the second share on: at the first one, the race may still load its data or may have resumed.
        """
        now, key = self._clock(), f"{job} {lanes}"
        if key not in self._seen:
            self._seen = {**dict(list(self._seen.items())[-32:]), key: deque()}
        seen = self._seen[key]
        if share > 0 and (not seen or share > seen[-1][1]):
            seen.append((now, share))
        while len(seen) > 2 and now - seen[1][0] > PACE_SECONDS:
            seen.popleft()
        if len(seen) < 2 or seen[-1][0] - seen[0][0] < ETA_AFTER_SECONDS:
            return None
        (since, share_then), (latest, share_now) = seen[0], seen[-1]
        left = (1 - share_now) * (latest - since) / (share_now - share_then)
        return max(left - (now - latest), 0.0)  # minus the time since the last step


class Live:
    """Answers polls from the store and the queue. There is one per app."""

    def __init__(self, store: RunStore, jobs: Jobs, *, clock: Clock = time.monotonic) -> None:
        self.store, self.jobs = store, jobs
        self.curves = CurveCache(store)
        self.machine = in_background(jobs.machine)
        self._clock = clock
        self._pace = Pace(clock)
        self._memory: tuple[float, str] = (-MEMORY_SECONDS, "")
        self._views: dict[str, tuple[float, Any]] = {}
        self._sharing = threading.Lock()

    def poll(
        self, user: User, run: str = "", shown: Sequence[str] = (), cursors: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Return the state of the race that the page shows, and the points after `cursors` (by run).

        The race is `shown`, else `run` of the URL, else the active race, else the newest one, with all its seeds.
        Answers that are the same for all pages are shared for a moment.
        """
        strip = self._shared("strip", self.strip)
        answer: dict[str, Any] = {"strip": strip, "race": None, "pollMs": IDLE_POLL_MS}
        active = strip["active"]
        starts = may_start(user)
        answer["mine"] = {"strip": self._may_change(user, active["ids"] if active else []), "start": starts}
        try:
            ids = list(shown) or self._resolve(run)
            if len(ids) > MAX_LANES:
                raise ConfigError(f"{len(ids):,} runs are requested: at most {MAX_LANES} can be shown at once")
            race = self._shared(f"race {ids}", lambda: self.race(ids))
        except ConfigError as error:
            return answer | {"problem": str(error)}
        if race:
            given = cursors or {}
            answer["curves"] = {i: self.curves.since(i, given.get(i, "")) for i in race["ids"]}
            answer["mine"]["race"] = self._may_change(user, race["ids"])
        paces = [POLL_MS.get(view["state"], IDLE_POLL_MS) for view in (race, active) if view]
        return answer | {"race": race, "pollMs": min(paces, default=IDLE_POLL_MS)}

    def _shared(self, key: str, make: Callable[[], Any]) -> Any:
        """Return the result of `make`, cached for SHARED_SECONDS."""
        with self._sharing:
            made, view = self._views.get(key, (-math.inf, None))
            if self._clock() - made >= SHARED_SECONDS:
                view = make()
                if len(self._views) > MAX_VIEWS:
                    self._views.clear()
                self._views[key] = (self._clock(), view)
            return view

    def _may_change(self, user: User, run_ids: Sequence[str]) -> bool:
        return all(may_change(user, self.store.status(run_id).owner) for run_id in run_ids)

    def _resolve(self, run: str) -> list[str]:
        ids = [part for part in run.split(",") if part]
        if len(ids) > 1:
            return ids
        if ids:
            return with_all_seeds(self.store, lanes_beside(self.store, ids[0]))
        active = self._active()
        if active:
            return with_all_seeds(self.store, active.run_ids)
        records = self.store.records()
        newest = max(records, key=lambda record: record.status.queued, default=None)
        return with_all_seeds(self.store, lanes_beside(self.store, newest.run_id)) if newest else []

    def _active(self) -> Job | None:
        return next((job for job in self.jobs.queue() if job.active), None)

    def strip(self) -> dict[str, Any]:
        """Return device, memory, queue and the active race."""
        queue = self.jobs.queue()
        active = next((job for job in queue if job.active), None)
        race = self.race(with_all_seeds(self.store, active.run_ids)) if active else None
        if race and race["state"] not in POLL_MS:  # the race has ended; its worker process ends soon
            race = None
        gpu = f", {race['gpuMemory'] / 1e9:.1f} GB of the GPU" if race and race["gpuMemory"] else ""
        return {
            "device": self._device(),
            "memory": self._memory_in_use() + gpu,
            "waiting": sum(not (race and set(job.run_ids) <= set(race["ids"])) for job in queue if job is not active),
            "active": {name: race[name] for name in ACTIVE_FIELDS} if race else None,
        }

    def race(self, run_ids: list[str]) -> dict[str, Any] | None:
        """Return the view of these runs with their position in the queue and the time left."""
        if not run_ids:
            return None
        records = race_records(self.store, run_ids)
        view = race_view(records)
        queue = self.jobs.queue()
        place = next((i for i, job in enumerate(queue) if set(job.run_ids) & set(run_ids)), None)
        job = queue[place] if place is not None else None
        running = job is not None and job.active
        view["ahead"] = None if running else place
        view["secondsLeft"] = self._left(job, view) if job and running else None
        return view

    def _left(self, job: Job, view: Mapping[str, Any]) -> float | None:
        """Return the seconds left for all seeds, at the speed of the seed that trains."""
        training = sum(lane["state"] not in ENDED for lane in view["lanes"] if lane["id"] in job.run_ids)
        return self._pace.seconds_left(view["ids"][0], view["progress"], training)

    # ---- actions; each raises ConfigError if the user may not do it

    def start(self, configs: Sequence[RunConfig], user: User, *, again: bool = False) -> list[str]:
        """Queue a race and return its run ids."""
        return self.start_all([configs], user, again=again)[0]

    def start_all(self, races: Sequence[Sequence[RunConfig]], user: User, *, again: bool = False) -> list[list[str]]:
        """Queue several races, all or none, and return the run ids of each."""
        run_ids = self.jobs.submit_all(races, user=user, again=again)
        self._views.clear()
        return run_ids

    def stop(self, run_ids: Sequence[str], user: User) -> None:
        """Stop the races of these runs, queued races before the active one."""
        for run_id in reversed(run_ids):
            self.jobs.stop(run_id, user=user)
        self._views.clear()

    def resume(self, run_ids: Sequence[str], user: User) -> None:
        """Queue runs to resume from their checkpoints, one seed after the other."""
        for records in by_seed([self.store.record(run_id) for run_id in run_ids]).values():
            self.jobs.resume([record.run_id for record in records], user=user)
        self._views.clear()

    def _device(self) -> str:
        if not self.machine.done():
            return "starting the worker"
        problem = self.machine.exception()
        if problem:
            self.machine = in_background(self.jobs.machine)
            return str(problem)
        return self.machine.result().label

    def _memory_in_use(self) -> str:
        """Return the resident memory of this process and its workers, cached for all pages."""
        if self._clock() - self._memory[0] >= MEMORY_SECONDS:
            self._memory = (self._clock(), f"{resident_bytes() / 1e9:.1f} GB")
        return self._memory[1]


def resident_bytes() -> int:
    """Return the resident memory of this process and all its children."""
    own = psutil.Process()
    total = 0
    for process in [own, *own.children(recursive=True)]:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def in_background(work: Callable[[], T]) -> Future[T]:
    """Run `work` in a daemon thread and return a future of its result."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:  # raised by future.result()
            future.set_exception(error)

    threading.Thread(target=run, name="lpwd-background", daemon=True).start()
    return future
