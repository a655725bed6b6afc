"""Models that timm reads from a folder or from a repository on the Hub."""

import pytest
import timm
import torch
from hub_server import FakeHub, closed_port, run_with_hub, serve
from timm.models import save_for_hf

from lpwd import train
from lpwd.config import ConfigError, RunConfig
from lpwd.training import models

SETTINGS = {"dataset": "digits", "train_samples": 40, "test_samples": 20, "epochs": 1, "batch_size": 20}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small model with a head for 7 classes, as timm saves it."""
    place = tmp_path_factory.mktemp("models") / "net"
    torch.manual_seed(5)
    model = timm.create_model("test_convnext", num_classes=7)
    save_for_hf(model, place, safe_serialization=True)
    return place


def of(name, **fields):
    return RunConfig(**SETTINGS | {"model": name} | fields)


def test_a_folder_gives_architecture_layers_and_on_request_weights(folder):
    config = of(f"local-dir:{folder}")
    models.check(config)
    scratch, loaded = models.create(config, 10), models.create(of(config.model, pretrained=True), 10)
    saved = timm.create_model(config.model, pretrained=True)
    assert torch.equal(loaded.stem[0].weight, saved.stem[0].weight)
    assert not torch.equal(scratch.stem[0].weight, saved.stem[0].weight)
    assert loaded.head.fc.out_features == 10
    plain = next(iter(train(of("test_convnext"), device="cpu")))
    started = next(iter(train(config, device="cpu")))
    assert started.layer_names == plain.layer_names
    assert (started.start_digest, plain.start_digest) == ("", "")


def test_weights_of_a_folder_are_recorded_by_their_digest(folder, tmp_path):
    digests = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        save_for_hf(timm.create_model("test_convnext", num_classes=7), tmp_path / "net", safe_serialization=True)
        config = of(f"local-dir:{tmp_path / 'net'}", pretrained=True)
        digests.append(next(iter(train(config, device="cpu"))).start_digest)
    assert all(digests)
    assert digests[0] != digests[1]


@pytest.mark.parametrize("content", [None, "{}", "no json", '{"architecture": "nothing_like_it"}'])
def test_a_folder_without_a_model_is_refused_in_one_sentence(tmp_path, content):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(ConfigError, match=f"model is local-dir:{tmp_path}: timm cannot read this model") as refusal:
        models.check(of(f"local-dir:{tmp_path}"))
    assert "\n" not in str(refusal.value)


HUB = """
from lpwd.config import ConfigError, RunConfig
from lpwd.training import models
config = RunConfig(model="hf_hub:owner/net", dataset="digits", pretrained=True)
try:
    models.check(config)
    model = models.create(config, 10)
    result = [float(model.stem[0].weight.sum()), config.run_id.split("-digits")[0]]
except ConfigError as error:
    result = str(error)
"""


def test_a_repository_on_the_hub_gives_its_model_and_one_that_is_missing_a_sentence(folder, tmp_path):
    hub = FakeHub()
    hub.put("models/owner/net", {path.name: path.read_bytes() for path in folder.iterdir()})
    expected = float(timm.create_model(f"local-dir:{folder}", pretrained=True).stem[0].weight.detach().sum())
    with serve(hub) as endpoint:
        assert run_with_hub(HUB, endpoint, tmp_path / "home") == [pytest.approx(expected, rel=1e-6), "owner-net"]
        missing = run_with_hub(HUB.replace("owner/net", "owner/none"), endpoint, tmp_path / "home")
    assert missing.startswith("Model owner/none does not exist or is private")
    away = run_with_hub(HUB, closed_port(), tmp_path / "other")
    assert isinstance(away, str)
    assert "owner/net" in away
