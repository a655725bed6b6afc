"""Paired differences between the methods of a race, updated as its seeds end. Imports no gradio."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lpwd.config import ConfigError
from lpwd.store import ENDED, Run, RunStore
from lpwd.ui.views import MAX_LANES, WORKING, lane_style, race_records
from lpwd.ui.web.topics import IDLE_MS

if TYPE_CHECKING:  # imports pandas, which would slow down the app's start
    from lpwd.analysis.pairs import Paired

SOON_MS = 1000  # poll interval while a seed trains
KEPT = 64  # answers
BASE = "wd"  # the others are compared with it, if it is in the race


class Differences:
    """Answers the topic `differences`. Each set of ended runs is compared once for all pages."""

    def __init__(self, store: RunStore) -> None:
        self.store = store
        self._answers: dict[str, dict[str, Any]] = {}

    def look(self, ids: list[str], stamp: str = "") -> dict[str, Any]:
        """Return each method minus WD over their common ended seeds, unless the page has this `stamp`.

        Raises ConfigError for an unknown run.
        """
        records = race_records(self.store, ids[:MAX_LANES])
        ended = [record for record in records if record.status.state in ENDED]
        poll = {"pollMs": SOON_MS if any(record.status.state in WORKING for record in records) else IDLE_MS}
        now = ",".join(record.run_id for record in ended)
        if not ended or now == stamp:
            return {"stamp": now, **poll}
        if now not in self._answers:
            if len(self._answers) >= KEPT:
                self._answers.pop(next(iter(self._answers)))
            self._answers[now] = compared(ended)
        return {"stamp": now, **poll, **self._answers[now]}


def compared(ended: Sequence[Run]) -> dict[str, Any]:
    """Return a row per method except the base, and the verdict on the paper's claim (LPWD over WD) if it applies."""
    from lpwd.analysis.pairs import paired
    from lpwd.analysis.statistics import runs_frame
    from lpwd.analysis.verdict import one_sentence

    methods = list(dict.fromkeys(run.config.method for run in ended))
    base = BASE if BASE in methods else methods[0]
    frame = runs_frame(ended)
    try:
        found = [paired(frame, method, base) for method in methods if method != base]
    except ValueError as error:  # the runs of a link may have different settings
        raise ConfigError(f"no differences are shown: {error}") from None
    last = [one for one in found if one.method == "lpwd"] or found[-1:]
    claim = 1 if last and (last[0].method, base) == ("lpwd", BASE) else 0
    return {"rows": [_row(one) for one in found if one.n], "verdict": one_sentence(last[0], claim) if last else ""}


def _row(found: "Paired") -> dict[str, Any]:
    style = lane_style(found.method)
    low, high = found.interval
    return {
        "label": style["label"],
        "color": style["color"],
        "other": lane_style(found.other)["label"],
        "seeds": list(found.seeds),
        "differences": list(found.differences),
        "mean": found.mean,
        "low": None if math.isnan(low) else low,
        "high": None if math.isnan(high) else high,
    }
