"""The models: names, weights, construction from a seed, and one sentence for each thing that cannot be built."""

import json

import pytest
import timm
import torch
from hub_server import closed_port, run_with_hub

from lpwd.config import ConfigError, RunConfig
from lpwd.networks import model_names
from lpwd.training import machine, models

TINY_SWIN = {"embed_dim": 24, "depths": [2, 2, 2, 2], "num_heads": [1, 2, 4, 8]}
ONE_OF_EACH_KIND = [
    "convnext_atto",
    "convnext_atto_ols",
    "convnext_atto_rms",
    "convnextv2_atto",
    "swin_tiny_patch4_window7_224",
    "swin_s3_tiny_224",
    "swinv2_tiny_window16_256",
    "swinv2_cr_tiny_ns_224",
]


def config(**fields):
    return RunConfig(**{"model": "test_convnext", "dataset": "digits"} | fields)


def windows(model):
    found = (module.window_size for module in model.modules() if hasattr(module, "window_size"))
    return list(dict.fromkeys(found))


# ---- names


def test_the_names_are_timms_without_importing_it():
    names = model_names()
    assert sorted(names) == sorted(timm.list_models("convnext*") + timm.list_models("swin*"))
    assert names.index("convnext_atto") < names.index("convnext_tiny") < names.index("convnext_base")


@pytest.mark.parametrize(
    ("name", "resolved"),
    [
        ("convnext_tiny", "convnext_tiny.fb_in22k"),
        ("swin_tiny_patch4_window7_224", "swin_tiny_patch4_window7_224.ms_in22k"),
        ("convnext_tiny.fb_in1k", "convnext_tiny.fb_in1k"),
        ("convnext_atto", "convnext_atto.d2_in1k"),
        ("convnext_atto_rms", "convnext_atto_rms"),
    ],
)
def test_a_name_resolves_to_the_papers_weights_where_timm_has_them(name, resolved):
    assert models.resolve(name) == resolved


# ---- construction


@pytest.mark.parametrize("name", ONE_OF_EACH_KIND)
def test_models_of_every_kind_take_32_pixels(name):
    models.check(config(model=name))
    assert models.footprint(config(model=name)).parameters > 1_000_000


@pytest.mark.parametrize("name", ["swin_tiny_patch4_window7_224", "swinv2_cr_tiny_224"])
def test_swin_windows_shrink_with_the_feature_maps(name):
    model = models.create(config(model=name, model_kwargs=TINY_SWIN), 10)
    assert windows(model) == [(7, 7), (4, 4), (2, 2), (1, 1)]
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_initial_weights_are_a_function_of_the_seed_alone():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = models.create(config(seed=3), 10).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    second, other = models.create(config(seed=3), 10).state_dict(), models.create(config(seed=4), 10).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("name", [*ONE_OF_EACH_KIND, "rexnet_100", "levit_128s", "vit_tiny_patch16_224"])
def test_what_a_model_needs_is_found_without_a_random_number(name):
    kwargs = {"drop_path_rate": 0.1} if "rexnet" not in name else {}
    size = 224 if name.endswith(("100", "128s", "224")) and "swin" not in name else 32
    models._meta_forward.cache_clear()
    before = torch.get_rng_state()
    needs = models.footprint(config(model=name, image_size=size, model_kwargs=kwargs))
    assert torch.equal(torch.get_rng_state(), before)
    assert needs.activation_bytes > 100_000


def test_the_tensors_that_a_step_keeps_are_counted_as_they_are():
    tiny = config(model="convnext_atto", image_size=64)
    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    model = models.create(tiny, 10)
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(torch.zeros(8, 3, 64, 64)).sum().backward()
    measured = sum(storage.nbytes() for pointer, storage in kept.items() if pointer not in weights) / 8
    assert models.footprint(tiny).activation_bytes == pytest.approx(measured, rel=0.02)


def test_json_arguments_reach_timm_as_tuples():
    tiny = config(
        model="convnext_atto", model_kwargs={"depths": [1, 1, 2, 1], "dims": [16, 32, 64, 128], "patch_size": 2}
    )
    model = models.create(tiny, 100)
    assert sum(parameter.numel() for parameter in model.parameters()) == models.footprint(tiny).parameters + 90 * 129


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"model": "convnext_tinny"},
            "model is 'convnext_tinny': unknown model; did you mean convnext_tiny",
        ),
        ({"model": "zzzzzz"}, "allowed are models of timm"),
        ({"model": "convnext_tiny.fb_in99k"}, "allowed tags of convnext_tiny are .*fb_in22k"),
        ({"model": "convnext_atto", "image_size": 16}, "image_size is 16: .* choose 32 or more"),
        ({"model": "convnext_atto", "image_size": 33}, "choose a multiple of 4"),
        ({"model": "swin_tiny_patch4_window7_224", "image_size": 33}, "choose a multiple of 4"),
        ({"model_kwargs": {"foo": 1}}, "unexpected keyword argument 'foo'"),
        ({"model_kwargs": {"depths": "abc"}}, 'model_kwargs is {"depths": "abc"}'),
        ({"model_kwargs": {"depths": [1]}}, "timm cannot build test_convnext"),
        (
            {"model_kwargs": {"checkpoint_path": "/etc/passwd"}},
            "contains checkpoint_path, which other fields of the run set",
        ),
        (
            {"model_kwargs": {"pretrained_cfg": {"file": "x"}}},
            "contains pretrained_cfg, which other fields of the run set",
        ),
        ({"train_samples": 1298}, "digits has 1297 training images here"),
        ({"model": "convnext_atto_rms", "pretrained": True}, "no pretrained weights .* --no-pretrained"),
    ],
)
def test_what_cannot_be_built_is_one_sentence(fields, said):
    with pytest.raises(ConfigError, match=said) as caught:
        models.check(config(**fields))
    assert "\n" not in str(caught.value)


# ---- weights, through timm's own loading from a Hub

WEIGHTS = """
import os, sys, time
sys.path.insert(0, "tests")
from hub_server import FakeHub, serve
hub = FakeHub()
with serve(hub) as endpoint:
    os.environ["HF_ENDPOINT"] = endpoint
    import timm, torch
    from safetensors.torch import save
    from lpwd.training import models, weights
    from lpwd.config import RunConfig

    torch.set_num_threads(1)
    served = timm.create_model("test_convnext", num_classes=1000).state_dict()
    hub.put("models/timm/test_convnext.r160_in1k", {"model.safetensors": save(served)})
    hub.put("models/timm/test_convnext2.r160_in1k", {"model.safetensors": b"garbage, and more than eight bytes of it"})
    swin = json.loads(TINY_SWIN)
    native = timm.create_model("swin_tiny_patch4_window7_224", num_classes=10, **swin).state_dict()
    hub.put("models/timm/swin_tiny_patch4_window7_224.ms_in22k", {"model.safetensors": save(native)})

    def create(model="test_convnext", **fields):
        return models.create(RunConfig(model=model, pretrained=True, **fields), 10).state_dict()

    def error(**fields):
        begun = time.perf_counter()
        try:
            create(**fields)
        except weights.WeightsUnavailable as caught:
            return [str(caught), time.perf_counter() - begun]

    hub.silent_paths = "/"
    result = {"silent": error()}
    hub.silent_paths = "/resolve/"
    result["silent later"] = error()
    hub.silent_paths = ""
    first, second, other = create(), create(), create(seed=1)
    head = [name for name in first if name.startswith("head.fc")]
    result["loaded"] = all(torch.equal(first[name], served[name]) for name in first if name not in head)
    result["repeated"] = all(torch.equal(first[name], second[name]) for name in first)
    result["head seeded"] = not torch.equal(first[head[0]], other[head[0]])
    result["resized"] = len(create("swin_tiny_patch4_window7_224", model_kwargs=swin)) > 0
    result["missing"] = error(model="test_convnext3")
    result["damaged"] = error(model="test_convnext2")
    result["shapes"] = error(model_kwargs={"dims": [8, 8, 8, 8]})
    hub.silent_paths = "/"
    begun = time.perf_counter()
    cached = create()
    result["cached"] = [all(torch.equal(first[name], cached[name]) for name in first), time.perf_counter() - begun]
"""


def test_weights_are_loaded_or_refused_but_never_replaced(tmp_path):
    code = f"TINY_SWIN = {json.dumps(TINY_SWIN)!r}\n{WEIGHTS}"
    found = run_with_hub(code, closed_port(), tmp_path)
    for case in ("loaded", "repeated", "head seeded", "resized"):
        assert found[case] is True, case
    for case, said in [
        ("silent", "cannot be reached"),
        ("silent later", "cannot be reached"),
        ("missing", "does not exist"),
        ("damaged", "damaged"),
        ("shapes", "Loading failed"),
    ]:
        sentence, seconds = found[case]
        assert said in sentence, case
        assert "--no-pretrained" in sentence
        assert seconds < 10, case
    same, seconds = found["cached"]
    assert same
    assert seconds < 10


# ---- devices


def test_devices_are_named_and_refused_clearly():
    assert machine.resolve_device("cpu") == machine.resolve_device(torch.device("cpu")) == torch.device("cpu")
    assert machine.resolve_device("auto") == torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    assert machine.device_label(torch.device("cpu")).startswith("CPU, ")
    with pytest.raises(ConfigError, match="allowed are auto, cpu, cuda"):
        machine.resolve_device("tpu")
    with pytest.raises(ConfigError, match="device is 'cuda:99': this machine has"):
        machine.resolve_device("cuda:99")


def test_bf16_is_the_default_only_where_the_processor_has_it():
    native = machine.cpu_has_bf16()
    assert machine.default_precision(torch.device("cpu")) == ("bf16" if native else "fp32")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_has_a_name_and_native_bf16_since_ampere():
    device = machine.resolve_device("cuda")
    assert "GiB" in machine.device_label(device)
    expected = "bf16" if torch.cuda.get_device_capability(device) >= (8, 0) else "fp32"
    assert machine.default_precision(device) == expected
