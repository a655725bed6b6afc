"""A batch in parts, a thread each: the whole batch's gradients, the same numbers each time, nothing left behind."""

from collections.abc import Iterator

import pytest
import torch
from torch.nn import functional

from lpwd.events import Checkpoint, Epoch
from lpwd.training.data.batches import load
from lpwd.training.session import Session
from lpwd.training.small_maps.blocks import Draws
from lpwd.training.train import train

CPU = torch.device("cpu")
SWIN = {
    "model": "swin_tiny_patch4_window7_224",
    "model_kwargs": {"embed_dim": 24, "depths": [1, 1, 2, 1], "num_heads": [1, 2, 4, 8], "window_size": 4}
    | {"drop_path_rate": 0.4},
    "image_size": 32,
}
CONVNEXT = {
    "model": "convnext_atto",
    "model_kwargs": {"depths": [1, 1, 2, 1], "dims": [16, 32, 64, 128], "patch_size": 4},
    "image_size": 32,
}


@pytest.fixture(autouse=True, params=[2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def session_of(config) -> Session:
    return Session(config, CPU, load(config, CPU), None)


@pytest.mark.parametrize("changes", [SWIN, CONVNEXT], ids=["swin with stochastic depth", "convnext"])
def test_the_parts_add_up_to_the_whole_batch(tiny, changes, threads):
    session = session_of(tiny(**changes | {"batch_size": 50}))
    model = session.learner.model.double().train()
    pixels, labels = session.feed.batch(1, 0)
    pixels = pixels.double()
    assert session.learner.batch_parts.parts(len(labels)) == threads
    session.learner.optimizer.decay_()  # as a learner does, or the first part would decay under the second
    loss = session.learner.batch_parts.backward(model, pixels, labels, seed=7)
    found = {name: parameter.grad for name, parameter in model.named_parameters()}
    assert all(gradient.stride() == model.get_parameter(name).stride() for name, gradient in found.items())
    model.zero_grad()
    whole = functional.cross_entropy(model(pixels, draws=Draws(torch.Generator().manual_seed(7))), labels)
    whole.backward()
    assert abs(loss - whole) < 1e-12
    for name, parameter in model.named_parameters():
        assert (found[name] - parameter.grad).norm() <= 1e-11 * parameter.grad.norm() + 1e-15, name
    model.eval()
    with torch.no_grad():
        assert (session.learner.batch_parts.logits(model, pixels) - model(pixels)).abs().max() < 1e-12


def epochs_of(events) -> list[tuple[float, float]]:
    return [(event.train_loss, event.test_top1) for event in events if isinstance(event, Epoch)]


@pytest.mark.parametrize("changes", [SWIN, CONVNEXT], ids=["swin with stochastic depth", "convnext"])
def test_a_run_with_several_threads_repeats_and_resumes_bit_for_bit(tiny, changes):
    config = tiny(**changes | {"batch_size": 64, "epochs": 2, "method": "lpwd"})
    first = list(train(config, device="cpu"))
    assert epochs_of(train(config, device="cpu")) == epochs_of(first)
    halfway = []
    for event in train(config, device="cpu"):
        halfway.append(event)
        if isinstance(event, Checkpoint):
            break
    resumed = train(config, device="cpu", resume_from=halfway[-1].state)
    assert epochs_of(halfway) + epochs_of(resumed) == epochs_of(first)


def test_what_is_not_covered_or_too_small_is_computed_whole(tiny):
    assert session_of(tiny(**CONVNEXT | {"kernels": "timm"})).learner.batch_parts is None
    parts = session_of(tiny(**CONVNEXT)).learner.batch_parts
    assert parts.parts(31) == 1
    assert parts.parts(32) > 1
    torch.set_num_threads(1)
    assert parts.parts(32) == 1


def test_other_threads_keep_their_number_of_torch_threads(tiny, threads):
    session = session_of(tiny(**CONVNEXT))
    session.learner.model.train()
    session.train_step()
    assert torch.get_num_threads() == threads
    assert session.learner.batch_parts.alone(torch.get_num_threads) == 1
