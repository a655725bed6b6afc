# ruff: noqa: E402
"""Record docs/landing.webp: the race of the landing page, then act two with increasing penalties.

    [LPWD_SNAPSHOT_DIR=folder] python benchmarks/picture.py [FILE]

Also writes screenshot.png, the landing page after its race.

Uses the published runs of `page.py land` and trains the race. The page's clock is paused between frames of act two, so
that a busy machine records the same frames. Takes about four minutes.
"""

import base64
import io
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from browser import open_page
from landing import PATIENCE_MS, landing
from PIL import Image
from playwright.sync_api import CDPSession, Page

WINDOW, WIDTH = {"width": 1200, "height": 760}, 960  # pixels of the page, and of the image
STILL = {"width": 1360, "height": 900}
FRAME_MS, LIMIT = 100, 1_500_000  # milliseconds per frame; bytes
RACE_FRAMES, STRENGTH_FRAMES, REST_FRAMES = (
    60,
    3,
    12,
)  # maximum frames of the race, frames per lambda, frames at the end
RACE_EVERY_MS = 500  # between frames of the race
QUALITIES = (70, 55, 40, 25)
STYLE = "#lp-strip { position: static !important; } html body :focus-visible { outline: 0 !important; }"
LIVE = "document.querySelectorAll('#lp-hero path.lp-line[data-id*=\"-s\"][d]').length >= 2"
READY = "document.querySelector('#lp-penalty [data-f=top1] .lp-line')?.getAttribute('d')"


def race(page: Page) -> Iterator[Image.Image]:
    """Yield frames of the landing page during its race, sped up by RACE_EVERY_MS / FRAME_MS."""
    cdp = page.context.new_cdp_session(page)
    page.add_style_tag(content=STYLE)
    for _ in range(REST_FRAMES):
        yield shot(cdp)
    page.click("#lp-hero [data-act=race]")
    page.wait_for_function(LIVE, timeout=PATIENCE_MS)
    for _ in range(RACE_FRAMES):
        yield shot(cdp)
        page.wait_for_timeout(RACE_EVERY_MS)
        if "idle" in page.inner_text("#lp-strip [data-f=race]"):
            break
    for _ in range(REST_FRAMES):
        yield shot(cdp)


def strengths(page: Page) -> Iterator[Image.Image]:
    """Yield frames of act two while the penalty is increased and decreased."""
    cdp = page.context.new_cdp_session(page)
    page.add_style_tag(content=STYLE)
    show(page, "#lp-penalty")
    page.focus("#lp-penalty [data-f=decay]")
    opened, last = (
        int(page.eval_on_selector("#lp-penalty [data-f=decay]", f"node => node.{name}")) for name in ("value", "max")
    )
    page.keyboard.press("Home")
    for _ in range(last):
        for _ in range(STRENGTH_FRAMES):
            yield frame(page, cdp)
        page.keyboard.press("ArrowRight")
    for _ in range(last - opened):
        yield frame(page, cdp)
        page.keyboard.press("ArrowLeft")
    for _ in range(REST_FRAMES):
        yield frame(page, cdp)


def show(page: Page, act: str) -> None:
    page.eval_on_selector(act, "node => window.scrollTo(0, node.getBoundingClientRect().top + scrollY - 8)")
    page.clock.run_for(FRAME_MS)


def frame(page: Page, cdp: CDPSession) -> Image.Image:
    """Return a frame of the page after FRAME_MS."""
    page.clock.run_for(FRAME_MS)
    return shot(cdp)


def shot(cdp: CDPSession) -> Image.Image:
    png = base64.b64decode(cdp.send("Page.captureScreenshot", {"format": "png"})["data"])
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    return picture.resize((WIDTH, round(WIDTH * picture.height / picture.width)), Image.Resampling.LANCZOS)


def write(pictures: list[Image.Image], file: Path) -> None:
    """Save with the highest quality within LIMIT bytes."""
    for quality in QUALITIES:
        first, *rest = pictures
        first.save(file, save_all=True, append_images=rest, duration=FRAME_MS, loop=0, quality=quality, method=4)
        if file.stat().st_size < LIMIT:
            break
    print(f"{file}: {len(pictures)} pictures, quality {quality}, {file.stat().st_size / 1e6:.2f} MB")


def main(file: Path) -> None:
    with landing() as (app, browser):
        page = open_page(browser, app.url, viewport=WINDOW).page
        page.wait_for_function(READY, timeout=PATIENCE_MS)
        pictures = list(race(page))
        page.set_viewport_size(STILL)
        page.screenshot(path=file.with_name("screenshot.png"))
        page.set_viewport_size(WINDOW)
        page.clock.install()
        page.reload()
        page.wait_for_function(READY, timeout=PATIENCE_MS)
        page.clock.pause_at(page.evaluate("Date.now()") + 1000)
        write(pictures + list(strengths(page)), file)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "landing.webp")
