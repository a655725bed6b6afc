"""The Demo tab, where people land, in acts of one file each."""

from collections.abc import Callable
from typing import Any

from starlette.routing import Route

from lpwd.ui.demo import hero, network, penalty, toy
from lpwd.ui.demo.pairs import Shown
from lpwd.ui.live import Live
from lpwd.ui.published import Cached
from lpwd.ui.web.people import People
from lpwd.ui.web.topics import Topics

Answer = Callable[[], dict[str, Any] | None]  # what the landing answers; None until all runs are read


def build(live: Live, people: People, topics: Topics, cached: Cached, answer: Answer) -> list[Route]:
    """Returns the addresses of what the acts fetch. Nothing here waits: the page is painted first."""
    hero.build(answer, topics)
    toy.build()
    scans = penalty.build(live, people, topics, cached)
    network.build(Shown(cached))
    return [scans]
