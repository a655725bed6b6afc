"""The child process that trains: started warm, it says hello, answers checks and runs jobs one after the other.

Requests are JSON lines on stdin, answers JSON lines on the stdout it was started with; everything that is printed goes
to a log file. When stdin closes, the app is gone: training stops after the present step and is marked interrupted.

    {"check": [config, ...]}  ->  {"error": sentence or null, "parameters": [count, ...]}, while a job trains too
    {"run": [run_id, ...]}    ->  {"done": {run_id: state}} when the job has ended; run folders tell the rest
    {"measure": config}       ->  {"measured": images a second, or null, "error": why}; waits for its turn like a job
"""

import argparse
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from lpwd.config import ConfigError, RunConfig
from lpwd.store import RunStore

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # see __main__; torch is imported later


@dataclass(frozen=True)
class Machine:
    """What a worker says of the machine it will train on."""

    device: str  # "cpu" or "cuda"
    label: str  # for people
    models: list[str]  # timm names, suitable ones first
    precision: str  # "bf16" or "fp32": the default on this device
    versions: dict[str, str] = field(default_factory=dict)


def check(configs: Sequence[RunConfig]) -> list[int]:
    """Parameter counts. Raises ConfigError where a run could not start: model, image size or subset.

    Builds on meta, downloads nothing.
    """
    from lpwd.training import models

    for config in configs:
        models.check(config)
    return [models.parameter_count(config) for config in configs]


def hello(device: str) -> Machine:
    """Import everything that a first step needs, and describe the machine."""
    from lpwd.jobs import race
    from lpwd.training import machine, models, provenance

    race.warm_up()
    place = machine.resolve_device(device)
    return Machine(
        device=place.type,
        label=machine.device_label(place),
        models=models.model_names(),
        precision=machine.default_precision(place),
        versions=provenance.versions(),
    )


def serve(store: RunStore, device: str, threads: int | None, requests: TextIO, answers: TextIO) -> None:
    """Answer requests until stdin closes."""
    stop, orphaned = threading.Event(), threading.Event()
    jobs: queue.Queue[dict[str, Any]] = queue.Queue()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches the whole group; the app decides

    def answer(message: dict[str, Any]) -> None:
        print(json.dumps(message), file=answers, flush=True)

    def listen() -> None:
        for line in requests:
            request = json.loads(line)
            if "check" in request:
                answer(_checked(request["check"]))
            else:
                jobs.put(request)
        orphaned.set()
        stop.set()
        jobs.put({})

    answer({"machine": asdict(hello(device))})
    threading.Thread(target=listen, name="lpwd-listen", daemon=True).start()
    from lpwd.jobs.race import run_lanes
    from lpwd.training.datasets import Datasets

    datasets = Datasets()
    while not stop.is_set() and (request := jobs.get()):
        if "measure" in request:
            answer(_measured(request["measure"], device))
            continue
        states = run_lanes(
            store,
            request["run"],
            device=device,
            threads=threads,
            datasets=datasets,
            should_stop=stop.is_set,
            stopped_state=lambda: "interrupted" if orphaned.is_set() else "stopped",
        )
        answer({"done": states})


def _checked(configs: list[dict[str, Any]]) -> dict[str, Any]:
    try:
        return {"error": None, "parameters": check([RunConfig(**config) for config in configs])}
    except ConfigError as error:
        return {"error": str(error), "parameters": []}


def _measured(config: dict[str, Any], device: str) -> dict[str, Any]:
    from lpwd.jobs import speed

    try:
        return {"measured": speed.quick(RunConfig(**config), device), "error": None}
    except (ConfigError, RuntimeError, MemoryError) as error:  # what does not fit or cannot be built
        return {"measured": None, "error": (str(error) or type(error).__name__).partition("\n")[0]}


def main() -> None:
    parser = argparse.ArgumentParser(prog="lpwd.jobs.worker")
    parser.add_argument("--runs-dir", type=Path, required=True)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # prints of libraries belong in the log
    try:
        serve(RunStore(options.runs_dir), options.device, options.threads, sys.stdin, answers)
    except ConfigError as error:  # a device that is not there
        print(json.dumps({"error": str(error)}), file=answers, flush=True)
        sys.exit(2)
    finally:
        sys.stderr.flush()
    os._exit(0)  # the listener may still wait for a line


if __name__ == "__main__":
    main()
