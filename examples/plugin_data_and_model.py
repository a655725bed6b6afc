"""Plug-in with an optimizer, a data set and a model.

python -m lpwd check examples/plugin_data_and_model.py
python -m lpwd race --plugin examples/plugin_data_and_model.py --method wd --method lpwd --optimizer sign \
    --dataset stripes --model small_cnn --image-size 16 --batch-size 25 --lr 0.003 --epochs 8
"""

import numpy as np
import torch
from torch import nn

import lpwd


class Sign(torch.optim.Optimizer):
    """Sign descent without decay; lpwd adds the decay around its step."""

    def __init__(self, params, lr=1e-3):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.sub_(p.grad.sign(), alpha=group["lr"])


def stripes():
    """Return noise with horizontal or vertical stripes for training and test: uint8 [N, 16, 16, 3] and labels."""

    def part(count, seed):
        rng = np.random.default_rng(seed)
        labels = np.arange(count) % 2
        images = rng.integers(0, 200, (count, 16, 16, 3))
        images[labels == 0, ::4] += 55
        images[labels == 1, :, ::4] += 55
        return images.astype(np.uint8), labels

    return part(400, 0), part(100, 1)


def small_cnn(num_classes, image_size, width=16):
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(3, width, 5, padding=2), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        nn.Linear(width, num_classes),
    )


def layers(model):
    """Return the parameter names of each layer, shallow to deep; here one layer per part of the model."""
    return [[name for name, _ in model.named_parameters() if name.startswith(f"{i}.")] for i in range(3)]


lpwd.register_optimizer("sign", Sign, label="Sign descent", lr=3e-3, floats=0)
lpwd.register_dataset("stripes", stripes, classes=2, train_images=400, test_images=100, label="Stripes")
lpwd.register_model("small_cnn", small_cnn, layers=layers)
