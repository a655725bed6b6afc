"""RunConfig: one frozen, validated description of a run. Its hash is part of the run's id."""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lpwd import plugins
from lpwd.depth import LayerOrder, LayerRule, check_profile
from lpwd.errors import ConfigError as ConfigError
from lpwd.facts import DATASETS, is_pinned, lies_elsewhere, normal_name
from lpwd.kwargs import check_kwargs, shown
from lpwd.methods import METHODS, Mean, get_method
from lpwd.networks import normal_model, slug
from lpwd.optimizers import OWN, get_optimizer
from lpwd.rates import check_takes_profile, order_and_mean

OPTIONS_OF_OWN = ("momentum", "nesterov", "betas", "eps")  # read by Adam and SGD only
SET_BY_RUN = frozenset({"params", "lr", "weight_decay", "decay", "independent", "capturable", "differentiable"})
KINDS = ("method", "optimizer", "dataset", "model")  # fields whose value a plug-in may have registered

PluginRecord = Annotated[str, Field(pattern=f"^{plugins.RECORD.pattern}$")]


class RunConfig(BaseModel):
    """Everything that determines a run's numbers on a given machine. Raises ConfigError."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: str = Field(
        "convnext_atto",
        description="timm model name, optionally with a weights tag, hf-hub:OWNER/NAME, local-dir:PATH, or a plug-in's",
    )
    dataset: str = Field(
        "cifar100",
        description="data set: digits, cifar10, cifar100, tinyimagenet, folder:PATH (one folder per class), "
        "hf:OWNER/NAME[:CONFIG], or a plug-in's. "
        + " ".join(facts.terms for facts in DATASETS.values() if facts.terms),
    )
    optimizer: str = Field(
        "adam",
        max_length=60,
        description="adam, sgd, one of torch.optim in lower case, timm:NAME, or package.module:Class (not in the page)",
    )
    method: str = Field("lpwd", description="decay method")
    lr: float = Field(1e-3, gt=0, le=1e3, allow_inf_nan=False, description="learning rate eta")
    weight_decay: float = Field(
        0.5, ge=0, le=1e6, allow_inf_nan=False, description="decay rate lambda; a step shrinks weights by eta * lambda"
    )
    epochs: int = Field(100, ge=1, le=100_000, description="passes over the training images")
    seed: int = Field(0, ge=0, lt=2**31, description="fixes initial weights, data order, augmentation and subset")
    batch_size: int = Field(512, ge=1, le=65_536, description="images per step")
    train_samples: int | None = Field(None, ge=1, description="balanced subset of the training images")
    test_samples: int | None = Field(None, ge=1, description="balanced subset of the test images")
    validation_samples: int = Field(0, ge=0, description="balanced split taken out of the training images")
    image_size: int = Field(32, ge=4, le=1024, description="width and height in pixels")
    pretrained: bool = Field(False, description="start from timm's ImageNet weights")
    init_from: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$",
        description="weights to start from: a finished run's id, or a published start",
    )
    precision: Literal["bf16", "fp32"] = Field("fp32", description="dtype of autocast; parameters stay fp32")
    kernels: Literal["auto", "timm", "graph"] = Field(
        "auto",
        description="kernels of the model's layers: auto uses faster ones that compute the same function, if there "
        "are any; graph replays timm's as a CUDA graph",
    )
    schedule: Literal["constant", "cosine"] = Field(
        "constant", description="learning-rate schedule; the paper uses constant"
    )
    augment: Literal["flip", "shift_flip"] = Field(
        "flip",
        description="augmentation of training images: random flips, or also shifts by up to an eighth of their size",
    )
    clip_grad_norm: float | None = Field(None, gt=0, allow_inf_nan=False, description="largest gradient norm")
    momentum: float = Field(0.9, ge=0, lt=1, description="SGD's momentum")
    nesterov: bool = Field(False, description="SGD's Nesterov momentum")
    betas: tuple[float, float] = Field((0.9, 0.999), description="Adam's moment decay rates")
    eps: float = Field(1e-8, gt=0, allow_inf_nan=False, description="Adam's denominator term")
    rule: LayerRule = Field("2i/n", description="lambda_i / lambda of layer-wise methods")
    order: LayerOrder = Field("deep", description="which layers decay most, of layer-wise methods")
    mean: Mean = Field(
        "layers",
        description="what the rates of layer-wise methods are averaged over to match the rule's mean; drawn: use a "
        "profile's multipliers of lambda unchanged",
    )
    profile: tuple[float, ...] | None = Field(
        None,
        description="lambda_i / lambda of layer-wise methods, instead of the rule: multipliers from shallow to deep, "
        "interpolated and rescaled to mean 1",
    )
    exclude_1d: bool = Field(False, description="exclude norms and biases from decay")
    opposing_every: int = Field(
        0, ge=0, description="steps between measurements of opposing penalties; 0: the last step of each epoch"
    )
    zero_shot: bool = Field(
        False, description="after training, evaluate the weights shrunk to 0 in 100 steps (the paper's eq. 12)"
    )
    model_kwargs: dict[str, Any] = Field(default_factory=dict, description="JSON object passed to timm.create_model")
    optimizer_kwargs: dict[str, Any] = Field(
        default_factory=dict, description="JSON object passed to the optimizer's class"
    )
    dataset_kwargs: dict[str, Any] = Field(
        default_factory=dict,
        description="JSON object for your own data: columns image and label, splits train and test, flip_probability",
    )
    data_digest: str = Field(
        "",
        pattern=r"^([0-9a-f]{16})?$",
        description="digest of your own data, computed when a run is created",
    )
    plugins: dict[str, PluginRecord] = Field(
        default_factory=dict, description="name@digest of the plug-in that registered the method, data set, and so on"
    )
    scale: Literal["paper", "cpu", "custom"] = Field("custom", description="which grid of the presets this run is from")

    def __init__(self, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise config_error(error) from None

    @model_validator(mode="before")
    @classmethod
    def _with_plugins(cls, values: Any) -> Any:
        """Record the loaded plug-ins that the run uses; keep existing records of others."""
        recorded = values.get("plugins", {})
        if not isinstance(recorded, dict):
            return values
        here = {plugin.record for plugin in plugins.loaded()}
        others = {kind: record for kind, record in recorded.items() if record not in here}
        defaults = {kind: cls.model_fields[kind].default for kind in KINDS}
        return {**values, "plugins": plugins.provenance(defaults | values) | others}

    @field_validator("model")
    @classmethod
    def _normal_model(cls, name: str) -> str:
        return normal_model(name)

    @model_validator(mode="after")
    def _fields_agree(self) -> "RunConfig":
        absent = self._absent_plugins()
        if "dataset" not in absent:
            self._data_agree()
        if not absent & {"method", "optimizer"}:
            self._method_agrees()
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ConfigError(f"betas are {self.betas}: each must be at least 0 and less than 1", "betas")
        if self.nesterov and self.momentum == 0:
            raise ConfigError.of("nesterov", "needs a momentum greater than 0")
        if self.train_samples is not None and self.validation_samples >= self.train_samples:
            reason = f"is {self.validation_samples}: it must be less than train_samples, {self.train_samples}"
            raise ConfigError.of("validation_samples", reason)
        for field in ("model_kwargs", "optimizer_kwargs", "dataset_kwargs"):
            check_kwargs(field, getattr(self, field))
        return self

    def _absent_plugins(self) -> set[str]:
        """Return the fields whose plug-in is not loaded here, so that their values cannot be checked."""
        if unknown := sorted(self.plugins.keys() - set(KINDS)):
            raise ConfigError.of("plugins", f"has an unknown key {unknown[0][:40]!r}: allowed are {', '.join(KINDS)}")
        absent = {kind for kind, record in self.plugins.items() if plugins.absent({kind: record})}
        for kind in absent:
            if not plugins.REGISTERED.fullmatch(str(getattr(self, kind))):
                raise ConfigError.of(kind, f"is {shown(getattr(self, kind))}: a plug-in cannot register this name")
        return absent

    def _data_agree(self) -> None:
        object.__setattr__(self, "dataset", normal_name(self.dataset))  # as frozen models do in a validator
        for field in ("data_digest", "dataset_kwargs"):
            if getattr(self, field) and not is_pinned(self.dataset):
                raise ConfigError.of(field, f"is only for your own data: dataset is {self.dataset}")

    def _method_agrees(self) -> None:
        method = get_method(self.method)
        order_and_mean(self.method, self.order, self.mean)
        if self.profile is not None:
            check_profile(self.profile)
            check_takes_profile(self.method)
        elif self.mean == "drawn":
            raise ConfigError.of("mean", "is 'drawn': this needs a profile")
        self._check_optimizer()
        if method.needs and self.optimizer != method.needs:
            raise ConfigError(f"method {self.method} needs optimizer {method.needs}, got {self.optimizer}", "optimizer")
        if method.follows_squared_rate and self.schedule == "constant":
            needs = f"method {self.method} needs schedule cosine: with a constant learning rate it equals wd"
            raise ConfigError(needs, "schedule")

    @property
    def read_only(self) -> str:
        """One sentence if the run cannot train because a plug-in is not loaded; else empty."""
        return plugins.absent(self.plugins)

    def _check_optimizer(self) -> None:
        """Raise ConfigError for an unknown or unsuitable optimizer, and for options that it does not read."""
        if refused := get_optimizer(self.optimizer).refused:
            raise ConfigError.of("optimizer", f"is {self.optimizer!r}: it {refused}")
        own = self.optimizer in OWN
        taken = SET_BY_RUN.union(OPTIONS_OF_OWN if own else ()) & self.optimizer_kwargs.keys()
        if taken:
            raise ConfigError.of("optimizer_kwargs", f"contains {min(taken)!r}, which other fields of the run set")
        if own:
            return
        if changed := [name for name in OPTIONS_OF_OWN if name in self.model_fields_set and self._differs(name)]:
            reason = f"is only for {' and '.join(OWN)}: pass options of {self.optimizer} in optimizer_kwargs"
            raise ConfigError.of(changed[0], reason)
        if self.kernels == "graph":
            raise ConfigError.of("kernels", f"is 'graph': optimizer {self.optimizer} does not run in a CUDA graph")

    def _differs(self, name: str) -> bool:
        return getattr(self, name) != type(self).model_fields[name].default

    @property
    def hash8(self) -> str:
        """Eight hexadecimal digits over every field that differs from its default, so that new fields keep old ids."""
        fields = self.model_dump(mode="json", exclude_defaults=True, exclude={"scale"})
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:8]

    @property
    def run_id(self) -> str:
        """`<model>-<dataset>-<optimizer>-<method>-lr..-wd..-s<seed>-<hash8>`, also the run's folder name."""
        names = (slug(self.model), slug(self.dataset), self.optimizer.replace(":", "."), self.method)
        return f"{'-'.join(names)}-lr{self.lr:g}-wd{self.weight_decay:g}-s{self.seed}-{self.hash8}"

    def is_named(self, run_id: str) -> bool:
        """Return whether the id is this run's. The id of a published run on a folder hashes an unpublished path."""
        if lies_elsewhere(self.dataset):
            return re.fullmatch(f"{re.escape(self.run_id[:-8])}[0-9a-f]{{8}}", run_id) is not None
        return run_id == self.run_id


def race_configs(methods: Sequence[str], fields: dict[str, Any]) -> list[RunConfig]:
    """Return one RunConfig per method. `profile` is given to Custom if present, else to all layer-wise methods.

    `mean` is passed with it if it is "drawn", which needs a profile. Raises ConfigError.
    """
    given = {name: value for name, value in fields.items() if name not in ("method", "profile")}
    rows = {name: METHODS[name] for name in methods if name in METHODS}
    takers = {name for name, row in rows.items() if row.own_profile}
    takers = takers or {name for name, row in rows.items() if row.takes_profile}
    profile = fields.get("profile")
    of_profile = {"profile": profile, "mean": fields.get("mean", "layers")}
    of_rule = {"profile": None, "mean": "layers" if profile and of_profile["mean"] == "drawn" else of_profile["mean"]}
    takes = [name in takers or not takers for name in methods]
    return [
        RunConfig(**given | (of_profile if taken else of_rule), method=name)
        for name, taken in zip(methods, takes, strict=True)
    ]


def config_error(error: ValidationError) -> ConfigError:
    """Return the first error of a ValidationError as one sentence."""
    first = error.errors()[0]
    raised = first.get("ctx", {}).get("error")
    if isinstance(raised, ConfigError):
        return raised
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return ConfigError(message)
    name, field = ".".join(str(part) for part in first["loc"]), str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return ConfigError(f"unknown field {name!r}: allowed are {', '.join(RunConfig.model_fields)}")
    if first["type"].startswith("missing"):
        return ConfigError(f"{name} is missing", field)
    given = first["input"]
    text = f"{given:.12g}" if isinstance(given, float) else repr(given)
    reason = f"is {text if len(text) <= 80 else text[:77] + '...'}: {message[0].lower()}{message[1:]}"
    return ConfigError(f"{name} {reason}", field, reason if name == field else "")
