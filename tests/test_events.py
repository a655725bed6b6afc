import json
import statistics

import pytest

from lpwd.events import Diverged, Epoch, Step, best10, from_record, select, to_record


def epoch(number, top1, validation=None):
    return Epoch(
        step=number * 10,
        epoch=number,
        train_loss=1.0 / number,
        test_loss=2.0,
        test_top1=top1,
        validation_top1=validation,
        lr=0.1,
        weight_norms=[1.0],
        opposing_count_rate=None,
        opposing_magnitude_rate=None,
        seconds=float(number),
        images_per_second=100.0,
    )


@pytest.mark.parametrize("event", [epoch(3, 51.5, 50.0), Step(1, 1, 2.3, 1e-3, 0.5, 99.0), Diverged(7, 2)])
def test_an_event_survives_a_line_of_json(event):
    assert from_record(json.loads(json.dumps(to_record(event)))) == event


def test_best10_is_mean_and_population_deviation_of_the_ten_highest():
    top1 = [float(value) for value in range(1, 21)]
    mean, deviation = best10(top1)
    assert mean == pytest.approx(15.5)
    assert deviation == pytest.approx(statistics.pstdev(range(11, 21)))
    assert best10([40.0]) == (40.0, 0.0)


def test_the_validation_split_selects_the_epoch_and_the_test_set_only_reports():
    result = select([epoch(1, 50.0, 40.0), epoch(2, 60.0, 45.0), epoch(3, 70.0, 45.0), epoch(4, 65.0, 44.0)])
    assert result.val_selected_top1 == 60.0  # the first of the two best validation epochs
    assert result.last_top1 == 65.0
    assert result.train_loss == 0.25


def test_without_a_validation_split_nothing_is_selected_by_it():
    assert select([epoch(1, 50.0), epoch(2, 60.0)]).val_selected_top1 is None


def test_a_run_without_an_epoch_has_no_result():
    with pytest.raises(ValueError, match="no result"):
        select([])
