"""The page's sheets and templates are readable, and its scripts are served at addresses of their own."""

import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from lpwd.ui import look
from lpwd.ui.web import assets

SOURCES = sorted(path for suffix in ("css", "html") for path in look.HERE.rglob(f"*.{suffix}"))
LONGEST = 140  # characters of a line; the formatter keeps scripts below 120


def name(path: Path) -> str:
    return str(path.relative_to(look.HERE))


@pytest.fixture(scope="module")
def client():
    return TestClient(Starlette(routes=[assets.route()]))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_line_has_at_most_140_characters(path):
    lines = path.read_text().splitlines()
    assert [f"line {i}: {len(line)}" for i, line in enumerate(lines, 1) if len(line) > LONGEST] == []


def test_every_sheet_is_on_the_page():
    page = look.css()
    assert [name(path) for path in look.HERE.rglob("*.css") if path.read_text() not in page] == []


def test_every_script_is_served_as_a_module_that_the_browser_keeps(client):
    for script, path in assets.scripts().items():
        answer = client.get(f"/{assets.address()}/{script}")
        assert answer.status_code == 200
        assert answer.content == path.read_bytes()
        assert answer.headers["content-type"].startswith("text/javascript")
        assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize("path", ["look.py", "../app.py", "%2e%2e/app.py", "types.d.ts", "demo", ""])
def test_no_other_file_is_served(client, path):
    assert client.get(f"/{assets.address()}/{path}").status_code == 404


def test_scripts_of_another_version_are_not_found_and_not_kept(client):
    answer = client.get("/lpwd/assets/000000000000/shared/url.js")
    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")


def test_the_first_tab_loads_its_scripts_at_once_and_no_other():
    """Those of `modulepreload` are what strip and Demo import, directly or through others."""
    needed, waiting = set(), {"shared/strip.js", "demo/demo.js"}
    while waiting:
        script = waiting.pop()
        needed.add(script)
        imported = re.findall(r'from "(\.[^"]+)"', (look.HERE / script).read_text())
        found = {(look.HERE / script).parent.joinpath(path).resolve() for path in imported}
        waiting |= {path.relative_to(look.HERE).as_posix() for path in found} - needed
    preloaded = re.findall(rf'modulepreload" href="{assets.address()}/([^"]+)"', look.head())
    assert set(preloaded) == needed
    assert len(preloaded) == len(needed)


def test_a_component_without_a_script_is_an_error():
    with pytest.raises(KeyError, match=r"train/nothing\.js"):
        look.mount("train/nothing.js")
