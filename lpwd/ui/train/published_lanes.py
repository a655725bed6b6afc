"""Published curves with the settings of the race on the page, or before a race with those of the form."""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lpwd.analysis.words import short
from lpwd.config import ConfigError, RunConfig
from lpwd.methods import METHODS
from lpwd.runs import Runs
from lpwd.store import RunStore
from lpwd.ui.published import Cached
from lpwd.ui.shared import form
from lpwd.ui.views import MAX_LANES, lane_style
from lpwd.ui.web.topics import IDLE_MS

if TYPE_CHECKING:  # imports pandas, which would slow down the app's start
    from lpwd.hub.results import Results

READING_MS = 1000  # poll interval while they are being read
ALWAYS = frozenset({"wd", "lpwd"})  # drawn beside any race
APART = frozenset(
    {"method", "seed", "scale", "precision", "kernels", "opposing_every", "zero_shot"}
)  # may differ within one chart
CURVES = ("train_loss", "test_top1", "opposing_count_rate")


class PublishedCurves:
    """Answers the topic `published_curves`. Runs are indexed by settings once per version of the results."""

    def __init__(self, store: RunStore, cached: Cached) -> None:
        self.store, self.cached = store, cached
        self._version = ""
        self._runs: dict[str, dict[str, list[str]]] = {}  # settings -> method -> run ids

    def look(
        self, ids: list[str] | None = None, stamp: str = "", shown: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return published curves for these runs, or for the form (`shown`), unless the page has this `stamp`.

        Raises ConfigError for an unknown run.
        """
        results = self.cached.results
        if results is None:
            return {"stamp": "", "pollMs": READING_MS}
        configs = [self.store.config(run_id) for run_id in (ids or [])[:MAX_LANES]] or _meant(shown or {})
        now = f"{self.cached.version} {','.join(config.run_id for config in configs)}"
        if now == stamp:
            return {"stamp": now, "pollMs": IDLE_MS}
        return {"stamp": now, "pollMs": IDLE_MS, **self._drawn(results, configs, raced=bool(ids))}

    def _drawn(self, results: "Results", configs: Sequence[RunConfig], raced: bool) -> dict[str, Any]:
        by_method = self._alike(results).get(settings(configs[0]), {}) if configs else {}
        wanted = ALWAYS | {config.method for config in configs}
        lanes = [_lane(results, name, by_method[name]) for name in METHODS if name in wanted and name in by_method]
        lead = "Faint lines:" if raced else "Published, not trained here:"
        line = f"{lead} means over seeds of published runs with these settings. {results.line}" if lanes else ""
        return {"lanes": lanes, "line": line}

    def _alike(self, results: "Results") -> dict[str, dict[str, list[str]]]:
        """Return the finished runs by settings and method."""
        if self._version != self.cached.version:
            runs: dict[str, dict[str, list[str]]] = {}
            for run_id, record in results.runs.items():
                if record.status.state == "finished":
                    alike = runs.setdefault(settings(record.config), {})
                    alike.setdefault(record.config.method, []).append(run_id)
            self._version, self._runs = self.cached.version, runs
        return self._runs


def _meant(shown: dict[str, Any]) -> list[RunConfig]:
    """Return what Start would train; empty if the form is invalid."""
    with suppress(ConfigError, KeyError, TypeError):
        return form.configs(form.parse_controls(shown))
    return []


def settings(config: RunConfig) -> str:
    """Return a key that is equal for runs whose curves may be drawn in one chart."""
    return json.dumps(config.model_dump(mode="json", exclude=set(APART)), sort_keys=True)


def _lane(results: "Results", method: str, run_ids: list[str]) -> dict[str, Any]:
    """Return the mean over seeds at each epoch that all seeds have."""
    from lpwd.analysis.statistics import metrics_frame

    rows = metrics_frame(Runs(published=lambda: results.runs), run_ids, "epoch").groupby("epoch")[list(CURVES)]
    whole = rows.mean()[rows.size() == len(run_ids)]
    columns = {name: [short(value) for value in whole[name].astype(float)] for name in CURVES}
    return {**lane_style(method), "seeds": len(run_ids), "epochs": {"epoch": [*map(int, whole.index)], **columns}}
