"""The published pair of WD and LPWD for the landing page. Imports no gradio."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lpwd.config import RunConfig
from lpwd.paper import pair
from lpwd.ui.published import Cached
from lpwd.ui.views import detail, lane_style

if TYPE_CHECKING:  # imports pandas, which would slow down the app's start
    from lpwd.hub.results import Results

BUNDLED = "the snapshot bundled with lpwd"


class NewestPair:
    """Chooses the pair again only when the published results have changed."""

    def __init__(self, cached: Cached) -> None:
        self.cached = cached
        self._version = ""
        self._pair = published_view(pair.bundled(), BUNDLED)

    def newest(self) -> dict[str, Any] | None:
        """Return the newest pair of the published results, or the bundled pair."""
        results, version = self.cached.results, self.cached.version
        if results is not None and self._version != version:
            from lpwd.hub import demo_pair

            self._pair = published_view(demo_pair.choose(results.runs), source(results)) or self._pair
            self._version = version
        return self._pair


def source(results: "Results") -> str:
    commit = f"commit {results.commit[:7]}"
    words = {"hub": f"{results.repo} on the Hub, {commit}", "copy": f"the last good copy of {results.repo}, {commit}"}
    return words.get(results.source, BUNDLED)


def published_view(published_pair: Mapping[str, Any] | None, where: str) -> dict[str, Any] | None:
    """Return a published pair for the page, with one line that describes it."""
    if published_pair is None:
        return None
    config = RunConfig(**published_pair["config"])
    facts = [
        f"WD vs LPWD, {detail(config)}",
        f"Scale {config.scale}",
        published_pair["device"],
        published_pair["date"],
        f"From {where}",
    ]
    lanes = []
    for lane in published_pair["lanes"]:
        style = lane_style(lane["method"])
        lanes.append({**lane, **style, "words": pair.heat_words(style["label"], lane["heat"])})
    return {
        "key": ",".join(published_pair["ids"]),
        "line": ". ".join(part for part in facts if part) + ".",
        "lanes": lanes,
    }
