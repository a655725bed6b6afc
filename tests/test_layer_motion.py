"""The angle by which layers turn per step, beside the predicted one, over the runs of a preset."""

import math

import pytest
from synthetic import write_run

from lpwd.analysis.layer_motion import figure, layer_motion, sentences
from lpwd.config import RunConfig
from lpwd.paper.presets import Cell
from lpwd.runs import Runs
from lpwd.store import RunStore


@pytest.fixture
def motion(tmp_path):
    """Of runs whose layers turn by 0.01, 0.02 and 0.03 / 5 radians per step in their last epoch."""
    import pandas as pd

    store = RunStore(tmp_path)
    cells = [
        Cell(RunConfig(method=method, lr=1e-3, weight_decay=decay, seed=seed, epochs=5), "digits", method)
        for method in ("baseline", "wd", "lpwd")
        for decay in (0.5, 2.0)
        for seed in (0, 1)
    ]
    frame = pd.DataFrame({"run_id": [write_run(store, cell) for cell in cells], "state": "finished"})
    return layer_motion(frame, Runs(store))


def test_each_layer_of_a_run_has_its_measured_and_its_predicted_angle(motion):
    one = motion[(motion.method == "wd") & (motion.weight_decay == 0.5) & (motion.seed == 1)]
    assert list(one.layer) == [1, 2, 3]
    assert list(one.measured) == pytest.approx([0.01, 0.02, 0.006])
    assert list(one.predicted) == pytest.approx([math.sqrt(2 * 1e-3 * 0.5 * 0.1 / 1.9)] * 3)
    assert set(motion.method) == {"wd", "lpwd"}  # nothing is predicted without decay


def test_the_sentence_and_the_figure_tell_how_many_layers_are_in_balance(motion):
    said = sentences(motion, ["wd", "lwd", "lpwd"])
    assert [text.split(":")[0] for text in said] == ["WD", "LPWD"]
    assert said[0].endswith("1.4 at λ = 0.5, 0.69 at λ = 2; 2 of 12 layers within 25 %.")
    drawn = figure(motion)
    assert [trace.name for trace in drawn.data] == ["as predicted", "WD (n = 2)", "LPWD (n = 2)"]
    assert len(drawn.data[1].x) == 6  # layers and strengths, over seeds
