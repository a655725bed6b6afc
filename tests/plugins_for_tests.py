"""Plug-ins as people write them, for tests."""

import os
from contextlib import contextmanager

from lpwd import facts, methods, networks, optimizers, plugins

TABLES = ((methods, "METHODS"), (facts, "DATASETS"), (networks, "MODELS"), (optimizers, "OPTIMIZERS"))

METHOD = """
import lpwd

lpwd.register_method("mine", timing="pwd", rates="layerwise", label="Mine", color="#CC3311", order="reversed")
"""
OPTIMIZER = """
import torch


class Heavy(torch.optim.Optimizer):
    # Momentum of its own, which a checkpoint has to keep.
    def __init__(self, params, lr=1e-3):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    state = self.state[p]
                    state["sum"] = 0.9 * state.get("sum", torch.zeros_like(p)) + p.grad
                    p.sub_(state["sum"], alpha=group["lr"])


lpwd.register_optimizer("heavy", Heavy, lr=1e-2)
"""
EVERYTHING = (
    METHOD
    + """
import numpy as np
from torch import nn


def noise():
    def part(count):
        rng = np.random.default_rng(count)
        labels = np.arange(count) % 2
        images = rng.integers(0, 100, (count, 8, 8, 3)) + 100 * labels[:, None, None, None]
        return images.astype(np.uint8), labels

    return part(40), part(20)


def small(num_classes, image_size, width=8):
    return nn.Sequential(
        nn.Conv2d(3, width, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, num_classes)
    )


lpwd.register_dataset("noise", noise, classes=2, train_images=40, test_images=20)
lpwd.register_model("small", small, layers=lambda model: [["0.weight", "0.bias"], ["4.weight", "4.bias"]])
"""
)


@contextmanager
def forgetting():
    """What is registered inside is gone afterwards, and no plug-in is loaded."""
    tables = [module.__dict__[f"_{name}"] for module, name in TABLES]
    before, loaded, variable = (
        [dict(table) for table in tables],
        dict(plugins._loaded),
        os.environ.get(plugins.VARIABLE),
    )
    try:
        yield
    finally:
        for table, rows in zip([*tables, plugins._loaded], [*before, loaded], strict=True):
            table.clear()
            table.update(rows)
        os.environ.pop(plugins.VARIABLE, None)
        if variable is not None:
            os.environ[plugins.VARIABLE] = variable
