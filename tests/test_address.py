"""The form in the page's address, and the races that it stands for."""

import pytest

from lpwd.methods import METHODS
from lpwd.ui.shared import address, defaults, form

HERE = {"dataset": "digits", "precision": "fp32"}
CHANGED = {
    **{"methods": ["lpwd", "l2"], "lr": 0.003, "seeds": 3, "train_samples": None, "test_samples": "200"},
    **{"clip_grad_norm": "1.5", "pretrained": True, "model_kwargs": {"depths": [1, 1, 2, 1]}, "schedule": "cosine"},
}


def given(values, here=HERE):
    return {name: text for name, text in address.parameters(values, here).items() if text}


@pytest.mark.parametrize("dataset", defaults.DATASETS)
def test_what_stands_in_the_address_gives_the_same_races_again(dataset):
    values = address.first_values(dataset) | CHANGED
    found, problem = address.restored(given(values))
    again = address.first_values(found["dataset"]) | found
    assert problem == ""
    assert form.races(again) == form.races(values)


def test_an_untouched_form_leaves_the_address_alone_and_a_touched_one_names_its_data():
    values = address.first_values("digits")
    assert given(values) == {}
    assert given(values | {"epochs": 9}) == {"dataset": "digits", "epochs": "9"}
    fast = {"dataset": "cifar100", "precision": "bf16"}
    assert given(address.first_values("cifar100") | {"precision": "bf16"}, fast) == {}
    assert given(values, fast) == {"dataset": "digits"}


def test_a_wrong_link_is_one_sentence_and_the_rest_of_it_is_followed():
    found, problem = address.restored({"lr": "fast", "seeds": "9", "methods": "wd,adamw", "epochs": "4", "tab": "x"})
    assert found == {"epochs": 4}
    for part in (
        "Learning rate η is 'fast'",
        "'9': allowed are 1, 2, 3, 4, 5, 10",
        f"no 'adamw', only {', '.join(METHODS)}",
    ):
        assert part in problem
    assert problem.count("\n") == 0


def test_seeds_are_races_of_their_own_with_the_same_methods():
    races = form.races(address.first_values("digits") | {"seed": 3, "seeds": 3})
    assert [[config.seed for config in race] for race in races] == [[3, 3], [4, 4], [5, 5]]
    assert [config.method for config in races[2]] == list(defaults.METHODS)
