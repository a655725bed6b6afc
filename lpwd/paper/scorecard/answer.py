"""What the landing answers: how the paper's claims fare in the runs there are, and its main claim in numbers."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpwd.paths import write_atomic

if TYPE_CHECKING:  # it loads pandas, which a page does not wait for
    from lpwd.paper.scorecard.tiles import Tile

FILE = "answer.json"  # beside a snapshot's tables
MAIN = "table1"  # the tile of the paper's main claim


def answer(tiles: Sequence["Tile"]) -> dict[str, Any]:
    """Two texts: `counts` of the verdicts on all tiles, and `main`, the differences of the paper's Table 1."""
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
    """`LPWD minus WD is −0.19 points (95% −0.45 to +0.06, n = 3)`."""
    part = tile.parts[0] if tile.parts else None
    return f"{part.name} is {part.numbers}" if part and part.n else "not run yet"


def write(tiles: Sequence["Tile"], folder: Path) -> None:
    """Put the answer beside a snapshot."""
    write_atomic(folder / FILE, json.dumps(answer(tiles), ensure_ascii=False, indent=1) + "\n")


def bundled(folder: Path) -> dict[str, Any]:
    """The answer that `write` put there; empty texts if there is none."""
    path = folder / FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"counts": "", "main": ""}
