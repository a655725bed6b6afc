"""Permissions and limits: who may start and change runs, and how large they may be. Everyone may view."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from lpwd.config import ConfigError, RunConfig
from lpwd.jobs.costs import published_work
from lpwd.optimizers import NO_MODULES, names_a_module
from lpwd.store import ACTIVE, ENDED, RunStore

ON_SPACE = "SPACE_ID" in os.environ
# Defaults on a Space; elsewhere there are no limits unless the environment sets them.
SPACE_LIMITS = {"epochs": 100, "images": 1_000_000, "queue": 20, "jobs_per_user": 3, "minutes": 60}


@dataclass(frozen=True)
class User:
    """The sender of a request. `id` is a digest of their secret or account, or "" for view only."""

    id: str = ""
    name: str = ""
    owner: bool = False  # of this app: may change every run, without limits


HOST = User(owner=True)  # the app itself, and Python callers
NOBODY = "Sign in to start or change runs. Without signing in, you can view only."
NOT_YOURS = "run {run_id} belongs to another user: only they and the owner of this app can {act} it"
OF_COMMAND_LINE = "run {run_id} was started on the command line: on the page only the owner of this app can {act} it"
OWNERS = ("folder:", "hf:", "local-dir:", "hf-hub:")  # prefixes of data and models that make the app read new files
OWNERS_ONLY = "is a folder or a repository: only the owner of this app can use these"
LOCAL_HINT = " (`python -m lpwd owner` prints a link that signs a browser in as the owner)"


def may_change(user: User, owner: str) -> bool:
    """Return whether `user` may change a run of `owner`.

    A run without an owner was started on the command line, and only the app's owner may change it on the page.
    """
    return user.owner or (bool(owner) and owner == user.id)


def may_start(user: User) -> bool:
    """Return whether `user` may start runs, which requires signing in on a Space."""
    return user.owner or bool(user.id)


def require(user: User, owner: str, run_id: str, act: str) -> None:
    """Raise ConfigError unless `user` may `act` on the run of `owner`."""
    if not may_change(user, owner):
        sentence = NOT_YOURS if owner else OF_COMMAND_LINE
        raise ConfigError(sentence.format(run_id=run_id, act=act) + ("" if ON_SPACE else LOCAL_HINT))


@dataclass(frozen=True)
class Limits:
    """Limits of this app, set by environment variables; None means no limit."""

    epochs: int | None = None  # LPWD_MAX_EPOCHS: epochs per run
    images: int | None = None  # LPWD_MAX_IMAGES: training images times epochs per run
    queue: int | None = None  # LPWD_MAX_QUEUE: queued and training races of all users
    jobs_per_user: int | None = None  # LPWD_JOBS_PER_USER: queued and training races of one user
    minutes: int | None = None  # LPWD_MAX_MINUTES: training time per race

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Limits":
        """Read the limits from environment variables. Raises ConfigError for an invalid value."""
        usual = SPACE_LIMITS if "SPACE_ID" in environment else {}
        return cls(**{f.name: _number(environment, VARIABLES[f.name], usual.get(f.name)) for f in fields(cls)})

    def check(self, configs: Sequence[RunConfig]) -> None:
        """Raise ConfigError if a run exceeds a limit."""
        for config in configs:
            if self.epochs and config.epochs > self.epochs:
                raise ConfigError.of("epochs", f"is {config.epochs:,}: at most {self.epochs:,} are allowed here")
            seen = published_work(config).trained
            if self.images and seen > self.images:
                allowed = f"at most {self.images:,} are allowed here; choose fewer epochs or train_samples"
                raise ConfigError(f"epochs times training images is {seen:,}: {allowed}")

    def check_queue(self, in_all: int, of_user: int, more: int) -> None:
        """Raise ConfigError if `more` additional races exceed the limits."""
        already = "already queued or training" + (f", and you are adding {more}" if more > 1 else "")
        if self.queue and in_all + more > self.queue:
            raise ConfigError(f"{in_all} races are {already}: at most {self.queue} are allowed here; try again later")
        if self.jobs_per_user and of_user + more > self.jobs_per_user:
            raise ConfigError(
                f"{of_user} of your races are {already}: at most {self.jobs_per_user} per user are allowed"
            )

    @property
    def sentence(self) -> str:
        """A sentence for the form; empty without limits."""
        words = {
            "epochs": "{:,} epochs per run",
            "images": "{:,} training images times epochs per run",
            "queue": "{:,} races in the queue",
            "jobs_per_user": "{:,} queued races per user",
            "minutes": "{:,} minutes per race",
        }
        parts = [text.format(getattr(self, name)) for name, text in words.items() if getattr(self, name)]
        return f"Limits here: {', '.join(parts)}." if parts else ""


def check_person(user: User, limits: Limits, configs: Sequence[RunConfig]) -> None:
    """Raise ConfigError if the user may not start these runs. No user may name a module for the app to import."""
    for config in configs:
        if names_a_module(config.optimizer):
            raise ConfigError.of("optimizer", NO_MODULES.format(name=config.optimizer))
    if user.owner:
        return
    if not may_start(user):
        raise ConfigError(NOBODY)
    check_names(configs)
    limits.check(configs)


def check_names(configs: Sequence[RunConfig]) -> None:
    """Raise ConfigError for data and models that only the owner may use, without reading them."""
    for config in configs:
        for field in ("dataset", "model"):
            if str(getattr(config, field)).startswith(OWNERS):
                raise ConfigError.of(field, OWNERS_ONLY + ("" if ON_SPACE else LOCAL_HINT))


def check_idle(store: RunStore, run_ids: Sequence[str]) -> None:
    """Raise ConfigError if one of these runs is queued or training."""
    for run_id in filter(store.exists, run_ids):
        state = store.status(run_id).state
        if state == "queued" or state in ACTIVE:
            raise ConfigError(f"run {run_id} is already {state}: view it, or stop it first")


def check_rights(store: RunStore, user: User, run_ids: Sequence[str], act: str) -> None:
    """Raise ConfigError unless the user may `act` on the existing ones of these runs."""
    for run_id in filter(store.exists, run_ids):
        require(user, store.status(run_id).owner, run_id, act)


def check_trainable(store: RunStore, run_ids: Sequence[str]) -> None:
    """Raise ConfigError for a run whose plug-in is not loaded here, or has changed."""
    for run_id in run_ids:
        if reason := store.config(run_id).read_only:
            raise ConfigError(f"run {run_id}: {reason}")


def has_ended(store: RunStore, run_id: str) -> bool:
    """Return whether the run has a result."""
    return store.exists(run_id) and store.status(run_id).state in ENDED


VARIABLES = {
    "epochs": "LPWD_MAX_EPOCHS",
    "images": "LPWD_MAX_IMAGES",
    "queue": "LPWD_MAX_QUEUE",
    "jobs_per_user": "LPWD_JOBS_PER_USER",
    "minutes": "LPWD_MAX_MINUTES",
}


def _number(environment: Mapping[str, str], name: str, usual: int | None) -> int | None:
    text: Any = environment.get(name, "").strip()
    if not text:
        return usual
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f"{name} is {text[:40]!r}: it must be an integer of at least 1")
    return int(text)
