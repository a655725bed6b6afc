"""Compare the loss curves of the fast step with those of a plain loop (two seeds) over 100 steps.

    python benchmarks/curve.py [--models NAME ...] [--steps 100] [--batch 128] [--precision bf16]

The plain loop is timm's own forward under autocast with torch.optim.AdamW(fused=True), from the same initial weights
and batches of digits at 32 x 32 pixels. The script compares means over ten steps: our loss minus that of the plain loop
with the same seed, and the plain loop of seed 1 minus seed 0 as the noise level.
"""

import argparse
import os
from collections.abc import Iterator

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from torch import Tensor
from torch.nn import functional

from lpwd.config import RunConfig
from lpwd.training.data.batches import load
from lpwd.training.session import Session

CPU = torch.device("cpu")
WINDOW = 10  # steps


def session_of(config: RunConfig, kernels: str, seed: int) -> Session:
    config = config.model_copy(update={"kernels": kernels, "seed": seed})
    session = Session(config, CPU, load(config, CPU), None)
    session.learner.model.train()
    return session


def batches(session: Session, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    for step in range(steps):
        yield session.feed.batch(step // session.steps_per_epoch + 1, step % session.steps_per_epoch)


def ours(config: RunConfig, steps: int, seed: int) -> Tensor:
    session, losses = session_of(config, "auto", seed), []
    assert session.learner.kernels == "small-maps"
    for pixels, labels in batches(session, steps):
        losses.append(session.learner.backward(pixels, labels, session.seed_of_step()))
        session.learner.optimizer.step()
        session.step += 1
    return torch.stack(losses)


def plain(config: RunConfig, steps: int, seed: int) -> Tensor:
    session, losses = session_of(config, "timm", seed), []
    optimizer = torch.optim.AdamW(
        session.learner.model.parameters(), lr=config.lr, weight_decay=config.weight_decay, fused=True
    )
    for pixels, labels in batches(session, steps):
        with (
            session.learner.randomness(session.seed_of_step()),
            torch.autocast("cpu", torch.bfloat16, enabled=config.precision == "bf16"),
        ):
            logits = session.learner.model(pixels)
        loss = functional.cross_entropy(logits.float(), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
        session.step += 1
    return torch.stack(losses)


def apart(left: Tensor, right: Tensor) -> str:
    """Return the mean and the largest distance of means over WINDOW steps."""
    windows = (left - right).view(-1, WINDOW).mean(1).abs()
    return f"{float(windows.mean()):.4f} (largest {float(windows.max()):.4f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["convnext_atto", "swin_tiny_patch4_window7_224"])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--precision", default="bf16")
    options = parser.parse_args()
    for name in options.models:
        config = RunConfig(
            model=name, dataset="digits", method="wd", batch_size=options.batch, precision=options.precision
        )
        first, second = (plain(config, options.steps, seed) for seed in (0, 1))
        fast = ours(config, options.steps, 0)
        what = f"{name}, {options.steps} steps of batch {options.batch}, {options.precision}"
        print(
            f"{what}, last loss {fast[-1]:.3f}: ours less plain {apart(fast, first)}, plain's seed 1 less its seed 0 "
            f"{apart(second, first)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
