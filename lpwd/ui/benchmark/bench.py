"""The scorecard and the details of a tile, rebuilt only when a run has changed.

Uses own and published runs by the rule of `lpwd.runs.Runs`. Imports no gradio.
"""

import math
import threading
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from lpwd.analysis.words import general, label, short, spread
from lpwd.config import ConfigError
from lpwd.jobs.costs import speed_key
from lpwd.methods import METHODS
from lpwd.paper.numbers import Scale
from lpwd.paper.presets import Cell
from lpwd.paper.scorecard.answer import answer
from lpwd.runs import Run, Runs, origins_text, repeated_text
from lpwd.store import RunStore
from lpwd.ui.benchmark.figures import figures, sentences_of
from lpwd.ui.benchmark.places import FIRST_SCALE, MAX_TILES, Missing, Place, check_scale, missing
from lpwd.ui.published import Cached
from lpwd.ui.views import WORKING

if TYPE_CHECKING:  # import pandas, which would slow down the app's start
    from lpwd.paper.findings import Findings
    from lpwd.paper.scorecard.tiles import Tile

SELECTED = {"ours": "best10_mean", "last": "last_top1", "selected": "val_selected_top1"}


class Bench:
    """Computes and caches the scorecard of an app."""

    def __init__(self, store: RunStore, cached: Cached) -> None:
        self.store, self.cached, self.runs = store, cached, Runs(store, cached.runs)
        self._answers: dict[tuple[str, str], dict[str, Any]] = {}
        self._tiles: dict[Place, tuple[str, Tile]] = {}  # with the stamp of their cells
        self._all: list[Tile] = []  # of FIRST_SCALE
        self._lock = threading.Lock()  # so that pages share one computation
        cached.when_read(lambda: self.cards(FIRST_SCALE))  # takes seconds the first time

    def cards(self, scale: str, stamp: str = "") -> dict[str, Any]:
        """Return the scorecard, or only `stamp` and `waiting` if the page has it. Raises ConfigError."""
        from lpwd.paper.scorecard.claims import CLAIMS
        from lpwd.paper.scorecard.tiles import summary

        with self._lock:
            results = self._results()
            places = [self.place(name, scale, results=results) for name in CLAIMS]
            answer = self._news(places)
            if stamp == answer["stamp"]:
                return answer
            tiles = self._judged(places)
            if scale == FIRST_SCALE:
                self._all = tiles
            return answer | {"summary": summary(tiles), "tiles": list(map(card, tiles))}

    def claims(self, files: Mapping[str, str]) -> list["Tile"]:
        """Return the tiles of claims files, given as text by name. Raises ConfigError."""
        with self._lock:
            return self._judged([self.place(name, FIRST_SCALE, text) for name, text in files.items()])

    def place(self, name: str, scale: str, text: str = "", results: Set[str] | None = None) -> Place:
        """Return a preset, or the claims of a file, with the number of seeds of its verdict. Raises ConfigError.

        `results` are the ids of runs with a result, if already known.
        """
        from lpwd.paper.scorecard.claims import judged_seeds

        check_scale(scale)
        first = Place(name, text, cast(Scale, scale), 1)
        found = self._results() if results is None else results
        return replace(first, seeds=judged_seeds(first.preset, found, first.scale))

    def missing(self, place: Place) -> Missing:
        """Return the cells to run next: missing cells of the current seeds, else those of the next look."""
        busy = {run.run_id for run in self.store.records() if run.status.state in WORKING}
        results = self._results()
        now = missing(place.cells, 0, results, busy)
        return now if now.idle or now.waiting else missing(place.next_look, place.look - place.seeds, results, busy)

    def _results(self) -> Set[str]:
        return {run_id for run_id, run in self.runs.by_id().items() if run.has_result}

    def _news(self, places: Sequence[Place]) -> dict[str, Any]:
        """Return the stamp of these tiles, and whether a cell of theirs is queued or training."""
        records = self.store.records()
        now = f"{hash(tuple(self._stamp(place.next_look, records) for place in places)):x}"
        ids = {run_id for place in places for run_id in place.next_look}
        return {"stamp": now, "waiting": any(r.status.state in WORKING for r in records if r.run_id in ids)}

    def _judged(self, places: Sequence[Place]) -> list["Tile"]:
        """Return the tiles, rebuilt only if a run has ended."""
        from lpwd.paper.scorecard.claims import own_tile, tile
        from lpwd.paper.scorecard.tiles import holm_adjusted

        records, tiles = self.store.records(), []
        for place in places:
            now = self._stamp(place.cells, records)
            known, one = self._tiles.get(place, ("", None))
            if one is None or known != now:
                one = own_tile(place.preset, self.runs) if place.text else tile(place.name, self.runs, place.scale)
                self._tiles = {**dict(list(self._tiles.items())[-MAX_TILES:]), place: (now, one)}
            tiles.append(one)
        return holm_adjusted(tiles)

    def answer(self) -> dict[str, Any] | None:
        """Return the answer of the landing page from the latest scorecard, or None before the first."""
        tiles = self._all
        return answer(tiles) if tiles else None

    def find(self, name: str, scale: str, stamp: str = "") -> dict[str, Any]:
        """Return the details of a tile, or only `stamp` and `waiting` if the page has them. Raises ConfigError."""
        with self._lock:
            place = self.place(name, scale)
            now = self._stamp(place.cells, self.store.records())
            answer = self._answers.get((name, scale))
            if answer is None or answer["stamp"] != now:
                self._answers[name, scale] = answer = self._view(place) | {"stamp": now}
            return answer if stamp != now else {key: answer[key] for key in ("stamp", "waiting")}

    def cells(self, name: str, scale: str, run_ids: Sequence[str]) -> list[Cell]:
        """Return the cells of these runs. Raises ConfigError for an unknown run."""
        cells = self.place(name, scale).cells
        if unknown := [run_id for run_id in run_ids if run_id not in cells]:
            raise ConfigError(f"{name} at scale {scale} has no cell {unknown[0][:200]!r}")
        return [cells[run_id] for run_id in dict.fromkeys(run_ids)]

    def _stamp(self, cells: Mapping[str, Cell], records: Sequence[Run]) -> str:
        states = {r.run_id: (r.status.state, r.status.ended) for r in records if r.run_id in cells}
        return f"{hash(frozenset(states.items())):x}-{self.cached.version}"

    def _repeated(self, run_ids: Iterable[str]) -> str:
        own = {run.run_id: run for run in self.store.records()}
        return repeated_text({i: own[i] for i in run_ids if i in own}, self.cached.runs())

    def _view(self, place: Place) -> dict[str, Any]:
        from lpwd.paper.findings import find
        from lpwd.paper.report import TABLED

        preset, scale, cells, runs = place.preset, place.scale, place.cells, self.runs.by_id()
        findings = find(preset, self.runs, scale, place.seeds)
        done = list(findings.cells[findings.cells.done.astype(bool)].run_id)
        still_open = open_cells(findings, cells)
        return {
            "source": preset.source,
            "title": preset.title,
            "question": preset.question,
            "note": preset.scale_note(scale),
            "kind": preset.kind,
            "done": findings.done,
            "total": len(findings.cells),
            "origin": "; ".join(
                filter(None, (origins_text(runs[i] for i in dict.fromkeys(done)), self._repeated(done)))
            ),
            "sentences": findings.sentences,
            "warnings": findings.warnings,
            "reported": bool(preset.reported),
            "table": table(findings, runs) if preset.kind in TABLED else [],
            "verdicts": {column: sentences_of(findings, column) for column in dict.fromkeys(findings.cells.column)},
            "figures": figures(findings, frozenset(i for i in done if runs[i].is_published)),
            "open": still_open,
            "waiting": any(cell["waiting"] for cell in still_open),
            "runs": [run_id for run_id in done if not runs[run_id].is_published],
            "command": f"python -m lpwd sweep {place.name} --scale {scale}",
        }


def card(tile: "Tile") -> dict[str, Any]:
    """Return a tile for the page."""
    lines = [
        {"color": METHODS[line.style].color if line.style in METHODS else "", "x": line.x, "y": line.y}
        for line in tile.spark
    ]
    return {
        "name": tile.name,
        "source": tile.source,
        "claim": tile.claim,
        "paper": tile.paper,
        "ours": tile.texts,
        "verdict": tile.verdict,
        "verdictText": tile.verdict_text,
        "hours": short(tile.hours),
        "notes": tile.notes,
        "runs": f"{tile.done:,} of {tile.total:,} cells" + (f": {tile.origin}" if tile.origin else ""),
        "spark": lines,
        "sparkTitle": tile.spark_title,
    }


def table(findings: "Findings", by_id: Mapping[str, Run]) -> list[dict[str, Any]]:
    """Return one row per column and method: the paper's number, ours, and our runs."""
    rows = []
    for row in findings.table.to_dict("records"):
        runs = _runs(findings, row)
        own = [run_id for run_id in runs if not by_id[run_id].is_published]
        rows.append(
            {
                "column": row["column"],
                "label": row["label"],
                "color": METHODS[row["method"]].color,
                "control": not row["in_paper"],
                "paper": row["paper"],
                "n": row["n"],
                "of": row["cells"],
                **{name: _spread(row, value) for name, value in SELECTED.items()},
                "setting": f"{row['lr']:g}, {row['weight_decay']:g}" if row["n"] else "",
                "decay": "" if math.isnan(row["mean_decay_rate"]) else general(row["mean_decay_rate"], 3),
                "diverged": row["diverged"],
                "seeds": list(row["seeds"]),
                "published": len(runs) - len(own),
                "runs": own,
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
    """Return the cells without a result; `about` is the time of similar finished runs, in seconds."""
    finished = findings.cells[findings.cells.state == "finished"]
    kinds = [speed_key(cells[i].config) if i in cells else "" for i in finished.run_id]
    took = finished.groupby(kinds).seconds.median().to_dict()
    rows = findings.cells[~findings.cells.done.astype(bool)].drop_duplicates("run_id")
    return [
        {
            "id": row.run_id,
            "state": row.state,
            "waiting": row.state in WORKING,
            "seed": int(row.seed),
            "place": [row.column, label(row.method), f"{row.lr:g}", f"{row.weight_decay:g}"],
            "about": took.get(speed_key(cells[row.run_id].config)),
        }
        for row in rows.itertuples()
        if row.run_id in cells
    ]
