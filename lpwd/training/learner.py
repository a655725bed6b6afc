"""Learner: model and optimizer of one run on a device; computes gradients, updates and evaluations of batches."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from lpwd.config import ConfigError, RunConfig
from lpwd.optim.angles import AngleMeter
from lpwd.optim.penalty import OpposingMeter
from lpwd.training import graph, models, optimizer, starts
from lpwd.training.data import batches as datasets
from lpwd.training.randomness import seeded
from lpwd.training.small_maps.batch_parts import BatchParts
from lpwd.training.small_maps.blocks import Draws
from lpwd.training.small_maps.choose import accelerate, set_generator

EVALUATION_BATCH = 1000  # images

NEVER: Callable[[], bool] = lambda: False  # noqa: E731


class Evaluation(NamedTuple):
    """Results of a model on N images."""

    loss: float  # mean
    top1: float  # percent
    correct: Tensor  # [N] bool


class Learner:
    """Model and optimizer of `config` on `device`, with the small-map path if it covers the model and is faster."""

    def __init__(
        self, config: RunConfig, device: torch.device, class_count: int, weights: Mapping[str, Tensor] | None
    ) -> None:
        self.config, self.device = config, device
        graph.check(config, device)
        if torch.get_default_dtype() != torch.float32:
            raise ConfigError(
                f"torch's default dtype is {torch.get_default_dtype()}: it must be float32; call "
                "torch.set_default_dtype(torch.float32) first."
            )
        models.check(config)
        self.model = models.create(config, class_count)
        if weights is not None:
            starts.adopt(self.model, weights, config.init_from or "initial_weights")
        layout = torch.channels_last if models.channels_last_helps(config.model) else torch.contiguous_format
        self.model.to(device).to(memory_format=layout)
        self.optimizer = optimizer.build(self.model, config)
        self.optimizer.detach()  # `backward` calls decay_ itself, so that the model can be exported
        self.draws: torch.Generator | None = None  # for stochastic depth; None: the process-wide generator
        self.kernels = self._kernels()
        self.layout = torch.channels_last if self.kernels == "small-maps" else layout  # memory format of pixels
        self.stochastic = any(_is_stochastic(module) for module in self.model.modules())
        self.batch_parts = BatchParts(self.model) if self.kernels == "small-maps" else None
        self.graph = self._graph() if self.kernels == "graph" else None

    def _kernels(self) -> str:
        """Choose the kernels: the small-map path if it covers the model and is faster, else timm."""
        image_size, precision = self.config.image_size, self.config.precision
        if self.config.kernels != "auto":
            return self.config.kernels
        if not accelerate(self.model, image_size=image_size, precision=precision, device=self.device):
            return "timm"
        self.draws = torch.Generator()
        set_generator(self.model, self.draws)
        return "small-maps"

    def _graph(self) -> graph.StepGraph:
        graph.rates_as_tensors(self.optimizer, self.device)

        def step(pixels: Tensor, labels: Tensor) -> Tensor:
            loss = self.backward(pixels, labels, None)
            self.update(len(labels))
            return loss

        return graph.StepGraph(step)

    # ---- one step

    def set_learning_rate(self, lr: float) -> None:
        """Set the learning rate of the next step, multiplied by the scale of each parameter group."""
        for group in self.optimizer.param_groups:
            rate = lr * group.get("lr_scale", 1.0)
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def at_once(self, pixels: Tensor, labels: Tensor, seed: int) -> Tensor | None:
        """Make a step in one CUDA graph and return the loss, or None if `backward` and `update` must make it."""
        if self.graph is None:
            return None
        with self.randomness(seed):  # a graph reads the generator's state when it runs
            return self.graph(pixels, labels)

    def backward(self, pixels: Tensor, labels: Tensor, seed: int | None) -> Tensor:
        """Set the gradients of the mean cross-entropy over the batch, and return the loss, a scalar on the device.

        `pixels` [B, 3, H, W] are normalised, `labels` [B] class numbers. `seed` seeds stochastic depth and dropout, so
        that lanes and resumed runs draw the same; None: the caller has seeded them.
        """
        self.optimizer.zero_grad(set_to_none=True)
        self.optimizer.decay_()  # for pwd, before the forward pass
        if seed is not None and (parts := self._parts_for(len(labels))):
            return parts.backward(self.forward, pixels, labels, seed)
        with nullcontext() if seed is None else self.randomness(seed):
            loss = functional.cross_entropy(self.forward(pixels), labels)
        loss.backward()
        return loss.detach()

    def update(
        self, images: int, *, opposing: bool = False, motion: bool = False
    ) -> tuple[tuple[float, float] | None, Tensor | None]:
        """Make the optimizer's step after a batch of `images`, and return the requested measurements, else None.

        `opposing` measures R_op by count and by magnitude (section 3.2). `motion` measures the motion of each layer
        [3, layers]: angle in radians, relative update and relative gradient (`AngleMeter`).
        """
        if self.config.clip_grad_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_grad_norm)
        if parts := self._parts_for(images):
            return parts.alone(lambda: self._step(opposing, motion))
        return self._step(opposing, motion)

    def _step(self, opposing: bool, motion: bool) -> tuple[tuple[float, float] | None, Tensor | None]:
        with (
            OpposingMeter(self.optimizer) if opposing else nullcontext() as opposed,
            AngleMeter(self.optimizer) if motion else nullcontext() as moved,
        ):
            self.optimizer.step()
        return opposed.rates if opposed else None, moved.motion if moved else None

    def forward(self, pixels: Tensor, draws: Draws | None = None) -> Tensor:
        """Return logits [B, classes] in fp32 of normalised pixels [B, 3, H, W]; `draws` is for the small-map path."""
        more = {} if draws is None else {"draws": draws}
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bf16"):
            return self.model(pixels, **more).float()

    def _parts_for(self, images: int) -> BatchParts | None:
        """Return the object that computes a batch of `images` in parts, or None if the batch is computed whole."""
        return self.batch_parts if self.batch_parts and self.batch_parts.parts(images) > 1 else None

    @contextmanager
    def randomness(self, seed: int) -> Iterator[None]:
        """Seed stochastic depth and dropout within this block."""
        if self.draws is not None:
            self.draws.manual_seed(seed)
        with seeded(seed, self.device) if self.stochastic and self.draws is None else nullcontext():
            yield

    # ---- evaluation

    @torch.no_grad()
    def evaluate(
        self, images: Tensor, labels: Tensor, mean: Tensor, std: Tensor, should_stop: Callable[[], bool] = NEVER
    ) -> Evaluation | None:
        """Evaluate uint8 `images` [N, ...] with `labels` [N]; return None if stopped."""
        self.model.eval()
        loss = torch.zeros((), dtype=torch.float64, device=self.device)
        correct: list[Tensor] = []
        for batch, targets in zip(images.split(EVALUATION_BATCH), labels.split(EVALUATION_BATCH), strict=True):
            if should_stop():
                return None
            logits = self._logits(datasets.augment(batch, None, mean, std, self.layout))
            loss += functional.cross_entropy(logits, targets, reduction="sum").double()
            correct.append(logits.argmax(1) == targets)
        right = torch.cat(correct)
        return Evaluation(float(loss) / len(labels), 100 * float(right.sum()) / len(labels), right)

    def _logits(self, pixels: Tensor) -> Tensor:
        if parts := self._parts_for(len(pixels)):
            return parts.logits(self.forward, pixels)
        return self.forward(pixels)

    # ---- state

    def state_dict(self) -> dict[str, Any]:
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.graph:
            graph.rates_as_tensors(self.optimizer, self.device)


def _is_stochastic(module: nn.Module) -> bool:
    """Return whether the module draws random numbers in training mode: any kind of dropout, or timm's DropPath."""
    return bool(getattr(module, "drop_prob", 0) or (isinstance(module, nn.modules.dropout._DropoutNd) and module.p))
