"""The panel of published results: their source; for the owner also the repository and publishing."""

from typing import Any

import gradio as gr

from lpwd.config import ConfigError
from lpwd.hub.autopush import AutoPush
from lpwd.jobs.rights import LOCAL_HINT, ON_SPACE, User
from lpwd.ui import look
from lpwd.ui.benchmark.publishing import Publishing
from lpwd.ui.live import Live
from lpwd.ui.published import Cached
from lpwd.ui.web.answers import server_functions
from lpwd.ui.web.people import People
from lpwd.ui.web.topics import Topics

BUSY_MS, IDLE_MS = 700, 5000  # poll intervals: during a request to the Hub, and otherwise
HOW = "" if ON_SPACE else LOCAL_HINT
OWNER_ONLY = f"Only the owner of this app can choose the results repository and publish to it{HOW}."


def build(live: Live, people: People, topics: Topics, cached: Cached, autopush: AutoPush | None) -> None:
    """Build the panel. Permissions are checked here, not in the script."""

    def on_sent(repo: str) -> None:
        if repo == cached.repo:
            cached.use(repo)

    publishing = Publishing(live.store, on_sent)
    if autopush:
        autopush.on_sent = on_sent

    def about(user: User) -> dict[str, Any]:
        shown, sent = cached.view(), publishing.view()
        mine = {"publishing": sent, "automatic": autopush.line if autopush else ""} if user.owner else {}
        busy = shown["reading"] or (user.owner and sent["busy"])
        return shown | mine | {"others": "" if user.owner else OWNER_ONLY, "pollMs": BUSY_MS if busy else IDLE_MS}

    def use(user: User, repo: str) -> None:
        require_owner(user)
        cached.use(repo)

    def plan(user: User, repo: str, replaces: bool = False) -> None:
        require_owner(user)
        publishing.look(repo.strip(), replaces)

    def send(user: User, plan: int) -> None:
        require_owner(user)
        publishing.send(plan)

    topics.add("published", about)
    gr.HTML(
        html_template=look.asset("benchmark/hub.html"),
        js_on_load=look.mount("benchmark/hub.js"),
        server_functions=server_functions(use, plan, send, who=people.who),
        elem_id="lp-hub",
        apply_default_css=False,
    )


def require_owner(user: User) -> None:
    if not user.owner:
        raise ConfigError(OWNER_ONLY)
