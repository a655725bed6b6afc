"""The tables of timing and rates."""

import re
import statistics

import pytest

from lpwd import methods
from lpwd.depth import LAYER_ORDERS, LAYER_RULES, layer_rates, profile_rates, shuffled_layers
from lpwd.methods import METHODS, TIMINGS, Method, get_method, register_method
from lpwd.rates import decay_rates, order_and_mean


def test_every_method_of_the_design_is_in_the_table():
    expected = {
        "baseline": ("none", "none"),
        "l2": ("l2", "uniform"),
        "wd": ("wd", "uniform"),
        "rwd": ("rwd", "uniform"),
        "pwd": ("pwd", "uniform"),
        "lpwd": ("pwd", "layerwise"),
        "custom": ("pwd", "layerwise"),
        "lwd": ("wd", "layerwise"),
        "lrwd": ("rwd", "layerwise"),
        "lpwd_matched": ("pwd", "layerwise"),
        "lpwd_reversed": ("pwd", "layerwise"),
        "lpwd_shuffled": ("pwd", "layerwise"),
        "l2sp": ("l2sp", "uniform"),
        "adamh": ("adamh", "none"),
        "wd15": ("wd", "uniform"),
        "cwd": ("cautious", "uniform"),
        "adams": ("adams", "uniform"),
        "llrd": ("wd", "lr_decay"),
        "wdlr2": ("wd", "lr_squared"),
        "adamc": ("wd", "lr_squared_matrices"),
        "spd": ("spd", "uniform"),
        "soda": ("soda", "none"),
    }
    assert {name: (row.timing, row.rates) for name, row in METHODS.items()} == expected
    assert {row.timing for row in METHODS.values()} == set(TIMINGS)
    assert METHODS["wd15"].scale == 1.5


def test_the_look_of_every_method_is_that_of_the_design():
    """Design, section 6; the controls that it does not list share the colour of what they are compared with."""
    design = """baseline #7F7F7F dot; l2 #E69F00 dash; wd #D55E00 solid circle; rwd #CC79A7 dashdot; pwd #56B4E9 dash;
    lpwd #0072B2 solid square; lwd #009E73 solid diamond; lrwd #009E73 dot; wd15 #D55E00 dot; cwd #B8860B dash;
    adams #8C564B dash; llrd #5B5EA6 dash"""
    for line in design.split(";"):
        name, color, dash, *marker = line.split()
        row = METHODS[name]
        assert (row.color, row.dash, row.marker) == (color, dash, marker[0] if marker else None)
    looks = [(row.color, row.dash, row.marker) for row in METHODS.values()]
    assert len(set(looks)) == len(looks)
    assert all(row.summary and len(row.summary) < 60 for row in METHODS.values())


def test_a_row_that_cannot_be_right_is_refused_in_one_sentence():
    for changes, sentence in (
        ({"timing": "later"}, "method 'Mine': timing is 'later': allowed are none, l2, wd"),
        ({"rates": "steep"}, "method 'Mine': rates is 'steep': allowed are none, uniform, layerwise"),
        ({"dash": "wavy"}, "method 'Mine': dash is 'wavy': allowed are solid, dot"),
        ({"color": "blue"}, "method 'Mine': color is 'blue': it must look like #0072B2"),
        ({"reference": "mine"}, "method 'Mine': reference is 'mine': it must look like module:function"),
    ):
        with pytest.raises(ValueError, match=re.escape(sentence)):
            Method(**{"timing": "wd", "rates": "uniform", "label": "Mine", "source": "mine"} | changes)


def test_a_method_can_be_added_under_a_name_of_its_own(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("lpwd.methods._METHODS", dict(METHODS))
    register_method("mine", timing="rwd", rates="layerwise", label="Mine", marker="star")
    row = methods._METHODS["mine"]
    assert (row.timing, row.rates, row.label, row.source, row.marker) == (
        "rwd",
        "layerwise",
        "Mine",
        "a plug-in",
        "star",
    )
    assert row.color not in {other.color for name, other in METHODS.items() if name != "mine"}
    for bad, sentence in (
        ({"key": "wd"}, "method 'wd' exists already: choose another name"),
        ({"key": "My-Own"}, "method is 'My-Own': a name has up to 40 lower-case letters"),
        ({"key": "other", "colour": "#000000"}, "method 'other': unknown column 'colour': allowed are color, dash"),
        ({"key": "other", "rates": "steep"}, "method 'other': rates is 'steep': allowed are none, uniform"),
        ({"key": "other", "every": 5}, "method 'other': every is 5: it needs a function of rates"),
    ):
        with pytest.raises(ValueError, match=re.escape(sentence)):
            register_method(**bad)


def test_the_papers_rule_reaches_twice_lambda_at_the_deepest_layer():
    assert layer_rates(4, 0.5) == [0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize("n", [1, 2, 3, 14, 20, 38])
def test_the_rules_have_the_means_and_maxima_that_they_promise(n: int):
    literal, mean, both = (layer_rates(n, 0.3, rule) for rule in LAYER_RULES)
    assert max(literal) == pytest.approx(0.6)
    assert statistics.fmean(literal) == pytest.approx(0.3 * (n + 1) / n)
    assert statistics.fmean(mean) == pytest.approx(0.3)
    assert statistics.fmean(both) == pytest.approx(0.3)
    assert max(both) == pytest.approx(0.6 if n > 1 else 0.3)
    for rates in (literal, mean, both):
        assert rates == sorted(rates)


def test_the_order_of_the_layers_is_a_fixed_permutation_of_the_same_rates():
    deep, backwards, shuffled = (layer_rates(20, 0.5, "2i/n", order) for order in LAYER_ORDERS)
    assert backwards == deep[::-1]
    assert sorted(shuffled) == deep
    assert shuffled_layers(4) == [2, 4, 1, 3]
    assert shuffled_layers(14) == [3, 14, 7, 9, 6, 4, 12, 2, 8, 11, 13, 1, 5, 10]
    assert shuffled_layers(1) == [1]


@pytest.mark.parametrize("n", [4, 14, 20, 38])
def test_the_shuffled_order_is_uncorrelated_with_depth(n: int):
    assert abs(statistics.correlation(range(n), shuffled_layers(n))) < 0.02


def test_an_option_gives_way_to_a_row_that_stands_for_an_order():
    assert order_and_mean("lpwd") == ("deep", "layers")
    assert order_and_mean("lpwd", "reversed") == ("reversed", "layers")
    assert order_and_mean("lpwd_shuffled") == ("shuffled", "parameters")
    with pytest.raises(ValueError, match="order is reversed: method lpwd_shuffled always uses shuffled"):
        order_and_mean("lpwd_shuffled", "reversed")


def test_the_rates_of_a_method_follow_its_row():
    assert decay_rates(METHODS["baseline"], 2, 0.5) == [0.0, 0.0]
    assert decay_rates(METHODS["wd15"], 2, 0.5) == [0.75, 0.75]
    assert decay_rates(METHODS["lpwd"], 2, 0.5) == [0.5, 1.0]
    assert decay_rates(METHODS["lwd"], 2, 0.5, "2(i-1)/(n-1)") == [0.0, 1.0]
    assert decay_rates(METHODS["llrd"], 2, 0.5) == [0.5, 0.5]


def test_unknown_names_are_refused_with_the_allowed_ones():
    with pytest.raises(ValueError, match="method is 'magic': allowed are baseline, l2, wd"):
        get_method("magic")
    with pytest.raises(ValueError, match="rule is 'i/n': allowed are 2i/n"):
        layer_rates(3, 0.1, "i/n")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="it must be at least 1"):
        layer_rates(0, 0.1)


def test_a_profile_is_interpolated_to_the_layers_with_mean_lambda():
    assert profile_rates(3, 0.5, (1, 2, 3)) == pytest.approx([0.25, 0.5, 0.75])
    assert profile_rates(5, 1.0, (0, 2)) == pytest.approx([0, 0.5, 1, 1.5, 2])
    assert profile_rates(5, 1.0, (0, 2), "reversed") == pytest.approx([2, 1.5, 1, 0.5, 0])
    assert profile_rates(4, 0.3, (7,)) == pytest.approx([0.3] * 4)
    assert profile_rates(1, 0.3, (0, 1)) == [0.3]
    assert profile_rates(3, 0.5, (1, 2, 3), rescaled=False) == pytest.approx([0.5, 1, 1.5])
    for n in (2, 9, 20):
        assert statistics.fmean(profile_rates(n, 0.3, (0, 0.5, 1, 2))) == pytest.approx(0.3)
    with pytest.raises(ValueError, match="profile gives all 2 layers the rate 0"):
        profile_rates(2, 0.3, (0, 1, 0))
