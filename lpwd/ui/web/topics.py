"""Topics: named questions of the tabs, all answered in the page's one poll (routes.py)."""

from collections.abc import Mapping
from typing import Any

from lpwd.jobs.rights import User
from lpwd.ui.web.answers import Act, answers

IDLE_MS = 10_000  # poll interval of what changes rarely


class Topics:
    """The topics of an app. An answer may contain `pollMs`, the time until the page asks again."""

    def __init__(self) -> None:
        self._topics: dict[str, Any] = {}

    def add(self, name: str, act: Act) -> None:
        """Register a topic. `act` gets validated arguments, and the user if it takes `user`.

        Raises ValueError if the name is taken.
        """
        if name in self._topics:
            raise ValueError(f"two topics are named {name!r}")
        self._topics[name] = answers(act)

    def answer(self, arguments_by_topic: Mapping[str, dict[str, Any]], user: User) -> dict[str, dict[str, Any]]:
        """Return `{"problem": "", ...}` by topic. A failure of one topic does not affect the others."""
        return {name: self._one(name, arguments, user) for name, arguments in arguments_by_topic.items()}

    def _one(self, name: str, arguments: dict[str, Any], user: User) -> dict[str, Any]:
        if name not in self._topics:
            return {"problem": f"unknown topic {name[:40]!r}: allowed are {', '.join(self._topics)}"}
        answer: dict[str, Any] = self._topics[name](arguments, user)
        return answer
