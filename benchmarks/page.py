# ruff: noqa: E402
"""Measure the page under load in Chromium: a long live chart, a large store, and many clients.

    python benchmarks/page.py live [MINUTES]     # two lanes that grow to 10,000 points in 5 minutes
    python benchmarks/page.py store [RUNS]       # both tables with 2,000 own and 2,000 published runs
    python benchmarks/page.py clients [COUNT]    # training speed with 30 polling clients and with none
    python benchmarks/page.py land [MINUTES]     # landing page: paint, animation, long tasks; heap over 5 minutes
    python benchmarks/page.py drag [SWEEPS]      # landing page: drag lambda from end to end, 60 moves per sweep
    python benchmarks/page.py lanes [SECONDS]    # frames per second with a race of 100 growing lanes

Needs the test extra and chromium. Expected on two idle cores: ticks under 50 ms, a constant heap, both tabs within 1 s,
polls within 1 s and training at more than 0.95 of its speed without clients; the landing page painted within 1 s,
dragged charts updated within 50 ms without long tasks, 100 lanes at 60 frames per second.
"""

import asyncio
import json
import os
import random
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent / "tests"), str(Path(__file__).parent.parent)]

import httpx
from browser import chromium, open_page, owner, running_app, wait_until
from filled import store
from landing import drag, land, load

from lpwd.config import RunConfig
from lpwd.events import Epoch, Step
from lpwd.store import RunStore

STEPS_AN_EPOCH, POINTS = 20, 10_000
POLL_HEAD = b"POST /lpwd/poll HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
TRAINED = "#lp-panel [data-chart=loss] .u-series:not(:first-child, .lp-unnamed)"


def asked(run_ids: list[str], cursors: dict[str, str]) -> bytes:
    """Send a poll like the page's script."""
    return json.dumps({"run": "", "shown": run_ids, "cursors": cursors}).encode()


def spread(seconds: Sequence[float]) -> str:
    return f"median {1000 * statistics.median(seconds):.1f} ms, largest {1000 * max(seconds):.1f} ms"


def cursors_of(answer: dict[str, dict[str, dict[str, str]]]) -> dict[str, str]:
    return {run_id: curve["cursor"] for run_id, curve in answer["curves"].items()}


# ---- live


class Lanes:
    """Write records of two runs at the pace of a training."""

    def __init__(self, store: RunStore, seeds: Sequence[int] = (7,), points: int = POINTS) -> None:
        self.store, self.step = store, 0
        common = {"dataset": "digits", "epochs": 1000, "batch_size": 72}
        configs = [RunConfig(method=method, seed=seed, **common) for seed in seeds for method in ("wd", "lpwd")]
        self.ids = [store.create(config, job="live", seeds=tuple(seeds)) for config in configs]
        self.grow(points)

    def grow(self, count: int) -> None:
        for run_id in self.ids:
            self.store.append(run_id, [event for i in range(count) for event in self._events(self.step + i + 1)])
        self.step += count
        running = {"state": "running", "heartbeat": time.time(), "host": socket.gethostname(), "pid": os.getpid()}
        for run_id in self.ids:
            epoch = 1 + self.step // STEPS_AN_EPOCH
            self.store.update(run_id, step=self.step, total_steps=STEPS_AN_EPOCH * 1000, epoch=epoch, **running)

    def _events(self, step: int) -> list[Step | Epoch]:
        epoch, loss = 1 + step // STEPS_AN_EPOCH, random.gauss(4 * 0.9999**step, 0.05)
        events: list[Step | Epoch] = [Step(step, epoch, loss, 1e-3, step / 10, 700.0)]
        if step % STEPS_AN_EPOCH == 0:
            top1 = 90 - 80 * 0.9995**step + random.gauss(0, 0.3)
            events.append(Epoch(step, epoch - 1, loss, loss, top1, None, 1e-3, [1.0], None, None, step / 10, 700.0))
        return events


def live(minutes: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lanes = Lanes(RunStore(Path(folder) / "runs"))
        with running_app(Path(folder) / "runs") as app, chromium() as browser:
            ended = threading.Event()

            def write() -> None:
                while not ended.wait(0.5):
                    lanes.grow(5)

            threading.Thread(target=write, daemon=True).start()
            page = open_page(browser, f"{app.url}/?tab=train&run={','.join(lanes.ids)}").page
            page.wait_for_selector(TRAINED, timeout=60_000)
            zoomed = zoom(page)
            cdp = page.context.new_cdp_session(page)
            client = httpx.Client(headers={"Content-Type": "application/json"})
            cursors: dict[str, str] = {}
            ticks: list[tuple[float, int]] = []
            heaps: list[tuple[float, float]] = []
            begun = time.monotonic()
            while time.monotonic() - begun < 60 * minutes:
                sent = time.perf_counter()
                text = client.post(f"{app.url}/lpwd/poll", content=asked(lanes.ids, cursors)).text
                ticks.append((time.perf_counter() - sent, len(text)))
                cursors = cursors_of(json.loads(text))
                if len(ticks) % 60 == 1:
                    cdp.send("HeapProfiler.collectGarbage")
                    used = cdp.send("Runtime.getHeapUsage")["usedSize"] / 1e6
                    heaps.append((time.monotonic() - begun, used))
                    print(f"  {heaps[-1][0]:4.0f} s: heap {used:.1f} MB, step {lanes.step}", flush=True)
                time.sleep(0.5)
            ended.set()
            times, sizes = zip(*ticks[1:], strict=True)
            print(f"first tick ({POINTS:,} points a lane): {1000 * ticks[0][0]:.0f} ms, {ticks[0][1]:,} bytes")
            print(
                f"{len(times)} ticks: {spread(times)}; payload median {statistics.median(sizes):,.0f} bytes,"
                f" largest {max(sizes):,}"
            )
            print(
                f"heap after {heaps[1][0]:.0f} s {heaps[1][1]:.1f} MB, after {heaps[-1][0]:.0f} s {heaps[-1][1]:.1f} MB"
            )
            print(f"zoom kept: {axis(page) == zoomed} ({zoomed})")


def lanes(seconds: float) -> None:
    """Measure frames per second while 100 lanes (2 methods, 50 seeds) grow by one epoch per second."""
    with tempfile.TemporaryDirectory() as folder:
        race = Lanes(RunStore(Path(folder) / "runs"), range(50), 20 * STEPS_AN_EPOCH)
        with running_app(Path(folder) / "runs") as app, chromium() as browser:
            ended = threading.Event()

            def write() -> None:
                while not ended.wait(1):
                    race.grow(STEPS_AN_EPOCH)

            page = open_page(browser, f"{app.url}/?tab=train&run={','.join(race.ids)}").page
            page.wait_for_selector(TRAINED, timeout=120_000)
            page.wait_for_timeout(5000)
            threading.Thread(target=write, daemon=True).start()
            page.evaluate(PICTURES)
            page.wait_for_timeout(1000 * seconds)
            ended.set()
            pauses, long = page.evaluate("[drawn.pauses, drawn.long]")
            print(f"{len(race.ids)} lanes: {len(pauses) / seconds:.1f} pictures per second, load {load()}")
            print(
                f"longest pause {max(pauses):.0f} ms; {len(long)} long tasks, the longest {max(long, default=0):.0f} ms"
            )


PICTURES = """() => {
  window.drawn = {pauses: [], long: []};
  new PerformanceObserver((list) => list.getEntries().forEach((one) => drawn.long.push(one.duration)))
    .observe({type: 'longtask'});
  let before = performance.now();
  const note = (now) => {
    drawn.pauses.push(now - before);
    before = now;
    requestAnimationFrame(note);
  };
  requestAnimationFrame(note);
}"""


def axis(page: object) -> str:
    plot = "document.querySelector('#lp-panel [data-chart=loss]').chart.plot"
    return page.evaluate(f"(({{x}}) => [x.min, x.max].join())({plot}.scales)")


def zoom(page: object) -> str:
    """Zoom with the mouse and return the new range."""
    before = axis(page)
    page.locator("#lp-panel [data-chart=loss]").scroll_into_view_if_needed()
    box = page.locator("#lp-panel [data-chart=loss] .u-over").bounding_box()
    mouse = page.mouse
    mouse.move(box["x"] + 10, box["y"] + 40)
    mouse.down()
    mouse.move(box["x"] + 150, box["y"] + 150, steps=5)
    mouse.up()
    wait_until(lambda: axis(page) != before, 10)
    return axis(page)


# ---- clients


def clients(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder, running_app(Path(folder) / "runs") as app:
        runs = RunStore(app.runs_dir)
        race = {"model": "convnext_atto", "dataset": "digits", "epochs": 2000, "method": ["wd", "lpwd"]}
        ids = owner(app).predict(**race, api_name="/start_run")
        wait_until(lambda: runs.status(ids[0]).step > 15, 120)
        times: list[float] = []
        ended = threading.Event()

        async def watch(number: int) -> None:
            """Poll with little CPU time, because real clients run on other machines."""
            cursors: dict[str, str] = {}
            reader, writer = await asyncio.open_connection(*app.url.removeprefix("http://").split(":"))
            await asyncio.sleep(number / count)
            while not ended.is_set():
                sent, body = time.perf_counter(), asked(ids, cursors)
                writer.write(POLL_HEAD % len(body) + body)
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                answer = await reader.readexactly(length)
                times.append(time.perf_counter() - sent)
                cursors = cursors_of(json.loads(answer))
                await asyncio.sleep(max(0, 1 - times[-1]))
            writer.close()

        async def all_watch() -> None:
            await asyncio.gather(*(watch(number) for number in range(count)))

        def speed(seconds: float = 20) -> float:
            """Return the optimizer steps per second of both lanes."""
            before, begun = sum(runs.status(i).step for i in ids), time.perf_counter()
            time.sleep(seconds)
            return (sum(runs.status(i).step for i in ids) - before) / (time.perf_counter() - begun)

        ratios = []
        for _ in range(4):
            alone = speed()
            ended.clear()
            thread = threading.Thread(target=lambda: asyncio.run(all_watch()))
            thread.start()
            time.sleep(2)
            watched = speed()
            ended.set()
            thread.join()
            ratios.append(watched / alone)
            print(f"alone {alone:.2f} steps/s, watched by {count} {watched:.2f}: {ratios[-1]:.3f}", flush=True)
        owner(app).predict(ids[0], api_name="/stop_run")
        print(f"median ratio {statistics.median(ratios):.3f}")
        print(
            f"{len(times)} polls: median {1000 * statistics.median(times):.0f} ms, largest {1000 * max(times):.0f} ms"
        )


if __name__ == "__main__":
    what = {
        "live": (live, 5.0),
        "store": (store, 2000),
        "clients": (clients, 30),
        "land": (land, 5.0),
        "drag": (drag, 4),
        "lanes": (lanes, 20.0),
    }
    function, usual = what[sys.argv[1]]
    function(type(usual)(sys.argv[2]) if len(sys.argv) > 2 else usual)
