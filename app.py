"""The web application: parse, compose, launch, and end cleanly."""

import argparse
import os
import signal
import sys
import threading

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

from lpwd.config import ConfigError
from lpwd.jobs import Jobs
from lpwd.store import RunStore


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    on_space = "SPACE_ID" in os.environ
    host = os.environ.get("GRADIO_SERVER_NAME", "0.0.0.0" if on_space else "127.0.0.1")
    parser = argparse.ArgumentParser(description="Watch decay methods race on this machine.")
    parser.add_argument("--host", default=host, help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, help="default: GRADIO_SERVER_PORT, or the first free one from 7860 on")
    parser.add_argument("--runs-dir", default=os.environ.get("LPWD_RUNS_DIR", "runs"), help="default: %(default)s")
    return parser.parse_args(arguments)


def main() -> None:
    options = parse()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    store = RunStore(options.runs_dir)
    jobs = Jobs(store, device=os.environ.get("LPWD_DEVICE", "auto"))
    try:
        jobs.start()  # the worker warms up while gradio is being imported
    except ConfigError as error:
        sys.exit(f"error: {error}")
    try:
        from lpwd.ui import page

        demo = page.build(store, jobs)
        demo.launch(
            server_name=options.host, server_port=options.port, prevent_thread_lock=True, **page.launch_options()
        )
        ended.wait()
        demo.close(verbose=False)
    except OSError as error:  # the port is taken
        sys.exit(f"error: {error}")
    finally:
        jobs.close()


if __name__ == "__main__":
    main()
