"""The published results that an app shows: one object an app, shared by its tabs. No gradio; pandas is loaded later."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpwd.paper.pair import SNAPSHOT
from lpwd.runs import NO_RUNS, Run
from lpwd.ui.live import in_background

if TYPE_CHECKING:  # it loads pandas, which the start of the app does not wait for
    from lpwd.hub.pull import Puller
    from lpwd.hub.results import Results

START_AFTER_SECONDS = 3.0  # of the app's start: after the page's first paint, before a tab is clicked
READING = "Published results are being read."


class Cached:
    """Answers at once, from what is known; the Hub is asked in the background."""

    def __init__(
        self, repo: str | None = None, *, after_seconds: float = START_AFTER_SECONDS, snapshot: Path = SNAPSHOT
    ) -> None:
        self.snapshot = snapshot
        self.repo = os.environ.get("LPWD_RESULTS_REPO", "") if repo is None else repo
        self._puller: Puller | None = None
        self._choosing = threading.Lock()
        self._begun = in_background(lambda: self._begin(after_seconds))

    def _begin(self, after_seconds: float) -> None:
        time.sleep(after_seconds)
        from lpwd.hub.pull import Puller

        with self._choosing:
            if self._puller is None:
                self._puller = Puller(self.repo, snapshot=self.snapshot)
        self._puller.refresh().join()

    def when_read(self, work: Callable[[], object]) -> None:
        """Have it done in the background once the first results are read: before a tab is clicked that shows them."""
        self._begun.add_done_callback(lambda _: work())

    @property
    def results(self) -> "Results | None":
        """None until something has been read."""
        puller = self._puller
        results = puller.latest() if puller else None
        return results if puller and puller.version else None

    def runs(self) -> Mapping[str, Run]:
        """The published runs by run id; empty before they are read, the same object until they change."""
        results = self.results
        return results.runs if results else NO_RUNS

    @property
    def version(self) -> str:
        """Changes whenever there is something else to show."""
        return f"{self.repo}.{self._puller.version if self._puller else 0}"

    def use(self, repo: str) -> None:
        """Show another repository from now on, or ask again for the same one. Raises ConfigError for a name of none."""
        from lpwd.hub import client, pull

        repo = repo.strip()
        if repo:
            client.check_name(repo)
        with self._choosing:
            if self._puller is None or repo != self.repo:
                self.repo, self._puller = repo, pull.Puller(repo, snapshot=self.snapshot)
        self._puller.refresh()

    def view(self) -> dict[str, Any]:
        """For a page: which results these are, how old, and why not newer, as one line."""
        results, puller = self.results, self._puller
        reading = puller is None or puller.refreshing
        line = results.line if results else READING
        return {"repo": self.repo, "line": line, "reading": reading, "version": self.version}
