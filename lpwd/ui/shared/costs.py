"""Estimate the costs of a race before its start, each number with its source. Never waits for a measurement."""

import functools
import json
import math
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

import psutil

from lpwd.analysis.equilibrium import memory_epochs, memory_text
from lpwd.config import ConfigError, RunConfig
from lpwd.facts import is_pinned
from lpwd.jobs import costs
from lpwd.jobs.rights import User, check_names
from lpwd.sentences import counted
from lpwd.training.memory import Footprint
from lpwd.ui.live import Live, in_background
from lpwd.ui.shared import form
from lpwd.ui.views import network

LONG_SECONDS = 600.0  # longer runs need a confirmation
MANY_RUNS = 12  # more runs need a confirmation
MAX_KEPT = 256
BUSY_SHARE = 0.7  # of the time; below it, the estimate names the load of other programs
WAITING = "Time: the worker is starting."
READING = "Reading the data set …"
MEASURING = "Time: measuring a step …"
BUSY = "Time: not measured while the machine is busy."


class Costs:
    """Estimates costs for an app. Slow estimates are computed in the background and cached."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self._answers: dict[str, Any] = {}  # fields of a configuration as JSON -> a result or an error
        self._keys_at_work: set[str] = set()
        self._lock = threading.Lock()

    def say(self, user: User, races: Sequence[Sequence[RunConfig]]) -> dict[str, Any]:
        """Return the estimate as text (`said`) and whether to ask `again` because a number is being computed.

        Also returns `network` and `layers` once known; if Start would refuse the races, the reason (`refused`) and its
        `field`. Raises ConfigError.
        """
        if not user.owner:
            with form.with_labels():
                check_names(races[0])
                self.live.jobs.limits.check(races[0])
        read, reading = self._data_digest(races[0][0])
        if not isinstance(read, str):
            sentence = str(read or READING)
            answer = {"field": "dataset" if read else "", "network": "", "said": sentence, "again": reading}
            return answer | {"refused": sentence if read else ""}
        races = [[config.model_copy(update={"data_digest": read}) for config in race] for race in races]
        memory, size_pending, model = self._memory(races)
        parts = [self._images(races), self._time(races), (memory, size_pending)]
        about = model.field if isinstance(model, ConfigError) else ""
        is_known = isinstance(model, Footprint)
        return {
            "refused": memory if about else "",
            "field": about,
            "network": network(races[0][0], model.parameters) if is_known else "",
            "layers": model.layers if is_known else 0,
            "memory": _memory_of_weights(races[0][0]),
            "said": " ".join(sentence for sentence, _ in parts if sentence),
            "again": any(again for _, again in parts),
        }

    def _data_digest(self, config: RunConfig) -> tuple[Any, bool]:
        """Return the digest of own data ("" for other data), None or an error; and whether it is being read."""
        if not is_pinned(config.dataset):
            return "", False
        fields = ("dataset", "dataset_kwargs", "image_size")
        return self._kept(fields, config, lambda: self.live.jobs.checks.pin([config])[0].data_digest)

    def _images(self, races: Sequence[Sequence[RunConfig]]) -> tuple[str, bool]:
        first, lanes, seeds = races[0][0], len(races[0]), len(races)
        one = costs.work(first)
        runs = counted(lanes, "method") + (f" × {seeds} seeds" if seeds > 1 else "")
        source = "" if one.known else " (published sizes; the data is not downloaded yet)"
        images = f"{one.training_images:,} training and {one.test_images:,} test images{source}"
        steps = one.steps_per_epoch * one.epochs
        return f"{one.steps_per_epoch:,} steps per epoch, {steps:,} per run; {runs}; {images}.", False

    def _time(self, races: Sequence[Sequence[RunConfig]]) -> tuple[str, bool]:
        machine = self.live.machine
        if not machine.done() or machine.exception():
            return WAITING, not machine.done()
        config, plan = races[0][0], machine.result().parallelism(len(races[0]))

        def recorded(**options: bool) -> tuple[float, int]:
            return costs.recorded_speed(self.live.store, config, machine.result().label, plan.threads, **options)

        def takes(speed: float, source: str) -> str:
            time = duration_text(costs.seconds(races, speed, plan.at_once))
            return f"Time: about {time} ({speed:,.0f} images/s{source})."

        speed, count = recorded(running=True)
        if count:
            return takes(speed, f" in {counted(count, 'run')} here"), False
        answer, pending = self._kept(
            costs.SPEED_FIELDS, config, lambda: self.live.jobs.measure(config, plan.threads), plan.threads
        )
        if pending:
            return MEASURING, True
        if isinstance(answer, float):
            share = free_share(plan.at_once * plan.threads)
            busy = "; other programs slow this machine down" if share < BUSY_SHARE else ""
            return takes(answer * share, f", measured here on random images{busy}"), False
        speed, count = recorded(running=True, scaled=True)
        if count:
            return takes(speed, f", from {counted(count, 'run')} here with other thread counts"), False
        return (f"Time: not measured. {answer}" if answer else BUSY), False

    def _memory(self, races: Sequence[Sequence[RunConfig]]) -> tuple[str, bool, Any]:
        """Return the sentence, whether it is being computed, and the model's footprint or the error."""
        config, lanes, runs = races[0][0], len(races[0]), sum(map(len, races))
        answer, pending = self._kept(costs.STARTABLE, config, lambda: self.live.jobs.footprint(config))
        if not isinstance(answer, Footprint):
            return (str(answer) if answer else ""), pending, answer
        parameters = answer.parameters
        training = lanes * costs.training_bytes(config, parameters)
        disk = runs * costs.checkpoint_bytes(config, parameters)
        of_lanes = f"{lanes} models" if lanes > 1 else "a model"
        return (
            f"Memory: {size_text(training)} for weights, gradients and moments of {of_lanes} of {parameters:,} "
            f"parameters, {size_text(costs.data_bytes(config))} for the images, plus activations. "
            f"Checkpoints: {size_text(disk)}.",
            False,
            answer,
        )

    def seconds(self, configs: Sequence[RunConfig], measure: bool = False) -> tuple[float | None, bool]:
        """Return the seconds that these runs take one after the other, or None; and whether they are being measured.

        Uses the recorded speed of similar runs. With `measure`, a missing speed is measured in the background.
        """
        machine, total, pending = self.live.machine, 0.0, False
        if not machine.done() or machine.exception():
            return None, not machine.done()
        label, threads = machine.result().label, machine.result().parallelism(1).threads
        for alike in _by_speed(configs):
            speed, _ = costs.recorded_speed(self.live.store, alike[0], label, threads)
            if measure and not speed:
                work = functools.partial(self.live.jobs.measure, alike[0], threads)
                answer, again = self._kept(costs.SPEED_FIELDS, alike[0], work, threads)
                speed, pending = answer if isinstance(answer, float) else 0.0, pending or again
            total += costs.seconds([[config] for config in alike], speed) if speed else math.nan
        return None if math.isnan(total) else total, pending

    def _kept(self, fields: Sequence[str], config: RunConfig, work: Callable[[], Any], *more: Any) -> tuple[Any, bool]:
        """Return the cached result of `work` for these fields, or its error; and whether it is running.

        A result of None means "not now": it is not cached, and the next request tries again.
        """
        key = json.dumps([{name: getattr(config, name) for name in fields}, *more])
        with self._lock:
            if key in self._answers:
                answer = self._answers[key]
                if answer is None:
                    del self._answers[key]
                return answer, False
            if key in self._keys_at_work:
                return None, True
            self._keys_at_work.add(key)
        in_background(lambda: self._work(key, work))
        return None, True

    def _work(self, key: str, work: Callable[[], Any]) -> None:
        try:
            answer = work()
        except ConfigError as error:
            answer = form.labelled(error)
        with self._lock:
            self._keys_at_work.discard(key)
            self._answers = {**dict(list(self._answers.items())[-MAX_KEPT:]), key: answer}


def confirmation(live: Live, configs: Sequence[RunConfig], starts: int = 0) -> str:
    """Return a question to confirm that long or many runs should start, else "".

    The first `starts` runs train the initial weights of the others.
    """
    machine, many = live.machine.result(), len(configs) > MANY_RUNS
    what = f"These {len(configs):,} runs" if len(configs) > 1 else "This run"
    what += f" (the first {'of them trains' if starts == 1 else f'{starts} train'} a start)" if starts else ""
    ask = "Run them?" if len(configs) > 1 else "Run it?"
    seconds, counts = 0.0, []
    for alike in _by_speed(configs):
        speed, count = costs.recorded_speed(live.store, alike[0], machine.label, machine.parallelism(1).threads)
        speed = speed or live.jobs.measure(alike[0], machine.parallelism(1).threads) or math.inf
        seconds += costs.seconds([[config] for config in alike], speed) if speed < math.inf else math.nan
        counts.append(count)
    if seconds == seconds:
        done = sum(counts)
        source = f"as {counted(done, 'finished run')} did here"
        if not all(counts):
            source = "by the speed measured now on random images"
        takes = "take" if len(configs) > 1 else "takes"
        in_turn = " one after the other" if len(configs) > 1 else ""
        told = f"{what} {takes} about {duration_text(seconds)}{in_turn}, {source}. {ask}"
        return told if many or starts or seconds > LONG_SECONDS else ""
    if many or starts or (machine.device == "cpu" and configs[0].scale == "paper"):
        images = sum(costs.work(config).trained for config in configs)
        train = "train" if len(configs) > 1 else "trains"
        return f"{what} {train} on {images:,} images in total, and no earlier run here shows how long that takes. {ask}"
    return ""


def _by_speed(configs: Sequence[RunConfig]) -> list[list[RunConfig]]:
    """Group configurations whose steps take equally long."""
    groups: dict[str, list[RunConfig]] = {}
    for config in configs:
        groups.setdefault(costs.speed_key(config), []).append(config)
    return list(groups.values())


def free_share(threads: int) -> float:
    """Return the share of the time that this many more threads would run, from the load of the last minute."""
    cores = os.cpu_count() or 1  # of the whole machine, like the load average
    return cores / max(cores, psutil.getloadavg()[0] + threads)


def duration_text(seconds: float) -> str:
    """Return a duration with two significant digits."""
    rounded = float(f"{max(seconds, 1):.2g}")
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 1.5 * length:
            return f"{float(f'{seconds / length:.2g}'):g} {unit}"
    return f"{rounded:g} s"


def size_text(count: int) -> str:
    """Return a number of bytes with its unit."""
    for unit, length in (("GB", 1e9), ("MB", 1e6)):
        if count >= length:
            return f"{float(f'{count / length:.2g}'):g} {unit}"
    return f"{count / 1e3:.0f} kB"


def _memory_of_weights(config: RunConfig) -> str:
    """Return how long weights retain their past values at this eta and lambda."""
    return memory_text(memory_epochs(config.lr, config.weight_decay, costs.work(config).steps_per_epoch))
