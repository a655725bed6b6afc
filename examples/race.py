"""Train WD and LPWD in lock step on digits, with the same initial weights and batches.

python examples/race.py              # about 15 s on one core
"""

from itertools import zip_longest

import torch

from lpwd import METHODS, RunConfig, train

torch.set_num_threads(1)  # a second thread helps little, and changes the last bits of sums
methods = ("wd", "lpwd")
configs = [
    RunConfig(
        method=method,
        model="convnext_atto",
        model_kwargs={"depths": [1, 1, 2, 1], "dims": [16, 32, 64, 128], "patch_size": 2},  # 0.28 M parameters
        dataset="digits",
        train_samples=600,
        batch_size=30,
        epochs=8,
        lr=1e-3,
        weight_decay=5.0,
        opposing_every=5,  # steps between measurements of R_op, the share of weights that decay pushes away from zero
        seed=0,
    )
    for method in methods
]
lanes = [train(config) for config in configs]

print("       " + "".join(f"{METHODS[method].label:^32}" for method in methods))
print("epoch  " + "".join(f"{'loss':>8}{'top-1 (%)':>11}{'R_op (%)':>10}   " for _ in methods))
for events in zip_longest(*lanes):  # one event per lane: the lanes alternate
    if all(event is not None and event.kind == "epoch" for event in events):
        cells = (f"{e.train_loss:8.4f}{e.test_top1:11.2f}{100 * e.opposing_count_rate:10.2f}   " for e in events)
        print(f"{events[0].epoch:5}  " + "".join(cells))
    for method, event in zip(methods, events, strict=True):
        if event is not None and event.kind in ("finished", "diverged"):
            best = f"best 10: {event.best10_mean:.2f} %" if event.kind == "finished" else f"diverged: step {event.step}"
            print(f"{METHODS[method].label}: {best}")
