"""The page's one poll: topics of the open tab, what a made-up request is answered, and its rhythm in Chromium."""

import json
from collections import Counter

import pytest
from browser import CHROMIUM, new_page, open_page
from synthetic import StillJobs
from waiting import wait_until

from lpwd.config import ConfigError
from lpwd.events import Step
from lpwd.jobs.rights import User
from lpwd.runs import Runs
from lpwd.ui.curves import CurveCache
from lpwd.ui.live import Live
from lpwd.ui.runs.runlist import RunList
from lpwd.ui.views import MAX_LANES
from lpwd.ui.web.routes import may_take_long
from lpwd.ui.web.topics import Topics

ME = User("me")


def fail() -> None:
    raise ConfigError("this topic is closed")


# ---- in Python


def test_what_is_wrong_with_a_topic_is_only_its_own_problem():
    topics = Topics()
    topics.add("sum", lambda one, two=1: {"sum": one + two})
    topics.add("closed", fail)
    asked = {"sum": {"one": 2}, "closed": {}, "no such": {}}
    answer = topics.answer(asked, ME)
    assert answer["sum"] == {"problem": "", "sum": 3}
    assert answer["closed"] == {"problem": "this topic is closed"}
    assert answer["no such"] == {"problem": "unknown topic 'no such': allowed are sum, closed"}
    wrong = topics.answer({"sum": {"one": 2, "three": 3}}, ME)["sum"]["problem"]
    assert wrong == "three is 3: unexpected keyword argument"


def test_two_topics_of_one_name_are_an_error_when_the_page_is_built():
    topics = Topics()
    topics.add("published", fail)
    with pytest.raises(ValueError, match="two topics are named 'published'"):
        topics.add("published", fail)


def test_a_topic_is_asked_by_whom_the_request_is_from():
    def who(user: User) -> dict[str, str]:
        return {"id": user.id}

    topics = Topics()
    topics.add("who", who)
    assert topics.answer({"who": {"user": {"id": "other", "owner": True}}}, ME)["who"]["id"] == "me"


def test_a_link_to_a_thousand_runs_is_a_sentence(store, tiny):
    ids = [store.create(tiny(seed=seed)) for seed in range(MAX_LANES + 1)]
    live = Live(store, StillJobs())
    for request in ({"run": ",".join(f"run-{i}" for i in range(1000))}, {"run": ",".join(ids)}, {"shown": ids}):
        answer = live.poll(ME, **request)
        assert answer["race"] is None
        assert answer["problem"].endswith(f"runs are requested: at most {MAX_LANES} can be shown at once")
    assert len(live.poll(ME, run=",".join(ids[1:]))["race"]["lanes"]) == MAX_LANES


@pytest.mark.parametrize("number", ["x", "-1", "9" * 5000, "²", "1:2", "", "٣"])
def test_a_made_up_cursor_is_worth_nothing(store, tiny, number):
    run_id = store.create(tiny())
    store.append(run_id, [Step(1, 1, 1.0, 1e-3, 0.1, 100.0)])
    listed, curves = RunList(Runs(store)), CurveCache(store)
    boot = listed.since()["cursor"].partition(".")[0]
    assert listed.since(f"{boot}.{number}")["reset"]
    generation = curves.since(run_id)["cursor"].partition(":")[0]
    for cursor in (f"{generation}:{number}:0", f"{generation}:0:{number}", f"{generation}:{number}"):
        assert set(curves.since(run_id, cursor)) == {"reset", "cursor", "losses", "epochs"}


@pytest.mark.parametrize(
    ("asked", "long"),
    [
        ({}, True),  # a page that shows nothing yet
        ({"shown": ["a"], "cursors": {}}, True),
        ({"shown": ["a", "b"], "cursors": {"a": "x:1:0", "b": ""}}, True),  # another race was chosen
        ({"shown": ["a"], "cursors": {"a": "x:1:0"}}, False),
        ({"shown": ["a"], "cursors": {"a": "x:1:0"}, "topics": {"runs": {}}}, True),
        ({"cursors": ["a"]}, True),
    ],
)
def test_a_poll_that_may_read_whole_files_does_not_stop_the_others(asked, long):
    assert may_take_long(asked) is long


# ---- in Chromium

WAITED_MS = 4000


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_only_what_the_open_tab_shows_is_asked_for_and_nothing_but_the_poll_repeats(app, browser):
    page = open_page(browser, f"{app.url}/?tab=runs").page
    page.wait_for_selector("#lp-runs tr.lp-published")
    page.wait_for_selector("#lp-runs .scatterlayer .trace")
    assert repeated(page, {"runs", "compare"}) == ({"runs", "compare"}, {"/lpwd/poll"})
    page.click("#lp-tab-benchmark-button")
    page.wait_for_selector("#lp-benchmark .lp-tile")
    page.wait_for_function("document.querySelector('#lp-hub [data-f=line]')?.textContent.includes('published runs')")
    assert repeated(page, {"scorecard", "published"}, 11_000) == ({"scorecard", "published"}, {"/lpwd/poll"})
    page.click("#lp-tab-explain-button")
    page.wait_for_selector("#lp-explain .js-plotly-plot")
    assert repeated(page) == (set(), {"/lpwd/poll"})


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_a_page_at_rest_asks_for_no_frames(app, browser):
    page = new_page(browser, app.url)
    page.add_init_script(COUNT_FRAMES)
    page.goto(f"{app.url}/?tab=train")
    page.wait_for_selector("#lp-panel [data-chart=top1] canvas")
    wait_until(lambda: page.evaluate("framesIn(1000)") <= 3)  # a clock that runs on asks for 60


COUNT_FRAMES = """{
  const request = requestAnimationFrame.bind(window);
  let frames = 0;
  window.requestAnimationFrame = (draw) => (frames++, request(draw));
  window.framesIn = async (milliseconds) => {
    frames = 0;
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    return frames;
  };
}"""


def repeated(page, expected=frozenset(), milliseconds=WAITED_MS):
    """The topics and the addresses that the page asks for while nobody touches it: for so long at least, and until all
    expected topics have come.

    A page that is left alone asks every three seconds, for some topics every ten, later where the machine is busy.
    """
    page.wait_for_timeout(1000)
    asked = []
    listener = lambda request: asked.append(request)  # noqa: E731
    page.on("request", listener)
    page.wait_for_timeout(milliseconds)
    for _ in range(60):
        if any(request.url.endswith("/lpwd/poll") for request in asked) and expected <= topics(asked):
            break
        page.wait_for_timeout(500)
    page.remove_listener("request", listener)
    assert 1 <= len(asked) <= 30, Counter(request.url for request in asked)
    return topics(asked), {"/" + request.url.split("/", 3)[3] for request in asked}


def topics(requests):
    polls = [json.loads(request.post_data) for request in requests if request.url.endswith("/lpwd/poll")]
    return {name for poll in polls for name in poll["topics"]}
