"""WorkerProcess: one child process of `lpwd.worker` and the lines exchanged with it."""

import contextlib
import json
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from lpwd.config import ConfigError
from lpwd.jobs.worker import Machine
from lpwd.store import RunStore

MEASURE_SECONDS = 60.0
CHECK_SECONDS = 60.0  # building a large model on meta takes about one


class WorkerEnded(ConfigError):
    """The process that was asked is gone."""


class WorkerProcess:
    """Started at once; `hello` waits until it is warm. Not a daemon of this thread: `close` ends it."""

    def __init__(
        self, store: RunStore, device: str, threads: int | None = None, news: threading.Event | None = None
    ) -> None:
        command = [sys.executable, "-m", "lpwd.jobs.worker", "--runs-dir", str(store.root), "--device", device]
        if threads:
            command += ["--threads", str(threads)]
        with open(store.worker_log_path, "a") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=Path(__file__).parent.parent.parent,
                start_new_session=True,
            )
        self._log = store.worker_log_path
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._idle = threading.Event()  # no job is running, or none ever will
        self._idle.set()
        self._news = news or threading.Event()  # set whenever a job or the process ends: for who waits for several
        self._asking = threading.Lock()  # one question at a time
        self._measured: queue.Queue[dict[str, Any]] = queue.Queue()
        self._measuring = threading.Lock()
        self._machine: Machine | None = None
        self.terminated = False
        threading.Thread(target=self._read, name="lpwd-answers", daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = json.loads(line)
            if "done" in answer:
                self._idle.set()
                self._news.set()
            elif "measured" in answer:
                self._measured.put(answer)
            else:
                self._answers.put(answer)
        self._process.wait()
        self._answers.put({"ended": True})
        self._measured.put({"measured": None, "error": None})
        self._idle.set()
        self._news.set()

    def hello(self, timeout: float = 60) -> Machine:
        """What the worker says of its machine. Raises ConfigError where it cannot start."""
        with self._asking:
            if self._machine is None:
                answer = self._answer(timeout)
                if "machine" not in answer:
                    raise ConfigError(answer["error"])
                self._machine = Machine(**answer["machine"])
            return self._machine

    def check(self, configs: list[dict[str, Any]]) -> list[int]:
        """The runs' parameter counts. Raises ConfigError where one could not start, and WorkerEnded."""
        self.hello()
        with self._asking:
            self._send({"check": configs})
            answer = self._answer(CHECK_SECONDS)
        if answer["error"]:
            raise ConfigError(answer["error"])
        return list(answer["parameters"])

    def measure(self, config: dict[str, Any]) -> float | None:
        """Images a second of a few steps; None where a job came first. Raises ConfigError where it cannot be done."""
        self.hello()
        with self._measuring:
            while not self._measured.empty():  # the answer to a question that nobody waits for any more
                self._measured.get()
            self._send({"measure": config})
            try:
                answer = self._measured.get(timeout=MEASURE_SECONDS)
            except queue.Empty:
                return None
        if answer["error"]:
            raise ConfigError(answer["error"])
        return answer["measured"]

    def run(self, run_ids: list[str]) -> None:
        """Begin the job; `wait_job` tells when it is over."""
        self._idle.clear()
        self._send({"run": run_ids})
        if not self.alive():
            self._idle.set()

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError, ValueError):  # it has died, or close() came first: _answer tells
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def _answer(self, timeout: float) -> dict[str, Any]:
        try:
            answer = self._answers.get(timeout=timeout)
        except queue.Empty:
            raise ConfigError(f"the worker process gave no answer within {timeout:.0f} s; see {self._log}") from None
        if "ended" in answer:
            self._answers.put(answer)  # for whoever asks next
            raise WorkerEnded(f"the worker process ended ({self.exit_text()}); see {self._log}")
        return answer

    def alive(self) -> bool:
        return self._process.poll() is None

    def wait_job(self, seconds: float) -> bool:
        """Whether the job, or the process, has ended within `seconds`."""
        return self._idle.wait(seconds)

    def wait(self, seconds: float) -> bool:
        """Whether the process has ended within `seconds`."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def hang_up(self) -> None:
        """Close its stdin: an idle worker ends, a training one stops after the present step."""
        assert self._process.stdin is not None
        if not self._process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()

    def terminate(self) -> None:
        """Ask it to end after the present step; it takes no further job."""
        self.terminated = True
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        """End the process, by force after two seconds."""
        self.hang_up()
        if not self.wait(2):
            self.kill()
            self._process.wait()

    def exit_text(self) -> str:
        """How it ended, for people."""
        code = self._process.poll()
        if code is None:
            return "still running"
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"
