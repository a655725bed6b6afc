"""Settings as text: numbers as people in several countries write them, and what is written is read as the same."""

import pytest

from lpwd import codec
from lpwd.config import ConfigError, RunConfig
from lpwd.ui.shared import form

NUMBERS = [name for name in form.LABELS if name not in form.BESIDE and codec.kind(name) in (int, float)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("0,5", 0.5), ("0.5", 0.5), (" 1,5 ", 1.5), (",5", 0.5), ("5.", 5.0), ("1e-3", 1e-3), ("2,5e-4", 2.5e-4)),
        *(("5.000", 5.0), ("0,125", 0.125), ("0.001", 0.001), ("-1", -1.0), ("\N{MINUS SIGN}1", -1.0), ("10", 10.0)),
    ],
)
def test_a_decimal_number_has_a_dot_or_a_comma(text, value):
    assert codec.read("weight_decay", text) == value


@pytest.mark.parametrize(
    "text", ["1.000,5", "1,000.5", "1,125", "1 000", "0,5,1", "5 %", "half", "NaN", "inf", "1_0", "٣"]
)
def test_what_could_be_two_numbers_or_none_is_refused_with_the_field_and_what_to_write(text):
    with pytest.raises(ConfigError, match=r"^weight_decay is .*enter ") as raised:
        codec.read("weight_decay", text)
    assert raised.value.field == "weight_decay"


@pytest.mark.parametrize("text", ["5.000", "5,000", "5 000", "5'000", "5.0", "0,5", "1e3", "x", "9" * 5000])
def test_a_whole_number_has_nothing_between_its_digits(text):
    with pytest.raises(ConfigError, match=r"^epochs is .*enter a whole number without separators"):
        codec.read("epochs", text)


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_of_the_form_reads_or_refuses_a_decimal_comma_and_never_drops_it(name):
    if codec.kind(name) is float:
        assert codec.read(name, "0,5") == 0.5
    else:
        with pytest.raises(ConfigError, match="'0,5': enter a whole number"):
            form.parse_controls({name: "0,5"})
    if codec.is_optional(name):
        assert codec.read(name, " ") is None
    else:
        with pytest.raises(ConfigError, match="is empty: enter"):
            codec.read(name, "")


@pytest.mark.parametrize("value", [5.0, 0.0005, 1 / 3, 1e-8, 1e22, 17.5])
def test_what_is_written_is_read_as_the_same_number(value):
    assert codec.read("lr", codec.write("lr", value)) == value


@pytest.mark.parametrize("brackets", ["[" * 20_000, '{"a":' * 20_000])
def test_model_arguments_that_are_nested_too_deep_are_one_sentence(brackets):
    with pytest.raises(ConfigError, match="model_kwargs is nested too deep") as raised:
        codec.read("model_kwargs", brackets)
    assert raised.value.field == "model_kwargs"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        *(({"lr": 0}, "lr"), ({"epochs": "x"}, "epochs"), ({"method": "x"}, "method"), ({"betas": (2, 0)}, "betas")),
        ({"order": "shuffled", "method": "lpwd_reversed"}, "order"),
        ({"train_samples": 5, "validation_samples": 5}, "validation_samples"),
        *(({"model_kwargs": {"depth": 9e9}}, "model_kwargs"), ({"nesterov": True, "momentum": 0}, "nesterov")),
        ({"no_field": 1}, ""),
    ],
)
def test_an_error_of_a_run_carries_its_field(fields, field):
    with pytest.raises(ConfigError) as raised:
        RunConfig(**fields)
    assert raised.value.field == field
