"""The button of a tile: which runs it starts, up to the next planned look, and their cost. Imports no gradio."""

from collections.abc import Mapping
from typing import Any

from lpwd.config import ConfigError
from lpwd.jobs.rights import User, check_names
from lpwd.sentences import counted
from lpwd.ui.benchmark.bench import Bench, card
from lpwd.ui.benchmark.places import FIRST_SCALE, Place, preset_of
from lpwd.ui.live import Live
from lpwd.ui.shared.costs import Costs, duration_text

MAX_FILES = 6  # claims files per page


class Offers:
    """Adds offers to tiles."""

    def __init__(self, live: Live, benchmark: Bench, costs: Costs) -> None:
        self.live, self.benchmark, self.costs = live, benchmark, costs

    def scorecard(self, scale: str, stamp: str = "") -> dict[str, Any]:
        """Return `Bench.cards` with an offer for each undecided tile."""
        answer = self.benchmark.cards(scale, stamp)
        for tile in answer.get("tiles", ()):
            if tile["verdict"] == "undecided":
                tile["offer"] = self._offer(tile, self.benchmark.place(tile["name"], scale))
        return answer

    def claims(self, user: User, files: Mapping[str, str]) -> dict[str, Any]:
        """Return the tiles of claims files, given as text by name, each with an offer; and problems by name."""
        if len(files) > MAX_FILES:
            raise ConfigError(f"{len(files)} claims files are open: at most {MAX_FILES} are allowed")
        problems: dict[str, str] = {}
        for name, text in files.items():
            try:
                self.check(user, name, text)
            except ConfigError as error:
                problems[name] = str(error)
        good = {name: text for name, text in files.items() if name not in problems}
        judged = zip(good, self.benchmark.claims(good), strict=True)
        tiles = [card(tile) | {"file": name, "paper": ""} for name, tile in judged]
        for tile in tiles:
            place = self.benchmark.place(tile["file"], FIRST_SCALE, good[tile["file"]])
            tile["offer"] = self._offer(tile, place, measure=True)
        waiting = any(tile["offer"]["waiting"] or tile["offer"]["pending"] for tile in tiles)
        return {"tiles": tiles, "problems": problems, "waiting": waiting}

    def check(self, user: User, name: str, text: str) -> None:
        """Raise ConfigError if the user may not run these claims. Reads nothing that they name."""
        if not text.strip():
            raise ConfigError(f"{name} is empty")
        configs = [cell.config for cell in preset_of(name, text).cells(FIRST_SCALE, 1)]
        if not user.owner:
            check_names(configs)
            self.live.jobs.limits.check(configs)

    def _offer(self, tile: dict[str, Any], place: Place, measure: bool = False) -> dict[str, Any]:
        """Return the `label` of the button ("" if no run is left), `waiting` runs, and whether a cost is `pending`.

        The cost is that of similar runs here, or with `measure` a new measurement; else that of the tile's own runs.
        """
        missing, hours, begun = self.benchmark.missing(place), tile["hours"], tile["verdict"] != "not run"
        count = len(missing.idle)
        seconds, pending = self.costs.seconds([cell.config for cell in missing.idle], measure)
        cost = f"about {duration_text(seconds)} here" if seconds else ""
        if not seconds and hours:
            per_seed = len(place.preset.cells(place.scale, 1))
            cost = f"about {duration_text(3600 * hours * count / per_seed)} at the speed of these runs"
        runs = counted(count, "run")
        what = f"Run {counted(count, 'missing run')}" if begun else f"Start {runs}"
        what = f"Add {counted(missing.seeds, 'seed')}" if missing.seeds else what
        details = ", ".join(filter(None, [runs if missing.seeds else "", cost]))
        label = f"{what} ({details})" if details else what
        return {"label": label if count else "", "waiting": missing.waiting, "pending": pending}
