# ruff: noqa: E402
"""Kill the worker at random times, resume until every run has finished, and compare with uninterrupted runs.

    python benchmarks/kills.py [--runs 40] [--kills 50] [--seed 0]

Runs of a few seconds on digits, every third race with two lanes, go through the queue. The worker gets SIGKILL at a
random time during or shortly after a race. Afterwards every metrics.jsonl must equal that of an uninterrupted run,
except for times and speeds. Takes about 15 s per kill on two cores; exits with 1 if a file differs.
"""

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent.parent / "tests"), str(Path(__file__).parent.parent)]
os.environ.setdefault("HF_ENDPOINT", "http://127.0.0.1:9")  # no requests to the Hub

import psutil

from lpwd.config import RunConfig
from lpwd.events import reproducible
from lpwd.jobs.checking.checks import Checks
from lpwd.jobs.queue import Jobs
from lpwd.store import ENDED, RunStore

METHODS = ("wd", "lpwd", "pwd", "rwd", "lwd", "l2", "baseline")
BASE: dict[str, Any] = {
    "model": "convnext_atto",
    "model_kwargs": {"depths": [1, 1, 1, 1], "dims": [8, 16, 16, 32], "patch_size": 2},
    **{"dataset": "digits", "epochs": 12, "batch_size": 32},
    **{"train_samples": 160, "test_samples": 50},
}
TRAINER = "lpwd.jobs.worker"
LIMIT_SECONDS = 300.0  # timeout of each wait, such as a worker start on a busy machine


def races(count: int, chance: random.Random) -> list[list[RunConfig]]:
    """Return distinct runs as jobs: single runs and races of two."""
    configs = [
        RunConfig(
            **BASE,
            method=METHODS[number % len(METHODS)],
            seed=number,
            optimizer=chance.choice(["adam", "sgd"]),
            schedule=chance.choice(["constant", "cosine"]),
            weight_decay=chance.choice([0.05, 0.5]),
            validation_samples=chance.choice([0, 20]),
            zero_shot=chance.random() < 0.3,
        )
        for number in range(count)
    ]
    jobs, left = [], iter(configs)
    for first in left:
        jobs.append([first, *([second] if len(jobs) % 3 == 2 and (second := next(left, None)) else [])])
    return jobs


@contextmanager
def working(folder: Path) -> Iterator[Jobs]:
    jobs = Jobs(RunStore(folder), device="cpu")
    jobs.checks = Checks(jobs.store.worker_log_path, "cpu", check_seconds=LIMIT_SECONDS)  # low priority
    jobs.start()
    try:
        jobs.machine(LIMIT_SECONDS)
        yield jobs
    finally:
        jobs.close()


def wait(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within {LIMIT_SECONDS:.0f} s")
        time.sleep(0.01)


def worker() -> psutil.Process | None:
    """Return the worker process."""
    trainers = (child for child in psutil.Process().children() if lives(child) and TRAINER in child.cmdline())
    return next(trainers, None)


def lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Harness:
    """The races of one queue, killed and resumed; `counts` counts the states at the time of kills."""

    def __init__(self, jobs: Jobs, seconds: dict[str, float], chance: random.Random) -> None:
        """`seconds` are the durations of uninterrupted runs."""
        self.jobs, self.store, self.seconds, self.chance = jobs, jobs.store, seconds, chance
        self.counts: Counter[str] = Counter()

    def states(self, ids: list[str]) -> set[str]:
        return {self.store.status(run_id).state for run_id in ids}

    def train(self, race: list[RunConfig], kills: int) -> int:
        """Wait until every lane has ended, with a number of kills; return how many kills were too late."""
        ids, late = self.jobs.submit(race), 0
        for number in range(kills):
            wait(lambda: "running" in self.states(ids) or self.states(ids) <= {*ENDED}, f"{ids} begin")
            time.sleep(self.chance.uniform(0, self.left(ids)))
            if not self.kill(ids):
                late = kills - number
                break
            wait(lambda: not self.jobs.queue(), f"{ids} are settled")
            self.go_on(ids)
        wait(lambda: not self.jobs.queue(), f"{ids} end")
        assert self.states(ids) == {"finished"}, [self.store.status(i) for i in ids]
        return late

    def left(self, ids: list[str]) -> float:
        """Return the estimated remaining seconds of the race."""
        done = min(self.store.status(run_id).epoch for run_id in ids)
        return min(self.seconds[run_id] for run_id in ids) * max(0.1, 1 - done / BASE["epochs"])

    def kill(self, ids: list[str]) -> bool:
        """Kill the worker, idle or not; return whether the race was training."""
        victim, trains = worker(), "running" in self.states(ids)
        if victim:  # no worker between two races
            victim.send_signal(signal.SIGKILL)
            wait(lambda: not lives(victim), f"process {victim.pid} ends")
            self.counts["kills while it trained" if trains else "kills after its end"] += 1
        return trains

    def go_on(self, ids: list[str]) -> None:
        """Resume the interrupted runs."""
        states = self.states(ids)
        assert states <= {"interrupted", *ENDED}, [self.store.status(i) for i in ids]
        if "interrupted" in states:
            self.counts["resumed"] += 1
            self.jobs.resume(ids)


def numbers(store: RunStore, run_id: str) -> list[dict[str, Any]]:
    """Return the run's records without times and speeds. Fails on incomplete lines."""
    return [
        reproducible(json.loads(line)) for line in store.paths(run_id).metrics.read_text(encoding="utf-8").splitlines()
    ]


def undisturbed(folder: Path, plan: list[list[RunConfig]]) -> dict[str, float]:
    """Train all races; return the seconds of each run."""
    with working(folder) as jobs:
        for race in plan:
            jobs.submit(race)
        wait(lambda: not jobs.queue() or time.sleep(0.2), "the undisturbed runs end")
        return {record.run_id: record.status.seconds for record in jobs.store.records()}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    folder, chance = Path(tempfile.mkdtemp(prefix="lpwd-kills-")), random.Random(options.seed)
    plan = races(options.runs, chance)
    kills = Counter(chance.choices(range(len(plan)), k=options.kills))
    seconds = undisturbed(folder / "whole", plan)
    print(
        f"{options.runs} runs in {len(plan)} races, each {statistics.median(seconds.values()):.1f} s alone", flush=True
    )
    with working(folder / "killed") as jobs:
        harness = Harness(jobs, seconds, chance)
        for number, race in enumerate(plan):
            late = harness.train(race, kills[number])
            kills[number + 1] += late  # add them to the next race
            print(f"  race {number + 1}: {kills[number] - late} kills", flush=True)
    whole = {run_id: numbers(RunStore(folder / "whole"), run_id) for run_id in seconds}
    different = [run_id for run_id, records in whole.items() if records != numbers(jobs.store, run_id)]
    compared = sum(map(len, whole.values()))
    print(f"seed {options.seed}: {dict(harness.counts)}; {kills[len(plan)]} of {options.kills} came after the last run")
    print(f"{len(whole) - len(different)} of {options.runs} runs identical, {compared:,} records compared")
    if different:
        print(f"different: {different}; the runs are kept in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
