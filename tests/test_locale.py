"""Files are UTF-8 whatever the locale is, and what a terminal cannot show is escaped."""

import json
import os
import subprocess
import sys

import pytest
from browser import ROOT

from lpwd.store import RunStore

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "", "LANG": "C"}


def python(*arguments, **environment):
    """Python in a locale that knows ASCII alone; every file opened in the locale's encoding is an error."""
    strict = {"PYTHONWARNDEFAULTENCODING": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **ASCII, **strict, **environment},
        capture_output=True,
        encoding="latin-1",
        timeout=300,
    )


def test_a_name_beyond_the_locale_leaves_the_status_whole(store, tiny):
    run_id = store.create(tiny())
    update = f"RunStore({str(store.root)!r}).update({run_id!r}, name='gr\\xf6\\xdfer \\u03bb')"
    code = f"from lpwd.store import RunStore; {update}"
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    assert RunStore(store.root).status(run_id).name == "größer λ"
    assert json.loads(store.paths(run_id).status.read_text(encoding="utf-8"))["name"] == "größer λ"


@pytest.mark.parametrize(  # every terminal with the quickest command, the others with one each
    ("command", "terminal"),
    [
        *((["train", "--help"], terminal) for terminal in ("ascii", "latin-1", "gbk")),
        (["scorecard"], "gbk"),
        (["sweep", "table1", "--plan"], "ascii"),
    ],
)
def test_commands_escape_what_the_terminal_cannot_show(command, terminal, tmp_path):
    done = python(
        "-m", "lpwd", *command, LPWD_RUNS_DIR=str(tmp_path / "runs"), HF_HUB_OFFLINE="1", PYTHONIOENCODING=terminal
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "EncodingWarning" in line and "/lpwd/" in line] == []


def test_the_page_is_built_in_any_locale():
    code = """
from lpwd.ui import look
from lpwd.ui.train import presets, methods
print(len(look.css()), "\\u03bb" in look.asset("demo/penalty.html"), len(presets.options()), len(methods.fold()))
"""
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    assert "True" in done.stdout
