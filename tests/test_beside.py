"""Published runs behind the live curves of the Train tab."""

from waiting import wait_until

from lpwd.ui.published import Cached
from lpwd.ui.train.published_lanes import PublishedCurves


def test_a_race_has_the_published_runs_of_its_settings_beside_it(store):
    cached = Cached("", after_seconds=0)
    results = wait_until(lambda: cached.results)
    one = next(r for r in results.runs.values() if r.config.method == "lpwd" and r.status.state == "finished")
    other = {"seed": 99, "precision": "fp32" if one.config.precision == "bf16" else "bf16", "scale": "custom"}
    config, beside = one.config.model_copy(update=other), PublishedCurves(store, cached)
    ids = [store.create(config)]
    answer = beside.look(ids)
    lane = next(lane for lane in answer["lanes"] if lane["label"] == "LPWD")
    assert lane["seeds"] > 1
    assert lane["epochs"]["epoch"] == [*range(1, config.epochs + 1)]
    assert len(lane["epochs"]["test_top1"]) == config.epochs
    assert "snapshot bundled with lpwd" in answer["line"]
    assert "lanes" not in beside.look(ids, answer["stamp"])
    assert beside.look([store.create(config.model_copy(update={"lr": 0.123}))])["lanes"] == []
