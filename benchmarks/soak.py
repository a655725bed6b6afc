# ruff: noqa: E402
"""Run the app for an hour with races starting and stopping and five polling pages, and check for leaks.

    python benchmarks/soak.py [--minutes 60] [--pages 5]

Every 20 seconds a race starts, is stopped after 10 seconds, and the previous one is deleted; each page polls once a
second. Every 30 seconds, from the third minute, the script measures resident memory, descriptors, threads and zombies
of app, worker and checker. Prints the first and last line and the largest growth in percent. Expected: memory within 5
%, constant descriptors and threads, no zombies.
"""

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent.parent / "tests"), str(Path(__file__).parent.parent)]

import httpx
import psutil
from browser import App, owner, running_app, wait_until

from lpwd.config import ConfigError
from lpwd.store import RunStore

EVERY_SECONDS, WARM_SECONDS = 30.0, 180.0
TRAIN_SECONDS, PAUSE_SECONDS = 10.0, 10.0
LIMIT_SECONDS = 300.0  # timeout of a start or a stop on a busy machine
RACE = {"model": "convnext_atto", "dataset": "digits", "epochs": 5000, "method": ["wd", "lpwd"]}
MODULES = {"worker": "lpwd.jobs.worker", "checker": "multiprocessing.forkserver"}

Figures = dict[str, float]  # keys: process and quantity


class Races:
    """Start, stop and delete races as the app's owner; `ids` are the runs of the current one."""

    def __init__(self, app: App) -> None:
        self.client, self.store = owner(app), RunStore(app.runs_dir)
        self.ids: list[str] = []
        self.count, self.failures = 0, 0

    def turn(self, ended: threading.Event) -> None:
        """Start one more race."""
        old = self.ids
        self.ids = self.client.predict(**RACE, seed=self.count, api_name="/start_run")
        wait_until(lambda: self.store.status(self.ids[0]).step > 0, LIMIT_SECONDS)
        ended.wait(TRAIN_SECONDS)
        self.client.predict(self.ids[0], api_name="/stop_run")
        wait_until(lambda: {self.store.status(i).state for i in self.ids} == {"stopped"}, LIMIT_SECONDS)
        for run_id in old:
            self.store.delete(run_id)
        self.count += 1
        ended.wait(PAUSE_SECONDS)

    def loop(self, ended: threading.Event) -> None:
        while not ended.is_set():
            try:
                self.turn(ended)
            except (AssertionError, ConfigError, ValueError) as error:
                self.failures += 1
                print(f"race {self.count}: {str(error)[:300]}", flush=True)
                ended.wait(PAUSE_SECONDS)


class Pages:
    """Poll like a number of open pages; `problems` are failed requests."""

    def __init__(self, app: App, races: Races) -> None:
        self.url, self.races = f"{app.url}/lpwd/poll", races
        self.polls, self.problems = 0, 0

    def loop(self, ended: threading.Event) -> None:
        cursors: dict[str, str] = {}
        with httpx.Client(timeout=60) as client:
            while not ended.wait(1.0):
                ids = list(self.races.ids)
                asked = {"run": "", "shown": ids, "cursors": {i: cursors[i] for i in ids if i in cursors}}
                try:
                    told = client.post(self.url, json=asked).json()
                except (httpx.HTTPError, json.JSONDecodeError):
                    self.problems += 1
                    continue
                self.polls += 1
                self.problems += bool(told["problem"])
                cursors = {run_id: curve["cursor"] for run_id, curve in told.get("curves", {}).items()}


@contextmanager
def threads(*loops: Any) -> Iterator[None]:
    """Run each function in a thread until the block ends."""
    ended = threading.Event()
    started = [threading.Thread(target=loop, args=(ended,)) for loop in loops]
    for thread in started:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in started:
            thread.join()


def look(app: App) -> Figures:
    """Return resident memory (MB), open descriptors and threads of each process, and the number of zombies."""
    main = psutil.Process(app.process.pid)
    children = main.children(recursive=True)
    zombies = sum(child.status() == psutil.STATUS_ZOMBIE for child in children if child.is_running())
    figures: Figures = {"zombies": zombies, "processes": 1 + len(children)}
    for name, process in {"app": main, **{name: child for child in children for name in _names(child)}}.items():
        try:
            with process.oneshot():
                figures[f"{name} MB"] = round(process.memory_info().rss / 1e6, 1)
                figures[f"{name} descriptors"] = process.num_fds()
                figures[f"{name} threads"] = process.num_threads()
        except psutil.NoSuchProcess:
            continue
    return figures


def _names(child: psutil.Process) -> list[str]:
    try:
        return [name for name, module in MODULES.items() if any(module in word for word in child.cmdline())]
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


def line(seconds: float, figures: Figures) -> str:
    return f"{seconds:5.0f} s  " + "  ".join(f"{name} {value:g}" for name, value in figures.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--pages", type=int, default=5)
    options = parser.parse_args()
    table: list[tuple[float, Figures]] = []
    with tempfile.TemporaryDirectory() as folder, running_app(Path(folder) / "runs") as app:
        races = Races(app)
        pages = Pages(app, races)
        begun = time.monotonic()
        with threads(races.loop, *[pages.loop] * options.pages):
            time.sleep(min(WARM_SECONDS, 30 * options.minutes))
            while time.monotonic() - begun < 60 * options.minutes:
                table.append((time.monotonic() - begun, look(app)))
                time.sleep(EVERY_SECONDS)
        alive = app.process.poll() is None
    first, last = table[0][1], table[-1][1]
    growths = {
        name: 100 * (max(row[name] for _, row in table if name in row) / value - 1)
        for name, value in first.items()
        if value
    }
    print(f"first  {line(*table[0])}")
    print(f"last   {line(*table[-1])}")
    print("largest growth over the first: " + ", ".join(f"{name} {g:+.1f} %" for name, g in growths.items()))
    print(
        "at the end: " + ", ".join(f"{n} {100 * (last[n] / v - 1):+.1f} %" for n, v in first.items() if v and n in last)
    )
    print(f"zombies, most at once: {max(row['zombies'] for _, row in table):g}; app alive: {alive}")
    print(f"{races.count} races ({races.failures} failed), {pages.polls:,} polls ({pages.problems} problems)")
    print(f"{len(table)} looks; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
