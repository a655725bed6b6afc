"""The published pair of WD and LPWD as the page draws it. No gradio here."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lpwd.config import RunConfig
from lpwd.paper import pair
from lpwd.ui.published import Cached
from lpwd.ui.views import detail, lane_style

if TYPE_CHECKING:  # it loads pandas, which the start of the app does not wait for
    from lpwd.hub.pull import Results

BUNDLED = "the snapshot bundled with lpwd"


class Shown:
    """The pair that stands recorded on the page; chosen again only when the published results changed."""

    def __init__(self, cached: Cached) -> None:
        self.cached = cached
        self._answer = {"version": "", "pair": published_view(pair.bundled(), BUNDLED)}

    def since(self, version: str) -> dict[str, Any]:
        """The pair, unless the page has this version; `reading`: there may soon be another."""
        results = self.cached.results
        now = self.cached.version
        if results is not None and self._answer["version"] != now:
            from lpwd.hub import chosen

            newest_pair = published_view(chosen.choose(results.runs), source(results))
            self._answer = {"version": now, "pair": newest_pair or self._answer["pair"]}
        reading = bool(self.cached.repo) and self.cached.view()["reading"]
        news = {"version": version} if version == self._answer["version"] != "" else self._answer
        return {**news, "reading": reading}


def source(results: "Results") -> str:
    commit = f"commit {results.commit[:7]}"
    words = {"hub": f"{results.repo} on the Hub, {commit}", "copy": f"the last good copy of {results.repo}, {commit}"}
    return words.get(results.source, BUNDLED)


def published_view(published_pair: Mapping[str, Any] | None, where: str) -> dict[str, Any] | None:
    """A published pair as the page draws it, with one line that says what it is."""
    if published_pair is None:
        return None
    config = RunConfig(**published_pair["config"])
    facts = [
        f"WD vs LPWD, {detail(config)}",
        f"scale {config.scale}",
        published_pair["device"],
        published_pair["date"],
        f"from {where}",
    ]
    lanes = []
    for lane in published_pair["lanes"]:
        style = lane_style(lane["method"])
        lanes.append({**lane, **style, "words": pair.heat_words(style["label"], lane["heat"])})
    return {
        "key": ",".join(published_pair["ids"]),
        **settings(config),
        "epochs": config.epochs,
        "line": "; ".join(part for part in facts if part) + ".",
        "verdict": published_pair["verdict"],
        "lanes": lanes,
    }


def settings(config: RunConfig) -> dict[str, Any]:
    """What the page compares and shows in its sliders; equal `task`s may stand in one chart."""
    same = (config.dataset, config.model, config.model_kwargs, config.image_size, config.pretrained)
    task = json.dumps(same, sort_keys=True)
    return {"lr": config.lr, "weightDecay": config.weight_decay, "seed": config.seed, "task": task}
