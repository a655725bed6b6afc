"""Measure the overhead per cell of a local sweep, with preset `scan` (digits, 0.28 M parameters).

    python benchmarks/sweep.py [--cells 24] [--epochs 14] [--workers 2]

The overhead is the time from the first cell's start to the last cell's end that is neither training nor evaluation
(building models, writing, waiting), divided by the number of cells. The start of the workers is printed separately.
"""

import argparse
import os
import tempfile
import time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from lpwd.cgroups import usable_cores
from lpwd.jobs.sweep import Sweep, run_local
from lpwd.paper.presets import get_preset
from lpwd.store import RunStore


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--workers", type=int, default=usable_cores())
    options = parser.parse_args()
    cells = get_preset("scan").cells("cpu")[: options.cells]
    configs = [cell.config.model_copy(update={"epochs": options.epochs}) for cell in cells]
    with tempfile.TemporaryDirectory() as folder:
        sweep = Sweep(RunStore(folder), configs)
        begun = time.time()
        run_local(sweep, device="cpu", workers=options.workers, should_stop=lambda: False)
        statuses = [sweep.store.status(run_id) for run_id in sweep.by_id]
    assert {status.state for status in statuses} == {"finished"}
    first, last = min(status.started for status in statuses), max(status.ended for status in statuses)
    busy, trained = options.workers * (last - first), sum(status.seconds for status in statuses)
    print(
        f"{len(statuses)} cells of {options.epochs} epochs on {options.workers} workers in {last - first:.1f} s, after "
        f"{first - begun:.1f} s for the workers' start: {trained / len(statuses):.2f} s of training a cell, "
        f"{(busy - trained) / len(statuses):.3f} s beside it"
    )


if __name__ == "__main__":
    main()
