"""Compare our training step with a plain loop around timm's model, alternating in one process.

    python benchmarks/training.py [--threads 1 2] [--precisions bf16 fp32] [--rounds 7] [--models NAME:BATCH ...]
    python benchmarks/training.py --device cuda --threads 1 --models convnext_tiny:512 swin_tiny_patch4_window7_224:512

Three arms train the same model on the same uint8 images, including forward, backward and update:

- ours: `Session.train_step` with kernels auto, method wd;
- best: a tuned plain loop: channels-last, torch.optim.AdamW(fused=True), autocast for bf16, and batches gathered,
  flipped and normalized as tensors;
- default: timm's model and torch.optim.AdamW with default options, on the same batches.

Also compares the optimizer step with AdamW(fused=True), and measures the share of the input pipeline. Ratios are
medians over rounds of alternating arms, with the smallest and largest ratio. The process keeps freed memory for all
arms, like our worker.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import timm
import torch
from torch.nn import functional

from lpwd.config import RunConfig
from lpwd.jobs.checking.speed import random_data
from lpwd.jobs.worker_process import ENVIRONMENT
from lpwd.training.data.batches import augment
from lpwd.training.machine import cpu_has_bf16, default_precision, device_label, resolve_device
from lpwd.training.memory import freed_memory_kept
from lpwd.training.session import Session

MODELS = ("convnext_atto:128", "convnext_tiny:256", "swin_tiny_patch4_window7_224:256")
SIZE, CPU = 32, torch.device("cpu")
PLACE = CPU  # --device
Step = Callable[[], None]


class Stock(torch.optim.AdamW):
    """torch's AdamW in place of our optimizer."""

    def decay_(self) -> None:
        """Do nothing; our optimizer decays here with pwd."""


def ours(config: RunConfig, steps: int, *, stock: bool = False) -> Step:
    """Return a function for our next step, for a total of `steps`; `stock` updates with torch's fused AdamW."""
    session = Session(config, PLACE, random_data(config, steps * config.batch_size, PLACE), None)
    session.learner.model.train()
    if stock:
        session.learner.optimizer = Stock(session.learner.optimizer.param_groups, fused=True)  # type: ignore[assignment]

    def step() -> None:
        session.train_step()

    return step


def plain(config: RunConfig, best: bool) -> Step:
    """Return a function for a step of the plain loop, tuned or default."""
    torch.manual_seed(0)
    size = {"img_size": SIZE} if "swin" in config.model else {}
    layout = torch.channels_last if best else torch.contiguous_format
    model = timm.create_model(config.model, num_classes=100, **size).to(PLACE, memory_format=layout).train()
    more = {"fused": True} if best else {}
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr, weight_decay=config.weight_decay, **more)
    data = random_data(config, config.batch_size, PLACE)

    def step() -> None:
        indices = torch.randperm(config.batch_size, device=PLACE)
        images, labels = data.train_images[indices], data.train_labels[indices]
        pixels = augment(images, indices % 2 == 0, data.mean, data.std, layout)
        with torch.autocast(PLACE.type, torch.bfloat16, enabled=config.precision == "bf16"):
            loss = functional.cross_entropy(model(pixels).float(), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def update_only(config: RunConfig, method: str | None) -> Step:
    """Return the optimizer's step with fixed gradients: ours for a method, torch's fused AdamW for None."""
    session = Session(config.model_copy(update={"method": method or "wd"}), PLACE, random_data(config, 8, PLACE), None)
    optimizer: torch.optim.Optimizer = session.learner.optimizer
    if method is None:
        optimizer = torch.optim.AdamW(session.learner.model.parameters(), lr=config.lr, weight_decay=0.01, fused=True)
    for p in session.learner.model.parameters():
        p.grad = torch.randn_like(p) * 1e-3

    def step() -> None:
        if method is not None:
            session.learner.optimizer.decay_()
        optimizer.step()

    return step


def rounds_of(arms: dict[str, Step], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each arm by round, alternating arms; the first round is a warm-up."""
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    for number in range(rounds + 1):
        for name, step in arms.items():
            begun = time.perf_counter()
            step()
            if PLACE.type == "cuda":
                torch.cuda.synchronize(PLACE)
            if number:
                seconds[name].append(time.perf_counter() - begun)
    return seconds


def ratio(seconds: dict[str, list[float]], other: str, name: str = "ours") -> str:
    """Return the speed of `name` relative to `other`: `1.70 (1.66 to 1.73)`."""
    each = sorted(b / a for a, b in zip(seconds[name], seconds[other], strict=True))
    middle = statistics.median(seconds[other]) / statistics.median(seconds[name])
    return f"{middle:.2f} ({each[0]:.2f} to {each[-1]:.2f})"


def row(name: str, batch: int, precision: str, rounds: int) -> str:
    config = RunConfig(model=name, method="wd", batch_size=batch, precision=precision, weight_decay=0.01)
    arms = {"ours": ours(config, rounds + 2), "best": plain(config, True), "default": plain(config, False)}
    seconds = rounds_of(arms, rounds)
    speeds = [f"{batch / statistics.median(seconds[arm]):,.0f}" for arm in arms]
    cells = [name.split("_patch")[0], str(batch), precision, str(torch.get_num_threads()), *speeds]
    return "| " + " | ".join([*cells, ratio(seconds, "best"), ratio(seconds, "default")]) + " |"


def optimizer_row(name: str, batch: int, rounds: int) -> str:
    config = RunConfig(model=name, method="wd", batch_size=8)
    arms: dict[str, Step] = {"AdamW(fused)": update_only(config, None)}
    arms |= {method: update_only(config, method) for method in ("wd", "rwd", "pwd", "lpwd")}
    seconds = rounds_of(arms, 5 * rounds)
    cells = [f"{1e3 * statistics.median(seconds[arm]):.2f}" for arm in arms]
    return (
        "| "
        + " | ".join([name.split("_patch")[0], str(torch.get_num_threads()), *cells, whole_step(name, batch)])
        + " |"
    )


def whole_step(name: str, batch: int, rounds: int = 15) -> str:
    """Return the time of a step with LPWD, as a multiple of the same step with torch's fused AdamW."""
    config = RunConfig(
        model=name, method="lpwd", batch_size=batch, precision=default_precision(PLACE), weight_decay=0.01
    )
    arms = {
        "lpwd": ours(config, rounds + 2),
        "stock": ours(config.model_copy(update={"method": "wd"}), rounds + 2, stock=True),
    }
    return ratio(rounds_of(arms, rounds), "lpwd", "stock")


def table(models: list[str], precisions: list[str], threads: int, rounds: int) -> None:
    torch.set_num_threads(threads)
    pairs = [(name, int(batch)) for name, _, batch in (model.partition(":") for model in models)]
    with freed_memory_kept():
        for name, batch in pairs:
            for precision in precisions:
                print(row(name, batch, precision, rounds), flush=True)


def optimizers(models: list[str], threads: int, rounds: int) -> None:
    torch.set_num_threads(threads)
    for model in models:
        name, _, batch = model.partition(":")
        print(optimizer_row(name, int(batch), rounds), flush=True)


def processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return f"{name}, {os.cpu_count()} cores, bf16 {'native' if cpu_has_bf16() else 'emulated'}"


def main() -> None:
    global PLACE
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--precisions", nargs="+", default=["bf16", "fp32"])
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--part", choices=["steps", "optimizers"], help="one part, in this process")
    options = parser.parse_args()
    PLACE = resolve_device(options.device)
    if options.part:
        threads = options.threads[0]
        if options.part == "steps":
            table(options.models, options.precisions, threads, options.rounds)
        else:
            optimizers(options.models, threads, options.rounds)
        return
    versions = f"torch {torch.__version__}, timm {timm.__version__}, Python {platform.python_version()}"
    print(f"{device_label(PLACE)} ({processor()}); {versions}\n")
    heads = {
        "steps": "| model | batch | precision | threads | ours, images/s | best | default | to best | to default |",
        "optimizers": "| model | threads | AdamW(fused), ms | WD | RWD | PWD | LPWD | whole step, LPWD to AdamW |",
    }
    for part, head in heads.items():
        print(head + "\n|" + "---|" * (head.count("|") - 1), flush=True)
        for threads in options.threads:  # one process each, because torch creates some thread pools only once
            same = [
                sys.executable,
                __file__,
                "--part",
                part,
                "--threads",
                str(threads),
                "--rounds",
                str(options.rounds),
                "--device",
                options.device,
            ]
            same += ["--models", *options.models, "--precisions", *options.precisions]
            subprocess.run(same, check=True, env=ENVIRONMENT | os.environ)
        print()


if __name__ == "__main__":
    main()
