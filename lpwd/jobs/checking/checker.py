"""The child process that answers questions about runs that have not begun, so that the worker only trains.

Whatever a question raises is an answer in one sentence. Its memory is bounded here, its time by whoever asks
(`checks.py`). Questions and answers as in `worker_process.py`; when stdin closes, it ends at once.

    {"check": [config, ...]}  ->  {"footprints": [{parameters, ...}, ...], "error": sentence or null, "last": bool}
    {"measure": config, "threads": n}  ->  {"measured": images a second, or null, "error": why, "last": bool}
"""

import argparse
import contextlib
import gc
import json
import os
import queue
import re
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from lpwd.config import ConfigError, RunConfig
from lpwd.jobs.costs import training_bytes
from lpwd.training.memory import free_bytes

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # see __main__; torch is imported later

GROWTH = 2**30  # bytes beyond its start, from which on it is replaced
NICE = 10  # beside a training, which comes first
MEASURE_SHARE = 0.5  # of what is free, that weights, gradients and moments of a measurement may take
MEASURE_BOUND = 0.75  # of what is free, that it may take with its activations

# How libraries in C say that there is no memory, whatever the exception is that Python makes of it.
NO_MEMORY = re.compile("bad_alloc|can't allocate memory|error return without exception set")

Answer = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(prog="lpwd.jobs.checking.checker")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--memory", type=int, required=True, help="bytes that a check may take")
    options = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # prints of libraries belong in the log
    serve(options.device, options.memory, answers)


def step_back() -> None:
    """Lower this process's priority: within its session's group, which Linux may schedule as one, and of the group."""
    with contextlib.suppress(OSError, AttributeError):
        os.nice(NICE)
        Path("/proc/self/autogroup").write_text(str(NICE))


def serve(device: str, memory: int, answers: Any) -> None:
    """Answer questions until stdin closes, or until one was the `last`: memory returns when the process ends."""
    from lpwd.jobs.checking import speed  # noqa: F401 (what the first question needs)

    step_back()  # not before: imports at low priority would take half a minute beside a training
    questions: queue.Queue[Answer] = queue.Queue()

    def listen() -> None:
        for line in sys.stdin:
            questions.put(json.loads(line))
        os._exit(0)  # the app is gone, and nobody waits for an answer

    print(json.dumps({"number": 0}), file=answers, flush=True)
    threading.Thread(target=listen, name="lpwd-listen", daemon=True).start()
    most, last = psutil.Process().memory_info().rss + GROWTH, False
    while not last:
        question = questions.get()
        answer = answered(question, device, memory)
        last = holds_gpu() or psutil.Process().memory_info().rss > most
        print(json.dumps({"number": question["number"], **answer, "last": last}), file=answers, flush=True)


def answered(question: Answer, device: str, memory: int) -> Answer:
    """The answer to a question; one that cannot be answered says why."""
    if "measure" in question:
        from lpwd.training.machine import resolve_device

        free = free_bytes(resolve_device(device))
        return {"measured": None} | bounded(
            lambda: {"measured": measured(RunConfig(**question["measure"]), device, free, question["threads"])},
            int(MEASURE_BOUND * free),
        )
    asked = question["check"]
    return bounded(lambda: {"footprints": [footprint(RunConfig(**config), device) for config in asked]}, memory)


def footprint(config: RunConfig, device: str) -> Answer:
    """Raises ConfigError where the run could not start: model, image size, subset, kernels. Downloads nothing."""
    from lpwd.training import graph, models
    from lpwd.training.machine import resolve_device

    graph.check(config, resolve_device(device))
    models.check(config)
    return asdict(models.footprint(config))


def measured(config: RunConfig, device: str, free: int, threads: int) -> float:
    """Training speed in images a second with so many threads. Raises ConfigError where memory is short."""
    import torch

    from lpwd.jobs.checking import speed
    from lpwd.training import models

    needed = training_bytes(config, models.footprint(config).parameters)
    if needed > MEASURE_SHARE * free:
        raise ConfigError(
            f"Weights, gradients and moments alone take {needed / 1e9:.1f} GB of {free / 1e9:.1f} GB free."
        )
    torch.set_num_threads(threads)
    return speed.quick(config, device)


def bounded(work: Callable[[], Answer], memory: int) -> Answer:
    """What `work` returns, or one sentence where it raises or needs more than `memory` bytes."""
    try:
        with memory_limit(memory):
            return {"error": None} | work()
    except Exception as error:  # the job boundary: no question ends this process
        return {"error": _sentence(error, memory)}
    finally:
        gc.collect()


def _sentence(error: Exception, memory: int) -> str:
    if isinstance(error, MemoryError) or NO_MEMORY.search(str(error)):
        return f"Trying the model takes more than {memory / 1e9:.1f} GB, all it may have; choose a smaller one."
    if isinstance(error, ConfigError):
        return str(error)
    first_line = (str(error).strip() or type(error).__name__).partition("\n")[0]
    return f"The model cannot be tried: {first_line[:200].rstrip('.')}."


@contextlib.contextmanager
def memory_limit(count: int) -> Iterator[None]:
    """Let this process take `count` bytes more than it has; beyond, it gets MemoryError. On Linux only.

    RLIMIT_DATA counts private writable memory. RLIMIT_AS would count gigabytes that torch merely maps.
    """
    if sys.platform != "linux":
        yield
        return
    import resource

    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    limit = psutil.Process().memory_info().data + count
    resource.setrlimit(resource.RLIMIT_DATA, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def holds_gpu() -> bool:
    import torch

    return torch.cuda.is_initialized()


if __name__ == "__main__":
    main()
