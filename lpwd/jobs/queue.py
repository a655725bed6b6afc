"""Jobs: the first-in-first-out queue of one device, and the one worker process that it supervises. No torch here."""

import itertools
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from filelock import FileLock, Timeout

from lpwd.config import ConfigError, RunConfig
from lpwd.jobs.rights import HOST, NOBODY, Limits, User, require
from lpwd.jobs.worker import Machine
from lpwd.jobs.worker_process import WorkerEnded, WorkerProcess
from lpwd.store import ACTIVE, ENDED, RunStore

TERMINATE_AFTER_SECONDS = 20.0  # from a request to stop to SIGTERM: a step of a large model takes its time
KILL_AFTER_SECONDS = 30.0
CHECK_ATTEMPTS = 3
RESTART_SECONDS = 2.0
RECOVER_SECONDS = 2.0  # between looks for runs whose worker is gone
SHORT_LIFE_SECONDS, SHORT_LIVES = 60.0, 2  # so many idle workers in a row that died so young: none can start


@dataclass(frozen=True)
class Job:
    """Runs that train together in lock step; one run is a race of one."""

    id: str
    run_ids: list[str]
    active: bool = False


class Jobs:
    """Use `start`, `submit`, `stop`, `close`. What a run's state is, its folder says; this holds only the order."""

    def __init__(
        self, store: RunStore, *, device: str = "auto", limits: Limits | None = None, refusal: str = ""
    ) -> None:
        """`refusal` says why nothing can train here, where that is so."""
        self.store, self.device, self.limits, self.refusal = store, device, limits or Limits(), refusal
        self._waiting: list[Job] = []
        self._active: Job | None = None
        self._stopped_jobs: set[str] = set()
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

    def close(self) -> None:
        """End the worker after the present step; queued runs stay queued for the next start."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
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
        return self._check([config])[0]

    def measure(self, config: RunConfig) -> float | None:
        """Training speed in images a second, measured now; None while something trains. Raises ConfigError."""
        with self._changed:
            worker = None if self._active or self._waiting else self._worker
        return worker.measure(config.model_dump(mode="json")) if worker else None

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
        ids = [list(dict.fromkeys(config.run_id for config in race)) for race in races]
        seeds = [race[0].seed for race in races] if len(races) > 1 else []
        self._check_user(user, configs)
        self._check(configs)
        with self._changed:
            for run_id in itertools.chain(*ids):
                self._refuse_busy(run_id)
            wanted = [[i for i in run_ids if again or not self._has_ended(i)] for run_ids in ids]
            self._check_queue(user, sum(map(bool, wanted)))
            for run_id in filter(self.store.exists, itertools.chain(*wanted)):
                require(user, self.store.status(run_id).owner, run_id, "begin it anew" if again else "resume")
            for config in configs:
                self.store.create(config, owner=user.id, state="stopped")
            for run_id in itertools.chain(*wanted):
                if again or self.store.status(run_id).state == "failed":
                    self.store.restart(run_id)
            for run_ids, chosen in zip(ids, wanted, strict=True):
                self._enqueue(chosen, run_ids, seeds)
        return ids

    def resume(self, run_ids: Sequence[str], *, user: User = HOST) -> None:
        """Queue runs that were stopped, interrupted or failed, to go on from their checkpoints as one job."""
        self._refuse_training()
        run_ids = list(dict.fromkeys(run_ids))
        self._check_user(user, [self.store.config(run_id) for run_id in run_ids])
        with self._changed:
            for run_id in run_ids:
                self._refuse_busy(run_id)
            wanted = [run_id for run_id in run_ids if not self._has_ended(run_id)]
            for run_id in wanted:
                require(user, self.store.status(run_id).owner, run_id, "resume")
            self._check_queue(user, int(bool(wanted)))
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
            self._ask_to_stop(lanes)

    def queue(self) -> list[Job]:
        """The active job, then the waiting ones in order."""
        with self._changed:
            return [*([self._active] if self._active else []), *self._waiting]

    # ---- the queue

    def _enqueue(self, run_ids: list[str], together: Sequence[str] = (), seeds: Sequence[int] = ()) -> None:
        """Queue a job; the ended runs `together` with it are shown as lanes of the same race."""
        job = Job(uuid.uuid4().hex[:12], run_ids)
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

    def _check_user(self, user: User, configs: Sequence[RunConfig]) -> None:
        if user.owner:
            return
        if not user.id:
            raise ConfigError(NOBODY)
        self.limits.check(configs)

    def _check_queue(self, user: User, races: int) -> None:
        """Whether so many more races may join the queue."""
        if user.owner or not races:
            return
        jobs = [*([self._active] if self._active else []), *self._waiting]
        mine = sum(self.store.status(job.run_ids[0]).owner == user.id for job in jobs)
        self.limits.check_queue(len(jobs), mine, races)

    def _has_ended(self, run_id: str) -> bool:
        return self.store.exists(run_id) and self.store.status(run_id).state in ENDED

    def _refuse_busy(self, run_id: str) -> None:
        state = self.store.status(run_id).state if self.store.exists(run_id) else ""
        if state == "queued" or state in ACTIVE:
            raise ConfigError(f"run {run_id} is {state} already: watch it, or stop it first")

    def _job_of(self, run_id: str) -> Job | None:
        jobs = [*([self._active] if self._active else []), *self._waiting]
        return next((job for job in jobs if run_id in job.run_ids), None)

    def _queued_on_disk(self) -> list[Job]:
        """The queue as the run folders remember it."""
        lanes: dict[str, list[tuple[float, str]]] = {}
        for record in self.store.records():
            if record.status.state == "queued":
                lanes.setdefault(record.status.job, []).append((record.status.queued, record.run_id))
        ordered = sorted(lanes.items(), key=lambda item: min(item[1]))
        return [Job(job, [run_id for _, run_id in sorted(found)]) for job, found in ordered]

    # ---- the worker

    def _check(self, configs: Sequence[RunConfig]) -> list[int]:
        """Ask the worker whether these runs can start; where it was just being replaced, ask the next one.

        Returns their parameter counts. Raises ConfigError.
        """
        questions = [config.model_dump(mode="json") for config in configs]
        for _ in range(CHECK_ATTEMPTS - 1):
            worker = self._warm_worker()
            try:
                return worker.check(questions)
            except WorkerEnded:
                self._wait_for_another(worker)
        return self._warm_worker().check(questions)

    def _wait_for_another(self, worker: WorkerProcess) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._worker is not worker, 5)

    def _warm_worker(self, timeout: float = 60) -> WorkerProcess:
        """The living worker; waits while one is being started."""
        with self._changed:
            self._changed.wait_for(lambda: self._worker is not None or self._closing, timeout)
            if not self._worker:
                raise ConfigError(f"no worker process came up within {timeout:.0f} s; see {self.store.worker_log_path}")
            return self._worker

    def _loop(self) -> None:
        while not self._closing:
            worker = WorkerProcess(self.store, self.device)
            with self._changed:
                self._worker, self._worker_since = worker, time.monotonic()
                self._changed.notify_all()
            while job := self._next_job(worker):
                worker.run(job.run_ids)
                self._supervise(worker, job)
                self._short_lives = 0
                with self._changed:
                    self._active = None
                if not self._can_serve_again(worker):
                    break
            with self._changed:
                self._worker = None
                self._changed.notify_all()
            worker.close()
            if not job and not self._closing:  # it died idle: one that cannot start must not keep the machine busy
                died_young = time.monotonic() - self._worker_since < SHORT_LIFE_SECONDS
                self._short_lives = self._short_lives + 1 if died_young else 1
                time.sleep(RESTART_SECONDS)

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
                    self._active = Job(job.id, job.run_ids, active=True)
                    return self._active
            self.store.recover()

    def _supervise(self, worker: WorkerProcess, job: Job) -> None:
        """Until the job has ended: flag, then SIGTERM, then SIGKILL for one that does not stop."""
        asked: float | None = None
        begun, over = time.monotonic(), False
        while not worker.wait_job(0.2):
            if self._closing:
                worker.hang_up()
            over = bool(self.limits.minutes and time.monotonic() - begun > 60 * self.limits.minutes)
            if over or job.id in self._stopped_jobs:
                self._ask_to_stop(job.run_ids)
            states = {self.store.status(run_id).state for run_id in job.run_ids}
            asked = (asked or time.monotonic()) if self._closing or "stopping" in states else None
            if asked and time.monotonic() - asked > KILL_AFTER_SECONDS:
                worker.kill()
            elif asked and time.monotonic() - asked > TERMINATE_AFTER_SECONDS:
                worker.terminate()
        for run_id in job.run_ids:
            self._tidy(run_id, worker)
            if over:
                message = f"Stopped after {self.limits.minutes} minutes, the limit of a race here; resume goes on."
                self.store.update_if(run_id, lambda s: s.state == "stopped", message=message)
        self._stopped_jobs.discard(job.id)

    def _ask_to_stop(self, run_ids: Sequence[str]) -> None:
        asked = {"state": "stopping", "message": "Stopping after this step."}
        for run_id in run_ids:
            self.store.update_if(run_id, lambda s: s.state == "running", **asked)

    def _tidy(self, run_id: str, worker: WorkerProcess) -> None:
        """Name what the ended worker could not say itself."""
        ended = f"The worker process ended ({worker.exit_text()}); resume continues from the last checkpoint."
        asked = "The worker process did not stop in time and was killed; resume continues from the last checkpoint."
        self.store.update_if(run_id, lambda s: s.state == "stopping", state="stopped", ended=time.time(), message=asked)
        self.store.update_if(
            run_id, lambda s: s.state in ("running", "queued"), state="interrupted", ended=time.time(), message=ended
        )
