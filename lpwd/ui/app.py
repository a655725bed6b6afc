"""The web application as a process: parse the command line, build the page, launch it, and shut down."""

import argparse
import importlib.util
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported, which `serve` does

import psutil

from lpwd import plugins, space
from lpwd.config import ConfigError
from lpwd.hub import autopush
from lpwd.hub.bucket import Bucket
from lpwd.jobs.queue import Jobs
from lpwd.jobs.rights import LOCAL_HINT, ON_SPACE, Limits
from lpwd.store import RunStore

TOOLS_SWITCH = "LPWD_MCP"
MAX_PORT = 65_535
CHILDREN_END_SECONDS = 5.0


def parse(arguments: Sequence[str] | None = None, program: str | None = None) -> argparse.Namespace:
    """Parse the options of the app; `arguments` and `program` default to those of the process."""
    on_space = "SPACE_ID" in os.environ
    host = os.environ.get("GRADIO_SERVER_NAME", "0.0.0.0" if on_space else "127.0.0.1")  # noqa: S104  a Space's proxy connects from outside
    parser = argparse.ArgumentParser(prog=program, description="Watch decay methods race on this machine.")
    parser.add_argument("--host", default=host, help="address to listen on (default: %(default)s)")
    port = os.environ.get("GRADIO_SERVER_PORT") or None
    parser.add_argument("--port", type=_port, default=port, help="default: the first free one from 7860 on")
    parser.add_argument("--runs-dir", default=space.runs_folder(), help="where runs are kept (default: %(default)s)")
    parser.add_argument("--plugin", action="append", default=[], help="Python file of a plug-in; repeatable")
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= MAX_PORT):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a port: 1 to {MAX_PORT} are allowed")
    return int(text)


def serve(host: str, port: int | None, runs_dir: str, plugin_files: Sequence[str] = ()) -> None:
    """Serve the page until SIGINT or SIGTERM. Child processes load the same plug-ins.

    Raises ConfigError if the runs folder or the port cannot be used, or if MCP tools are not installed.
    """
    plugins.load_all(plugin_files)
    tools, ended = wants_tools(), threading.Event()
    before = {number: signal.signal(number, lambda *_: ended.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        _serve(host, port, runs_dir, tools, ended)
    finally:
        for number, handler in before.items():  # a notebook keeps running
            signal.signal(number, handler)


def _serve(host: str, port: int | None, runs_dir: str, tools: bool, ended: threading.Event) -> None:
    if port:
        check_port(host, port)
    try:
        space.ask_this_machine_directly(host)
        store = RunStore(runs_dir)
        space.prepare(Path(runs_dir))
        refusal = space.ON_ZERO_GPU if space.zero_gpu() else ""
        device, limits = os.environ.get("LPWD_DEVICE", "auto"), Limits.from_environment()
        jobs = Jobs(store, device=device, limits=limits, refusal=refusal)
        jobs.start()  # the worker warms up while gradio is being imported
    except OSError as error:
        raise ConfigError(f"{runs_dir} cannot hold runs ({error.strerror}): choose another --runs-dir") from None
    try:
        pusher, folder = autopush.from_environment(store), space.bucket()
        senders = [sender for sender in (pusher, Bucket(store, folder) if folder else None) if sender]
        for sender in senders:
            sender.start()
        from lpwd.ui import page

        if space.zero_gpu():
            declare_gpu_call()
        demo, launch_options = page.build(store, jobs, pusher)
        address: dict[str, Any] = {"server_name": host, "server_port": port}
        demo.launch(**address, mcp_server=tools, prevent_thread_lock=True, **launch_options)
        if not ON_SPACE:
            print(f"Runs of the command line are changed by the owner's browser{LOCAL_HINT}.", flush=True)
        ended.wait()
        for sender in senders:
            sender.close()
        demo.close(verbose=False)
    except OSError as error:  # the port is taken
        raise ConfigError(str(error)) from None
    finally:
        jobs.close()


def check_port(host: str, port: int) -> None:
    """Raise ConfigError if the port cannot be used. Gradio would raise only after seconds of imports."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise ConfigError(f"{host}:{port} cannot be used ({error.strerror}): choose another --port") from None


def wants_tools(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether to serve MCP tools. Raises ConfigError if `mcp` is missing, which Gradio ignores silently."""
    if environment.get(TOOLS_SWITCH) != "1":
        return False
    if importlib.util.find_spec("mcp") is None:
        raise ConfigError(f"{TOOLS_SWITCH}=1 needs the package mcp: pip install 'lpwd[app,mcp]'")
    return True


def declare_gpu_call() -> None:
    """Register a function with ZeroGPU, which stops apps without one; the page then says which hardware to choose."""
    with suppress(ImportError):
        import spaces

        spaces.GPU(lambda: None)


def main() -> None:
    """Entry point of `python app.py`."""
    space.printable()
    run(parse(), "error")


def run(options: argparse.Namespace, heading: str) -> None:
    """Serve the page, then exit. An error is printed after `heading`, and the exit code is 2.

    In a notebook or an interactive Python the process keeps running.
    """
    status = 0
    try:
        serve(options.host, options.port, options.runs_dir, options.plugin)
    except (ConfigError, plugins.PluginError) as error:
        print(f"{heading}: {error}", file=sys.stderr)
        status = 2
    if not hasattr(sys, "ps1"):
        leave(status)
    elif status:
        sys.exit(status)


def leave(status: int) -> NoReturn:
    """Kill all child processes, then exit without Python's shutdown.

    Python's normal shutdown aborts (SIGABRT) if a background thread is inside C++ code.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    children = psutil.Process().children(recursive=True)
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(children, timeout=CHILDREN_END_SECONDS)
    os._exit(status)
