"""Published runs with the settings of the race on the page, drawn faintly beside it; before it, those of the form."""

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

if TYPE_CHECKING:  # it loads pandas, which the start of the app does not wait for
    from lpwd.hub.results import Results

READING_MS = 1000  # until a page asks again while they are being read
ALWAYS = frozenset({"wd", "lpwd"})  # drawn beside any race
APART = frozenset({"method", "seed", "scale", "precision", "kernels", "opposing_every", "zero_shot"})  # in one curve
CURVES = ("train_loss", "test_top1", "opposing_count_rate")


class Beside:
    """One object an app. Runs are looked up by their settings once a version of what is published."""

    def __init__(self, store: RunStore, cached: Cached) -> None:
        self.store, self.cached = store, cached
        self._version = ""
        self._runs: dict[str, dict[str, list[str]]] = {}  # settings -> method -> run ids

    def look(
        self, ids: list[str] | None = None, stamp: str = "", shown: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """The curves beside these runs, or of what the form shows, unless the page has this `stamp` of them.

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
        lead = "Faint:" if raced else "Published, not run here:"
        line = f"{lead} means over the seeds of published runs with these settings, of {results.line}" if lanes else ""
        return {"lanes": lanes, "line": line}

    def _alike(self, results: "Results") -> dict[str, dict[str, list[str]]]:
        """The finished runs by settings and method."""
        if self._version != self.cached.version:
            runs: dict[str, dict[str, list[str]]] = {}
            for run_id, record in results.runs.items():
                if record.status.state == "finished":
                    alike = runs.setdefault(settings(record.config), {})
                    alike.setdefault(record.config.method, []).append(run_id)
            self._version, self._runs = self.cached.version, runs
        return self._runs


def _meant(shown: dict[str, Any]) -> list[RunConfig]:
    """What Start would train; nothing where the form says something that cannot be."""
    with suppress(ConfigError, KeyError, TypeError):
        return form.configs(form.meant(shown))
    return []


def settings(config: RunConfig) -> str:
    """Equal for runs whose curves may stand in one chart and differ in method and seed alone."""
    return json.dumps(config.model_dump(mode="json", exclude=set(APART)), sort_keys=True)


def _lane(results: "Results", method: str, run_ids: list[str]) -> dict[str, Any]:
    """The mean over seeds at each epoch that all of them have."""
    from lpwd.analysis.statistics import metrics_frame

    rows = metrics_frame(Runs(published=lambda: results.runs), run_ids, "epoch").groupby("epoch")[list(CURVES)]
    whole = rows.mean()[rows.size() == len(run_ids)]
    columns = {name: [short(value) for value in whole[name].astype(float)] for name in CURVES}
    return {**lane_style(method), "seeds": len(run_ids), "epochs": {"epoch": [*map(int, whole.index)], **columns}}
