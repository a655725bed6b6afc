"""A page in Chromium for the tests: what it logged, and which hosts it asked."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlparse

import httpx2 as httpx
import psutil
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    ViewportSize,
    sync_playwright,
)
from synthetic import IdleJobs
from waiting import PATIENCE, wait_until

from lpwd.store import RunStore

ROOT = Path(__file__).parent.parent
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")  # the first costs half
CACHES = (".cache", "Library/Caches")  # where `playwright install chromium` puts its own
OWN = (
    *(path for cache in CACHES for path in Path.home().glob(f"{cache}/ms-playwright/chromium*/*/chrome")),
    *(path for cache in CACHES for path in Path.home().glob(f"{cache}/ms-playwright/chromium*/*/*headless*shell")),
)
CHROMIUM = next(filter(None, map(shutil.which, (*BROWSERS, *map(str, OWN)))), None)
JSON = "application/json"
WINDOW: ViewportSize = {"width": 1280, "height": 900}
KEPT: set[BrowserContext] = set()  # those whose pages come one after the other
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Site:
    """Where the page is, and the runs that it shows."""

    url: str
    runs_dir: Path


@dataclass
class App(Site):
    """`python app.py` as people start it, in a process of its own."""

    process: subprocess.Popen[str]
    log: Path

    def end(self, number: int = signal.SIGTERM) -> int:
        """Its exit status; killed where it does not end in time."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


def dead_proxies() -> dict[str, str]:
    """Of an environment whose proxies do not answer, and are for every host."""
    dead = f"http://127.0.0.1:{free_port()}"
    return {"http_proxy": dead, "https_proxy": dead, "no_proxy": "", "NO_PROXY": ""}


def start_app(runs_dir: Path, command: Sequence[str] = ("app.py",), **environment: str) -> App:
    """Start the app without any Hub and wait until it answers; `command` is what Python runs."""
    port = free_port()
    runs_dir.mkdir(parents=True, exist_ok=True)
    log = runs_dir.parent / f"{runs_dir.name}-app.log"
    no_hub = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(runs_dir.parent / "hf")}
    with open(log, "a", encoding="utf-8") as out:
        process = subprocess.Popen(
            [sys.executable, *command, "--port", str(port), "--runs-dir", str(runs_dir)],
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "LPWD_DEVICE": "cpu", **no_hub, **environment},
        )
    app = App(f"http://127.0.0.1:{port}", runs_dir, process, log)
    try:
        wait_until(lambda: answers(app.url) or process.poll() is not None)
        assert process.poll() is None, log.read_text()
    except BaseException:  # nobody else knows the process yet
        app.end()
        raise
    return app


@contextmanager
def running_app(runs_dir: Path, **environment: str) -> Iterator[App]:
    app = start_app(runs_dir, **environment)
    try:
        yield app
    finally:
        app.end()


@contextmanager
def page_here(runs_dir: Path, **options: Any) -> Iterator[Site]:
    """The page served by this process, where nothing trains: it takes a second of a core to start, an app 17."""
    from lpwd.ui import page

    jobs = IdleJobs(RunStore(runs_dir), **options)
    demo, launch_options = page.build(jobs.store, jobs)
    address = {"server_name": "127.0.0.1", "server_port": free_port()}
    _, url, _ = demo.launch(**address, prevent_thread_lock=True, quiet=True, **launch_options)
    try:
        yield Site(url.rstrip("/"), runs_dir)
    finally:
        demo.close(verbose=False)
        jobs.checks.close()


@contextmanager
def resting(app: Site, run_id: str) -> Iterator[None]:
    """Suspend the process that trains the run, which otherwise takes a core for as long as a test looks at pages."""
    store = RunStore(app.runs_dir)
    trainer = psutil.Process(store.status(run_id).pid)
    with store._lock:  # so that it does not hold it
        trainer.suspend()
    try:
        yield
    finally:
        trainer.resume()


def without_runs(app: Site) -> None:
    """Stop what trains or waits, and remove every run."""
    store = RunStore(app.runs_dir)
    states = ("queued", "running", "stopping")  # what waits is taken away first, or it would begin
    busy = lambda: [r for r in store.records() if r.status.state in states]  # noqa: E731
    if found := sorted(busy(), key=lambda record: states.index(record.status.state)):
        script = owner(app)
        for record in found:
            script.predict(record.run_id, api_name="/stop_run")
    wait_until(lambda: not busy())
    for run_id in store.ids():
        store.delete(run_id)


def owner(app: Site) -> Any:
    """A gradio_client that may change every run."""
    from gradio_client import Client

    key = (app.runs_dir / ".owner-key").read_text()
    return Client(app.url, verbose=False, headers={"cookie": f"lpwd-owner={key}"})


def owner_link(app: Site) -> str:
    """What `python -m lpwd owner` prints: it makes a browser the owner's and opens the page."""
    return f"{app.url}/owner?key={RunStore(app.runs_dir).owner_key()}"


def posted(app: Site, path: str = "/lpwd/poll", body: str = "{}", **headers: str | None) -> httpx.Response:
    """The answer to a POST with these headers; `_` in a name is `-` on the wire, and None leaves one away."""
    named = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
    return httpx.post(app.url + path, content=body, headers=named, timeout=30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Seen:
    """What went on in one page."""

    page: Page
    hosts: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)


# A page that is being left ends its own requests (Gradio listens for the same event) and calls each an error.
# One that stays, as the link only downloaded something, is heard again.
SILENT_WHEN_LEFT = """addEventListener("beforeunload", () => {
  const said = console.error;
  console.error = () => {};
  setTimeout(() => (console.error = said), 1000);
})"""


def located(message: ConsoleMessage) -> str:
    """What the console says, and of which address."""
    return f"{message.text} [{message.location['url']}]"


def new_page(
    browser: Browser,
    url: str,
    viewport: ViewportSize = WINDOW,
    color_scheme: Literal["light", "dark"] = "light",
    reduced_motion: Literal["reduce", "no-preference"] = "reduce",
    permissions: Sequence[str] = (),
    cookies: Sequence[Any] = (),
) -> Page:
    """A page of a context in which no other is open; it knows nothing of earlier ones but the files that they fetched.

    To fetch those again takes half of a visit's processor time. Nothing moves by itself unless it is asked to.
    """
    context = next((one for one in browser.contexts if one in KEPT and not one.pages), None)
    if context is None:
        KEPT.add(context := browser.new_context())
    page = context.new_page()
    origin = "{0.scheme}://{0.netloc}".format(urlparse(url))
    forget = {"origin": origin, "storageTypes": "all"}
    context.new_cdp_session(page).send("Storage.clearDataForOrigin", forget)
    context.clear_cookies()
    context.add_cookies(list(cookies))
    context.clear_permissions()
    if permissions:
        context.grant_permissions(list(permissions))
    page.set_viewport_size(viewport)
    page.emulate_media(color_scheme=color_scheme, reduced_motion=reduced_motion)
    return page


def close_pages(browser: Browser) -> None:
    """Close every page, and the contexts that tests made for themselves."""
    for context in browser.contexts:
        for page in context.pages:
            page.close()
        if context not in KEPT:
            context.close()


def open_page(browser: Browser, url: str, **options: Any) -> Seen:
    """A new page on `url`, with the strip alive."""
    page = new_page(browser, url, **options)
    page.set_default_timeout(1000 * PATIENCE)
    seen = Seen(page)
    page.on("request", lambda request: seen.hosts.add(urlparse(request.url).hostname or ""))
    page.on("console", lambda message: seen.errors.append(located(message)) if message.type == "error" else None)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.add_init_script(SILENT_WHEN_LEFT)
    page.goto(url, wait_until="domcontentloaded")
    page.wait_for_function("document.querySelector('#lp-strip [data-f=memory]')?.textContent.includes('in use')")
    return seen
