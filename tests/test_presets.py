"""Fillings of the form are the paper's experiments: the races they make are cells of its presets."""

import pytest

from lpwd.methods import METHODS
from lpwd.paper.presets import PRESETS
from lpwd.ui.shared import form
from lpwd.ui.shared.address import first_values
from lpwd.ui.train import presets


@pytest.mark.parametrize("label", presets.form_presets())
def test_the_races_of_a_filling_are_cells_of_the_paper(label):
    values = presets.form_presets()[label].values
    assert set(values) == set(first_values("digits"))
    cells = {
        cell.run_id for preset in PRESETS.values() for scale in ("cpu", "paper") for cell in preset.cells(scale, 5)
    }
    configs = [config for race in form.races(form.parse_controls(values)) for config in race]
    decayed = [config.run_id for config in configs if METHODS[config.method].rates != "none" or not config.weight_decay]
    assert set(decayed) <= cells
    assert decayed


def test_a_grid_has_one_filling_that_says_so_and_every_experiment_has_one():
    form_presets = presets.form_presets()
    of_paper = [label for label in form_presets if not label.startswith(presets.QUICK)]
    assert {label.partition(",")[0] for label in of_paper} == {preset.source for preset in PRESETS.values()}
    assert presets.options().count("<optgroup") == len({label.partition(": ")[0] for label in form_presets})
    note = form_presets["Table 1, scale paper: CIFAR-10, Swin, Adam"].note
    assert "one of its 35 settings, η 0.0005 and λ 0.5" in note
    assert "Baseline has no decay" in note
    assert sum(label.startswith("Figure 3b, scale cpu") for label in form_presets) == 4
