"""The app's handle of a worker process, with numbered JSON lines as messages.

A request {"number": 3, ...} on stdin is answered by {"number": 3, ...} on stdout. The greeting, sent when the worker is
ready, has number 0.
"""

import contextlib
import itertools
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import Future, wait
from typing import Any

import psutil

from lpwd.bounded import ROOT, exit_text, prefer_for_oom_kill
from lpwd.config import ConfigError
from lpwd.jobs.worker import Machine
from lpwd.store import RunStore

Answer = dict[str, Any]
ENVIRONMENT = {"MALLOC_ARENA_MAX": "1"}  # glibc: one heap for all threads, see `freed_memory_kept`


class WorkerProcess:
    """A started process: `hello` waits until it is ready, `run` starts a job, `wait_job` waits for its end.

    It does not depend on the thread that created it: `close` ends it.
    """

    def __init__(
        self, store: RunStore, device: str, threads: int | None = None, news: threading.Event | None = None
    ) -> None:
        """Start the process. Its output goes to the store's worker log, never to a pipe.

        `news` is set when a job has ended, for callers that wait for several processes.
        """
        arguments = ["--runs-dir", str(store.root), "--device", device]
        if threads:
            arguments += ["--threads", str(threads)]
        self._log = store.worker_log_path
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with open(self._log, "a", encoding="utf-8") as errors:
            self._process = subprocess.Popen(  # noqa: S603  this Python, a module and arguments of ours
                [sys.executable, "-m", "lpwd.jobs.worker", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                encoding="utf-8",
                cwd=ROOT,
                env=ENVIRONMENT | os.environ,
                start_new_session=True,
            )
        self._numbers = itertools.count(1)
        self._greeting: Future[Answer] = Future()
        self._pending: dict[int, Future[Answer]] = {0: self._greeting}
        self._job: Future[Answer] | None = None
        self._news = news or threading.Event()
        self._lock = threading.Lock()
        self._ended = False
        self.terminated = False
        prefer_for_oom_kill(self._process.pid)
        threading.Thread(target=self._read, name="lpwd-worker-answers", daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  a pipe: for the type checker
        for line in self._process.stdout:
            answer = json.loads(line)
            with self._lock:
                waiting = self._pending.pop(answer.pop("number"), None)
            if waiting:
                waiting.set_result(answer)
        self._process.wait()
        with self._lock:
            self._ended = True
            left, self._pending = list(self._pending.values()), {}
        for waiting in left:
            waiting.set_exception(self._gone())

    def _gone(self) -> ConfigError:
        return ConfigError(f"the worker process ended ({self.exit_text()}): see {self._log}")

    def hello(self, seconds: float = 60) -> Machine:
        """Return the worker's machine. Raises ConfigError if the worker cannot start."""
        try:
            greeting = self._greeting.result(seconds)
        except TimeoutError:
            raise ConfigError(f"the worker process did not answer within {seconds:.0f} s: see {self._log}") from None
        if greeting.get("error"):
            raise ConfigError(greeting["error"])
        return Machine(**greeting["machine"])

    def _send(self, question: Answer) -> Future[Answer]:
        """Send a request and return its future answer, which fails if the process ends before it answers."""
        answer: Future[Answer] = Future()
        assert self._process.stdin is not None  # noqa: S101  a pipe: for the type checker
        with self._lock:
            if self._ended:
                answer.set_exception(self._gone())
                return answer
            number = next(self._numbers)
            self._pending[number] = answer
            with contextlib.suppress(BrokenPipeError, ValueError):  # the process died or stdin is closed: see _read
                self._process.stdin.write(json.dumps({"number": number, **question}) + "\n")
                self._process.stdin.flush()
        return answer

    def run(self, run_ids: list[str]) -> None:
        """Start a job; `wait_job` waits for its end."""
        self._job = self._send({"run": run_ids})
        self._job.add_done_callback(lambda _: self._news.set())

    def wait_job(self, seconds: float) -> bool:
        """Wait up to `seconds`, and return whether the job or the process has ended."""
        return self._job is None or bool(wait([self._job], seconds).done)

    def problem(self) -> str:
        """Return why the last job could not be trained as a whole, or ""."""
        if self._job is None or self._job.exception():
            return ""
        return str(self._job.result().get("error") or "")

    def alive(self) -> bool:
        return self._process.poll() is None

    def resident_bytes(self) -> int:
        """Return the resident memory of the process, or 0 if it has ended."""
        try:
            return int(psutil.Process(self._process.pid).memory_info().rss)
        except psutil.NoSuchProcess:
            return 0

    def wait(self, seconds: float) -> bool:
        """Wait up to `seconds`, and return whether the process has ended."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def hang_up(self) -> None:
        """Close stdin: an idle worker ends, a training one stops after the current step."""
        assert self._process.stdin is not None  # noqa: S101  a pipe: for the type checker
        with contextlib.suppress(BrokenPipeError), self._lock:
            self._process.stdin.close()

    def terminate(self) -> None:
        """Ask the process to end after the current step; it takes no further job."""
        self.terminated = True
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def close(self, seconds: float = 2) -> None:
        """End the process, by force after `seconds`."""
        self.hang_up()
        if not seconds or not self.wait(seconds):
            self.kill()
            self._process.wait()

    def exit_text(self) -> str:
        """Return how the process ended."""
        return exit_text(self._process.poll())
