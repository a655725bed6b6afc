"""What is imported is declared, what is declared twice agrees, and a wheel carries the whole page."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import metadata, packages_distributions
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LIBRARY, EXTRAS = PROJECT["dependencies"], PROJECT["optional-dependencies"]
OF_A_SPACE = {"spaces"}  # ZeroGPU brings it; absent elsewhere
LAZY = {"timm"}  # of lpwd.optim: for the layers of timm's own models


def distribution(requirement):
    """`gradio` of `gradio[oauth]>=6.31,<7`."""
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-")


def imported(folder):
    """Names of the top-level packages that the files below `folder` import, ours and Python's aside."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            yield from (name.split(".")[0] for name in names)


def undeclared(folder, requirements):
    homes, declared = packages_distributions(), set(map(distribution, requirements))
    foreign = set(imported(folder)) - set(sys.stdlib_module_names) - {"lpwd"} - OF_A_SPACE
    return {name for name in foreign if not declared & {distribution(home) for home in homes.get(name, [name])}}


def test_every_package_that_is_imported_is_declared():
    assert undeclared(ROOT / "lpwd", [*LIBRARY, *EXTRAS["app"], *EXTRAS["ray"]]) == set()


def test_the_optimizers_import_what_the_library_alone_brings():
    assert undeclared(ROOT / "lpwd" / "optim", LIBRARY) == LAZY


def test_the_examples_import_what_the_app_and_their_extra_bring():
    assert undeclared(ROOT / "examples", [*LIBRARY, *EXTRAS["app"], *EXTRAS["recipes"]]) == set()


def test_requirements_and_the_app_extra_are_the_same_lines():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    required = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    assert sorted(required) == sorted([*LIBRARY, *EXTRAS["app"]])


def test_every_dependency_runs_on_the_oldest_python_that_is_declared():
    (declared,) = SpecifierSet(PROJECT["requires-python"])
    assert declared.operator == ">="
    own = {name: metadata(name)["Requires-Python"] or "" for name in map(distribution, [*LIBRARY, *EXTRAS["app"]])}
    oldest = f"{declared.version}.0"
    assert {name: need for name, need in own.items() if not SpecifierSet(need).contains(oldest)} == {}
    assert f"Python {declared.version} or newer" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_mcp_extra_asks_for_the_gradio_of_the_app():
    (gradio,) = [requirement for requirement in EXTRAS["app"] if distribution(requirement) == "gradio"]
    assert EXTRAS["mcp"] == [gradio.replace("[oauth]", "[mcp]")]


def test_the_test_command_installs_every_extra():
    extras = re.search(r'-e "\.\[(.*)\]"', (ROOT / "tests" / "run.sh").read_text())[1].split(",")
    assert {*extras, "app"} == set(EXTRAS)  # requirements.txt is `app`


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The content of a wheel built from the files that git would have: no editable install, no checkout beside it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(ROOT / "lpwd", source / "lpwd", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    environment = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run([*command, "-w", folder, source], check=True, timeout=200, env=environment)
    zipfile.ZipFile(next(folder.glob("*.whl"))).extractall(folder / "installed")
    return folder / "installed"


def test_a_wheel_carries_every_file_of_the_package(installed):
    ours = {path.relative_to(ROOT) for path in (ROOT / "lpwd").rglob("*") if path.is_file()}
    ours = {path for path in ours if "__pycache__" not in path.parts}
    assert {".js", ".css", ".html", ".parquet"} <= {path.suffix for path in ours}
    assert {str(path) for path in ours if not (installed / path).is_file()} == set()


def test_the_installed_command_is_the_command_line(installed, tmp_path):
    code = (
        "from importlib.metadata import entry_points\n"
        "[command] = [e for e in entry_points(group='console_scripts') if e.dist.name == 'lpwd' and e.name == 'lpwd']\n"
        "main = command.load()\n"
        "import lpwd, sys; print(lpwd.__file__); sys.argv[0] = 'lpwd'; main()"
    )
    environment = os.environ | {"PYTHONPATH": str(installed)}
    command = [sys.executable, "-c", code, "--help"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[:2] == [
        str(installed / "lpwd/__init__.py"),
        "Usage: lpwd [OPTIONS] COMMAND [ARGS]...",
    ]
