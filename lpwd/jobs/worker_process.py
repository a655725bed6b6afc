"""The app's end of its worker process, which is asked in numbered JSON lines.

Question {"number": 3, ...} on its stdin, answer {"number": 3, ...} on its stdout. Its greeting, sent when
it is ready, has number 0.
"""

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any

import psutil

from lpwd.config import ConfigError
from lpwd.jobs.worker import Machine
from lpwd.store import RunStore

Answer = dict[str, Any]
ENVIRONMENT = {"MALLOC_ARENA_MAX": "1"}  # glibc: one heap for all threads, see `freed_memory_kept`
OOM_SCORE = 500  # if memory is short, the kernel ends a worker rather than the app


class WorkerProcess:
    """Started at once; `hello` waits until it is warm, `run` begins a job, `wait_job` waits for its end.

    It is not tied to the thread that made it: `close` ends it.
    """

    def __init__(
        self, store: RunStore, device: str, threads: int | None = None, news: threading.Event | None = None
    ) -> None:
        """`news` is set whenever a job has ended, for callers that wait for several processes.

        What the process prints goes to the store's worker log, never to a pipe.
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
                cwd=Path(__file__).parent.parent.parent,
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
        with contextlib.suppress(OSError):  # not Linux, or it has ended already
            Path(f"/proc/{self._process.pid}/oom_score_adj").write_text(str(OOM_SCORE), encoding="ascii")
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
        return ConfigError(f"the worker process ended ({self.exit_text()}); see {self._log}")

    def hello(self, seconds: float = 60) -> Machine:
        """What the worker says of its machine. Raises ConfigError if it cannot start."""
        try:
            greeting = self._greeting.result(seconds)
        except TimeoutError:
            said = f"the worker process gave no answer within {seconds:.0f} s; see {self._log}"
            raise ConfigError(said) from None
        if greeting.get("error"):
            raise ConfigError(greeting["error"])
        return Machine(**greeting["machine"])

    def _send(self, question: Answer) -> Future[Answer]:
        """Return the answer to come; its exception is set if the process has ended, or ends before it answers."""
        answer: Future[Answer] = Future()
        assert self._process.stdin is not None  # noqa: S101  a pipe: for the type checker
        with self._lock:
            if self._ended:
                answer.set_exception(self._gone())
                return answer
            number = next(self._numbers)
            self._pending[number] = answer
            with contextlib.suppress(BrokenPipeError, ValueError):  # it has died, or hang_up() came first: _read tells
                self._process.stdin.write(json.dumps({"number": number, **question}) + "\n")
                self._process.stdin.flush()
        return answer

    def run(self, run_ids: list[str]) -> None:
        """Begin the job; `wait_job` tells when it is over."""
        self._job = self._send({"run": run_ids})
        self._job.add_done_callback(lambda _: self._news.set())

    def wait_job(self, seconds: float) -> bool:
        """Whether the job, or the process, has ended within `seconds`."""
        return self._job is None or bool(wait([self._job], seconds).done)

    def problem(self) -> str:
        """Why the job that is over could not be trained, where that is no single run's fault; "" otherwise."""
        if self._job is None or self._job.exception():
            return ""
        return str(self._job.result().get("error") or "")

    def alive(self) -> bool:
        return self._process.poll() is None

    def resident_bytes(self) -> int:
        """Its resident memory; 0 if it has ended."""
        try:
            return int(psutil.Process(self._process.pid).memory_info().rss)
        except psutil.NoSuchProcess:
            return 0

    def wait(self, seconds: float) -> bool:
        """Whether the process has ended within `seconds`."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def hang_up(self) -> None:
        """Close its stdin: an idle worker ends, a training one stops after the present step."""
        assert self._process.stdin is not None  # noqa: S101  a pipe: for the type checker
        with contextlib.suppress(BrokenPipeError), self._lock:
            self._process.stdin.close()

    def terminate(self) -> None:
        """Ask it to end after the present step; it takes no further job."""
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
        """How it ended, for people."""
        code = self._process.poll()
        if code is None:
            return "still running"
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"
