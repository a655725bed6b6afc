"""What a child process finds out about runs that have not started: what they need, and how fast they would train.

A model is built here from settings that a visitor sent, so each question has a process of its own (`checks.py`), with
limited memory, whose every exception becomes one sentence.
"""

import contextlib
import multiprocessing
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from lpwd import plugins
from lpwd.config import ConfigError, RunConfig
from lpwd.jobs.costs import training_bytes
from lpwd.optimizers import forbid_modules
from lpwd.training.memory import Footprint, free_bytes

NICE = 5  # a training comes first; at 10 a check that takes 3 s took over 60 beside six busy processes
OOM_SCORE = 500  # if memory is short, the kernel ends this process rather than the app
MEASURE_SHARE = 0.5  # of the free memory, for weights, gradients and moments of a measured model
MEASURE_LIMIT = 0.75  # of the free memory, with activations

# How C libraries say that memory is short, whatever exception Python makes of it.
NO_MEMORY = re.compile("bad_alloc|can't allocate memory|error return without exception set")

Answer = tuple[ConfigError | None, Any]  # why there is no answer, and the answer


def answer(
    answers: Connection, log: Path, question: Callable[..., Any], arguments: Sequence[Any], files: Sequence[str]
) -> None:
    """Send the value of `question(*arguments)` or one sentence, with the plug-ins in `files`.

    This is the whole life of the child process.
    """
    threading.Thread(target=_end_with_parent, name="lpwd-parent", daemon=True).start()
    with open(log, "ab") as file:  # libraries may print
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    _lower_priority()
    forbid_modules()
    answers.send(_answer(question, arguments, files))


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(0)


def _lower_priority() -> None:
    """Linux may schedule a session as one group, so this process gets a session of its own with a lower priority."""
    with contextlib.suppress(OSError, AttributeError):
        os.setsid()
        os.nice(NICE)
        Path("/proc/self/autogroup").write_text(str(NICE), encoding="ascii")
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE), encoding="ascii")


def _answer(question: Callable[..., Any], arguments: Sequence[Any], files: Sequence[str]) -> Answer:
    try:
        plugins.load_all(files)
        return None, question(*arguments)
    except ConfigError as error:  # sent without its class, whose module the app would have to import
        return ConfigError(str(error), error.field, error.reason), None
    except plugins.PluginError as error:
        return ConfigError(str(error)), None
    except Exception as error:  # the job boundary
        first_line = (str(error).strip() or type(error).__name__).partition("\n")[0]
        return ConfigError(f"The model cannot be tried: {first_line[:200].rstrip('.')}."), None


# ---- questions; each raises ConfigError


def warm_up() -> None:
    """Nothing: the child process could start."""


def footprints(configs: Sequence[RunConfig], device: str, memory: int) -> list[Footprint]:
    """What each run needs, found with at most `memory` bytes; nothing is downloaded."""
    with memory_limit(memory):
        return [_footprint(config, device) for config in configs]


def _footprint(config: RunConfig, device: str) -> Footprint:
    """Raises ConfigError if the run could not start: model, image size, subset, kernels."""
    from lpwd.training import graph, models, optimizer
    from lpwd.training.machine import resolve_device

    graph.check(config, resolve_device(device))
    models.check(config)
    optimizer.check(config)
    return models.footprint(config)


def pinned(configs: Sequence[RunConfig]) -> list[RunConfig]:
    """The configurations with the digests of their data, which are read for it."""
    from lpwd.training.data.own import pin

    return pin(configs)


def speed(config: RunConfig, device: str, threads: int) -> float:
    """Training speed with so many threads, in images per second."""
    import torch

    from lpwd.jobs.checking.speed import quick
    from lpwd.training import models
    from lpwd.training.machine import resolve_device

    free = free_bytes(resolve_device(device))
    with memory_limit(int(MEASURE_LIMIT * free)):
        needed = training_bytes(config, models.footprint(config).parameters)
        if needed > MEASURE_SHARE * free:
            take = f"Weights, gradients and moments alone take {needed / 1e9:.1f} GB"
            raise ConfigError(f"{take} of {free / 1e9:.1f} GB free.")
        torch.set_num_threads(threads)
        return quick(config, device)


@contextlib.contextmanager
def memory_limit(count: int) -> Iterator[None]:
    """Let this process take `count` more bytes (on Linux only). Raises ConfigError if that does not suffice.

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
    except Exception as error:
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))  # first: the sentence needs memory, too
        if isinstance(error, MemoryError) or NO_MEMORY.search(str(error)):
            more = f"Trying the model takes more than {count / 1e9:.1f} GB, all it may have; choose a smaller one."
            raise ConfigError(more) from None
        raise
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
