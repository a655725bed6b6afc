"""docs/recipes.md: every block runs as it stands, after the block that they all begin with."""

import importlib.util
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("one_thread")

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "recipes.md").read_text()
PREAMBLE, *SECTIONS = PAGE.split("\n## ")
EXTRAS = ("accelerate", "lightning", "timm", "transformers")


def blocks(section: str, kind: str = "") -> list[str]:
    return re.findall(rf"^```python{kind}\n(.*?)^```$", section, re.M | re.S)


BEGINNING = "\n".join(blocks(PREAMBLE))
RECIPES = {section.splitlines()[0]: "\n".join(code) for section in SECTIONS if (code := blocks(section))}
AROUND_NADAM = BEGINNING.replace('"adam", "lpwd"', '"nadam", "lpwd"')  # the same with a class that `decaying` makes
FOR_CLASSES = ("Mixed precision with GradScaler", "torch's schedulers", "accelerate")
OF_SEVERAL = {
    section.splitlines()[0]: "\n".join(code) for section in SECTIONS if (code := blocks(section, " torchrun"))
}


def need(code: str) -> None:
    """Skips where a package that the block imports is not installed."""
    for name in EXTRAS:
        if re.search(rf"^(from|import) {name}\b", code, re.M) and importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed: pip install 'lpwd[app,recipes]'")


def test_a_recipe_can_begin_with_another_class():
    assert '"nadam", "lpwd"' in AROUND_NADAM


@pytest.mark.parametrize(
    ("recipe", "beginning"),
    [(recipe, BEGINNING) for recipe in RECIPES] + [(recipe, AROUND_NADAM) for recipe in FOR_CLASSES],
    ids=[*RECIPES, *(f"{recipe}, around NAdam" for recipe in FOR_CLASSES)],
)
def test_every_recipe_runs_as_it_stands(recipe: str, beginning: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    need(RECIPES[recipe])
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other libraries' own
        exec(compile(f"{beginning}\n{RECIPES[recipe]}", recipe, "exec"), {"__name__": "__main__"})  # noqa: S102  # the page's own blocks


@pytest.mark.parametrize("beginning", [BEGINNING, AROUND_NADAM], ids=["lpwd.Adam", "around NAdam"])
@pytest.mark.parametrize("recipe", OF_SEVERAL)
@pytest.mark.long
def test_every_recipe_of_several_processes_runs_as_it_stands(recipe: str, beginning: str, tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text(f"{beginning}\n{OF_SEVERAL[recipe]}")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]


def test_the_page_names_the_version_of_everything_that_it_ran_with():
    named = re.findall(r"(\w+) \d+\.\d+\.\d+", PREAMBLE.split("last run with ")[1].split("\n\n")[0])
    assert set(named) == {"torch", *EXTRAS}


def test_links_and_names_on_the_page_are_there():
    for path in re.findall(r"`((?:tests|examples)/[\w./]+)`", PAGE):
        assert (ROOT / path).exists(), path
