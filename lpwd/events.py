"""Events that `lpwd.train` yields. `metrics.jsonl` holds one JSON object per recorded event. No torch here."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, ClassVar

from pydantic import Field, TypeAdapter

CIRCUMSTANCES = frozenset({"seconds", "images_per_second", "versions"})  # the rest repeats bit for bit on CPU
MOTION = ("angular_update", "relative_update", "relative_gradient")  # fields of Epoch, one value per layer
Count = Annotated[int, Field(ge=0, le=2**63 - 1)]  # fits in a column of 64-bit integers


@dataclass(frozen=True)
class Started:
    """Facts about the run that are known once model and data are loaded."""

    kind: ClassVar[str] = "started"
    device: str
    model: str  # timm name, with the tag of its weights if they were loaded
    parameter_count: Count
    layer_names: list[str]  # one per layer id, shallow to deep
    layer_decay_rates: list[float]  # lambda_i per layer, dimensionless
    layer_parameter_counts: list[Count]
    mean_decay_rate: float  # parameter-weighted mean of lambda_i
    train_samples: Count
    test_samples: Count
    validation_samples: Count
    steps_per_epoch: Count
    total_steps: Count
    initial_weight_norms: list[float]  # L2 norm per layer at theta_0
    threads: Count = 0  # torch's CPU threads; changes the last bits of sums
    versions: dict[str, str] = field(default_factory=dict)
    start_digest: str = ""  # of the weights that `init_from` names, see lpwd.training.starts
    kernels: str = "timm"  # that computed the model: "timm", "small-maps" or "graph"; changes the last bits of sums
    step: Count = 0

    def __post_init__(self) -> None:
        """Raise ValueError for a list without exactly one value per layer; an empty list means unknown."""
        for values in (self.layer_decay_rates, self.layer_parameter_counts, self.initial_weight_norms):
            if values and len(values) != len(self.layer_names):
                raise ValueError(f"{len(values)} values for {len(self.layer_names)} layers")


@dataclass(frozen=True)
class Step:
    """One optimizer step. `loss` is None on steps whose loss was not read back from the device."""

    kind: ClassVar[str] = "step"
    step: Count  # 1-based, over all epochs
    epoch: Count  # 1-based
    loss: float | None  # training loss, mean over the steps since it was last read
    lr: float
    seconds: float  # training time so far, over all sessions of the run
    images_per_second: float  # training only
    opposing_count_rate: float | None = None  # R_op by count, eq. (10); None if not measured
    opposing_magnitude_rate: float | None = None


@dataclass(frozen=True)
class Epoch:
    """The end of an epoch, after evaluation on the whole test set. Top-1 in percent."""

    kind: ClassVar[str] = "epoch"
    step: Count
    epoch: Count
    train_loss: float  # mean over the epoch's training images
    test_loss: float
    test_top1: float
    validation_top1: float | None
    lr: float
    weight_norms: list[float]  # L2 norm per layer, shallow to deep
    opposing_count_rate: float | None  # mean over the epoch's measured steps
    opposing_magnitude_rate: float | None
    seconds: float
    images_per_second: float
    # Means over the epoch's sampled steps, one value per layer (in old runs: values of the last step, or empty).
    angular_update: list[float] = field(default_factory=list)  # radians
    relative_update: list[float] = field(default_factory=list)  # |change| / |weights|
    relative_gradient: list[float] = field(default_factory=list)  # |gradient| / |weights|


@dataclass(frozen=True)
class Checkpoint:
    """State to resume from, for the caller to save; never written to metrics.jsonl."""

    kind: ClassVar[str] = "checkpoint"
    step: Count
    state: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Diverged:
    """A non-finite loss: a result with its step, not a crash."""

    kind: ClassVar[str] = "diverged"
    step: Count
    epoch: Count


@dataclass(frozen=True)
class Stopped:
    """`should_stop` returned True; the last checkpoint holds the state of exactly this step."""

    kind: ClassVar[str] = "stopped"
    step: Count


@dataclass(frozen=True)
class Finished:
    """All epochs are done; results selected by test top-1 (percent)."""

    kind: ClassVar[str] = "finished"
    step: Count
    best10_mean: float
    best10_std: float  # ddof 0
    last_top1: float
    val_selected_top1: float | None  # test top-1 at the best validation epoch; None without a validation split
    train_loss: float
    images_per_second: float
    seconds: float
    correct: str = ""  # test images classified correctly in the last epoch, see lpwd.correct; empty in old runs

    @property
    def summary(self) -> dict[str, Any]:
        """The numeric results, as stored in status.json."""
        return {name: value for name, value in vars(self).items() if name not in ("step", "correct")}


@dataclass(frozen=True)
class ZeroShot:
    """Test results of eq. (12) at one s in 0..100: weights (1 - s/100) theta_0 after training, not compounded."""

    kind: ClassVar[str] = "zero_shot"
    step: Count  # the run's last step, whose weights are theta_0
    shrink_percent: float  # s
    test_top1: float  # percent
    test_loss: float


Event = Started | Step | Epoch | Checkpoint | Diverged | Stopped | Finished | ZeroShot
RECORDED: dict[str, TypeAdapter[Any]] = {
    kind.kind: TypeAdapter(kind) for kind in (Started, Step, Epoch, Diverged, Stopped, Finished, ZeroShot)
}


def to_record(event: Event) -> dict[str, Any]:
    """Return the JSON object of a recorded event; its "event" key names the kind."""
    return {"event": event.kind, **asdict(event)}


def from_record(record: dict[str, Any]) -> Event:
    """Parse the JSON object of an event. Raises ValueError, KeyError or TypeError for anything else."""
    event: Event = RECORDED[record["event"]].validate_python(record)
    return event


def reproducible(record: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a record that the same configuration repeats exactly on the same machine."""
    return {key: value for key, value in record.items() if key not in CIRCUMSTANCES}


def best10(top1: Sequence[float]) -> tuple[float, float]:
    """Return mean and standard deviation (ddof 0) of the ten highest values of one run, as the paper reports them."""
    best = sorted(top1)[-10:]
    return statistics.fmean(best), statistics.pstdev(best)


def select(epochs: Sequence[Epoch]) -> Finished:
    """Return the results selected from all epochs of a run. Raises ValueError if there are none."""
    if not epochs:
        raise ValueError("no result: the run has no finished epoch")
    mean, deviation = best10([epoch.test_top1 for epoch in epochs])
    last = epochs[-1]
    validated = [epoch for epoch in epochs if epoch.validation_top1 is not None]
    chosen = max(validated, key=lambda epoch: epoch.validation_top1 or 0.0, default=None)  # first of several maxima
    return Finished(
        step=last.step,
        best10_mean=mean,
        best10_std=deviation,
        last_top1=last.test_top1,
        val_selected_top1=chosen.test_top1 if chosen else None,
        train_loss=last.train_loss,
        images_per_second=statistics.fmean(epoch.images_per_second for epoch in epochs),
        seconds=last.seconds,
    )
