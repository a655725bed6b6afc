"""Checks: answer questions about runs before they start, each in its own child process.

The processes are forked from a server that has imported torch and timm (multiprocessing's forkserver). So a process is
ready in milliseconds, and frees its memory, including GPU memory, when it ends.
"""

import json
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal

import psutil

from lpwd import plugins
from lpwd.bounded import ROOT, exit_text, prefer_for_oom_kill
from lpwd.config import ConfigError, RunConfig
from lpwd.facts import is_pinned
from lpwd.jobs.checking import questions
from lpwd.jobs.costs import STARTABLE
from lpwd.training.memory import Footprint

START_SECONDS = 60.0  # importing timm on a busy machine
CHECK_SECONDS = 60.0  # per run; the deepest allowed model takes 3 s on an idle core, a small one 30 s at load 17
MEASURE_SECONDS = 60.0
PIN_SECONDS = 900.0  # to download and read your own data
WAIT_SECONDS = 90.0  # for other questions
CHECK_BYTES = 2 * 2**30  # memory limit of a check, without the libraries
SERVER_ENDS_SECONDS = 0.5  # until a killed server has ended
RESTART_SECONDS = 10.0  # between attempts to start a process
TOO_LONG = "{what} took longer than {seconds:g} s: this machine is busy, or the model is large. Try again later, or \
choose a smaller model."
KEPT_SECONDS, MAX_KEPT = 60.0, 256  # Start repeats the check of the form a moment before

LOADED = ["lpwd.jobs.checking.questions", "lpwd.jobs.checking.speed", "lpwd.training.models", "lpwd.training.graph"]


def _context() -> ForkServerContext | SpawnContext:
    """Return a context that forks processes from a warm server, or else starts them from scratch.

    Windows cannot fork, and with a long name of the temporary folder the server's socket has no address.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    before = dict(os.environ)
    context.set_forkserver_preload(LOADED)
    # Python before 3.12.9 does not pass sys.path to the server.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [before.get("PYTHONPATH")])])
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # see __main__
    try:
        forkserver.ensure_running()
    except OSError:
        return multiprocessing.get_context("spawn")
    finally:
        os.environ.pop("PYTHONPATH")
        os.environ.update(before)
    for server in _servers():
        prefer_for_oom_kill(server.pid)
    return context


def _servers() -> Iterator[psutil.Process]:
    """Yield the server of this process, if it is running."""
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if any("multiprocessing.forkserver" in word for word in child.cmdline()):
                yield child


class Checks:
    """Use `start`, `check`, `pin`, `measure`, `close`. Questions of several threads are answered one by one."""

    def __init__(
        self,
        log: Path,
        device: str,
        *,
        memory: int = CHECK_BYTES,
        check_seconds: float = CHECK_SECONDS,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._log, self._device, self._memory = log, device, memory
        self._check_seconds, self._wait_seconds = check_seconds, wait_seconds
        self._processes: set[BaseProcess] = set()  # working on a question
        self._warming: threading.Thread | None = None
        self._warmed, self._warmed_at = False, -RESTART_SECONDS  # on the monotonic clock
        self._turn, self._reading = threading.Lock(), threading.Lock()  # for questions about models, and about data
        self._kept: dict[str, tuple[float, Footprint]] = {}
        self._closed = False

    def start(self) -> None:
        """Start the server in the background, unless it is running; never waits."""
        waiting = self._warming is not None and self._warming.is_alive()
        if not waiting and not self._warmed and time.monotonic() - self._warmed_at > RESTART_SECONDS:
            self._warmed_at = time.monotonic()
            self._warming = threading.Thread(target=self._warm_up, name="lpwd-checks", daemon=True)
            self._warming.start()

    def _warm_up(self) -> None:
        with suppress(ConfigError):
            self._ask("Starting a process", START_SECONDS, questions.warm_up)
            self._warmed = True

    def check(self, configs: Sequence[RunConfig]) -> list[Footprint]:
        """Return the memory needs of each run. Raises ConfigError if one cannot start, or if the check fails."""
        now, by_key = time.monotonic(), {_key(config): config for config in configs}
        known = {key: kept for key, kept in self._kept.items() if key in by_key and now - kept[0] < KEPT_SECONDS}
        if missing := [key for key in by_key if key not in known]:
            arguments = ([by_key[key] for key in missing], self._device, self._memory)
            seconds = self._check_seconds * len(missing)
            footprints = self._ask("Trying the model", seconds, questions.footprints, *arguments)
            known |= {key: (now, footprint) for key, footprint in zip(missing, footprints, strict=True)}
            self._kept = dict([*self._kept.items(), *known.items()][-MAX_KEPT:])
        return [known[_key(config)][1] for config in configs]

    def pin(self, configs: Sequence[RunConfig]) -> list[RunConfig]:
        """Return the configurations with the digests of their data. Raises ConfigError for unusable data."""
        if all(config.data_digest or not is_pinned(config.dataset) for config in configs):
            return list(configs)
        pinned: list[RunConfig] = self._ask(
            "Reading the data set", PIN_SECONDS, questions.pinned, configs, turn=self._reading
        )
        return pinned

    def measure(self, config: RunConfig, threads: int) -> float:
        """Measure images per second in a few steps. Raises ConfigError if the run cannot be measured."""
        arguments = (config, self._device, threads)
        return float(self._ask("Measuring a step of the model", MEASURE_SECONDS, questions.speed, *arguments))

    def state(self) -> Literal["alive", "starting", "dead"]:
        """Return `dead` if the last attempt to start a process failed, or after `close`."""
        if self._closed or self._warming is None:
            return "dead"
        if self._warmed:
            return "alive"
        return "starting" if self._warming.is_alive() else "dead"

    def close(self) -> None:
        """Kill the server and processes that work on a question."""
        self._closed = True
        for process in list(self._processes):
            with suppress(ValueError):  # already closed
                process.kill()
        for server in _servers():
            with suppress(psutil.NoSuchProcess):
                server.kill()

    def _ask(
        self,
        what: str,
        seconds: float,
        question: Callable[..., Any],
        *arguments: Any,
        turn: Any = None,
    ) -> Any:
        with self._my_turn(turn or self._turn), _asked(question, arguments, self._log) as (process, answers):
            self._processes.add(process)
            try:
                if not answers.poll(seconds):
                    raise ConfigError(TOO_LONG.format(what=what, seconds=seconds))
                problem, value = answers.recv()
            except (EOFError, ConnectionError):
                process.join()
                ended = f"The process that checks the model ended ({exit_text(process.exitcode)})"
                raise ConfigError(f"{ended}: choose a smaller model, or try again.") from None
            finally:
                self._processes.discard(process)
        if problem:
            raise problem
        return value

    @contextmanager
    def _my_turn(self, turn: Any) -> Iterator[None]:
        if not turn.acquire(timeout=self._wait_seconds):
            raise ConfigError(f"Still checking other models after {self._wait_seconds:g} s: try again in a moment.")
        try:
            if self._closed:
                raise ConfigError("the app is closing")
            yield
        finally:
            turn.release()


@contextmanager
def _asked(question: Callable[..., Any], arguments: Sequence[Any], log: Path) -> Iterator[tuple[BaseProcess, Any]]:
    """Provide a child process that works on a question, and the pipe of its answer; the process is ended afterwards."""
    context = _context()
    receiving, sending = context.Pipe(duplex=False)
    files = [plugin.path for plugin in plugins.loaded() if plugin.is_file]
    process = context.Process(target=questions.answer, args=(sending, log, question, arguments, files), daemon=True)
    with closing(receiving):
        _start(process)
        sending.close()  # so that the end of the process is an end of file here
        try:
            yield process, receiving
        finally:
            process.kill()
            process.join()
            process.close()


def _start(process: BaseProcess) -> None:
    """Start a process, from a new server if the current one was just killed. Raises ConfigError if that fails too."""
    try:
        process.start()
    except (EOFError, OSError):
        time.sleep(SERVER_ENDS_SECONDS)
        _context()
        try:
            process.start()
        except (EOFError, OSError) as error:
            raise ConfigError(f"The process that checks models cannot start ({type(error).__name__}).") from None


def _key(config: RunConfig) -> str:
    return json.dumps({name: getattr(config, name) for name in STARTABLE})
