"""Measure the page with thousands of own and published runs. Run by `page.py store`.

Own runs are cells of presets with artificial numbers, so that every tile of the scorecard has runs. Published runs are
the bundled ones and further artificial cells, half of which are also own runs.
"""

import itertools
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from browser import chromium, open_page, running_app
from landing import load
from synthetic import write_run

from lpwd.config import RunConfig
from lpwd.hub.pull import local
from lpwd.hub.push import write_snapshot
from lpwd.hub.shards import restore
from lpwd.paper.presets import PRESETS, Cell
from lpwd.store import RunStore

VISITS = 3  # visits of each tab, each in a new page
TABS = {"runs": "#lp-runs tbody tr", "benchmark": "#lp-benchmark .lp-tile"}


def cells(count: int) -> list[Cell]:
    """Return distinct cells of all presets at scale cpu, ordered by seed."""
    found: dict[str, Cell] = {}
    for seeds in itertools.count(1):
        for cell in itertools.chain.from_iterable(preset.cells("cpu", seeds) for preset in PRESETS.values()):
            found.setdefault(cell.run_id, cell)
        if len(found) >= count:
            return list(found.values())[:count]
    raise AssertionError


def top1(config: RunConfig, epoch: int) -> float:
    """Return an increasing percentage that differs between runs and epochs."""
    return 90 - 60 / epoch + random.Random(f"{config.run_id} {epoch}").gauss(0, 0.3)


def fill(store: RunStore, planned: Sequence[Cell], count: int) -> None:
    """Write finished runs of these cells until the store has `count` runs."""
    missing = (cell for cell in planned if not store.exists(cell.run_id))
    for cell in itertools.islice(missing, count - len(store.ids())):
        write_run(store, cell, top1, steps=True)


def store(count: int) -> None:
    """Measure the seconds from the click on a tab to its table, for first and later visits."""
    planned = cells(2 * count)
    with tempfile.TemporaryDirectory() as folder:
        own, elsewhere = RunStore(Path(folder) / "runs"), RunStore(Path(folder) / "elsewhere")
        snapshot = Path(folder) / "snapshot"
        snapshot.mkdir()
        fill(own, planned, count)
        restore(elsewhere, local("", "").runs, "the bundled snapshot")
        fill(elsewhere, planned[count // 2 :], count)
        write_snapshot(elsewhere, snapshot)
        print(f"{len(own.ids()):,} own runs, {len(elsewhere.ids()):,} published; load {load()}", flush=True)
        with running_app(own.root, LPWD_SNAPSHOT_DIR=str(snapshot)) as app, chromium() as browser:
            time.sleep(15)  # wait until the app has loaded its libraries
            for visit in range(VISITS):
                page = open_page(browser, f"{app.url}/?tab=train").page
                paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
                page.wait_for_selector("#lp-panel [data-chart=top1] canvas")  # wait for the first tab
                print(f"visit {visit + 1}: first contentful paint {paint:.0f} ms, load {load()}")
                for tab, ready in TABS.items():
                    clicked = time.perf_counter()
                    page.click(f"#lp-tab-{tab}-button")
                    page.wait_for_selector(ready, timeout=120_000)
                    print(f"  {tab}: {time.perf_counter() - clicked:.2f} s after the click", flush=True)
                page.context.close()
