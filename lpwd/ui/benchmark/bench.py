"""What the Benchmark tab knows of a preset: findings as JSON, made again only when a run of it changed. No gradio."""

import functools
import math
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from lpwd.analysis.figures import STYLES
from lpwd.analysis.words import general, label, spread
from lpwd.config import ConfigError, RunConfig
from lpwd.paper.numbers import SCALES, Scale
from lpwd.paper.presets import PRESETS, Cell, get_preset
from lpwd.store import RunStore
from lpwd.ui.benchmark.figures import figures, sentences_of
from lpwd.ui.live import in_background
from lpwd.ui.published import Cached
from lpwd.ui.views import WORKING

if TYPE_CHECKING:  # they load pandas, which the start of the app does not wait for
    import pandas as pd

    from lpwd.paper.findings import Findings

FIRST = ("table3", "cpu")  # what the tab shows unless the URL says otherwise; read while the app starts
WARM_AFTER_SECONDS = 3.0  # of the app's start
SELECTED = {"ours": "best10_mean", "last": "last_top1", "selected": "val_selected_top1"}
SCALE_LABELS = {"cpu": "cpu: small models, minutes a run", "paper": "paper: its models and data, for a GPU"}


class Bench:
    """One object an app."""

    def __init__(self, store: RunStore, cached: Cached) -> None:
        self.store, self.cached = store, cached
        self._answers: dict[tuple[str, str], dict[str, Any]] = {}
        self._lock = threading.Lock()  # two pages that ask for the same wait for one answer
        in_background(self._warm)

    def _warm(self) -> None:
        """pandas takes seconds to load: after the page's first paint, before the tab is clicked."""
        time.sleep(WARM_AFTER_SECONDS)
        self.find(*FIRST)

    def find(self, name: str, scale: str, stamp: str = "") -> dict[str, Any]:
        """Everything the tab shows; only `stamp` and `waiting` where the page has it already. Raises ConfigError."""
        cells = by_id(name, scale)
        with self._lock:
            now = self._stamp(cells)
            answer = self._answers.get((name, scale))
            if answer is None or answer["stamp"] != now:
                self._answers[name, scale] = answer = self._view(name, cast(Scale, scale), cells) | {"stamp": now}
            return answer if stamp != now else {key: answer[key] for key in ("stamp", "waiting")}

    def config(self, name: str, scale: str, run_id: str) -> RunConfig:
        """The configuration of one cell. Raises ConfigError."""
        cells = by_id(name, scale)
        if run_id not in cells:
            raise ConfigError(f"{name} at scale {scale} has no cell {run_id[:200]!r}")
        return cells[run_id].config

    def _stamp(self, cells: Mapping[str, Cell]) -> str:
        states = {r.run_id: (r.status.state, r.status.ended) for r in self.store.records() if r.run_id in cells}
        return f"{hash(frozenset(states.items())):x}-{self.cached.version}"

    def _view(self, name: str, scale: Scale, cells: Mapping[str, Cell]) -> dict[str, Any]:
        from lpwd.paper.findings import find
        from lpwd.paper.report import TABLED

        preset = get_preset(name)
        findings, published = find(preset, self.store, scale), self._published(name, scale)
        own = [row.run_id for row in findings.cells.itertuples() if row.done]
        apart = [f"Published results: {warning}" for warning in published.warnings] if published else []
        still_open = open_cells(findings, cells)
        return {
            "source": preset.source,
            "title": preset.title,
            "question": preset.question,
            "note": preset.scale_note(scale),
            "kind": preset.kind,
            "done": findings.done,
            "total": len(findings.cells),
            "sentences": findings.sentences,
            "warnings": findings.warnings + apart,
            "reported": bool(preset.reported),
            "table": table(findings, published.table if published else None) if preset.kind in TABLED else [],
            "verdicts": {column: sentences_of(findings, column) for column in dict.fromkeys(findings.cells.column)},
            "figures": figures(findings, published),
            "open": still_open,
            "waiting": any(cell["waiting"] for cell in still_open),
            "runs": own,
            "command": f"python -m lpwd sweep {name} --scale {scale}",
        }

    def _published(self, name: str, scale: Scale) -> "Findings | None":
        """The same findings from the published results; None where they have no run of it."""
        from lpwd.hub.checked import Published
        from lpwd.paper.findings import find

        results = self.cached.results
        if results is None or not results.checked.records:
            return None
        findings = find(get_preset(name), Published(results.checked), scale)
        return findings if findings.done else None


@functools.cache
def by_id(name: str, scale: str) -> dict[str, Cell]:
    """The cells of a preset by run id. Raises ConfigError."""
    if scale not in SCALES:
        raise ConfigError(f"scale is {scale!r}: allowed are {', '.join(SCALES)}")
    return {cell.run_id: cell for cell in get_preset(name).cells(scale)}


def choices() -> dict[str, Any]:
    presets = [[preset.name, f"{preset.source}: {preset.title}"] for preset in PRESETS.values()]
    return {"presets": presets, "scales": [[scale, SCALE_LABELS[scale]] for scale in ("cpu", "paper")], "first": FIRST}


def table(findings: "Findings", cached: "pd.DataFrame | None") -> list[dict[str, Any]]:
    """A row a method and column: the paper's, the published and our own numbers, and the runs that ours rest on."""
    others = {} if cached is None else {(row["column"], row["method"]): row for row in cached.to_dict("records")}
    rows = []
    for row in findings.table.to_dict("records"):
        other = others.get((row["column"], row["method"]), {})
        rows.append(
            {
                "column": row["column"],
                "label": row["label"],
                "color": STYLES[row["method"]].color,
                "control": not row["in_paper"],
                "paper": row["paper"],
                "n": row["n"],
                "of": row["cells"],
                "cached": _spread(other, "best10_mean") if other.get("n") else "",
                "cachedN": int(other.get("n", 0)),
                **{name: _spread(row, value) for name, value in SELECTED.items()},
                "setting": f"{row['lr']:g}, {row['weight_decay']:g}" if row["n"] else "",
                "decay": "" if math.isnan(row["mean_decay_rate"]) else general(row["mean_decay_rate"], 3),
                "diverged": row["diverged"],
                "seeds": list(row["seeds"]),
                "runs": _runs(findings, row),
            }
        )
    return rows


def _spread(row: Mapping[str, Any], value: str) -> str:
    return spread(row.get(f"{value}_mean"), row.get(f"{value}_std"), missing="")


def _runs(findings: "Findings", row: Mapping[str, Any]) -> list[str]:
    cells = findings.cells
    mine = cells[(cells.column == row["column"]) & (cells.method == row["method"]) & (cells.state == "finished")]
    return list(mine[(mine.lr == row["lr"]) & (mine.weight_decay == row["weight_decay"])].run_id)


def open_cells(findings: "Findings", cells: Mapping[str, Cell]) -> list[dict[str, Any]]:
    """Cells without a result, each once; `about` is what finished runs of the same model took, in seconds."""
    took = findings.cells[findings.cells.state == "finished"].groupby("model").seconds.median().to_dict()
    rows = findings.cells[~findings.cells.done.astype(bool)].drop_duplicates("run_id")
    return [
        {
            "id": row.run_id,
            "state": row.state,
            "waiting": row.state in WORKING,
            "seed": int(row.seed),
            "place": [row.column, label(row.method), f"{row.lr:g}", f"{row.weight_decay:g}"],
            "about": took.get(row.model),
        }
        for row in rows.itertuples()
        if row.run_id in cells
    ]
