"""Time a race of WD and LPWD with worker process and run store, alternating with another checkout.

    python benchmarks/race.py [--against FOLDER] [--rounds 3] [--models NAME:BATCH:EPOCHS ...] [--precision bf16]

Both lanes train on digits at 32 x 32 pixels (1,297 images; 500 test images after each epoch). Prints the training
images per second of both lanes, from the request to the end of the job with a warm worker, and the ratio to the
checkout in FOLDER.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

MODELS = ("convnext_atto:128:8", "convnext_tiny:128:3")
HERE = Path(__file__).parent.parent
# Runs in a process of either checkout; older checkouts have other module names.
JOB = """
import json, sys, tempfile, time
try:
    from lpwd.jobs.worker_process import WorkerProcess
except ImportError:
    from lpwd.supervisor import WorkerProcess
from lpwd.config import RunConfig
from lpwd.store import RunStore
model, batch, epochs, precision = json.loads(sys.argv[1])
fields = dict(model=model, dataset="digits", batch_size=batch, epochs=epochs, precision=precision, weight_decay=0.01)
with tempfile.TemporaryDirectory() as folder:
    store = RunStore(folder)
    worker = WorkerProcess(store, "cpu")
    worker.hello(120)
    ids = [store.create(RunConfig(**fields, method=method), state="stopped") for method in ("wd", "lpwd")]
    begun = time.perf_counter()
    worker.run(ids)
    worker.wait_job(3600)
    seconds = time.perf_counter() - begun
    states = {store.status(run_id).state for run_id in ids}
    assert states == {"finished"}, (states, [store.status(run_id).message for run_id in ids])
    worker.close()
print(json.dumps({"speed": 2 * 1297 * epochs / seconds}))
"""


def speed(checkout: Path, job: tuple[str, int, int, str]) -> float:
    """Return the training images per second of both lanes in one job of a checkout."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_WAIT_POLICY": "PASSIVE"}
    command = [sys.executable, "-c", JOB, json.dumps(job)]
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, encoding="utf-8")
    if done.returncode:
        sys.exit(done.stderr)
    return float(json.loads(done.stdout.splitlines()[-1])["speed"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, help="another checkout, such as a git worktree of an older commit")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--precision", default="bf16")
    options = parser.parse_args()
    checkouts = [HERE, *([options.against.resolve()] if options.against else [])]
    for model in options.models:
        name, batch, epochs = model.split(":")
        job = (name, int(batch), int(epochs), options.precision)
        speeds = [[speed(checkout, job) for checkout in checkouts] for _ in range(options.rounds)]
        medians = [statistics.median(column) for column in zip(*speeds, strict=True)]
        text = f"{name} batch {batch} {options.precision}: {medians[0]:,.0f} images/s"
        if options.against:
            ratios = sorted(ours / other for ours, other in speeds)
            text += f", before {medians[1]:,.0f}, ratio {medians[0] / medians[1]:.2f}"
            text += f" ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        print(text, flush=True)


if __name__ == "__main__":
    main()
