"""Imports point down, as design section 3 orders the modules."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "lpwd"
LEVELS = [
    {"methods", "modelnames", "provenance", "space"},
    {"config", "layers", "decay"},
    {"events", "hubclient", "commandline", "devices", "rivals", "paper_data", "card", "rights"},
    {"images", "decaying", "store", "paper_cells", "layerstats", "snippet"},
    {"data", "models", "optim", "reference", "paper", "pair", "progress"},
    {"penalty", "tables", "preflight"},
    {"session", "verdict", "figures", "results"},
    {"train", "drawings", "report_page", "probe", "published"},
    {"findings", "lane", "hub", "recorded"},
    {"lanes", "report", "publish"},
    {"worker", "autopush"},
    {"supervisor"},
    {"jobs", "sweep"},
    {"cluster"},
    {"ui", "cli"},
    {"cli_paper", "cli_hub"},
    {"__init__", "__main__"},
]
LEVEL = {name: number for number, names in enumerate(LEVELS) for name in names}


def imported(path):
    """Names of the lpwd modules that the file imports at its top level, outside `if TYPE_CHECKING`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "lpwd":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lpwd."):
            yield node.module.split(".")[1]


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.stem)
def test_a_module_imports_only_modules_below_it(path):
    if path.stem == "__init__":
        return  # names there load lazily
    assert path.stem in LEVEL, f"{path.stem} has no place in LEVELS"
    upward = [name for name in imported(path) if LEVEL[name] >= LEVEL[path.stem]]
    assert not upward, f"{path.stem} imports {upward}, which are not below it"


def test_gradio_is_imported_by_the_page_alone():
    guilty = [path.name for path in PACKAGE.glob("*.py") if "import gradio" in path.read_text()]
    assert not guilty


@pytest.mark.parametrize(
    "module", ["lpwd", "lpwd.config", "lpwd.store", "lpwd.jobs", "lpwd.commandline", "lpwd.tables", "lpwd.publish"]
)
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
