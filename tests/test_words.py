"""How numbers and names are written."""

import math

import pytest

from lpwd.analysis.words import general, label, number, seed_list, short, spread

NAN = math.nan


@pytest.mark.parametrize(
    ("mean", "deviation", "text"),
    [
        (74.482, 0.041, "74.48±0.04"),
        (12.3456, NAN, "12.35"),
        (12.3456, None, "12.35"),
        (NAN, 1.0, "–"),
        (None, None, "–"),
    ],
)
def test_a_mean_stands_with_its_deviation_where_there_is_one(mean, deviation, text):
    assert spread(mean, deviation) == text
    assert spread(None, None, missing="") == ""


def test_a_number_has_a_typographic_minus_and_never_a_negative_zero():
    assert [number(v, signed=True) for v in (1.234, -1.234, -0.001, NAN, None)] == ["+1.23", "−1.23", "0.00", "–", "–"]


def test_short_is_six_digits_that_json_can_carry():
    assert [short(v) for v in (12.3456789, NAN, math.inf, None, 3)] == [12.3457, None, None, None, 3.0]


def test_what_is_not_there_is_a_dash_and_names_stand_for_themselves():
    assert (general(NAN), general(0.000123456), seed_list([]), seed_list((0, 2))) == ("–", "0.0001235", "–", "0, 2")
    assert (label("lpwd"), label("WD, λ 5")) == ("LPWD", "WD, λ 5")
