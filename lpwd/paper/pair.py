"""Data of the Demo's recorded pair, WD and LPWD under a strong penalty.

This module does not import pandas, because the page shows the bundled pair before pandas is loaded.
`lpwd.hub.demo_pair` chooses the published pair.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lpwd.analysis.words import general, short

METHODS = ("wd", "lpwd")
SNAPSHOT = Path(os.environ.get("LPWD_SNAPSHOT_DIR") or Path(__file__).parent.parent / "snapshot")
PAIR_FILE = "pair.json"  # in the snapshot folder


def bundled(folder: Path = SNAPSHOT) -> dict[str, Any] | None:
    """Return the pair that `hub.demo_pair.choose` found in the snapshot, or None."""
    path = folder / PAIR_FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def heat(layers: Sequence[str], rates: Sequence[float], norms: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Return weight norms as shares of their initial value: one row per layer (shallow to deep), one column per epoch.

    `norms` has one row per epoch, starting before training. Shares are None for layers with initial norm 0.
    """
    start = norms[0]
    shares = [[short(epoch[i] / start[i]) if start[i] else None for epoch in norms] for i in range(len(layers))]
    return {"layers": list(layers), "rates": list(map(short, rates)), "z": shares}


def heat_words(label: str, picture: Mapping[str, Any]) -> str:
    """Return the range of weight norms after the last epoch in one sentence."""
    epoch = len(picture["z"][0]) - 1
    ends = [(row[-1], name) for name, row in zip(picture["layers"], picture["z"], strict=True) if row[-1] is not None]
    if epoch < 1 or not ends:
        return f"{label}: no epoch has ended yet."
    (low, lowest), (high, highest) = min(ends), max(ends)
    between = f"between {general(100 * low, 3)} % ({lowest}) and {general(100 * high, 3)} % ({highest}) of their start"
    return f"{label}: after epoch {epoch} the weight norms of the layers stand {between}."
