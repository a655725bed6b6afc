"""Damaged files of one run: whoever reads them answers or says one sentence, and the other runs stay.

    python tests/test_damage.py 2000
    python tests/test_damage.py --every-byte [EVERY]

The first makes that many damages, seeded, and as many turned bits in a checkpoint, and prints the counts; the second
damages each byte of a small run's files (or each EVERYth), and 2,000 places of a checkpoint.
"""

import json
import random
import re
import sys
import tempfile
from collections import Counter
from functools import partial

import pytest
from conftest import TINY
from every_byte import EveryByte, places
from publishing import published
from synthetic import StillJobs, write_run
from test_checkpoints import flips

from lpwd.analysis.statistics import metrics_frame, weight_norms_frame
from lpwd.config import ConfigError, RunConfig
from lpwd.jobs.rights import User
from lpwd.paper.findings import find
from lpwd.paper.presets import get_preset
from lpwd.runs import Runs
from lpwd.store import RunStore
from lpwd.ui.explain import rates
from lpwd.ui.live import Live
from lpwd.ui.runs import chart, compared, exports, one_run, overlay, runlist

GARBAGE = [b"null", b"[]", b"{}", b"1e999", b"-1", b'"x"', b"NaN", b"true", b"9" * 25, b"\xff", b"{" * 1000, b"\n"]
strict = partial(json.dumps, allow_nan=False)  # as a browser reads it


def damaged(content, chance):
    """The bytes with one bit turned, cut off, with zeros or garbage in them, or with a value that is another."""
    data, place = bytearray(content), chance.randrange(len(content))
    kind = chance.choice(["bit", "bit", "cut", "zeros", "garbage", "value"])
    if kind == "bit":
        data[place] ^= 1 << chance.randrange(8)
    elif kind == "cut":
        del data[place:]
    elif kind == "zeros":
        data[place : place + chance.randrange(1, 200)] = b"\0" * 20
    elif kind == "garbage":
        data[place:place] = chance.choice(GARBAGE)
    else:
        start, end = chance.choice([found.span() for found in re.finditer(rb"(?<=: )[^,\n\[\]{}]+", data)])
        data[start:end] = chance.choice(GARBAGE)
    return bytes(data)


def readers(store, ids, bad):
    """Everything that reads runs, by name."""
    live, runs = Live(store, StillJobs()), Runs(store)
    listed, curves = runlist.RunList(runs), overlay.Curves(runs)
    return {
        "list": lambda: strict(listed.since()),
        "about": lambda: strict(one_run.about(runs, bad)),
        "export": lambda: [exports.table(runs, [bad], kind) for kind in ("csv", "json")],
        "its page": lambda: strict(live.poll(User("x"), shown=[bad])),
        "a fresh page": lambda: strict(live.poll(User("x"))),
        "small curves": lambda: strict(runlist.sparks(runs, ids)),
        "comparison": lambda: strict(chart.view(curves, ids)),
        "losses": lambda: strict(chart.view(curves, [bad], y="loss", x="seconds")),
        "endpoint": lambda: strict(compared.comparison(runs, ids, "last_top1")),
        "csv": lambda: exports.points(curves, compared.choose(runs, ids), "loss"),
        "norms by layer": lambda: strict(chart.view(curves, ids, y="norm")),
        "trackio": lambda: exports.trackio(runs, ids),
        "rates": lambda: [rates.view(store, i, m.n, "2i/n", 0.5) for i, m in enumerate(rates.models(store))],
        "tables": lambda: published(store),
        "events": lambda: store.read_metrics(bad),
        "norms": lambda: weight_norms_frame(store, bad),
        "steps": lambda: metrics_frame(store, ids, "step"),
        "findings": lambda: find(get_preset("table3"), store, "cpu", 1),
        "recovery": store.recover,
    }


def outcomes(root, damages, seed=0):
    """How many questions were answered and how many with a sentence; anything else escapes from here."""
    store, chance, counts = RunStore(root), random.Random(seed), Counter()
    ids = [write_run(store, cell, steps=True) for cell in get_preset("table3").cells("cpu", 1)[:3]]
    paths = store.paths(ids[1])
    asks = readers(store, ids, ids[1])
    for number in range(damages):
        path = (paths.config, paths.status, paths.metrics)[number % 3]
        whole = path.read_bytes()
        path.write_bytes(damaged(whole, chance))
        for ask in asks.values():
            try:
                ask()
                counts["answered"] += 1
            except ConfigError as error:
                counts["several lines" if "\n" in str(error) else "a sentence"] += 1
        assert {ids[0], ids[2]} <= {record.run_id for record in store.records()}
        path.write_bytes(whole)
    return counts


# So many damages, a third of each file; `python tests/test_damage.py 2000` tries more.
@pytest.mark.parametrize("damages", [12, pytest.param(45, marks=pytest.mark.long)])
def test_whatever_is_damaged_every_reader_answers_or_says_a_sentence(tmp_path, damages):
    counts = outcomes(tmp_path / "runs", damages)
    assert sum(counts.values()) == damages * 19
    assert set(counts) == {"answered", "a sentence"}


@pytest.mark.parametrize("every", [397, pytest.param(97, marks=pytest.mark.long)])
def test_a_damaged_byte_is_named_or_leaves_a_configuration_as_it_was(tmp_path, every):
    counts = EveryByte(RunStore(tmp_path / "runs"), readers, every).run()
    assert set(counts) == {"config.json", "status.json", "metrics.jsonl"}
    assert set(counts["config.json"]) <= {"named as damaged", "read as it was", "answers", "sentences"}
    assert not any(count["another configuration believed"] for count in counts.values())


def test_no_place_of_a_checkpoint_is_believed_once_damaged(store, tiny):
    outcomes = places(store, tiny(epochs=3), 100)
    assert outcomes["named as damaged"] == 100
    assert not outcomes["believed"]


def main():
    if len(sys.argv) < 2 or not (sys.argv[1] == "--every-byte" or sys.argv[1].isdecimal()):
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        if sys.argv[1] == "--every-byte":
            every = int(sys.argv[2]) if len(sys.argv) > 2 else 1
            EveryByte(RunStore(f"{folder}/runs"), readers, every).run()
            config = RunConfig(**TINY | {"epochs": 3})
            print(f"checkpoint.pt: {dict(places(RunStore(f'{folder}/checkpoints'), config, 2000))}")
        else:
            print(dict(outcomes(f"{folder}/texts", int(sys.argv[1]))))
            config = RunConfig(**TINY | {"epochs": 3})
            print(flips(RunStore(f"{folder}/checkpoints"), config, int(sys.argv[1])))


if __name__ == "__main__":
    main()
