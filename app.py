"""The web application: parse, compose, launch, and end cleanly."""

import argparse
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

from lpwd import space
from lpwd.config import ConfigError
from lpwd.hub import autopush
from lpwd.jobs.queue import Jobs
from lpwd.jobs.rights import Limits
from lpwd.store import RunStore


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    on_space = "SPACE_ID" in os.environ
    host = os.environ.get("GRADIO_SERVER_NAME", "0.0.0.0" if on_space else "127.0.0.1")
    parser = argparse.ArgumentParser(description="Watch decay methods race on this machine.")
    parser.add_argument("--host", default=host, help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, help="default: GRADIO_SERVER_PORT, or the first free one from 7860 on")
    parser.add_argument("--runs-dir", default=space.runs_folder(), help="where runs are kept (default: %(default)s)")
    return parser.parse_args(arguments)


def declare_gpu_call() -> None:
    """ZeroGPU ends an app that has no decorated function, and with it the page that says what to choose instead."""
    with suppress(ImportError):
        import spaces

        spaces.GPU(lambda: None)


def main() -> None:
    options = parse()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        store = RunStore(options.runs_dir)
        space.prepare(Path(options.runs_dir))
        refusal = space.ON_ZERO_GPU if space.zero_gpu() else ""
        device, limits = os.environ.get("LPWD_DEVICE", "auto"), Limits.from_environment()
        jobs = Jobs(store, device=device, limits=limits, refusal=refusal)
        jobs.start()  # the worker warms up while gradio is being imported
    except OSError as error:
        sys.exit(f"error: {options.runs_dir} cannot hold runs ({error.strerror}): choose another --runs-dir")
    except ConfigError as error:
        sys.exit(f"error: {error}")
    try:
        pusher = autopush.from_environment(store)
        if pusher:
            pusher.start()
        from lpwd.ui import page

        if space.zero_gpu():
            declare_gpu_call()
        demo, options_of_page = page.build(store, jobs, pusher)
        demo.launch(server_name=options.host, server_port=options.port, prevent_thread_lock=True, **options_of_page)
        ended.wait()
        if pusher:
            pusher.close()
        demo.close(verbose=False)
    except OSError as error:  # the port is taken
        sys.exit(f"error: {error}")
    finally:
        jobs.close()


if __name__ == "__main__":
    main()
