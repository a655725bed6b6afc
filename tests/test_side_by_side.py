"""Lanes that compute at the same time have the numbers of their runs alone."""

import threading

import pytest
import torch

from lpwd.config import RunConfig
from lpwd.events import Checkpoint, Finished, Step, Stopped, reproducible, to_record
from lpwd.jobs.costs import Parallelism, parallelism
from lpwd.jobs.race import run_lanes
from lpwd.training.data.batches import load
from lpwd.training.data.feed import Feeds
from lpwd.training.train import train

CPU = torch.device("cpu")
SWIN = {
    "model": "swin_tiny_patch4_window7_224",
    "train_samples": 96,
    "model_kwargs": {
        "embed_dim": 24,
        "depths": [1, 2, 1, 1],
        "num_heads": [1, 2, 4, 8],
        "patch_size": 2,
        "window_size": 4,
    },
}


@pytest.fixture
def cores():
    """A function that sets how many cores this process thinks it has."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def numbers(store, run_id):
    return [reproducible(record) for record in store.read_metrics(run_id)[0] if record["event"] != "stopped"]


def alone(config):
    events = train(config, device="cpu")
    return [reproducible(to_record(event)) for event in events if not isinstance(event, Checkpoint | Stopped)]


@pytest.mark.parametrize(
    ("available", "lanes", "threads", "chosen"),
    [
        (4, 1, None, Parallelism(1, 4)),
        (4, 2, None, Parallelism(2, 2)),
        (4, 3, None, Parallelism(3, 1)),
        (2, 5, None, Parallelism(2, 1)),
        (4, 2, 1, Parallelism(2, 1)),
        (4, 2, 3, Parallelism(1, 3)),
        (2, 2, 4, Parallelism(1, 4)),
    ],
)
def test_the_cores_are_shared_out_among_the_lanes(available, lanes, threads, chosen):
    assert parallelism(lanes, threads, cores=available, on_cpu=True) == chosen
    assert parallelism(lanes, threads, cores=available, on_cpu=False) == Parallelism(1, threads or available)


@pytest.mark.parametrize(
    "changes",
    [
        {"validation_samples": 40, "zero_shot": True, "epochs": 1},
        {"precision": "bf16"},
        pytest.param(SWIN, marks=pytest.mark.long),  # has stochastic depth
        pytest.param(SWIN | {"kernels": "timm"}, marks=pytest.mark.long),
    ],
    ids=["convnext", "convnext-bf16", "swin", "swin-timm"],
)
def test_lanes_side_by_side_are_bit_for_bit_their_runs_alone(store, tiny, cores, changes):
    cores(2)
    configs = [tiny(method=method, **changes) for method in ("wd", "lpwd", "pwd")]  # more than there are cores
    states = run_lanes(store, [store.create(config) for config in configs], device="cpu")
    assert set(states.values()) == {"finished"}
    assert torch.get_num_threads() == 2
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lpwd-lane")]
    cores(1)
    for config in configs:
        assert store.status(config.run_id).threads == 1
        assert numbers(store, config.run_id) == alone(config)


def test_two_lanes_do_compute_at_the_same_time(store, tiny, cores):
    cores(2)
    meeting = threading.Barrier(2, timeout=60)  # neither gets past it without the other

    def meet():
        if threading.current_thread().name.startswith("lpwd-lane") and not meeting.broken:
            meeting.wait()
        return False

    run_ids = [store.create(tiny(method=method, epochs=1)) for method in ("wd", "lpwd")]
    begun = iter([False] * 2)  # lanes begin in turn
    states = run_lanes(store, run_ids, device="cpu", should_stop=lambda: next(begun, None) is None and meet())
    assert set(states.values()) == {"finished"}
    assert not meeting.broken


def test_a_lane_that_goes_on_without_its_race_ends_as_it_would_have_with_it(store, tiny, cores, tmp_path):
    cores(2)
    configs = [tiny(method=method) for method in ("wd", "lpwd")]
    steps = []
    run_ids = [store.create(config) for config in configs]
    run_lanes(
        store,
        run_ids,
        device="cpu",
        should_stop=lambda: len(steps) > 9,
        on_event=lambda run_id, event: steps.append(event.step),
    )
    assert {store.status(run_id).state for run_id in run_ids} == {"stopped"}
    for run_id in run_ids:
        assert run_lanes(store, [run_id], device="cpu") == {run_id: "finished"}
    whole = type(store)(tmp_path / "undisturbed")
    run_lanes(whole, [whole.create(config) for config in configs], device="cpu")
    for run_id in run_ids:
        assert numbers(store, run_id) == numbers(whole, run_id)


def test_lanes_of_one_seed_share_their_batches_and_others_do_not(tiny):
    data = load(tiny(), CPU)
    feeds = Feeds()

    def feed(config: RunConfig, layout=torch.channels_last):
        return feeds.feed(data, config, layout)

    assert feed(tiny(method="wd")) is feed(tiny(method="lpwd"))
    assert feed(tiny()) is not feed(tiny(seed=1))
    assert feed(tiny()) is not feed(tiny(batch_size=16))
    assert feed(tiny()) is not feed(tiny(), torch.contiguous_format)
    first = feed(tiny()).batch(1, 0)
    assert feed(tiny()).batch(1, 0) is first
    assert feed(tiny()).batch(1, 1) is not first
    assert torch.equal(feed(tiny()).batch(1, 0).pixels, first.pixels)


@pytest.mark.parametrize("changes", [{}, SWIN], ids=["convnext", "swin"])
def test_a_checkpoint_of_one_kind_of_kernels_opens_with_the_other(tiny, changes):
    states = {}
    for kernels in ("auto", "timm"):
        events = list(train(tiny(epochs=1, kernels=kernels, **changes), device="cpu"))
        states[kernels] = next(event.state for event in events if isinstance(event, Checkpoint))
        assert events[0].kernels == ("timm" if kernels == "timm" else "small-maps")
    for kernels, other in (("auto", "timm"), ("timm", "auto")):
        config = tiny(epochs=2, kernels=kernels, **changes)
        state = states[other] | {"config": config.model_dump(mode="json")}
        finished = list(train(config, device="cpu", resume_from=state))[-1]
        assert isinstance(finished, Finished)


def test_small_map_kernels_and_timms_draw_the_same_stochastic_depth_and_train_alike(tiny):
    losses = {}
    for kernels in ("auto", "timm"):
        events = train(tiny(kernels=kernels, method="wd", **SWIN), device="cpu")
        losses[kernels] = [event.loss for event in events if isinstance(event, Step)]
    assert losses["auto"] == pytest.approx(losses["timm"], rel=1e-4)
    assert losses["auto"] != losses["timm"]


def test_what_kernels_computed_a_run_is_recorded_and_only_a_choice_changes_its_id(store, tiny):
    assert "kernels" not in tiny().model_dump(exclude_defaults=True)
    assert tiny(kernels="timm").run_id != tiny().run_id
    run_ids = [store.create(tiny(epochs=1, kernels=kernels)) for kernels in ("auto", "timm")]
    run_lanes(store, run_ids, device="cpu")
    assert [store.status(run_id).kernels for run_id in run_ids] == ["small-maps", "timm"]
    assert [store.read_metrics(run_id)[0][0]["kernels"] for run_id in run_ids] == ["small-maps", "timm"]


def test_what_the_small_map_path_does_not_cover_is_timms_with_either_choice(tiny):
    uncovered = {"model": "convnext_atto", "model_kwargs": {"depths": [1, 1, 1, 1], "dims": [8, 16, 16, 32]}}
    uncovered["model_kwargs"] |= {"stem_type": "overlap_tiered"}
    first, second = (alone(tiny(epochs=1, kernels=kernels, **uncovered)) for kernels in ("auto", "timm"))
    assert first == second
    assert first[0]["kernels"] == "timm"
