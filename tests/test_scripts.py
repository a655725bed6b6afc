"""The page's own scripts, sheets and templates: they compile, and their lines are short enough to read."""

from pathlib import Path

import pytest
from browser import CHROMIUM

from lpwd.ui import look

SOURCES = sorted(path for suffix in ("js", "css", "html") for path in look.HERE.rglob(f"*.{suffix}"))
LONGEST = 140  # characters of a line


def name(path: Path) -> str:
    return str(path.relative_to(look.HERE))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_line_has_at_most_140_characters(path):
    lines = path.read_text().splitlines()
    assert [f"line {i}: {len(line)}" for i, line in enumerate(lines, 1) if len(line) > LONGEST] == []


def test_every_script_and_sheet_is_on_the_page():
    for suffix in ("js", "css"):
        assert sorted(look.files(suffix)) == [path for path in SOURCES if path.suffix == f".{suffix}"]


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_copied_tables_quote_what_a_spreadsheet_would_run(browser):
    rows = [["layer", "=1+1", 'a "b", c'], ["–", "-0.5", "-x"], ["+1e-3", "@sum", ""]]
    page = browser.new_page()
    page.evaluate("window.lpwd = {}")
    page.add_script_tag(path=look.HERE / "shared" / "files.js")
    copied = page.evaluate("rows => lpwd.files.csv(rows)", rows)
    assert copied.splitlines() == ['layer,\'=1+1,"a ""b"", c"', "–,-0.5,'-x", "+1e-3,'@sum,"]


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_every_script_compiles(browser):
    scripts = {name(path): path.read_text() for path in SOURCES if path.suffix == ".js"}
    problems = browser.new_page().evaluate(
        """(scripts) => Object.entries(scripts).flatMap(([name, text]) => {
          try {
            new Function(text);
            return [];
          } catch (error) {
            return [`${name}: ${error}`];
          }
        })""",
        scripts | {"broken.js": "const a = ;"},
    )
    assert problems == ["broken.js: SyntaxError: Unexpected token ';'"]
