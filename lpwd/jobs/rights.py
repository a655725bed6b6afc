"""Who may change what, and how much of the machine one may ask for. Everyone may watch."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from lpwd.config import ConfigError, RunConfig
from lpwd.jobs.costs import published_work
from lpwd.optimizers import NO_MODULES, names_a_module
from lpwd.store import ACTIVE, ENDED, RunStore

ON_SPACE = "SPACE_ID" in os.environ
# A Space that nobody configured; elsewhere there are no limits unless the environment sets some.
SPACE_LIMITS = {"epochs": 100, "images": 1_000_000, "queue": 20, "jobs_per_user": 3, "minutes": 60}


@dataclass(frozen=True)
class User:
    """Somebody who asks. `id` is a digest of their secret or account, and "" for one who may only watch."""

    id: str = ""
    name: str = ""
    owner: bool = False  # of this app: may change every run, and no limit holds


HOST = User(owner=True)  # the app itself, and whoever can call it from Python
NOBODY = "This app wants you to sign in before you start or change runs; everyone may watch."
NOT_YOURS = "run {run_id} was started by somebody else: only they, or the owner of this app, may {act} it"
OF_COMMAND_LINE = "run {run_id} was started on the command line: on the page only the owner of this app may {act} it"
OWNERS = ("folder:", "hf:", "local-dir:", "hf-hub:")  # names of data and models that make the app read something new
OWNERS_ONLY = "names a folder or a repository: only the owner of this app may"
LOCAL_HINT = " (`python -m lpwd owner` prints the link that makes a browser the owner's)"


def may_change(user: User, owner: str) -> bool:
    """Whether `user` may change a run of `owner`.

    A run without an owner was started on the command line: it is changed there, or by the app's owner.
    """
    return user.owner or (bool(owner) and owner == user.id)


def may_start(user: User) -> bool:
    """Whether `user` may start runs at all: on a Space one signs in first."""
    return user.owner or bool(user.id)


def require(user: User, owner: str, run_id: str, act: str) -> None:
    """Raises ConfigError unless `user` may `act` on the run of `owner`."""
    if not may_change(user, owner):
        sentence = NOT_YOURS if owner else OF_COMMAND_LINE
        raise ConfigError(sentence.format(run_id=run_id, act=act) + ("" if ON_SPACE else LOCAL_HINT))


@dataclass(frozen=True)
class Limits:
    """What one may ask for; None is no limit. The environment sets them as LPWD_MAX_EPOCHS and so on."""

    epochs: int | None = None  # LPWD_MAX_EPOCHS, of a run
    images: int | None = None  # LPWD_MAX_IMAGES, training images times epochs of a run
    queue: int | None = None  # LPWD_MAX_QUEUE, races waiting or training, of everybody
    jobs_per_user: int | None = None  # LPWD_JOBS_PER_USER, races waiting or training, of one person
    minutes: int | None = None  # LPWD_MAX_MINUTES, a race trains at a time

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Limits":
        """Raises ConfigError for a value that is no number of at least 1."""
        usual = SPACE_LIMITS if "SPACE_ID" in environment else {}
        return cls(**{f.name: _number(environment, VARIABLES[f.name], usual.get(f.name)) for f in fields(cls)})

    def check(self, configs: Sequence[RunConfig]) -> None:
        """Raises ConfigError where a run asks for too much."""
        for config in configs:
            if self.epochs and config.epochs > self.epochs:
                raise ConfigError.of("epochs", f"is {config.epochs:,}: at most {self.epochs:,} here")
            seen = published_work(config).trained
            if self.images and seen > self.images:
                raise ConfigError(
                    f"epochs times training images is {seen:,}: at most {self.images:,} here; choose fewer of either"
                )

    def check_queue(self, in_all: int, of_user: int, more: int = 1) -> None:
        """Raises ConfigError where so many more races would be too many."""
        already = "wait or train already" + (f" and {more} are to join them" if more > 1 else "")
        if self.queue and in_all + more > self.queue:
            raise ConfigError(f"{in_all} races {already}: at most {self.queue} here; try again later")
        if self.jobs_per_user and of_user + more > self.jobs_per_user:
            raise ConfigError(f"{of_user} of your races {already}: at most {self.jobs_per_user} a person here")

    @property
    def sentence(self) -> str:
        """For the form; empty where there are no limits."""
        words = {
            "epochs": "{:,} epochs",
            "images": "{:,} training images times epochs a run",
            "queue": "{:,} races in the queue",
            "jobs_per_user": "{:,} of them yours",
            "minutes": "{:,} minutes a race",
        }
        parts = [text.format(getattr(self, name)) for name, text in words.items() if getattr(self, name)]
        return f"At most here: {', '.join(parts)}." if parts else ""


def check_person(user: User, limits: Limits, configs: Sequence[RunConfig]) -> None:
    """Whether the person may start runs at all, and such long ones; nobody may name a module for the app to import."""
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
    """Raise ConfigError for data and models that only the owner may name; nothing of them is looked at."""
    for config in configs:
        for field in ("dataset", "model"):
            if str(getattr(config, field)).startswith(OWNERS):
                raise ConfigError.of(field, OWNERS_ONLY + ("" if ON_SPACE else LOCAL_HINT))


def check_idle(store: RunStore, run_ids: Sequence[str]) -> None:
    """Whether none of these runs is queued or training already."""
    for run_id in filter(store.exists, run_ids):
        state = store.status(run_id).state
        if state == "queued" or state in ACTIVE:
            raise ConfigError(f"run {run_id} is {state} already: watch it, or stop it first")


def check_rights(store: RunStore, user: User, run_ids: Sequence[str], act: str) -> None:
    """Whether the person may `act` on those of the runs that exist."""
    for run_id in filter(store.exists, run_ids):
        require(user, store.status(run_id).owner, run_id, act)


def check_trainable(store: RunStore, run_ids: Sequence[str]) -> None:
    """Raise ConfigError for a run that used a plug-in which is not loaded here, or another version of it."""
    for run_id in run_ids:
        if reason := store.config(run_id).read_only:
            raise ConfigError(f"run {run_id}: {reason}")


def has_ended(store: RunStore, run_id: str) -> bool:
    """Whether the run's result is known."""
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
        raise ConfigError(f"{name} is {text[:40]!r}: a whole number of at least 1 is allowed")
    return int(text)
