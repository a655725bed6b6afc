"""Session: model, optimizer, data and position of one run, one step at a time."""

import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lpwd.config import ConfigError, RunConfig
from lpwd.events import Checkpoint, Diverged, Epoch, Event, Finished, Started, Step, Stopped, ZeroShot, select
from lpwd.optim.angles import AngleMeter
from lpwd.optim.layer_stats import layer_facts, weight_norms
from lpwd.optim.optimizers import build_optimizer
from lpwd.optim.penalty import OpposingMeter, zero_shot_decay
from lpwd.training import batches as datasets
from lpwd.training import models, starts
from lpwd.training.feed import Feeds
from lpwd.training.machine import device_label
from lpwd.training.provenance import versions
from lpwd.training.randomness import seeded
from lpwd.training.small_maps.blocks import Draws
from lpwd.training.small_maps.choose import accelerate, set_generator
from lpwd.training.small_maps.shards import Shards

EVALUATION_BATCH = 1000  # images
ZERO_SHOT_STEPS = 100
LOSS_EVERY = {"cpu": 1, "meta": 1}  # steps between reading losses; elsewhere a reading is a device sync
LOSS_EVERY_ELSEWHERE = 10

NEVER: Callable[[], bool] = lambda: False  # noqa: E731


class Session:
    """Model, optimizer and position of one run; `step` counts finished steps, `epoch` the one under way (1-based)."""

    def __init__(
        self,
        config: RunConfig,
        device: torch.device,
        data: datasets.Dataset,
        weights: Mapping[str, Tensor] | None,
        feeds: Feeds | None = None,
    ) -> None:
        self.config, self.device, self.data = config, device, data
        models.check(config)
        self.model = models.create(config, data.class_count)
        if weights is not None:
            starts.adopt(self.model, weights, config.init_from or "initial_weights")
        self.start_digest = starts.digest(weights) if weights is not None else ""
        layout = torch.channels_last if models.channels_last_helps(config.model) else torch.contiguous_format
        self.model.to(device).to(memory_format=layout)
        self.optimizer = build_optimizer(
            self.model, config.optimizer, config.method, config.lr, config.weight_decay, **_optimizer_options(config)
        )
        self.draws: torch.Generator | None = None  # of stochastic depth; None: the process-wide one
        self.kernels = self._kernels()
        self.layout = layout if self.kernels == "timm" else torch.channels_last  # of the pixels
        self.feed = (feeds or Feeds()).feed(data, config, self.layout)
        self.stochastic = any(_is_stochastic(module) for module in self.model.modules())
        self.shards = Shards(self.model) if self.kernels == "small-maps" else None
        self.steps_per_epoch = math.ceil(len(data.train_labels) / config.batch_size)
        self.total_steps = self.steps_per_epoch * config.epochs
        self.step, self.epoch, self.batch = 0, 1, 0
        self.epochs: list[Epoch] = []
        self.seconds = 0.0  # of all epochs before this one
        self.pending: list[Tensor] = []  # losses not read yet
        self._begin_epoch()

    def _kernels(self) -> str:
        """What computes the model from now on: the small-map path where it covers the model and pays, else timm."""
        image_size, precision = self.config.image_size, self.config.precision
        if self.config.kernels == "timm" or not accelerate(
            self.model, image_size=image_size, precision=precision, device=self.device
        ):
            return "timm"
        self.draws = torch.Generator()
        set_generator(self.model, self.draws)
        return "small-maps"

    def _begin_epoch(self) -> None:
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=self.device)
        self.opposing: list[tuple[float, float]] = []
        self.angles: Tensor | None = None  # [layers] radians, of the epoch's last step
        self.train_seconds = 0.0  # of this epoch

    # ---- training

    def train_epoch(self, should_stop: Callable[[], bool]) -> Generator[Event, None, bool]:
        """The rest of the present epoch's steps; returns True where the run ends here."""
        self.model.train()
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
        """One optimizer step on the epoch's next batch."""
        begun = time.perf_counter()
        lr = self.set_learning_rate()
        pixels, labels = self.feed.batch(self.epoch, self.batch)
        loss = self.backward(pixels, labels)
        self.pending.append(loss)
        self.loss_sum += loss.double() * len(labels)
        read = self.read_loss() if self.is_last_of_epoch() or len(self.pending) >= self.loss_every() else None
        if read is not None and not math.isfinite(read):
            return Diverged(self.step + 1, self.epoch)
        if self.config.clip_grad_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_grad_norm)
        rates = shards.alone(self.update) if (shards := self.shards_for(labels)) else self.update()
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

    def backward(self, pixels: Tensor, labels: Tensor) -> Tensor:
        """Set the gradients of the mean cross-entropy over the batch; returns the loss."""
        self.optimizer.zero_grad(set_to_none=True)
        self.optimizer.decay_()  # of pwd, before the forward pass
        if shards := self.shards_for(labels):
            return shards.backward(self.forward, pixels, labels, self.seed_of_step())
        with self.randomness():
            loss = functional.cross_entropy(self.forward(pixels), labels)
        loss.backward()
        return loss.detach()

    def update(self) -> tuple[float, float] | None:
        """The optimizer's step, with R_op (by count and by magnitude) where this step is one to measure."""
        every = self.config.opposing_every
        due = self.is_last_of_epoch() if every == 0 else self.step % every == 0
        if not due:
            self.turn()
            return None
        with OpposingMeter(self.optimizer) as meter:
            self.turn()
        if meter.rates is not None:
            self.opposing.append(meter.rates)
        return meter.rates

    def turn(self) -> None:
        """The optimizer's step, with each layer's angle where it is the epoch's last."""
        with AngleMeter(self.optimizer) if self.is_last_of_epoch() else nullcontext() as meter:
            self.optimizer.step()
        if meter is not None:
            self.angles = meter.angles

    def set_learning_rate(self) -> float:
        """eta of the coming step: constant as in the paper, or a half cosine from eta to 0 over all steps."""
        factor = 1.0
        if self.config.schedule == "cosine":
            factor = 0.5 * (1 + math.cos(math.pi * self.step / self.total_steps))
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.lr * factor * group.get("lr_scale", 1.0)
        return self.config.lr * factor

    def forward(self, pixels: Tensor, draws: Draws | None = None) -> Tensor:
        """Logits [B, classes] in fp32 of normalised pixels [B, 3, H, W]; `draws` for the small-map path alone."""
        more = {} if draws is None else {"draws": draws}
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bf16"):
            return self.model(pixels, **more).float()

    def shards_for(self, batch: Tensor) -> Shards | None:
        """What computes a batch in parts; None where it is computed whole."""
        return self.shards if self.shards and self.shards.parts(len(batch)) > 1 else None

    def logits(self, pixels: Tensor) -> Tensor:
        """As `forward`, for evaluation."""
        if shards := self.shards_for(pixels):
            return shards.logits(self.forward, pixels)
        return self.forward(pixels)

    @contextmanager
    def randomness(self) -> Iterator[None]:
        """Stochastic depth and dropout as a function of (seed, step), so that lanes and resumed runs share them."""
        seed = self.seed_of_step()
        if self.draws is not None:
            self.draws.manual_seed(seed)
        with seeded(seed, self.device) if self.stochastic and self.draws is None else nullcontext():
            yield

    def seed_of_step(self) -> int:
        return self.config.seed * 1_000_003 + self.step

    def is_last_of_epoch(self) -> bool:
        return self.batch + 1 == self.steps_per_epoch

    def loss_every(self) -> int:
        return LOSS_EVERY.get(self.device.type, LOSS_EVERY_ELSEWHERE)

    def read_loss(self) -> float:
        """Mean of the losses since the last reading: the step's only device sync."""
        value = float(torch.stack(self.pending).mean())
        self.pending.clear()
        return value

    # ---- evaluation

    def evaluate_epoch(self, should_stop: Callable[[], bool]) -> Epoch | None:
        """Close the present epoch with an evaluation; None where `should_stop` came first."""
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
            test_loss=test[0],
            test_top1=test[1],
            validation_top1=validation[1] if validation else None,
            lr=float(self.optimizer.param_groups[-1]["lr"]),
            weight_norms=weight_norms(self.optimizer),
            opposing_count_rate=_mean(count_rates),
            opposing_magnitude_rate=_mean(magnitude_rates),
            seconds=self.seconds,
            images_per_second=len(self.data.train_labels) / self.train_seconds if self.train_seconds else 0.0,
            angular_update=[] if self.angles is None else self.angles.tolist(),
        )
        self.epochs.append(epoch)
        self.epoch, self.batch = self.epoch + 1, 0
        self._begin_epoch()
        return epoch

    @torch.no_grad()
    def evaluate(
        self, images: Tensor, labels: Tensor, should_stop: Callable[[], bool] = NEVER
    ) -> tuple[float, float] | None:
        """Mean loss and top-1 (percent) over uint8 `images` [N, ...] with `labels` [N]; None if stopped on the way."""
        self.model.eval()
        loss = torch.zeros((), dtype=torch.float64, device=self.device)
        correct = torch.zeros((), dtype=torch.int64, device=self.device)
        for batch, targets in zip(images.split(EVALUATION_BATCH), labels.split(EVALUATION_BATCH), strict=True):
            if should_stop():
                return None
            logits = self.logits(datasets.augment(batch, None, self.data.mean, self.data.std, self.layout))
            loss += functional.cross_entropy(logits, targets, reduction="sum").double()
            correct += (logits.argmax(1) == targets).sum()
        return float(loss) / len(labels), 100 * float(correct) / len(labels)

    def zero_shot(self, should_stop: Callable[[], bool]) -> Generator[Event, None, bool]:
        """Eq. (12): the test set under (1 - s/100) theta_0 for s = 0..100; returns True where it was stopped."""
        for s in range(ZERO_SHOT_STEPS + 1):
            with zero_shot_decay(self.model, s, ZERO_SHOT_STEPS):
                result = self.evaluate(self.data.test_images, self.data.test_labels, should_stop)
            if result is None:
                yield Checkpoint(self.step, self.state_dict())
                yield Stopped(self.step)
                return True
            loss, top1 = result
            yield ZeroShot(self.step, shrink_percent=100 * s / ZERO_SHOT_STEPS, test_top1=top1, test_loss=loss)
        return False

    # ---- state

    def started(self) -> Started:
        return Started(
            device=device_label(self.device),
            model=models.resolve(self.config.model) if self.config.pretrained else self.config.model,
            **layer_facts(self.optimizer),
            train_samples=len(self.data.train_labels),
            test_samples=len(self.data.test_labels),
            validation_samples=len(self.data.validation_labels),
            steps_per_epoch=self.steps_per_epoch,
            total_steps=self.total_steps,
            threads=torch.get_num_threads(),
            versions=versions(),
            kernels=self.kernels,
            start_digest=self.start_digest,
        )

    def finished(self) -> Finished:
        return select(self.epochs)

    def state_dict(self) -> dict[str, Any]:
        """Plain containers and tensors only, so that `torch.load(weights_only=True)` reads it."""
        return {
            "config": self.config.model_dump(mode="json"),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "position": {"step": self.step, "epoch": self.epoch, "batch": self.batch},
            "seconds": {"before": self.seconds, "epoch": self.train_seconds},
            "loss_sum": float(self.loss_sum),
            "opposing": list(self.opposing),
            "angles": [] if self.angles is None else self.angles.tolist(),
            "epochs": [asdict(epoch) for epoch in self.epochs],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state_dict` was taken. Raises ConfigError for another run's state."""
        if RunConfig(**state["config"]).run_id != self.config.run_id:
            raise ConfigError(
                f"the checkpoint belongs to {RunConfig(**state['config']).run_id}, not {self.config.run_id}"
            )
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.epoch, self.batch = (state["position"][key] for key in ("step", "epoch", "batch"))
        self.seconds, self.train_seconds = state["seconds"]["before"], state["seconds"]["epoch"]
        self.loss_sum.fill_(state["loss_sum"])
        self.opposing = [tuple(rates) for rates in state["opposing"]]
        angles = state.get("angles")  # none in a state of older code
        self.angles = torch.tensor(angles, dtype=torch.float64) if angles else None
        self.epochs = [Epoch(**epoch) for epoch in state["epochs"]]


def _optimizer_options(config: RunConfig) -> dict[str, Any]:
    common: dict[str, Any] = {name: getattr(config, name) for name in ("rule", "order", "mean", "exclude_1d")}
    if config.optimizer == "adam":
        return common | {"betas": config.betas, "eps": config.eps}
    return common | {"momentum": config.momentum, "nesterov": config.nesterov}


def _is_stochastic(module: nn.Module) -> bool:
    """Whether the module draws random numbers in training mode: dropout of any kind or timm's DropPath."""
    return bool(getattr(module, "drop_prob", 0) or (isinstance(module, nn.modules.dropout._DropoutNd) and module.p))


def _mean(values: tuple[float, ...]) -> float | None:
    return sum(values) / len(values) if values else None
