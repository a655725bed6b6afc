"""Lanes of a race computing at the same time, in threads of this process, in lock step.

On a CPU a step of a small model keeps one core busy but not two, so two lanes with a thread each are faster than one
after the other with two threads. Torch releases the interpreter while it computes, and its number of threads belongs to
the calling thread.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch

from lpwd.events import Checkpoint
from lpwd.jobs.costs import Plan
from lpwd.jobs.lane import Lane
from lpwd.training.machine import use_threads


def advance(lanes: Sequence[Lane], chosen: Plan) -> None:
    """Run the lanes to their ends, none ahead of another by more than a step.

    This thread records all but checkpoints, in the lanes' order: the files are those of lanes that take turns. Lanes
    begin one after the other, for that is mostly work that the others share. Returns, also by an exception, with no
    thread left.
    """
    with lane_threads(chosen) as pool:
        for lane in lanes:
            lane.record(pool.submit(lane.compute).result())
        while running := [lane for lane in lanes if not lane.ended]:
            least = min(lane.step for lane in running)
            abreast = [lane for lane in running if lane.step == least]
            outcomes = list(pool.map(Lane.compute, abreast))
            if all(isinstance(outcome, Checkpoint) for outcome in outcomes):  # a file of its own each, and slow
                list(pool.map(Lane.record, abreast, outcomes))
                continue
            for lane, outcome in zip(abreast, outcomes, strict=True):
                lane.record(outcome)


@contextmanager
def lane_threads(chosen: Plan) -> Iterator[ThreadPoolExecutor]:
    """Threads to compute in, each with its own number of torch threads; the caller's stays as it is."""
    before = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(chosen.at_once, "lpwd-lane", use_threads, (chosen.threads,)) as pool:
            yield pool
    finally:
        torch.set_num_threads(before)  # what later threads get is process-wide
