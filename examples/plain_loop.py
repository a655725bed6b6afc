"""Train with WD and LPWD in a plain PyTorch loop, on scikit-learn's digits with three seeds each.

python examples/plain_loop.py        # under 10 s on one core; needs scikit-learn
"""

import statistics

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy

import lpwd

LR, WEIGHT_DECAY, EPOCHS, BATCH = 1e-3, 5.0, 8, 32
torch.set_num_threads(1)  # a second thread does not speed up such a small network

digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16  # [1797, 1, 8, 8] in 0..1
labels = torch.tensor(digits.target)
train_images, test_images, train_labels, test_labels = images[:1200], images[1200:], labels[:1200], labels[1200:]


def network() -> nn.Module:
    """Return a network with four layers; LPWD decays the first with lambda / 2 and the last with 2 lambda."""
    return nn.Sequential(
        *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, stride=2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(32 * 9, 64), nn.ReLU(), nn.Linear(64, 10)),
    )


def top1(method: str, seed: int) -> float:
    """Train and return test top-1 in percent; the seed determines initial weights and batches."""
    torch.manual_seed(seed)
    model = network()
    # one parameter group per layer; PWD decays before each forward pass in training mode
    optimizer = lpwd.build_optimizer(model, "adam", method, lr=LR, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        model.train()
        for batch in torch.randperm(len(train_labels)).split(BATCH):
            optimizer.zero_grad()
            cross_entropy(model(train_images[batch]), train_labels[batch]).backward()
            optimizer.step()
        schedule.step()
    model.eval()
    with torch.no_grad():
        return 100 * (model(test_images).argmax(1) == test_labels).float().mean().item()


print(f"Adam, lr {LR}, weight decay {WEIGHT_DECAY}, {EPOCHS} epochs: test top-1 in percent")
for method in ("wd", "lpwd"):
    scores = [top1(method, seed) for seed in range(3)]
    print(
        f"{lpwd.METHODS[method].label:5} {statistics.fmean(scores):.2f}  seeds: {', '.join(f'{s:.2f}' for s in scores)}"
    )
