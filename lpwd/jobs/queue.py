"""Jobs: the first-in-first-out queue of one device and the worker process that it supervises. No torch here."""

import itertools
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from filelock import FileLock, Timeout

from lpwd.config import ConfigError, RunConfig
from lpwd.jobs import rights
from lpwd.jobs.checking.checks import Checks
from lpwd.jobs.costs import check_fits
from lpwd.jobs.rights import HOST, Limits, User, may_change, require
from lpwd.jobs.supervision import Job, Supervision, Workers, ask_to_stop, queued_on_disk
from lpwd.jobs.worker import Machine
from lpwd.jobs.worker_process import WorkerProcess
from lpwd.store import RunStore
from lpwd.training.memory import Footprint, free_bytes

RECOVER_SECONDS = 2.0  # between checks for runs whose worker is gone
MEMORY_SHARE = 0.9  # of the free memory, the limit of a training


class Jobs:
    """The queue: use `start`, `submit`, `stop`, `close`. Run folders hold the states; this holds only the order."""

    def __init__(
        self,
        store: RunStore,
        *,
        device: str = "auto",
        limits: Limits | None = None,
        refusal: str = "",
        free_memory: Callable[[], int] = free_bytes,
    ) -> None:
        """`refusal` is one sentence if nothing can train here; `free_memory` returns the memory for a training."""
        self.store, self.device, self.limits, self.refusal = store, device, limits or Limits(), refusal
        self.checks = Checks(store.worker_log_path, device)
        self._free_memory = free_memory
        self._waiting: list[Job] = []
        self._active: Job | None = None
        self._stopped_jobs: set[str] = set()
        self._unsettled: list[Supervision] = []  # whose runs could not be marked, for example on a full disk
        self._workers = Workers(store, device)
        self._changed = threading.Condition()
        self._closing = False
        self._alone = FileLock(str(store.app_lock_path))
        self._thread = threading.Thread(target=self._loop, name="lpwd-jobs", daemon=True)

    def start(self) -> None:
        """Recover the runs of an earlier app and start the queue. Raises ConfigError if another app uses the folder."""
        try:
            self._alone.acquire(timeout=1)
        except Timeout:
            raise ConfigError(
                f"another app is already using {self.store.root}: close it, or choose another --runs-dir"
            ) from None
        self.store.recover()
        self._waiting = queued_on_disk(self.store)
        self._thread.start()
        self.checks.start()

    def close(self) -> None:
        """Stop the worker after the current step; queued runs stay queued for the next start."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._workers.close()
        self.checks.close()
        self._thread.join()
        self._alone.release()

    def machine(self, timeout: float = 60) -> Machine:
        """Return the machine as described by its first worker. Raises ConfigError if the worker cannot start."""
        return self._workers.machine(timeout)

    def worker_state(self) -> Literal["alive", "starting", "dead"]:
        """Return `dead` if no worker can start or the queue's thread has ended, `starting` between two workers."""
        return self._workers.state() if self._thread.is_alive() else "dead"

    def failing(self) -> str:
        """Return one sentence if nothing can train here, else ""."""
        log = self.store.worker_log_path
        if not self._thread.is_alive():
            return "The queue has stopped: restart the app."
        if self._workers.state() == "dead":
            return f"The worker process cannot start: see {log}."
        return f"The process that checks runs cannot start: see {log}." if self.checks.state() == "dead" else ""

    def footprint(self, config: RunConfig) -> Footprint:
        """Return the memory needs of the run's model. Raises ConfigError if the run cannot start."""
        return self.checks.check([config])[0]

    def measure(self, config: RunConfig, threads: int) -> float | None:
        """Measure the training speed in images per second, or return None during a training. Raises ConfigError."""
        speed = None if self.queue() else self.checks.measure(config, threads)
        return None if self.queue() else speed

    # ---- requests

    def submit(self, configs: Sequence[RunConfig], *, user: User = HOST, again: bool = False) -> list[str]:
        """Queue the runs as one job, and return their ids. Raises ConfigError like `submit_all`."""
        return self.submit_all([configs], user=user, again=again)[0]

    def submit_all(
        self, races: Sequence[Sequence[RunConfig]], *, user: User = HOST, again: bool = False
    ) -> list[list[str]]:
        """Queue races as one job each, all or none, and return the run ids of each.

        New runs belong to `user`. Finished runs are kept, stopped and interrupted ones resume from their checkpoint;
        `again` retrains them. Raises ConfigError for bad input, for runs that exceed the limits or the memory, for
        runs that are already queued or training, and for unfinished runs of another user.
        """
        if not races or not all(races):
            raise ConfigError.of("methods", "is empty: choose at least one decay method")
        if self.refusal:
            raise ConfigError(self.refusal)
        self.machine()  # raises if no worker can start
        races = self._pinned(races, user)
        configs = [config for race in races for config in race]
        ids = [list(dict.fromkeys(config.run_id for config in race)) for race in races]
        seeds = list(dict.fromkeys(race[0].seed for race in races))
        check_fits(races, self.checks.check(configs), self._free_memory_for_a_race())
        with self._changed:
            rights.check_idle(self.store, list(itertools.chain(*ids)))
            wanted = [[i for i in run_ids if again or not rights.has_ended(self.store, i)] for run_ids in ids]
            self._check_room(user, sum(map(bool, wanted)))
            act = "retrain" if again else "resume"
            rights.check_rights(self.store, user, list(itertools.chain(*wanted)), act)
            for config in configs:
                self.store.create(config, owner=user.id, state="stopped")
            for run_id in itertools.chain(*wanted):
                if again or self.store.status(run_id).state == "failed":
                    self.store.restart(run_id)
            for run_ids, chosen in zip(ids, wanted, strict=True):
                theirs = [i for i in run_ids if may_change(user, self.store.status(i).owner)]
                self._enqueue(chosen, theirs, seeds if len(seeds) > 1 else [])  # finished runs of others stay unchanged
        return ids

    def _pinned(self, races: Sequence[Sequence[RunConfig]], user: User) -> list[list[RunConfig]]:
        """Return the races with the digests of their data, after checking that `user` may use the data."""
        configs = [config for race in races for config in race]
        rights.check_person(user, self.limits, configs)
        if reason := next((config.read_only for config in configs if config.read_only), ""):
            raise ConfigError(reason)
        pinned = iter(self.checks.pin(configs))
        return [[next(pinned) for _ in race] for race in races]

    def resume(self, run_ids: Sequence[str], *, user: User = HOST) -> None:
        """Queue stopped, interrupted or failed runs as one job that resumes from their checkpoints."""
        if self.refusal:
            raise ConfigError(self.refusal)
        run_ids = list(dict.fromkeys(run_ids))
        rights.check_person(user, self.limits, [self.store.config(run_id) for run_id in run_ids])
        rights.check_trainable(self.store, run_ids)
        with self._changed:
            rights.check_idle(self.store, run_ids)
            wanted = [run_id for run_id in run_ids if not rights.has_ended(self.store, run_id)]
            rights.check_rights(self.store, user, wanted, "resume")
            self._check_room(user, int(bool(wanted)))
            self._enqueue(wanted)

    def stop(self, run_id: str, *, user: User = HOST) -> None:
        """Stop the run and the lanes that train with it, or remove their job from the queue. No-op for other runs."""
        with self._changed:
            job = next((job for job in self._jobs() if run_id in job.run_ids), None)
            lanes = job.run_ids if job else [run_id]
            for lane in lanes:
                require(user, self.store.status(lane).owner, lane, "stop")
            if job in self._waiting:
                self._waiting.remove(job)
            if job and job.active:
                self._stopped_jobs.add(job.id)  # its worker may not have claimed the runs yet
            else:
                taken = {"state": "stopped", "ended": time.time(), "message": "Removed from the queue."}
                for lane in lanes:
                    self.store.update_if(lane, lambda s: s.state == "queued", **taken)
            ask_to_stop(self.store, lanes)

    def queue(self) -> list[Job]:
        """Return the active job, then the waiting ones in order."""
        with self._changed:
            return self._jobs()

    # ---- the queue

    def _enqueue(self, run_ids: list[str], together: Sequence[str] = (), seeds: Sequence[int] = ()) -> None:
        """Queue a job. The runs in `together`, including ended ones, become lanes of the same race."""
        job = Job(uuid.uuid4().hex[:12], run_ids, owner=self.store.status(run_ids[0]).owner if run_ids else "")
        for run_id in together:
            self.store.update(run_id, job=job.id, seeds=list(seeds))
        if not run_ids:
            return
        for run_id in run_ids:
            self.store.update(run_id, state="queued", job=job.id, queued=time.time(), ended=None, message="")
        self._waiting.append(job)
        self._changed.notify_all()

    def _check_room(self, user: User, races: int) -> None:
        if not user.owner and races:
            jobs = self._jobs()
            self.limits.check_queue(len(jobs), sum(job.owner == user.id for job in jobs), races)

    def _free_memory_for_a_race(self) -> int:
        """Return the memory available to a queued race; the worker will have released its own."""
        return self.machine().memory or self._free_memory() + self._workers.resident_bytes()

    def _jobs(self) -> list[Job]:
        return [*([self._active] if self._active else []), *self._waiting]

    # ---- the thread

    def _loop(self) -> None:
        while not self._closing:
            worker, job = self._workers.begin(), None
            while worker and (job := self._next_job(worker)):
                self._train(worker, job)
                if not self._workers.can_serve_again(worker):
                    break
            self._workers.end(idle=job is None)

    def _next_job(self, worker: WorkerProcess) -> Job | None:
        """Wait for a job. Returns None when closing or when the idle worker has died."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing, RECOVER_SECONDS)
                if self._closing or not worker.alive():
                    return None
                if self._waiting:
                    job = self._waiting.pop(0)
                    self._active = replace(job, active=True)
                    return self._active
            self._maintain()

    def _maintain(self) -> None:
        """Recover runs whose process is gone, retry to mark ended runs, and restart the checking process if needed."""
        self._unsettled = [one for one in self._unsettled if not one.settle()]
        try:
            self.checks.start()
            self.store.recover()
        except (OSError, ValueError) as problem:  # the runs folder was removed, a run damaged, or the disk is full
            print(f"the queue cannot recover its runs: {problem}", file=sys.stderr)

    def _train(self, worker: WorkerProcess, job: Job) -> None:
        memory = int(MEMORY_SHARE * self._free_memory()) + worker.resident_bytes()
        watched = Supervision(self.store, worker, job, self.limits.minutes, memory)
        worker.run(job.run_ids)
        watched.until_over(lambda: job.id in self._stopped_jobs, lambda: self._closing)
        if not watched.settle():
            self._unsettled.append(watched)
        self._stopped_jobs.discard(job.id)
        with self._changed:
            self._active = None
