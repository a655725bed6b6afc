"""What each part of the package loads. Which module may import which is checked by import-linter (pyproject.toml)."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def test_only_the_public_packages_import_anything_when_they_are_named():
    silent = [path for path in (ROOT / "lpwd").rglob("__init__.py") if path.parent.name not in ("lpwd", "optim")]
    assert len(silent) > 10
    assert [path for path in silent if path.read_text(encoding="utf-8").strip()] == []


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
