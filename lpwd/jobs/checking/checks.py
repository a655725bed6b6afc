"""Checks: what can be known of runs before they begin, found in a process of its own that is replaced when it dies."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from lpwd.config import ConfigError, RunConfig
from lpwd.jobs.costs import STARTABLE
from lpwd.jobs.worker_process import Child, ChildEnded, NoAnswer
from lpwd.training.memory import Footprint

START_SECONDS = 60.0  # importing timm on a busy machine
CHECK_SECONDS = 60.0  # of each run; the deepest allowed model takes 3 on an idle core, a small one 30 at load 17
MEASURE_SECONDS = 60.0
WAIT_SECONDS = 90.0  # for the questions of others
CHECK_BYTES = 2 * 2**30  # that a check may take beside what the libraries need
RESTART_SECONDS = 10.0  # between attempts to start a process that did not become ready
TOO_LONG = "{what} had not ended after {seconds:g} s: this machine is busy, or the model is large. Try again when less \
runs here, or choose a smaller model."
DOES = {False: "Trying the model", True: "Measuring a step of the model"}  # by whether it is to be measured
KEPT_SECONDS, MAX_KEPT = 60.0, 256  # Start asks again what the line above it asked a moment before


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
        self._log, self._arguments = log, ["--device", device, "--memory", str(memory)]
        self._check_seconds, self._wait_seconds = check_seconds, wait_seconds
        self._child: Child | None = None
        self._started = 0.0  # on the monotonic clock
        self._turn = threading.Lock()
        self._kept: dict[str, tuple[float, Footprint]] = {}
        self._closed = False

    def start(self) -> None:
        """Start the process where none lives, in advance of a question; never waits."""
        if self._turn.acquire(blocking=False):
            try:
                if not (self._child and self._child.alive()) and time.monotonic() - self._started > RESTART_SECONDS:
                    self._begin()
            finally:
                self._turn.release()

    def check(self, configs: Sequence[RunConfig]) -> list[Footprint]:
        """What each run needs. Raises ConfigError where one could not start, or where that cannot be found out."""
        now, questions = time.monotonic(), {_key(config): config.model_dump(mode="json") for config in configs}
        known = {key: one for key, one in self._kept.items() if key in questions and now - one[0] < KEPT_SECONDS}
        if missing := [key for key in questions if key not in known]:
            asked = {"check": [questions[key] for key in missing]}
            footprints = self._ask(asked, self._check_seconds * len(missing))["footprints"]
            known |= {key: (now, Footprint(**each)) for key, each in zip(missing, footprints, strict=True)}
            self._kept = dict([*self._kept.items(), *known.items()][-MAX_KEPT:])
        return [known[_key(config)][1] for config in configs]

    def measure(self, config: RunConfig, threads: int) -> float:
        """Images a second of a few steps with so many threads. Raises ConfigError where that cannot be measured."""
        question = {"measure": config.model_dump(mode="json"), "threads": threads}
        return float(self._ask(question, MEASURE_SECONDS)["measured"])

    def state(self) -> Literal["alive", "starting", "dead"]:
        """`dead` where the last process ended before it was ready; one that died later is replaced."""
        child = self._child
        if child is None or self._closed:
            return "dead"
        if child.greeted():
            return "alive" if child.alive() else "starting"
        return "starting" if child.alive() else "dead"

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._closed = True
        if self._child:
            self._child.kill()
            self._child.close()

    def _ask(self, question: dict[str, Any], seconds: float) -> dict[str, Any]:
        with self._my_turn():
            child, was_there = (self._child, True) if self._child and self._child.alive() else (self._begin(), False)
            try:
                answer = self._answer(child, question, seconds)
            except ChildEnded:
                if not was_there:
                    raise
                child = self._begin()  # it may have been killed before it heard the question
                answer = self._answer(child, question, seconds)
            if answer["last"]:
                child.close()
        if answer["error"]:
            raise ConfigError(answer["error"])
        return answer

    def _answer(self, child: Child, question: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Raises ChildEnded, and ConfigError where it takes too long, which ends the process."""
        try:
            child.greeting(START_SECONDS)
            return child.ask(question, seconds)
        except NoAnswer as error:
            child.close(0)
            if not child.greeted():
                raise
            raise ConfigError(TOO_LONG.format(what=DOES["measure" in question], seconds=seconds)) from error
        except ChildEnded:
            raise ChildEnded(
                f"The process that tried the model ended ({child.exit_text()}): choose a smaller one, or try again."
            ) from None

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=self._wait_seconds):
            raise ConfigError(f"Other models have been tried for {self._wait_seconds:g} s; ask again in a moment.")
        try:
            yield
        finally:
            self._turn.release()

    def _begin(self) -> Child:
        if self._closed:
            raise ConfigError("the app is closing")
        if self._child:
            self._child.close()
        self._child, self._started = Child("lpwd.jobs.checking.checker", self._arguments, self._log), time.monotonic()
        return self._child


def _key(config: RunConfig) -> str:
    return json.dumps({name: getattr(config, name) for name in STARTABLE})
