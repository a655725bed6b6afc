# ruff: noqa: E402
"""Send generated requests of an anonymous user to every function and endpoint while a run trains.

    python benchmarks/stranger.py [--requests 500] [--seconds 120] [--seed 0]

Requests are generated as in tests/test_answers.py, may contain the id of the training run, and are sent at a constant
rate from a process on the same machine. Prints the kinds of answers, the training speed before, during and after, and
the health of all processes. Speeds need an idle machine. Exits with 1 if a process ended, an answer was not a valid
message, or the run was changed.
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent.parent / "tests"), str(Path(__file__).parent.parent)]

import psutil
from browser import App, owner, running_app, wait_until
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from test_answers import FUNCTIONS, NAMED, SERVER, Wire, anything

from lpwd.store import RunStore

RACE = {"model": "convnext_atto", "dataset": "digits", "epochs": 5000, "method": ["wd", "lpwd"]}
ALONE_SECONDS, WARM_SECONDS = 30, 20


def requests(run_ids: Sequence[str]) -> st.SearchStrategy[tuple[str, str, Any]]:
    """A request: (component or "", function or endpoint, payload)."""
    word = st.one_of(anything, st.sampled_from(run_ids), st.just(list(run_ids)))

    def served(chosen: tuple[str, str]) -> st.SearchStrategy[tuple[str, str, Any]]:
        fields = st.fixed_dictionaries({}, optional=dict.fromkeys(SERVER[chosen[0]][chosen[1]], word))
        return st.tuples(st.just(chosen[0]), st.just(chosen[1]), st.one_of(*[fields.map(json.dumps)] * 9, anything))

    def named(name: str) -> st.SearchStrategy[tuple[str, str, Any]]:
        return st.tuples(st.just(""), st.just(name), st.lists(word, min_size=NAMED[name], max_size=NAMED[name]))

    functions, endpoints = st.sampled_from(FUNCTIONS).flatmap(served), st.sampled_from(sorted(NAMED)).flatmap(named)
    return st.one_of(functions, functions, functions, endpoints)


def generated(run_ids: Sequence[str], count: int, number: int) -> list[tuple[str, str, Any]]:
    """Return requests that depend only on seed and ids."""
    made: list[tuple[str, str, Any]] = []
    quiet = settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

    @seed(number)
    @quiet
    @given(requests(run_ids))
    def draw(request: tuple[str, str, Any]) -> None:
        made.append(request)

    while len(made) < count:  # hypothesis skips repeated examples
        draw()
    return made[:count]


def outcome(wire: Wire, request: tuple[str, str, Any]) -> str:
    """Classify the answer to a request; only the first two kinds are correct."""
    tab, name, data = request
    try:
        if not tab:
            kind, told = wire.call(name, data)
            problem = "" if kind == "complete" else told["error"]
        else:
            problem = wire.serve(tab, name, data)["problem"]
    except (urllib.error.HTTPError, TimeoutError) as error:
        return f"{type(error).__name__} {error} from {name}"
    if not isinstance(problem, str) or "\n" in problem or len(problem) > 2000:
        return f"no sentence from {name}"
    return "refused in a sentence" if problem else "answered"


class Training:
    """The lanes of the owner's race and the worker process."""

    def __init__(self, app: App) -> None:
        self.app, self.store = app, RunStore(app.runs_dir)
        self.ids: list[str] = owner(app).predict(**RACE, api_name="/start_run")
        wait_until(lambda: self.store.status(self.ids[0]).step > 15, 300)
        self.process = psutil.Process(self.store.status(self.ids[0]).pid)

    def mark(self) -> tuple[int, float, float]:
        """Return steps of both lanes, seconds, and CPU seconds of the process."""
        times = self.process.cpu_times()
        return sum(self.store.status(i).step for i in self.ids), time.perf_counter(), times.user + times.system

    def since(self, mark: tuple[int, float, float]) -> tuple[float, float]:
        """Return steps per second and steps per CPU second since `mark`."""
        steps, seconds, busy = (now - then for now, then in zip(self.mark(), mark, strict=True))
        return steps / seconds, steps / busy

    def alone(self) -> tuple[float, float]:
        mark = self.mark()
        time.sleep(ALONE_SECONDS)
        return self.since(mark)


def health(app: App) -> Any:
    with urllib.request.urlopen(f"{app.url}/health", timeout=60) as answer:  # noqa: S310  an app on this machine
        return answer.status, json.load(answer)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_app(Path(folder) / "runs", LPWD_MAX_IMAGES="1") as app:
        training, wire = Training(app), Wire(app)
        made = generated(training.ids, options.requests, options.seed)
        random.Random(options.seed).shuffle(made)
        time.sleep(WARM_SECONDS)  # wait until the app has loaded its libraries
        living = {process.pid for process in psutil.Process(app.process.pid).children(recursive=True)}
        before, mark, counts, waits = training.alone(), training.mark(), Counter[str](), []
        begun = time.perf_counter()
        for number, request in enumerate(made):
            time.sleep(max(0, begun + number * options.seconds / len(made) - time.perf_counter()))
            sent = time.perf_counter()
            counts[outcome(wire, request)] += 1
            waits.append(time.perf_counter() - sent)
        took, during = time.perf_counter() - begun, training.since(mark)
        after = training.alone()
        gone = living - {process.pid for process in psutil.Process(app.process.pid).children(recursive=True)}
        kept = {training.store.status(i).state for i in training.ids} == {"running"}
        state, told = health(app)
        same, alive = training.process.is_running(), app.process.poll() is None
        owner(app).predict(training.ids[0], api_name="/stop_run")
        traceback = "Traceback" in app.log.read_text(encoding="utf-8")
    print(f"{len(made)} requests in {took:.0f} s: {dict(counts)}")
    print(f"median {1000 * statistics.median(waits):.0f} ms, largest {1000 * max(waits):.0f} ms")
    for name, (speed, thrift) in {"before": before, "during": during, "after": after}.items():
        print(f"{name}: {speed:.2f} steps a second, {thrift:.2f} a processor second of the training process")
    ratio = during[0] / statistics.fmean([before[0], after[0]])
    print(
        f"speed during / mean of before and after {ratio:.3f}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    print(f"app alive: {alive}; of its {len(living)} processes ended: {len(gone)}")
    print(f"the run trains on, in the same process: {kept and same}; /health {state} {told}")
    print(f"tracebacks in the app's log: {traceback}")
    sound = (
        set(counts) <= {"answered", "refused in a sentence"} and kept and same and alive and not gone and state == 200
    )
    return 0 if sound and not traceback else 1


if __name__ == "__main__":
    sys.exit(main())
