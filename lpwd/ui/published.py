"""Published results, shared by all tabs of an app. Imports no gradio; pandas is imported when first needed."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpwd.paper.pair import SNAPSHOT
from lpwd.runs import NO_RUNS, Run
from lpwd.ui.live import in_background

if TYPE_CHECKING:  # imports pandas, which would slow down the app's start
    from lpwd.hub.pull import Puller
    from lpwd.hub.results import Results

START_AFTER_SECONDS = 3.0  # after the app's start, so that the first paint comes first
READING = "Loading published results."


class Cached:
    """Returns cached results at once and refreshes them from the Hub in the background."""

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
        """Run `work` in the background once the first results are read."""
        self._begun.add_done_callback(lambda _: work())

    @property
    def results(self) -> "Results | None":
        """The newest results, or None before the first are read."""
        puller = self._puller
        results = puller.latest() if puller else None
        return results if puller and puller.version else None

    def runs(self) -> Mapping[str, Run]:
        """Return the published runs by run id: empty until read, and the same object until they change."""
        results = self.results
        return results.runs if results else NO_RUNS

    @property
    def version(self) -> str:
        """Changes whenever the results change."""
        return f"{self.repo}.{self._puller.version if self._puller else 0}"

    def use(self, repo: str) -> None:
        """Switch to this repository, or refresh the current one. Raises ConfigError for an invalid name."""
        from lpwd.hub import client, pull

        repo = repo.strip()
        if repo:
            client.check_name(repo)
        with self._choosing:
            if self._puller is None or repo != self.repo:
                self.repo, self._puller = repo, pull.Puller(repo, snapshot=self.snapshot)
        self._puller.refresh()

    def view(self) -> dict[str, Any]:
        """Return the repository and one line about the source, age and freshness of the results."""
        results, puller = self.results, self._puller
        reading = puller is None or puller.refreshing
        line = results.line if results else READING
        return {"repo": self.repo, "line": line, "reading": reading, "version": self.version}
