"""The paired differences of the race on the page, as its seeds end."""

from types import SimpleNamespace

import pytest
from synthetic import write_run

from lpwd.config import ConfigError
from lpwd.ui.train.differences import Differences


def cell(config):
    return SimpleNamespace(config=config, measurement="")


@pytest.fixture
def seeds(store, tiny):
    """Two methods of three seeds, written as finished but for the last run."""
    ids = [write_run(store, cell(tiny(method=m, seed=s))) for s in range(3) for m in ("wd", "lpwd")]
    store.update(ids[-1], state="running")
    return ids


def test_pairs_are_compared_as_seeds_end(store, seeds):
    answer = Differences(store).look(seeds)
    (row,) = answer["rows"]
    assert (row["label"], row["other"], row["seeds"]) == ("LPWD", "WD", [0, 1])
    assert row["mean"] == pytest.approx(sum(row["differences"]) / 2)
    assert row["low"] <= row["mean"] <= row["high"]
    assert "n = 2, seeds 0, 1" in answer["verdict"]
    assert answer["pollMs"] == 1000
    store.update(seeds[-1], state="finished")
    assert Differences(store).look(seeds)["rows"][0]["seeds"] == [0, 1, 2]


def test_nothing_travels_twice_and_before_the_first_end_nothing_at_all(store, seeds, tiny):
    differences = Differences(store)
    stamp = differences.look(seeds)["stamp"]
    assert differences.look(seeds, stamp) == {"stamp": stamp, "pollMs": 1000}
    assert differences.look([store.create(tiny(seed=9))]) == {"stamp": "", "pollMs": 1000}


def test_one_method_alone_has_no_difference(store, seeds):
    assert Differences(store).look([seeds[0], seeds[2]])["rows"] == []


def test_an_unknown_run_is_refused(store):
    with pytest.raises(ConfigError, match="no-such-run"):
        Differences(store).look(["no-such-run"])


def test_runs_of_several_settings_are_a_sentence(store, tiny):
    ids = [write_run(store, cell(tiny(method=m, weight_decay=w))) for m in ("wd", "lpwd") for w in (0.1, 0.5)]
    with pytest.raises(ConfigError, match=r"no differences are shown: .* several settings"):
        Differences(store).look(ids)
