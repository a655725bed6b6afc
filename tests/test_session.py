"""What a training step does not do, made in parts or at once as a CUDA graph's: wait for the device."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from lpwd.training import session
from lpwd.training.data.batches import load
from lpwd.training.session import Session

SWIN = {
    "model": "swin_tiny_patch4_window7_224",
    "model_kwargs": {"embed_dim": 24, "depths": [1, 1, 1, 1], "num_heads": [1, 2, 4, 8], "window_size": 4},
}


class Waits(TorchDispatchMode):
    """Counts what would wait for a device: values that Python reads, and shapes that depend on values."""

    names = frozenset({"aten::_local_scalar_dense", "aten::nonzero", "aten::equal", "aten::masked_select"})

    def __init__(self, host: list[torch.Tensor]) -> None:
        super().__init__()
        self.host = host  # tensors that stay on the CPU on every device
        self.found: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func._schema.name
        if name in self.names and not any(args[0] is tensor for tensor in self.host):
            self.found.append(name)
        return func(*args, **kwargs or {})


@pytest.mark.parametrize("graph", [False, True], ids=["apart", "at once"])
@pytest.mark.parametrize(
    "changes",
    [
        {"method": "lpwd"},
        {"method": "wd", "clip_grad_norm": 1.0, "schedule": "cosine", "precision": "bf16"},
        {"method": "pwd", "optimizer": "sgd", "lr": 0.05},
        SWIN,
    ],
    ids=["adam", "clipped", "sgd", "swin"],
)
def test_a_step_whose_loss_is_not_read_waits_for_nothing(tiny, monkeypatch, changes, graph):
    monkeypatch.setitem(session.LOSS_EVERY, "cpu", 3)  # as on a GPU, where reading is a wait
    # timm's layers, which a GPU gets: the small-map path is the CPU's
    config = tiny(**{"opposing_every": 1000, "kernels": "timm", "image_size": 32} | changes)
    trained = Session(config, torch.device("cpu"), load(config, torch.device("cpu")), None)
    if graph:
        trained.learner.graph = trained.learner._graph()
    trained.train_step()  # R_op is measured in the first step
    # torch's Adam counts its steps on the CPU where it is not fused, and reads that count
    counts = [state["step"] for state in trained.learner.optimizer.state.values() if "step" in state]
    with Waits(counts) as waits:
        assert trained.train_step().loss is None
    assert waits.found == []
    with Waits(counts) as waits:
        assert trained.train_step().loss is not None
    assert waits.found == ["aten::_local_scalar_dense"]
