"""Measure the landing page in Chromium: first paint, animation, long tasks, and response to dragging.

Run by `page.py land` and `page.py drag`. Published runs come from LPWD_SNAPSHOT_DIR, the bundled snapshot, or
artificial runs. On a busy machine only CPU times and counts are meaningful; the load average is printed.
"""

import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from browser import App, chromium, open_page, running_app
from playwright.sync_api import Browser, Page
from synthetic import write_run

from lpwd.hub.push import write_snapshot
from lpwd.paper.pair import SNAPSHOT
from lpwd.paper.presets import Cell
from lpwd.paper.scans import file_of, get_scan
from lpwd.store import RunStore

ROUNDS, SECONDS = 5, 10.0  # number of pages opened by `land`, and seconds per page
PATIENCE_MS = 180_000
LANDED = """
window.land = {first: 0, moving: 0, frames: [], long: [], head: 0};
const look = () => {
  if (document.querySelector('#lp-hero path.lp-line')?.getAttribute('d')) land.head = performance.now();
  else requestAnimationFrame(look);
};
requestAnimationFrame(look);
new PerformanceObserver((list) => {
  for (const {startTime, duration} of list.getEntries()) land.long.push([startTime, duration]);
}).observe({type: 'longtask', buffered: true});
const pens = CanvasRenderingContext2D.prototype, {clearRect, arc} = pens, dots = new Map();
pens.arc = function (x, y, ...rest) {
  dots.get(this)?.now.push(x, y);
  return arc.call(this, x, y, ...rest);
};
pens.clearRect = function (...box) {
  if (this.canvas.closest('#lp-toy')) {
    const {now, before} = dots.get(this) ?? {now: [], before: []};
    land.first ||= performance.now();
    land.frames.push(performance.now());
    if (before.length === now.length && String(before) !== String(now)) land.moving ||= performance.now();
    dots.set(this, {before: now, now: []});
  }
  return clearRect.apply(this, box);
};
"""
FOLLOWED = """() => {
  window.seen = {lag: [], long: []};
  const note = (list) => list.getEntries().forEach((entry) => seen.long.push(entry.duration));
  new PerformanceObserver(note).observe({type: 'longtask'});
  const path = () => document.querySelector('#lp-penalty [data-f=top1] .lp-line')?.getAttribute('d');
  document.querySelector('#lp-penalty [data-f=decay]').addEventListener('input', () => {
    const begun = performance.now(), before = path();
    const look = () => {
      if (path() !== before) seen.lag.push(performance.now() - begun);
      else if (performance.now() - begun < 500) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}"""


@contextmanager
def landing() -> Iterator[tuple[App, Browser]]:
    """Start an app with a recorded scan and warm it up with one page."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        where = SNAPSHOT if file_of("scan", SNAPSHOT).exists() else invented(Path(folder))
        with running_app(Path(folder) / "runs", LPWD_SNAPSHOT_DIR=str(where)) as app:
            open_page(browser, app.url).page.context.close()
            print(f"scan of {where}; load {load()}", flush=True)
            yield app, browser


def invented(folder: Path) -> Path:
    """Write a snapshot with three seeds at every decay rate of the digits scan, with artificial curves."""
    store, scan = RunStore(folder / "published"), get_scan("scan")
    for method, decay in scan.cells:
        for seed in range(3):
            cell = Cell(scan.config(method, decay, seed), "", False)
            write_run(store, cell, lambda config, epoch: 80 + epoch / 10 - config.weight_decay)
    write_snapshot(store, folder)
    return folder


def load() -> str:
    return " ".join(f"{value:.1f}" for value in os.getloadavg())


# ---- land


def land(minutes: float) -> None:
    """Measure several first visits, then the heap of one page while act one is animated."""
    with landing() as (app, browser):
        visits = [visit(app, browser) for _ in range(ROUNDS)]
        for name in visits[0]:
            values = [one[name] for one in visits]
            print(f"{name}: median {statistics.median(values):,.0f} ({', '.join(f'{v:,.0f}' for v in values)})")
        heap(open_page(browser, app.url).page, minutes)
        print(f"load {load()}")


def visit(app: App, browser: Browser) -> dict[str, float]:
    """Measure one page with an empty cache, in ms after navigation; long tasks take at least 50 ms."""
    page = browser.new_context(viewport={"width": 1360, "height": 900}).new_page()
    page.add_init_script(LANDED)
    before = processor(browser)
    page.goto(app.url, wait_until="commit")
    page.wait_for_function("land.head", polling=20, timeout=PATIENCE_MS)
    page.eval_on_selector("#lp-toy", "node => node.scrollIntoView()")  # act one is animated only while visible
    page.wait_for_function("land.moving", polling=20, timeout=PATIENCE_MS)
    spent = processor(browser) - before
    moving = page.evaluate("land.moving")
    page.wait_for_timeout(max(0.0, 1000 * SECONDS - page.evaluate("performance.now()")))
    seen = page.evaluate("land")
    fetched = page.evaluate("performance.getEntriesByType('resource').map((one) => [one.name, one.transferSize])")
    frames = [at for at in seen["frames"] if at >= moving]
    tasks = [(at, length) for at, length in seen["long"] if at < 1000 * SECONDS]
    after = [length for at, length in tasks if at >= moving]
    result = {
        "first paint (ms)": page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"),
        "the two curves of the head drawn (ms)": seen["head"],
        "act one moving (ms)": moving,
        "processor time of the page's process until then (ms)": 1000 * spent,
        "long tasks until then": len(tasks) - len(after),
        f"long tasks from then to {SECONDS:.0f} s": len(after),
        "longest of these (ms)": max(after, default=0),
        "longest pause of the motion (ms)": max((b - a for a, b in itertools.pairwise(frames)), default=0),
        "fetched (kB)": sum(size for _, size in fetched) / 1000,
        "fetched of Plotly (kB)": sum(size for name, size in fetched if "plotly" in name.lower()) / 1000,
    }
    page.context.close()
    return result


def processor(browser: Browser) -> float:
    """Return the CPU seconds of all renderer processes of this browser."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return float(sum(one["cpuTime"] for one in processes if one["type"] == "renderer"))


def heap(page: Page, minutes: float) -> None:
    page.eval_on_selector("#lp-toy", "node => node.scrollIntoView()")
    cdp, begun = page.context.new_cdp_session(page), time.monotonic()
    while (passed := time.monotonic() - begun) <= 60 * minutes:
        cdp.send("HeapProfiler.collectGarbage")
        used = cdp.send("Runtime.getHeapUsage")["usedSize"] / 1e6
        print(f"  {passed:4.0f} s: heap {used:.2f} MB, {page.inner_text('#lp-toy [data-f=steps]')}", flush=True)
        page.wait_for_timeout(15_000)


# ---- drag


def drag(sweeps: int) -> None:
    """Measure the delay of the charts (ms), long tasks, and CPU time per move."""
    with landing() as (app, browser):
        page = open_page(browser, app.url).page
        page.wait_for_function(
            "document.querySelector('#lp-penalty [data-f=top1] .lp-line')?.getAttribute('d')", timeout=PATIENCE_MS
        )
        page.locator("#lp-penalty [data-f=decay]").scroll_into_view_if_needed()
        page.wait_for_timeout(4000)
        page.evaluate(FOLLOWED)
        box: Any = page.locator("#lp-penalty [data-f=decay]").bounding_box()
        place = lambda i: (box["x"] + 8 + (box["width"] - 16) * i / 59, box["y"] + box["height"] / 2)  # noqa: E731
        page.mouse.move(*place(0))
        page.mouse.down()
        before = processor(browser)
        for sweep in range(sweeps):
            for i in range(60):
                page.mouse.move(*place(i if sweep % 2 == 0 else 59 - i))
                page.wait_for_timeout(16)
        spent = processor(browser) - before
        page.mouse.up()
        seen = page.evaluate("seen")
        lags, moves = sorted(seen["lag"]), max(1, len(seen["lag"]))
        within = sum(lag <= 50 for lag in lags) / moves
        print(f"{moves} moves followed: median {statistics.median(lags):.0f} ms, largest {lags[-1]:.0f} ms, ", end="")
        print(f"{100 * within:.0f} % within 50 ms")
        print(f"long tasks: {len(seen['long'])}, the longest {max(seen['long'], default=0):.0f} ms")
        print(f"processor time of the page's process: {1000 * spent / moves:.1f} ms a followed move; load {load()}")
