"""Imports point down: root < optim < analysis < paper < hub < training < jobs < ui < cli; and never in a circle."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ORDER = ("", "optim", "analysis", "paper", "hub", "training", "jobs", "ui", "cli")  # "": the modules of lpwd/ itself
LEVEL = {package: level for level, packages in enumerate(ORDER) for package in packages.split(" ")}
COMPOSING = {"lpwd", "lpwd.__main__"}  # lazy names and the entry point may name everything
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "lpwd").rglob("*.py"))
}


def package(module):
    """`optim` of `lpwd.optim.layers`, "" of `lpwd.config`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 2 or (ROOT / "lpwd" / parts[-1]).is_dir() else ""


def imported(module, lazily=True):
    """The lpwd modules that a file imports, inside its functions too unless `lazily` is False."""
    tree = ast.parse(FILES[module].read_text())
    for node in ast.walk(tree) if lazily else tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "lpwd":
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in FILES else node.module for name in whole)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in FILES)


@pytest.mark.parametrize("module", sorted(FILES.keys() - COMPOSING))
def test_a_module_imports_only_packages_below_its_own(module):
    own = package(module)
    allowed = {name for name, level in LEVEL.items() if level < LEVEL[own]} | {own}
    upward = [name for name in imported(module) if name != "lpwd" and package(name) not in allowed]
    assert not upward, f"{module} imports {upward}"


def test_no_import_goes_in_a_circle():
    graph = {module: set(imported(module, lazily=False)) - {module, "lpwd"} for module in FILES.keys() - COMPOSING}
    graph.pop("lpwd.optim")  # its names are those of its modules, which import one another and not the package
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("module", [name for name in sorted(FILES) if name.startswith("lpwd.ui.")])
def test_a_tab_of_the_page_imports_no_other_tab(module):
    tabs = {path.name for path in (ROOT / "lpwd" / "ui").iterdir() if path.is_dir()} - {"shared", "web", "__pycache__"}
    folder = module.split(".")[2]
    if folder == "page":
        return  # it composes the tabs
    others = [
        name for name in imported(module) if name.startswith("lpwd.ui.") and name.split(".")[2] in tabs - {folder}
    ]
    assert not others


def test_only_the_public_packages_import_anything_when_they_are_named():
    silent = [path for path in (ROOT / "lpwd").rglob("__init__.py") if path.parent.name not in ("lpwd", "optim")]
    assert len(silent) > 10
    assert [path for path in silent if path.read_text().strip()] == []


def test_the_root_is_small_and_no_package_is_crowded():
    sizes = {folder: len(list(folder.glob("*.py"))) for folder in {path.parent for path in FILES.values()}}
    assert max(sizes.values()) <= 14, {str(folder): size for folder, size in sizes.items() if size > 14}


def test_gradio_is_imported_by_the_page_alone():
    guilty = [name for name, path in FILES.items() if "import gradio" in path.read_text() and package(name) != "ui"]
    assert not guilty


PAGE_MODULES = ["lpwd", "lpwd.config", "lpwd.store", "lpwd.jobs.queue", "lpwd.spelled", "lpwd.analysis.statistics"]


@pytest.mark.parametrize("module", [*PAGE_MODULES, "lpwd.hub.push"])
def test_the_page_process_needs_no_torch_for(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_library_alone_needs_torch_and_nothing_else():
    blocked = "gradio pydantic pandas plotly timm huggingface_hub click rich albumentations cv2 scipy sklearn"
    code = (
        "import sys\n"
        f"for name in {blocked!r}.split(): sys.modules[name] = None\n"
        "import torch, lpwd\n"
        "model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))\n"
        "optimizer = lpwd.build_optimizer(model, 'adam', 'lpwd', lr=1e-3, weight_decay=0.5)\n"
        "model(torch.randn(3, 4)).sum().backward()\n"
        "optimizer.step()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_public_train_is_the_function_however_it_is_reached():
    code = (
        "import lpwd, lpwd.training.train as module\nfrom lpwd import train\nassert train is lpwd.train is module.train"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
