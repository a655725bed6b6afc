"""Compare a training step as one CUDA graph with the same step in parts and with the fastest plain loop.

    python benchmarks/gpu.py [--device cuda] [--rounds 30] [--models NAME:BATCH ...]

Asserts that graph and steps in parts give the same losses within 0.1 % over 30 steps in fp32 (with stochastic depth if
the model has it). Then prints a table in bf16 with one row per model: medians over rounds of alternating arms. Takes a
few minutes. RESULTS.md has no GPU results yet.
"""

import argparse
import os
import platform
import statistics
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import timm
import torch
import training

from lpwd.config import ConfigError, RunConfig
from lpwd.jobs.checking.speed import random_data
from lpwd.training import graph
from lpwd.training.machine import default_precision, device_label, resolve_device
from lpwd.training.session import Session

MODELS = ("convnext_atto:512", "convnext_tiny:512", "swin_tiny_patch4_window7_224:512")
COMPARED = 30  # steps to compare
CLOSE = 1e-3  # relative tolerance of losses


def losses(config: RunConfig, device: torch.device) -> torch.Tensor:
    """Return the losses of COMPARED steps in one epoch; the first and last step measure R_op and angles."""
    data = random_data(config, COMPARED * config.batch_size, device)
    session = Session(config, device, data, None)
    session.learner.model.train()
    found = []
    for number in range(COMPARED):
        pixels, labels = session.feed.batch(1, number)
        session.learner.set_learning_rate(config.lr)
        loss = session.learner.at_once(pixels, labels, number)
        if loss is None:
            loss = session.learner.backward(pixels, labels, number)
            session.learner.update(len(labels))
        found.append(loss)
    return torch.stack(found).cpu()


def difference(config: RunConfig, device: torch.device) -> float:
    """Return the largest relative loss difference between graph and parts. Raises AssertionError if above CLOSE."""
    pair = [losses(config.model_copy(update={"kernels": kernels}), device) for kernels in ("timm", "graph")]
    found = float(((pair[1] - pair[0]) / pair[0]).abs().max())
    assert found < CLOSE, f"{config.model}: graph and steps in parts differ by {found:.1e} of a loss"
    return found


def row(name: str, batch: int, rounds: int, device: torch.device) -> str:
    fields = {"model": name, "batch_size": batch, "method": "lpwd", "weight_decay": 0.01}
    apart = difference(RunConfig(**fields), device)
    config = RunConfig(**fields, precision=default_precision(device), kernels="timm")
    arms = {
        "graph": training.ours(config.model_copy(update={"kernels": "graph"}), rounds + 2),
        "parts": training.ours(config, rounds + 2),
        "best": training.plain(config, True),
    }
    seconds = training.rounds_of(arms, rounds)
    speeds = [f"{batch / statistics.median(seconds[arm]):,.0f}" for arm in arms]
    ratios = [training.ratio(seconds, other, "graph") for other in ("parts", "best")]
    return (
        "| "
        + " | ".join([name.split("_patch")[0], str(batch), config.precision, *speeds, *ratios, f"{apart:.0e}"])
        + " |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    options = parser.parse_args()
    try:
        device = resolve_device(options.device)
        graph.check(RunConfig(kernels="graph"), device)
    except ConfigError as error:
        sys.exit(str(error))
    training.PLACE = device
    versions = f"torch {torch.__version__}, timm {timm.__version__}, Python {platform.python_version()}"
    print(f"{device_label(device)}; {versions}\n")
    head = (
        "| model | batch | precision | graph, images/s | in parts | plain loop | to parts | to plain | losses apart |"
    )
    print(head + "\n|" + "---|" * (head.count("|") - 1))
    for model in options.models:
        name, _, batch = model.partition(":")
        print(row(name, int(batch), options.rounds, device), flush=True)


if __name__ == "__main__":
    main()
