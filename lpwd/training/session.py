"""Session: a run in memory, which trains one step and one epoch at a time."""

import math
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import Tensor

from lpwd.config import ConfigError, RunConfig
from lpwd.correct import packed
from lpwd.events import MOTION, Checkpoint, Diverged, Epoch, Event, Finished, Started, Step, Stopped, ZeroShot, select
from lpwd.networks import ELSEWHERE
from lpwd.optim.layer_stats import layer_facts, weight_norms
from lpwd.optim.penalty import zero_shot_decay
from lpwd.training import models, starts
from lpwd.training.data import batches as datasets
from lpwd.training.data.feed import Feeds
from lpwd.training.learner import NEVER, Evaluation, Learner
from lpwd.training.machine import device_label
from lpwd.training.provenance import versions

ZERO_SHOT_STEPS = 100
LOSS_EVERY = {"cpu": 1, "meta": 1}  # steps between reading losses; on other devices this synchronises
LOSS_EVERY_ELSEWHERE = 10
MOTION_EVERY = 32  # steps; a measurement costs 9 to 27 % of a step (convnext_atto, batch 128 to 32, one CPU thread)


class Session:
    """Learner, data and position of one run. `step` counts finished steps, `epoch` is the current one (1-based)."""

    def __init__(
        self,
        config: RunConfig,
        device: torch.device,
        data: datasets.Dataset,
        weights: Mapping[str, Tensor] | None,
        feeds: Feeds | None = None,
    ) -> None:
        self.config, self.device, self.data = config, device, data
        self.learner = Learner(config, device, data.class_count, weights)
        if weights is None and config.pretrained and ELSEWHERE.fullmatch(config.model):
            weights = self.learner.model.state_dict()  # the content of such a file may change
        self.start_digest = starts.digest(weights) if weights is not None else ""
        self.feed = (feeds or Feeds()).feed(data, config, self.learner.layout)
        self.steps_per_epoch = math.ceil(len(data.train_labels) / config.batch_size)
        self.total_steps = self.steps_per_epoch * config.epochs
        self.step, self.epoch, self.batch = 0, 1, 0
        self.epochs: list[Epoch] = []
        self.correct = ""  # for the test images of the last epoch, see lpwd.correct
        self.seconds = 0.0  # of all earlier epochs
        self.pending: list[Tensor] = []  # losses that have not been read
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=self.device)
        self.opposing: list[tuple[float, float]] = []
        self.motion: list[Tensor] = []  # [3, layers] of each sampled step, see `Learner.update`
        self.train_seconds = 0.0  # of this epoch

    # ---- training

    def train_epoch(self, should_stop: Callable[[], bool]) -> Generator[Event, None, bool]:
        """Train the remaining steps of the current epoch; returns True if the run ends here."""
        self.learner.model.train()
        while self.batch < self.steps_per_epoch:
            event = self.train_step()
            yield event
            if isinstance(event, Diverged):
                return True
            if should_stop():
                yield Checkpoint(self.step, self.state_dict())
                yield Stopped(self.step)
                return True
        return False

    def train_step(self) -> Step | Diverged:
        """Make one optimizer step on the next batch."""
        begun = time.perf_counter()
        lr = self.learning_rate()
        self.learner.set_learning_rate(lr)
        pixels, labels = self.feed.batch(self.epoch, self.batch)
        last = self.batch + 1 == self.steps_per_epoch
        opposing, moving, rates, motion = self.measures_opposing(last), self.measures_motion(), None, None
        seed = self.seed_of_step()
        whole = None if opposing or moving else self.learner.at_once(pixels, labels, seed)
        loss = self.learner.backward(pixels, labels, seed) if whole is None else whole
        self.pending.append(loss)
        self.loss_sum += loss.double() * len(labels)
        read = self.read_loss() if last or len(self.pending) >= self.loss_every() else None
        if read is not None and not math.isfinite(read):
            return Diverged(self.step + 1, self.epoch)
        if whole is None:
            rates, motion = self.learner.update(len(labels), opposing=opposing, motion=moving)
        if rates is not None:
            self.opposing.append(rates)
        if motion is not None:
            self.motion.append(motion)
        self.step, self.batch = self.step + 1, self.batch + 1
        self.train_seconds += time.perf_counter() - begun
        return Step(
            step=self.step,
            epoch=self.epoch,
            loss=read,
            lr=lr,
            seconds=self.seconds + self.train_seconds,
            images_per_second=min(self.batch * self.config.batch_size, len(self.data.train_labels))
            / self.train_seconds,
            opposing_count_rate=rates[0] if rates else None,
            opposing_magnitude_rate=rates[1] if rates else None,
        )

    def measures_opposing(self, last: bool) -> bool:
        """Return whether to measure R_op in the next step; `last` is whether that is the last step of the epoch."""
        every = self.config.opposing_every
        return last if every == 0 else self.step % every == 0

    def measures_motion(self) -> bool:
        """Return whether to measure motion in the next step: the last step of the epoch and every 32nd before it.

        In an epoch of fewer than 64 steps only the last step is measured, which bounds the cost.
        """
        left = self.steps_per_epoch - 1 - self.batch
        return left % MOTION_EVERY == 0 and left < MOTION_EVERY * max(1, self.steps_per_epoch // MOTION_EVERY)

    def learning_rate(self) -> float:
        """Return eta of the next step: constant as in the paper, or a half cosine from eta to 0 over all steps."""
        if self.config.schedule == "cosine":
            return self.config.lr * 0.5 * (1 + math.cos(math.pi * self.step / self.total_steps))
        return self.config.lr

    def seed_of_step(self) -> int:
        return self.config.seed * 1_000_003 + self.step

    def loss_every(self) -> int:
        return LOSS_EVERY.get(self.device.type, LOSS_EVERY_ELSEWHERE)

    def read_loss(self) -> float:
        """Return the mean of the losses since the last reading. This is the step's only device synchronisation."""
        value = float(torch.stack(self.pending).mean())
        self.pending.clear()
        return value

    # ---- evaluation

    def evaluate_epoch(self, should_stop: Callable[[], bool]) -> Epoch | None:
        """Finish the current epoch with an evaluation; return None if `should_stop` returned True."""
        begun = time.perf_counter()
        test = self.evaluate(self.data.test_images, self.data.test_labels, should_stop)
        if test is None:
            return None
        validation = None
        if len(self.data.validation_labels):
            validation = self.evaluate(self.data.validation_images, self.data.validation_labels, should_stop)
            if validation is None:
                return None
        count_rates, magnitude_rates = zip(*self.opposing, strict=True) if self.opposing else ((), ())
        self.seconds += self.train_seconds + time.perf_counter() - begun
        epoch = Epoch(
            step=self.step,
            epoch=self.epoch,
            train_loss=float(self.loss_sum) / len(self.data.train_labels),
            test_loss=test.loss,
            test_top1=test.top1,
            validation_top1=validation.top1 if validation else None,
            lr=float(self.learner.optimizer.param_groups[-1]["lr"]),
            weight_norms=weight_norms(self.learner.optimizer),
            opposing_count_rate=_mean(count_rates),
            opposing_magnitude_rate=_mean(magnitude_rates),
            seconds=self.seconds,
            images_per_second=len(self.data.train_labels) / self.train_seconds if self.train_seconds else 0.0,
            **self.moved(),
        )
        self.epochs.append(epoch)
        if self.epoch == self.config.epochs:
            self.correct = packed(test.correct.cpu().numpy())
        self.epoch, self.batch = self.epoch + 1, 0
        self._begin_epoch()
        return epoch

    def moved(self) -> dict[str, list[float]]:
        """Return the fields of Epoch on the motion of each layer, means over sampled steps; empty without samples."""
        measured = torch.stack(self.motion).mean(0).tolist() if self.motion else [[], [], []]
        return dict(zip(MOTION, measured, strict=True))

    def evaluate(self, images: Tensor, labels: Tensor, should_stop: Callable[[], bool] = NEVER) -> Evaluation | None:
        """Evaluate images with the data set's normalisation."""
        return self.learner.evaluate(images, labels, self.data.mean, self.data.std, should_stop)

    def zero_shot(self, should_stop: Callable[[], bool]) -> Generator[Event, None, bool]:
        """Evaluate the test set at (1 - s/100) theta_0 for s = 0..100, eq. (12); returns True if stopped."""
        for s in range(ZERO_SHOT_STEPS + 1):
            with zero_shot_decay(self.learner.model, s, ZERO_SHOT_STEPS):
                result = self.evaluate(self.data.test_images, self.data.test_labels, should_stop)
            if result is None:
                yield Checkpoint(self.step, self.state_dict())
                yield Stopped(self.step)
                return True
            yield ZeroShot(
                self.step, shrink_percent=100 * s / ZERO_SHOT_STEPS, test_top1=result.top1, test_loss=result.loss
            )
        return False

    # ---- state

    def started(self) -> Started:
        return Started(
            device=device_label(self.device),
            model=models.resolve(self.config.model) if self.config.pretrained else self.config.model,
            **layer_facts(self.learner.optimizer),
            train_samples=len(self.data.train_labels),
            test_samples=len(self.data.test_labels),
            validation_samples=len(self.data.validation_labels),
            steps_per_epoch=self.steps_per_epoch,
            total_steps=self.total_steps,
            threads=torch.get_num_threads(),
            versions=versions(),
            kernels=self.learner.kernels,
            start_digest=self.start_digest,
        )

    def finished(self) -> Finished:
        return replace(select(self.epochs), correct=self.correct)

    def state_dict(self) -> dict[str, Any]:
        """Return the state as plain containers and tensors, which `torch.load(weights_only=True)` can read."""
        return {
            "config": self.config.model_dump(mode="json"),
            **self.learner.state_dict(),
            "position": {"step": self.step, "epoch": self.epoch, "batch": self.batch},
            "seconds": {"before": self.seconds, "epoch": self.train_seconds},
            "loss_sum": float(self.loss_sum),
            "opposing": list(self.opposing),
            "motion": [step.tolist() for step in self.motion],
            "epochs": [asdict(epoch) for epoch in self.epochs],
            "correct": self.correct,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the exact position of a `state_dict`. Raises ConfigError for the state of another run."""
        if RunConfig(**state["config"]).run_id != self.config.run_id:
            raise ConfigError(
                f"the checkpoint belongs to run {RunConfig(**state['config']).run_id}, not {self.config.run_id}"
            )
        self.learner.load_state_dict(state)
        self.step, self.epoch, self.batch = (state["position"][key] for key in ("step", "epoch", "batch"))
        self.seconds, self.train_seconds = state["seconds"]["before"], state["seconds"]["epoch"]
        self.loss_sum.fill_(state["loss_sum"])
        self.opposing = [tuple(rates) for rates in state["opposing"]]
        motion = torch.tensor(state.get("motion", []), dtype=torch.float64)  # missing in states of older code
        self.motion = list(motion if motion.dim() != 2 else motion[None])  # later code kept only the last step
        self.epochs = [Epoch(**epoch) for epoch in state["epochs"]]
        self.correct = state.get("correct", "")


def _mean(values: tuple[float, ...]) -> float | None:
    return sum(values) / len(values) if values else None
