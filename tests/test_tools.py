"""The named endpoints as MCP tools, asked by the MCP project's own client over HTTP."""

import ast
import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from browser import ROOT
from test_answers import NAMED
from waiting import wait_until

from lpwd.store import RunStore

pytest.importorskip("mcp")
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client

RACE = {"model": "test_convnext", "dataset": "digits", "train_samples": 160, "test_samples": 100}


def connected(app, work, **headers):
    """What the coroutine function `work` returns for a session of a new MCP client."""

    async def go():
        url = f"{app.url}/gradio_api/mcp/"
        async with streamablehttp_client(url, headers) as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            return await work(session)

    with ThreadPoolExecutor(1) as thread:  # this one has the event loop of the browser that other files opened
        return thread.submit(asyncio.run, go()).result()


def tools(app):
    """Name -> tool."""
    return {tool.name: tool for tool in connected(app, lambda session: session.list_tools()).tools}


def call(app, name, headers=None, **arguments):
    """Whether the tool refused, and its text."""
    result = connected(app, lambda session: session.call_tool(name, arguments), **headers or {})
    return result.isError, result.content[0].text


def told(app, name, headers=None, **arguments):
    """The value that the tool answers, which Gradio writes as Python does."""
    refused, text = call(app, name, headers, **arguments)
    assert not refused, text
    return ast.literal_eval(text)


def asked(app, headers=None):
    """The raw answer to a list of the tools."""
    accepted = {"Accept": "application/json, text/event-stream"} | (headers or {})
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    return httpx.post(f"{app.url}/gradio_api/mcp/", json=body, headers=accepted, timeout=60)


@pytest.fixture
def app(own_results_app):
    return own_results_app


def test_the_tools_are_the_named_endpoints_and_nothing_else(app):
    listed = tools(app)
    assert set(listed) == set(NAMED)
    assert all(len(tool.description) > 40 for tool in listed.values())
    assert listed["start_run"].description.startswith("Queue a race with one lane per method")
    assert {name: len(tool.inputSchema["properties"]) for name, tool in listed.items()} == NAMED


def test_a_small_run_is_started_read_and_compared(app):
    ids = told(app, "start_run", **RACE, method=["wd", "lpwd"], epochs=1)
    wait_until(lambda: told(app, "get_run", run_id=ids[0])["status"]["state"] == "finished", 240, every=1)
    run = told(app, "get_run", run_id=ids[0])
    assert run["config"]["method"] == "wd"
    assert [e["epoch"] for e in run["events"] if e["event"] == "epoch"] == [1]
    assert {row["run_id"] for row in told(app, "list_runs")} >= set(ids)
    assert told(app, "compare", run_ids=ids)["value"] == "best10_mean"


def test_bad_input_is_answered_in_the_endpoints_sentence(app):
    too_few = "epochs is 0: input should be greater than or equal to 1"
    assert call(app, "start_run", dataset="digits", epochs=0) == (True, too_few)
    refused, sentence = call(app, "get_run", run_id="../x")
    assert refused
    assert "../x" in sentence


def test_two_clients_without_a_secret_are_two_people_and_a_secret_is_one(app):
    """Gradio calls the endpoints of all MCP clients in one session of its own."""
    anne, bert = ({"Cookie": f"lpwd={name}"} for name in ("anne", "bert"))
    (hers,) = told(app, "start_run", anne, **RACE, method=["wd"], epochs=500)
    (nobodys,) = told(app, "start_run", **RACE, method=["l2"], epochs=500)
    for run_id, somebody in ((hers, None), (hers, bert), (nobodys, None), (nobodys, anne)):
        refused, sentence = call(app, "stop_run", somebody, run_id=run_id)
        assert refused
        assert "belongs to another user" in sentence
    told(app, "stop_run", anne, run_id=hers)
    key = RunStore(app.runs_dir).owner_key()
    told(app, "stop_run", {"Cookie": f"lpwd-owner={key}"}, run_id=nobodys)
    store = RunStore(app.runs_dir)
    wait_until(lambda: {store.status(run_id).state for run_id in (hers, nobodys)} == {"stopped"})


def test_a_page_of_another_origin_calls_no_tool(app):
    assert asked(app, {"Origin": app.url}).status_code == 200
    assert asked(app, {"Origin": "https://evil.example"}).status_code == 403


def test_on_a_space_a_stranger_is_refused_what_the_endpoint_refuses(space_app):
    from gradio_client import Client

    before = told(space_app, "demo_list_runs")
    assert set(tools(space_app)) == {f"demo_{name}" for name in NAMED}
    for headers in ({}, {"Cookie": "lpwd=anne"}):
        refused, sentence = call(space_app, "demo_start_run", headers, **RACE, epochs=1)
        assert refused
        with pytest.raises(Exception, match="Sign in") as endpoint:
            Client(space_app.url, verbose=False, headers=headers).predict(**RACE, epochs=1, api_name="/start_run")
        assert sentence in str(endpoint.value)
        assert "Sign in" in sentence
    assert {run["run_id"] for run in told(space_app, "demo_list_runs")} == {run["run_id"] for run in before}


@pytest.mark.parametrize(
    ("run", "words"),
    [("runpy.run_path('app.py', run_name='__main__')", []), ("runpy.run_module('lpwd', run_name='__main__')", ["app"])],
)
def test_without_the_package_the_switch_is_refused_in_one_sentence(run, words, tmp_path):
    command = [sys.executable, "-c", f"import sys, runpy; sys.modules['mcp'] = None; {run}", *words]
    environment = os.environ | {"LPWD_MCP": "1", "LPWD_RUNS_DIR": str(tmp_path / "runs")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stderr.lower() == "error: lpwd_mcp=1 needs the package mcp: pip install 'lpwd[app,mcp]'\n"
