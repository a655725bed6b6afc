"""Jobs: the first-in-first-out queue of one device, and the one worker process that it supervises. No torch here."""

import itertools
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from filelock import FileLock, Timeout

from lpwd.config import ConfigError, RunConfig
from lpwd.jobs import rights
from lpwd.jobs.checks import Checks
from lpwd.jobs.costs import check_fits
from lpwd.jobs.rights import HOST, Limits, User, may_change, require
from lpwd.jobs.supervision import Supervision, ask_to_stop
from lpwd.jobs.worker import Machine
from lpwd.jobs.worker_process import WorkerProcess
from lpwd.store import RunStore
from lpwd.training.memory import free_bytes

RESTART_SECONDS = 2.0
RECOVER_SECONDS = 2.0  # between looks for runs whose worker is gone
MEMORY_SHARE = 0.9  # of what is free, that a training may take
SHORT_LIFE_SECONDS, SHORT_LIVES = 60.0, 2  # so many idle workers in a row that died so young: none can start


@dataclass(frozen=True)
class Job:
    """Runs that train together in lock step; one run is a race of one."""

    id: str
    run_ids: list[str]
    active: bool = False
    owner: str = ""  # of its first run


class Jobs:
    """Use `start`, `submit`, `stop`, `close`. What a run's state is, its folder says; this holds only the order."""

    def __init__(
        self,
        store: RunStore,
        *,
        device: str = "auto",
        limits: Limits | None = None,
        refusal: str = "",
        free_memory: Callable[[], int] = free_bytes,
    ) -> None:
        """`refusal` says why nothing can train here, where that is so; `free_memory` what a training may take."""
        self.store, self.device, self.limits, self.refusal = store, device, limits or Limits(), refusal
        self.checks = Checks(store.worker_log_path, device)
        self._free_memory = free_memory
        self._waiting: list[Job] = []
        self._active: Job | None = None
        self._stopped_jobs: set[str] = set()
        self._unsettled: list[Supervision] = []  # whose runs could not be marked: a full disk
        self._worker: WorkerProcess | None = None
        self._machine: Machine | None = None
        self._worker_since = 0.0  # on the monotonic clock
        self._short_lives = 0
        self._changed = threading.Condition()
        self._closing = False
        self._alone = FileLock(str(store.app_lock_path))
        self._thread = threading.Thread(target=self._loop, name="lpwd-jobs", daemon=True)

    def start(self) -> None:
        """Recover what an earlier app left behind and begin to work. Raises ConfigError beside another app."""
        try:
            self._alone.acquire(timeout=1)
        except Timeout:
            raise ConfigError(
                f"another app already works in {self.store.root}: close it, or choose another --runs-dir"
            ) from None
        self.store.recover()
        self._waiting = self._queued_on_disk()
        self._thread.start()
        self.checks.start()

    def close(self) -> None:
        """End the worker after the present step; queued runs stay queued for the next start."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self.checks.close()
        self._thread.join()
        self._alone.release()

    def machine(self, timeout: float = 60) -> Machine:
        """The machine as its first worker described it. Raises ConfigError where the worker cannot start."""
        if self._machine is None:
            self._machine = self._warm_worker(timeout).hello(timeout)
        return self._machine

    def worker_state(self) -> Literal["alive", "starting", "dead"]:
        """`dead` where no worker can start; `starting` for the moments between two."""
        worker = self._worker
        lives = worker is not None and worker.alive()
        old = time.monotonic() - self._worker_since > SHORT_LIFE_SECONDS
        if not self._thread.is_alive() or (self._short_lives >= SHORT_LIVES and not (lives and old)):
            return "dead"
        return "alive" if lives else "starting"

    def parameter_count(self, config: RunConfig) -> int:
        """Parameters of the run's model. Raises ConfigError where it could not start."""
        return self.checks.check([config])[0].parameters

    def measure(self, config: RunConfig) -> float | None:
        """Training speed in images a second, measured now; None beside a training. Raises ConfigError."""
        if self.queue():
            return None
        speed = self.checks.measure(config)
        return None if self.queue() else speed

    # ---- what people ask for

    def submit(self, configs: Sequence[RunConfig], *, user: User = HOST, again: bool = False) -> list[str]:
        """Queue the runs as one job; returns their ids. Raises as `submit_all` does."""
        return self.submit_all([configs], user=user, again=again)[0]

    def submit_all(
        self, races: Sequence[Sequence[RunConfig]], *, user: User = HOST, again: bool = False
    ) -> list[list[str]]:
        """Queue races, a job each, one after the other; all of them or none. Returns the ids of each.

        New runs belong to `user`.
        Finished runs are kept as they are, stopped and interrupted ones continue from their checkpoint; `again` begins
        them anew. Raises ConfigError for bad input, for what is beyond the limits, for runs that are queued or training
        already, and for unfinished ones of somebody else.
        """
        configs = [config for race in races for config in race]
        if not races or not all(races):
            raise ConfigError("methods is empty: choose at least one decay method")
        self._refuse_training()
        self.machine()  # where no worker can start, nothing is queued
        ids = [list(dict.fromkeys(config.run_id for config in race)) for race in races]
        seeds = [race[0].seed for race in races] if len(races) > 1 else []
        rights.check_person(user, self.limits, configs)
        check_fits(races, self.checks.check(configs), self._free_memory_for_a_race())
        with self._changed:
            rights.check_idle(self.store, list(itertools.chain(*ids)))
            wanted = [[i for i in run_ids if again or not rights.has_ended(self.store, i)] for run_ids in ids]
            self._check_room(user, sum(map(bool, wanted)))
            act = "begin it anew" if again else "resume"
            rights.check_rights(self.store, user, list(itertools.chain(*wanted)), act)
            for config in configs:
                self.store.create(config, owner=user.id, state="stopped")
            for run_id in itertools.chain(*wanted):
                if again or self.store.status(run_id).state == "failed":
                    self.store.restart(run_id)
            for run_ids, chosen in zip(ids, wanted, strict=True):
                theirs = [i for i in run_ids if may_change(user, self.store.status(i).owner)]
                self._enqueue(chosen, theirs, seeds)  # to somebody else's finished run, nothing is written
        return ids

    def resume(self, run_ids: Sequence[str], *, user: User = HOST) -> None:
        """Queue runs that were stopped, interrupted or failed, to go on from their checkpoints as one job."""
        self._refuse_training()
        run_ids = list(dict.fromkeys(run_ids))
        rights.check_person(user, self.limits, [self.store.config(run_id) for run_id in run_ids])
        with self._changed:
            rights.check_idle(self.store, run_ids)
            wanted = [run_id for run_id in run_ids if not rights.has_ended(self.store, run_id)]
            rights.check_rights(self.store, user, wanted, "resume")
            self._check_room(user, int(bool(wanted)))
            self._enqueue(wanted)

    def stop(self, run_id: str, *, user: User = HOST) -> None:
        """Stop the run and the lanes that train with it; a queued job leaves the queue. Nothing to do is no error."""
        with self._changed:
            job = self._job_of(run_id)
            lanes = job.run_ids if job else [run_id]
            for lane in lanes:
                require(user, self.store.status(lane).owner, lane, "stop")
            if job in self._waiting:
                self._waiting.remove(job)
            if job and job.active:
                self._stopped_jobs.add(job.id)  # its worker may not have claimed the runs yet
            else:
                taken = {"state": "stopped", "ended": time.time(), "message": "Taken from the queue."}
                for lane in lanes:
                    self.store.update_if(lane, lambda s: s.state == "queued", **taken)
            ask_to_stop(self.store, lanes)

    def queue(self) -> list[Job]:
        """The active job, then the waiting ones in order."""
        with self._changed:
            return self._jobs()

    # ---- the queue

    def _enqueue(self, run_ids: list[str], together: Sequence[str] = (), seeds: Sequence[int] = ()) -> None:
        """Queue a job; the runs `together` with it, ended ones among them, become lanes of the same race."""
        job = Job(uuid.uuid4().hex[:12], run_ids, owner=self.store.status(run_ids[0]).owner if run_ids else "")
        for run_id in together:
            self.store.update(run_id, job=job.id, seeds=list(seeds))
        if not run_ids:
            return
        for run_id in run_ids:
            self.store.update(run_id, state="queued", job=job.id, queued=time.time(), ended=None, message="")
        self._waiting.append(job)
        self._changed.notify_all()

    def _refuse_training(self) -> None:
        if self.refusal:
            raise ConfigError(self.refusal)

    def _check_room(self, user: User, races: int) -> None:
        if not user.owner and races:
            jobs = self._jobs()
            self.limits.check_queue(len(jobs), sum(job.owner == user.id for job in jobs), races)

    def _free_memory_for_a_race(self) -> int:
        """What will be free when a race's turn comes: the worker gives back what it has by then."""
        machine, worker = self.machine(), self._worker
        if machine.memory:
            return machine.memory
        return self._free_memory() + (worker.resident_bytes() if worker else 0)

    def _jobs(self) -> list[Job]:
        return [*([self._active] if self._active else []), *self._waiting]

    def _job_of(self, run_id: str) -> Job | None:
        return next((job for job in self._jobs() if run_id in job.run_ids), None)

    def _queued_on_disk(self) -> list[Job]:
        """The queue as the run folders remember it."""
        lanes: dict[str, list[tuple[float, str, str]]] = {}
        for record in self.store.records():
            status = record.status
            if status.state == "queued":
                lanes.setdefault(status.job, []).append((status.queued, record.run_id, status.owner))
        ordered = sorted(lanes.items(), key=lambda item: min(item[1]))
        return [Job(job, [run_id for _, run_id, _ in sorted(of)], owner=min(of)[2]) for job, of in ordered]

    # ---- the worker

    def _warm_worker(self, timeout: float = 60) -> WorkerProcess:
        """The living worker; waits while one is being started."""
        with self._changed:
            self._changed.wait_for(lambda: self._worker is not None or self._closing, timeout)
            if not self._worker:
                raise ConfigError(f"no worker process came up within {timeout:.0f} s; see {self.store.worker_log_path}")
            return self._worker

    def _loop(self) -> None:
        while not self._closing:
            worker = self._new_worker()
            job = None
            while worker and (job := self._next_job(worker)):
                self._train(worker, job)
                self._short_lives = 0
                if not self._can_serve_again(worker):
                    break
            with self._changed:
                self._worker = None
                self._changed.notify_all()
            if worker:
                worker.close()
            if not job and not self._closing:  # it died idle: one that cannot start must not keep the machine busy
                died_young = time.monotonic() - self._worker_since < SHORT_LIFE_SECONDS
                self._short_lives = self._short_lives + 1 if died_young else 1
                time.sleep(RESTART_SECONDS)

    def _new_worker(self) -> WorkerProcess | None:
        """None where no process can be started at present: the disk is full, or the machine has no room for one."""
        try:
            worker = WorkerProcess(self.store, self.device)
        except OSError as error:
            print(f"no worker process can be started: {error}", file=sys.stderr)
            worker = None
        with self._changed:
            self._worker, self._worker_since = worker, time.monotonic()
            self._changed.notify_all()
        return worker

    def _can_serve_again(self, worker: WorkerProcess) -> bool:
        """Whether the next job may have the same process: not on a GPU, whose memory returns when the process ends."""
        return worker.alive() and not worker.terminated and self._machine is not None and self._machine.device == "cpu"

    def _next_job(self, worker: WorkerProcess) -> Job | None:
        """Wait for a job; None when closing or when the idle worker has died."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing, RECOVER_SECONDS)
                if self._closing or not worker.alive():
                    return None
                if self._waiting:
                    job = self._waiting.pop(0)
                    self._active = replace(job, active=True)
                    return self._active
            self._look_around()

    def _look_around(self) -> None:
        """What an idle moment is for: runs whose process is gone or whose end could not be written, and the checker."""
        self.checks.start()
        self._unsettled = [one for one in self._unsettled if not one.settle()]
        try:
            self.store.recover()
        except (OSError, ValueError) as problem:  # the runs folder was removed, a run damaged, or the disk is full
            print(f"runs that lost their process cannot be marked: {problem}", file=sys.stderr)

    def _train(self, worker: WorkerProcess, job: Job) -> None:
        memory = int(MEMORY_SHARE * self._free_memory()) + worker.resident_bytes()
        watched = Supervision(self.store, worker, job.id, job.run_ids, self.limits.minutes, memory)
        worker.run(job.run_ids)
        watched.until_over(lambda: job.id in self._stopped_jobs, lambda: self._closing)
        if not watched.settle():
            self._unsettled.append(watched)
        self._stopped_jobs.discard(job.id)
        with self._changed:
            self._active = None
