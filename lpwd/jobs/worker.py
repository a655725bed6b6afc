"""The child process that trains. It warms up, describes the machine, and runs jobs one after the other.

`worker_process.py` documents the messages; all other output goes to a log file. When stdin closes, the app is gone:
training stops after the current step and is marked interrupted.

    {"run": [run_id, ...]}    ->  {"done": {run_id: state}, "error": why none was trained}
"""

import argparse
import json
import os
import queue
import signal
import sys
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from lpwd import plugins
from lpwd.cgroups import usable_cores
from lpwd.config import ConfigError
from lpwd.jobs.costs import Parallelism, parallelism
from lpwd.optimizers import forbid_modules
from lpwd.store import RunStore, State

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # see __main__; torch is imported later


@dataclass(frozen=True)
class Machine:
    """The machine of a worker."""

    device: str  # "cpu" or "cuda"
    label: str  # to display
    models: list[str]  # timm names, suitable ones first
    precision: str  # "bf16" or "fp32": the default on this device
    versions: dict[str, str] = field(default_factory=dict)
    memory: int = 0  # bytes of the device's own memory; 0 if it shares that of the machine
    cores: int = 1  # used by a single run

    def parallelism(self, lanes: int) -> Parallelism:
        """Return how a race of so many lanes computes here."""
        return parallelism(lanes, None, cores=self.cores, on_cpu=self.device == "cpu")


def hello(device: str) -> Machine:
    """Import everything that the first step needs, and describe the machine."""
    import torch

    from lpwd.jobs import race
    from lpwd.networks import model_names
    from lpwd.training import machine, provenance

    race.warm_up()
    place = machine.resolve_device(device)
    return Machine(
        device=place.type,
        label=machine.device_label(place),
        models=model_names(),
        precision=machine.default_precision(place),
        versions=provenance.versions(),
        memory=machine.own_memory(place),
        cores=min(torch.get_num_threads(), usable_cores()),
    )


def serve(store: RunStore, device: str, threads: int | None, requests: TextIO, answers: TextIO) -> None:
    """Answer requests until stdin closes."""
    forbid_modules()
    stop, orphaned = threading.Event(), threading.Event()
    jobs: queue.Queue[dict[str, Any]] = queue.Queue()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches the whole group; the app decides

    def answer(message: dict[str, Any]) -> None:
        print(json.dumps(message), file=answers, flush=True)

    def listen() -> None:
        for line in requests:
            jobs.put(json.loads(line))
        orphaned.set()
        stop.set()
        jobs.put({})

    answer({"number": 0, "machine": asdict(hello(device))})
    threading.Thread(target=listen, name="lpwd-listen", daemon=True).start()
    from lpwd.jobs.race import run_lanes
    from lpwd.training.data.datasets import Datasets

    datasets = Datasets()
    while not stop.is_set() and (request := jobs.get()):
        states: dict[str, State] = {}
        problem = ""
        try:
            states = run_lanes(
                store,
                request["run"],
                device=device,
                threads=threads,
                datasets=datasets,
                should_stop=stop.is_set,
                stopped_state=lambda: "interrupted" if orphaned.is_set() else "stopped",
            )
        except ConfigError as error:  # a run was removed, or another process has it
            problem = str(error)
        answer({"number": request["number"], "done": states, "error": problem})


def main() -> None:
    parser = argparse.ArgumentParser(prog="lpwd.jobs.worker")
    parser.add_argument("--runs-dir", type=Path, required=True)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # output of libraries goes to the log
    try:
        plugins.load_all()
        sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
        serve(RunStore(options.runs_dir), options.device, options.threads, sys.stdin, answers)
    except (ConfigError, plugins.PluginError) as error:  # a missing device, a failing plug-in
        print(json.dumps({"number": 0, "error": str(error)}), file=answers, flush=True)
        sys.exit(2)
    finally:
        sys.stderr.flush()
    os._exit(0)  # the listener may still be waiting for a line


if __name__ == "__main__":
    main()
