"""What the tabs of the page watch: topics by name, each answered in the page's one poll (routes.py)."""

from collections.abc import Mapping
from typing import Any

from lpwd.jobs.rights import User
from lpwd.ui.web.answers import Act, answers

IDLE_MS = 10_000  # until a page asks again for what changes seldom


class Topics:
    """One object an app. A topic's answer may hold `pollMs`: so long a page need not ask for it again."""

    def __init__(self) -> None:
        self._topics: dict[str, Any] = {}

    def add(self, name: str, act: Act) -> None:
        """Answer the topic by `act`, from its checked arguments; an `act` that takes `user` gets the asking person.

        Raises ValueError if another topic has this name.
        """
        if name in self._topics:
            raise ValueError(f"two topics are named {name!r}")
        self._topics[name] = answers(act)

    def answer(self, arguments_by_topic: Mapping[str, dict[str, Any]], user: User) -> dict[str, dict[str, Any]]:
        """`{"problem": "", ...}` by topic: what is wrong with one is none of the others' business."""
        return {name: self._one(name, arguments, user) for name, arguments in arguments_by_topic.items()}

    def _one(self, name: str, arguments: dict[str, Any], user: User) -> dict[str, Any]:
        if name not in self._topics:
            return {"problem": f"unknown topic {name[:40]!r}: allowed are {', '.join(self._topics)}"}
        answer: dict[str, Any] = self._topics[name](arguments, user)
        return answer
