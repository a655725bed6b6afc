"""The published results that the tabs share: at once from what is there, another repository on request."""

import time

import pytest
from waiting import wait_until

from lpwd.config import ConfigError
from lpwd.hub.pull import NO_REPO
from lpwd.ui.published import READING, Cached


def test_the_bundled_snapshot_is_there_without_a_repository():
    begun = time.perf_counter()
    cached = Cached("", after_seconds=0)
    assert time.perf_counter() - begun < 0.5
    results = wait_until(lambda: cached.results)
    assert results.source == "snapshot"
    view = cached.view()
    assert view["line"].startswith(f"{len(results.runs)} published runs from the snapshot bundled with lpwd")
    assert NO_REPO in view["line"]


def test_nothing_is_said_of_results_before_they_are_read():
    cached = Cached("", after_seconds=60)
    assert (cached.results, cached.view()["line"], cached.view()["reading"]) == (None, READING, True)


def test_another_repository_is_asked_for_and_named_in_the_line():
    cached = Cached("", after_seconds=0)
    before = cached.version
    cached.use(" me/results ")
    view = wait_until(lambda: (view := cached.view()) and not view["reading"] and view)
    assert (view["repo"], view["version"] != before) == ("me/results", True)
    assert "published runs from the snapshot bundled with lpwd, the newest of 20" in view["line"]
    assert "cannot be reached" in view["line"]


def test_what_cannot_be_a_repository_is_refused_in_one_sentence():
    cached = Cached("me/kept", after_seconds=60)
    for wrong in ("../../etc", "me", "me/a b", "x" * 5000):
        with pytest.raises(ConfigError, match="must have the form owner/name"):
            cached.use(wrong)
    assert cached.repo == "me/kept"
