"""The summary on the landing: verdict counts of all claims, and the numbers of the main claim."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpwd.paths import write_atomic

if TYPE_CHECKING:  # loads pandas, which the page loads later
    from lpwd.paper.scorecard.tiles import Tile

FILE = "answer.json"  # in the snapshot folder
MAIN = "table1"  # the preset of the paper's main claim


def answer(tiles: Sequence["Tile"]) -> dict[str, Any]:
    """Return two texts: `counts` of the verdicts of all tiles, and `main`, the difference in Table 1."""
    found = [tile.verdict for tile in tiles]
    equal, still_open = found.count("no difference"), found.count("undecided") + found.count("not run")
    counts = [
        f"{found.count('confirms')} confirmed",
        f"{found.count('contradicts')} contradicted",
        *([f"{equal} without a relevant difference"] if equal else ()),
        f"{still_open} undecided",
    ]
    main = next(tile for tile in tiles if tile.name == MAIN)
    return {
        "counts": f"of {len(tiles)} claims, tested on small models, {', '.join(counts)}.",
        "main": f"Fine-tuning: {_difference(main)}; the paper reports {main.paper.partition(' over')[0]}.",
    }


def _difference(tile: "Tile") -> str:
    """Return `LPWD minus WD is −0.19 points (95% −0.45 to +0.06, n = 3)`."""
    part = tile.parts[0] if tile.parts else None
    return f"{part.name} is {part.numbers}" if part and part.n else "not run yet"


def write(tiles: Sequence["Tile"], folder: Path) -> None:
    """Write the answer into a snapshot folder."""
    write_atomic(folder / FILE, json.dumps(answer(tiles), ensure_ascii=False, indent=1) + "\n")


def bundled(folder: Path) -> dict[str, Any]:
    """Return the answer in a snapshot folder, or empty texts."""
    path = folder / FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"counts": "", "main": ""}
