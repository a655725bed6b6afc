"""Checks: what can be known of runs before they start, each question answered by a child process of its own.

The processes are forked from a server that has imported torch and timm already (multiprocessing's forkserver), so that
one is ready in milliseconds, and gives its memory back, GPU memory included, when it ends.
"""

import json
import multiprocessing
import os
import signal
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
from lpwd.config import ConfigError, RunConfig
from lpwd.facts import is_pinned
from lpwd.jobs.checking import questions
from lpwd.jobs.costs import STARTABLE
from lpwd.training.memory import Footprint

START_SECONDS = 60.0  # importing timm on a busy machine
CHECK_SECONDS = 60.0  # per run; the deepest allowed model takes 3 on an idle core, a small one 30 at load 17
MEASURE_SECONDS = 60.0
PIN_SECONDS = 900.0  # to download and read one's own data
WAIT_SECONDS = 90.0  # for the questions of others
CHECK_BYTES = 2 * 2**30  # that a check may take beside what the libraries need
SERVER_ENDS_SECONDS = 0.5  # until a killed server is known to be gone
RESTART_SECONDS = 10.0  # between attempts to start a process
TOO_LONG = "{what} had not ended after {seconds:g} s: this machine is busy, or the model is large. Try again when less \
runs here, or choose a smaller model."
KEPT_SECONDS, MAX_KEPT = 60.0, 256  # Start asks again what the line above it asked a moment before

ROOT = str(Path(__file__).parents[3])  # of the package: Python before 3.12.9 gives the server no sys.path
LOADED = ["lpwd.jobs.checking.questions", "lpwd.jobs.checking.speed", "lpwd.training.models", "lpwd.training.graph"]


def _context() -> ForkServerContext | SpawnContext:
    """Processes forked from a warm server, or started from scratch.

    Windows cannot fork, and a long name of the temporary folder leaves no address for the server's socket.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    before = dict(os.environ)
    context.set_forkserver_preload(LOADED)
    os.environ["PYTHONPATH"] = os.pathsep.join([ROOT, *filter(None, [before.get("PYTHONPATH")])])
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # see __main__
    try:
        forkserver.ensure_running()
    except OSError:
        return multiprocessing.get_context("spawn")
    finally:
        os.environ.pop("PYTHONPATH")
        os.environ.update(before)
    for server in _servers():
        with suppress(OSError):  # not Linux, or it has ended already
            Path(f"/proc/{server.pid}/oom_score_adj").write_text(str(questions.OOM_SCORE), encoding="ascii")
    return context


def _servers() -> Iterator[psutil.Process]:
    """The server of this process, if it runs."""
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if any("multiprocessing.forkserver" in word for word in child.cmdline()):
                yield child


class Checks:
    """Use `start`, `check`, `measure`, `close`. Questions of several threads are answered one after the other."""

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
        self._processes: set[BaseProcess] = set()  # that work on a question
        self._warming: threading.Thread | None = None
        self._warmed, self._warmed_at = False, -RESTART_SECONDS  # on the monotonic clock
        self._turn, self._reading = threading.Lock(), threading.Lock()  # of questions about models, and about data
        self._kept: dict[str, tuple[float, Footprint]] = {}
        self._closed = False

    def start(self) -> None:
        """Start the server of processes in the background, unless that has been done; never waits."""
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
        """What each run needs. Raises ConfigError if one could not start, or if that cannot be found out."""
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
        """The configurations with the digests of their data. Raises ConfigError for data that cannot be used."""
        if all(config.data_digest or not is_pinned(config.dataset) for config in configs):
            return list(configs)
        pinned: list[RunConfig] = self._ask(
            "Reading the data set", PIN_SECONDS, questions.pinned, configs, turn=self._reading
        )
        return pinned

    def measure(self, config: RunConfig, threads: int) -> float:
        """Images per second of a few steps with so many threads. Raises ConfigError if that cannot be measured."""
        arguments = (config, self._device, threads)
        return float(self._ask("Measuring a step of the model", MEASURE_SECONDS, questions.speed, *arguments))

    def state(self) -> Literal["alive", "starting", "dead"]:
        """`dead` if the last attempt to start a process failed, or after `close`."""
        if self._closed or self._warming is None:
            return "dead"
        if self._warmed:
            return "alive"
        return "starting" if self._warming.is_alive() else "dead"

    def close(self) -> None:
        """End the process that works on a question, whatever it is doing, and the server."""
        self._closed = True
        for process in list(self._processes):
            with suppress(ValueError):  # it has just been closed
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
                ended = f"The process that tried the model ended ({_exit_text(process)})"
                raise ConfigError(f"{ended}: choose a smaller one, or try again.") from None
            finally:
                self._processes.discard(process)
        if problem:
            raise problem
        return value

    @contextmanager
    def _my_turn(self, turn: Any) -> Iterator[None]:
        if not turn.acquire(timeout=self._wait_seconds):
            raise ConfigError(f"Other models have been tried for {self._wait_seconds:g} s; ask again in a moment.")
        try:
            if self._closed:
                raise ConfigError("the app is closing")
            yield
        finally:
            turn.release()


@contextmanager
def _asked(question: Callable[..., Any], arguments: Sequence[Any], log: Path) -> Iterator[tuple[BaseProcess, Any]]:
    """A child process that works on a question, and the pipe of its answer; the process is gone at the end."""
    context = _context()
    receiving, sending = context.Pipe(duplex=False)
    files = [plugin.path for plugin in plugins.loaded() if plugin.is_file]
    process = context.Process(target=questions.answer, args=(sending, log, question, arguments, files), daemon=True)
    with closing(receiving):
        _start(process)
        sending.close()  # so that its end is an end of file here
        try:
            yield process, receiving
        finally:
            process.kill()
            process.join()
            process.close()


def _start(process: BaseProcess) -> None:
    """Start it, from a new server if the present one is just being killed. Raises ConfigError if that fails, too."""
    try:
        process.start()
    except (EOFError, OSError):
        time.sleep(SERVER_ENDS_SECONDS)
        _context()
        try:
            process.start()
        except (EOFError, OSError) as error:
            raise ConfigError(f"The process that tries models cannot start ({type(error).__name__}).") from None


def _exit_text(process: BaseProcess) -> str:
    code = process.exitcode or 0
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _key(config: RunConfig) -> str:
    return json.dumps({name: getattr(config, name) for name in STARTABLE})
