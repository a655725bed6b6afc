"""Our training loop against a plain one (timm model, torch.optim.AdamW, albumentations), in turn, in one process.

    python benchmarks/training.py [model] [batch]

Prints images a second of each and their ratio; the same model, batch, precision and number of threads.
"""

import os
import sys
import time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import timm
import torch
from torch.nn import functional

from lpwd.config import RunConfig
from lpwd.jobs.checking.speed import random_data
from lpwd.training.batches import reference_transform
from lpwd.training.session import Session

STEPS, ROUNDS = 5, 5


def ours(session: Session) -> float:
    session.batch = 0
    begun = time.perf_counter()
    for _ in range(STEPS):
        session.train_step()
    return STEPS * session.config.batch_size / (time.perf_counter() - begun)


def plain(model: torch.nn.Module, optimizer: torch.optim.Optimizer, session: Session) -> float:
    model.train()
    transform, size = reference_transform(), session.config.batch_size
    images, labels = session.data.train_images.numpy(), session.data.train_labels
    begun = time.perf_counter()
    for number in range(STEPS):
        part = slice(number * size, (number + 1) * size)
        pixels = [torch.from_numpy(transform(image=image)["image"]).permute(2, 0, 1) for image in images[part]]
        loss = functional.cross_entropy(model(torch.stack(pixels)), labels[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
    return STEPS * size / (time.perf_counter() - begun)


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "convnext_atto"
    config = RunConfig(model=name, method="wd", batch_size=int(sys.argv[2]) if len(sys.argv) > 2 else 128)
    device = torch.device("cpu")
    session = Session(config, device, random_data(config, STEPS * config.batch_size, device), None)
    model = timm.create_model(name, num_classes=100)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr, weight_decay=config.weight_decay)
    ours(session), plain(model, optimizer, session)  # warm up
    pairs = [(ours(session), plain(model, optimizer, session)) for _ in range(ROUNDS)]
    ratios = sorted(a / b for a, b in pairs)
    for a, b in pairs:
        print(f"ours {a:.0f} images/s, plain {b:.0f} images/s, ratio {a / b:.2f}")
    print(
        f"median ratio {ratios[ROUNDS // 2]:.2f} ({name}, batch {config.batch_size}, {torch.get_num_threads()} threads)"
    )


if __name__ == "__main__":
    main()
