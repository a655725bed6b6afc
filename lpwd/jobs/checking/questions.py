"""Questions about runs that have not started: their memory needs and training speed.

Models are built from settings of visitors. So each question runs in its own process (`checks.py`) with limited memory,
and every exception becomes one sentence.
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
from lpwd.bounded import OUT_OF_MEMORY, prefer_for_oom_kill
from lpwd.config import ConfigError, RunConfig
from lpwd.jobs.costs import training_bytes
from lpwd.optimizers import forbid_modules
from lpwd.sentences import first_line
from lpwd.training.memory import Footprint, free_bytes

NICE = 5  # training has priority; at 10 a check of 3 s took over 60 s beside six busy processes
MEASURE_SHARE = 0.5  # of the free memory, for weights, gradients and moments of a measured model
MEASURE_LIMIT = 0.75  # of the free memory, with activations

# Messages of C libraries that are out of memory, whatever the Python exception.
NO_MEMORY = re.compile("bad_alloc|can't allocate memory")  # messages of C++ code

Answer = tuple[ConfigError | None, Any]  # why there is no answer, and the answer


def answer(
    answers: Connection, log: Path, question: Callable[..., Any], arguments: Sequence[Any], files: Sequence[str]
) -> None:
    """Send the value of `question(*arguments)` or an error, with the plug-ins in `files` loaded.

    This is the main function of the child process.
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
    """Lower the priority in a new session, because Linux may schedule a session as one group."""
    prefer_for_oom_kill(os.getpid())
    with contextlib.suppress(OSError, AttributeError):
        os.setsid()
        os.nice(NICE)
        Path("/proc/self/autogroup").write_text(str(NICE), encoding="ascii")


def _answer(question: Callable[..., Any], arguments: Sequence[Any], files: Sequence[str]) -> Answer:
    try:
        plugins.load_all(files)
        return None, question(*arguments)
    except ConfigError as error:  # sent without its class, whose module the app would have to import
        return ConfigError(str(error), error.field, error.reason), None
    except plugins.PluginError as error:
        return ConfigError(str(error)), None
    except Exception as error:  # the job boundary
        return ConfigError(f"The model cannot be checked: {first_line(error)}."), None


# ---- questions; each raises ConfigError


def warm_up() -> None:
    """Do nothing: the child process could start."""


def footprints(configs: Sequence[RunConfig], device: str, memory: int) -> list[Footprint]:
    """Return the memory needs of each run, using at most `memory` bytes and no downloads."""
    with memory_limit(memory):
        return [_footprint(config, device) for config in configs]


def _footprint(config: RunConfig, device: str) -> Footprint:
    """Raise ConfigError if the run could not start: model, image size, subset, kernels."""
    from lpwd.training import graph, models, optimizer
    from lpwd.training.machine import resolve_device

    graph.check(config, resolve_device(device))
    models.check(config)
    optimizer.check(config)
    return models.footprint(config)


def pinned(configs: Sequence[RunConfig]) -> list[RunConfig]:
    """Read the data, and return the configurations with their digests."""
    from lpwd.training.data.own import pin

    return pin(configs)


def speed(config: RunConfig, device: str, threads: int) -> float:
    """Return the training speed with `threads` threads, in images per second."""
    import torch

    from lpwd.jobs.checking.speed import images_per_second
    from lpwd.training import models
    from lpwd.training.machine import resolve_device

    free = free_bytes(resolve_device(device))
    with memory_limit(int(MEASURE_LIMIT * free)):
        needed = training_bytes(config, models.footprint(config).parameters)
        if needed > MEASURE_SHARE * free:
            take = f"Weights, gradients and optimizer state need {needed / 1e9:.1f} GB"
            raise ConfigError(f"{take}, but only {free / 1e9:.1f} GB are free.")
        torch.set_num_threads(threads)
        return images_per_second(config, device)


@contextlib.contextmanager
def memory_limit(count: int) -> Iterator[None]:
    """Limit this process to `count` more bytes (on Linux only). Raises ConfigError if they are not enough.

    RLIMIT_DATA counts private writable memory. RLIMIT_AS would include gigabytes that torch only maps.
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
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))  # first, because the message needs memory too
        if isinstance(error, OUT_OF_MEMORY) or NO_MEMORY.search(str(error)):
            limit_text = f"the limit of {count / 1e9:.1f} GB"
            raise ConfigError(f"Checking the model exceeds {limit_text}: choose a smaller model.") from None
        raise
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
