"""A training step with the small-map path against the best plain timm step, in turn, in one process.

    python benchmarks/small_maps.py [model] [--batch N] [--precision bf16|fp32] [--threads N] [--rounds N] [--evaluate]

The plain step: timm's model, channels-last, torch.optim.AdamW(fused=True), autocast where bf16. Times are process
time on one thread and wall-clock time on more; the ratio is of medians, the spread that of the rounds' ratios.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import timm
import torch
from torch.nn import functional

from lpwd.training.small_maps.choose import accelerate

SIZE = 32  # pixels


def step_of(name: str, batch: int, precision: str, fast: bool, evaluate: bool) -> Callable[[], None]:
    """A function that makes one step (or evaluates one batch) on random images."""
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=100, **({"img_size": SIZE} if "swin" in name else {}))
    model = model.to(memory_format=torch.channels_last).train(not evaluate)
    if fast and not accelerate(model, image_size=SIZE, precision=precision, device=torch.device("cpu")):
        raise SystemExit(f"{name} in {precision} is not covered")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, fused=True)
    pixels = torch.randn(batch, 3, SIZE, SIZE).to(memory_format=torch.channels_last)
    labels = torch.randint(0, 100, (batch,))

    def logits() -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            return model(pixels).float()

    def train() -> None:
        optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(logits(), labels).backward()
        optimizer.step()

    def infer() -> None:
        with torch.no_grad():
            logits()

    return infer if evaluate else train


def profile(step: Callable[[], None]) -> str:
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as events:
        step()
        step()
    return events.key_averages().table(sort_by="self_cpu_time_total", row_limit=24, max_name_column_width=40)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="convnext_atto")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--evaluate", action="store_true", help="a forward pass in evaluation mode instead")
    parser.add_argument("--profile", action="store_true", help="print where the fast step's time goes")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    clock = time.process_time if given.threads == 1 else time.perf_counter
    arms = [step_of(given.model, given.batch, given.precision, fast, given.evaluate) for fast in (False, True)]
    times: list[list[float]] = [[], []]
    for number in range(given.rounds + 2):
        for arm, its in zip(arms, times, strict=True):
            begun = clock()
            arm()
            if number >= 2:
                its.append(clock() - begun)
    plain, fast = map(statistics.median, times)
    ratios = sorted(a / b for a, b in zip(*times, strict=True))
    print(
        f"{given.model} b{given.batch} {given.precision} {given.threads} threads: plain {1e3 * plain:.1f} ms, fast"
        f" {1e3 * fast:.1f} ms, {given.batch / fast:.0f} images/s, ratio {plain / fast:.2f}"
        f" (rounds {ratios[0]:.2f} to {ratios[-1]:.2f}; fastest {min(times[0]) / min(times[1]):.2f});"
        f" torch {torch.__version__}, timm {timm.__version__}"
    )
    if given.profile:
        print(profile(arms[1]))


if __name__ == "__main__":
    main()
