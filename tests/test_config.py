import pytest

from lpwd.config import ConfigError, RunConfig, race_configs
from lpwd.paths import RUN_ID


def test_the_run_id_names_the_run_and_ends_in_a_hash_of_the_rest():
    config = RunConfig(model="convnext_tiny", dataset="cifar100", method="wd", lr=5e-4, weight_decay=0.1, seed=3)
    assert config.run_id.startswith("convnext_tiny-cifar100-adam-wd-lr0.0005-wd0.1-s3-")
    assert len(config.run_id.rsplit("-", 1)[1]) == 8


def test_every_field_but_the_scale_changes_the_run_id():
    base = RunConfig(optimizer="sgd", method="wd", momentum=0.9)
    changed = {
        "model": "convnext_tiny",
        "dataset": "cifar10",
        "optimizer": "adam",
        "method": "rwd",
        "lr": 0.1,
        "weight_decay": 0.1,
        "epochs": 3,
        "seed": 1,
        "batch_size": 64,
        "train_samples": 100,
        "test_samples": 100,
        "validation_samples": 10,
        "image_size": 64,
        "pretrained": True,
        "init_from": "some-run",
        "precision": "bf16",
        "kernels": "timm",
        "schedule": "cosine",
        "augment": "shift_flip",
        "clip_grad_norm": 1.0,
        "momentum": 0.8,
        "nesterov": True,
        "betas": (0.8, 0.9),
        "eps": 1e-7,
        "rule": "2i/(n+1)",
        "order": "reversed",
        "mean": "parameters",
        "exclude_1d": True,
        "opposing_every": 1,
        "model_kwargs": {"depths": [1, 1, 1, 1]},
        "optimizer_kwargs": {"dampening": 0.1},
        "plugins": {"method": "mine@0123456789abcdef"},
    }
    ids = {RunConfig(**base.model_dump() | {name: value}).run_id for name, value in changed.items()}
    assert len(ids | {base.run_id}) == len(changed) + 1
    assert RunConfig(**base.model_dump() | {"scale": "cpu"}).run_id == base.run_id
    layerwise = RunConfig(**base.model_dump() | {"method": "lpwd"})
    assert RunConfig(**layerwise.model_dump() | {"profile": (0, 1)}).run_id != layerwise.run_id
    own = {"dataset": "folder:/data", "data_digest": "0123456789abcdef"}
    of_own_data = [own, own | {"data_digest": "1" * 16}, own | {"dataset_kwargs": {"flip_probability": 0}}]
    assert len({RunConfig(**base.model_dump() | fields).run_id for fields in of_own_data}) == 3
    untested = (
        set(RunConfig.model_fields) - set(changed) - {"scale", "zero_shot", "profile", "data_digest", "dataset_kwargs"}
    )
    assert not untested, f"fields that this test does not know: {untested}"


def test_a_configuration_survives_its_json():
    config = RunConfig(model_kwargs={"depths": [1, 1, 2, 1]}, betas=(0.8, 0.99))
    assert RunConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ({"lr": 0}, "lr is 0: input should be greater than 0"),
        ({"lr": float("nan")}, "lr is nan: input should be a finite number"),
        ({"weight_decay": -0.5}, "weight_decay is -0.5: input should be greater than or equal to 0"),
        ({"epochs": 0}, "epochs is 0: input should be greater than or equal to 1"),
        ({"epochs": 1.5}, "epochs is 1.5: input should be a valid integer, got a number with a fractional part"),
        (
            {"dataset": "mnist"},
            "dataset is 'mnist': allowed are digits, cifar10, cifar100, tinyimagenet, folder:PATH and "
            "hf:OWNER/NAME[:CONFIG]",
        ),
        ({"dataset": "hf:../x"}, "dataset is 'hf:../x': write hf:OWNER/NAME or hf:OWNER/NAME:CONFIG"),
        ({"data_digest": "0123456789abcdef"}, "data_digest is only for your own data: dataset is cifar100"),
        (
            {"model": "a b"},
            "model is 'a b': allowed are names of timm and of plug-ins, hf-hub:OWNER/NAME and local-dir:PATH",
        ),
        ({"optimizer": "sgd", "method": "adams"}, "method adams needs optimizer adam, got sgd"),
        ({"optimizer": "sgd", "method": "adamh"}, "method adamh needs optimizer adam, got sgd"),
        (
            {"method": "lpwd_reversed", "order": "shuffled"},
            "order is shuffled: method lpwd_reversed always uses reversed",
        ),
        ({"method": "wdlr2"}, "method wdlr2 needs schedule cosine: with a constant learning rate it equals wd"),
        (
            {"train_samples": 10, "validation_samples": 10},
            "validation_samples is 10: it must be less than train_samples, 10",
        ),
    ],
)
def test_bad_input_is_answered_with_one_sentence(bad, sentence):
    with pytest.raises(ConfigError) as caught:
        RunConfig(**bad)
    assert str(caught.value) == sentence


def test_an_unknown_method_is_answered_with_the_known_ones():
    with pytest.raises(ConfigError, match="method is 'lpdw': allowed are baseline, l2, wd, rwd, pwd, lpwd"):
        RunConfig(method="lpdw")


def test_a_path_is_no_model_name():
    with pytest.raises(ConfigError, match=r"model is '\.\./\.\./etc/passwd'"):
        RunConfig(model="../../etc/passwd")


def nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("kwargs", "sentence"),
    [
        ({"depth_mult": 1e13}, "model_kwargs.depth_mult is 10000000000000.0: numbers from -16 to 16 are allowed"),
        ({"width_mult": float("nan")}, "model_kwargs.width_mult is nan: numbers from -16 to 16 are allowed"),
        ({"dims": [16, float("inf")]}, "model_kwargs.dims is inf: numbers from -4096 to 4096 are allowed"),
        ({"embed_dim": 10**6}, "model_kwargs.embed_dim is 1000000: numbers from -4096 to 4096 are allowed"),
        (
            {"embed_dim": 10**5000},
            "model_kwargs.embed_dim is a number of 16610 bits: numbers from -4096 to 4096 are allowed",
        ),
        ({"depths": [3000, 3000]}, "model_kwargs.depths is 3000: numbers from -256 to 256 are allowed"),
        ({"depths": [200, [57]]}, "model_kwargs.depths is [200, [57]], 257 in all: at most 256 are allowed"),
        ({"layers": 300}, "model_kwargs.layers is 300: numbers from -256 to 256 are allowed"),
        (
            {"dims": [1] * 65},
            "model_kwargs.dims is [1, 1, 1, 1, 1, 1, ...]: at most 64 entries, nested at most 3 deep, are allowed",
        ),
        (
            {"a": nested(5000)},
            "model_kwargs.a is [[[[[[[...]]]]]]]: at most 64 entries, nested at most 3 deep, are allowed",
        ),
        ({"a": {1, 2}}, "model_kwargs.a is {1, 2}: numbers, texts, lists and objects of JSON are allowed"),
    ],
)
def test_what_no_model_needs_is_refused_with_the_key_the_value_and_what_is_allowed(kwargs, sentence):
    with pytest.raises(ConfigError) as caught:
        RunConfig(model_kwargs=kwargs)
    assert str(caught.value) == sentence


def test_long_texts_and_many_keys_are_refused():
    for kwargs in ({"a": "x" * 101}, {"x" * 101: 1}, {f"key{number}": 1 for number in range(65)}):
        with pytest.raises(ConfigError, match="model_kwargs"):
            RunConfig(model_kwargs=kwargs)


def test_the_largest_models_arguments_are_allowed():
    large = {"depths": [3, 4, 30, 3], "dims": [384, 768, 1536, 3072], "norm_eps": 1e-5, "use_grn": True}
    assert RunConfig(model_kwargs=large).model_kwargs == large
    assert RunConfig(model="rexnet_100", model_kwargs={"depth_mult": 2.2, "width_mult": 3}).model_kwargs


def test_an_optimizer_is_a_name_of_the_table_or_of_a_class():
    for name, part in (("nadam", "nadam"), ("timm:lion", "timm.lion"), ("my.module:Class", "my.module.Class")):
        config = RunConfig(optimizer=name, method="wd", optimizer_kwargs={"maximize": False})
        assert f"-cifar100-{part}-wd-" in config.run_id
        assert ":" not in config.run_id
        assert RunConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (
            {"optimizer": "timm:lionn"},
            "optimizer is 'timm:lionn': allowed are adam, sgd, names of torch.optim in lower case, timm:NAME and "
            "package.module:Class; did you mean timm:lion or timm:lionc",
        ),
        ({"optimizer": "../etc:x"}, "optimizer is '../etc:x': allowed are adam"),
        ({"optimizer": "a" * 61}, f"optimizer is '{'a' * 61}': string should have at most 60 characters"),
        ({"optimizer": "lbfgs"}, "optimizer is 'lbfgs': it evaluates the loss several times per step"),
        ({"optimizer": "timm:bnblion"}, "optimizer is 'timm:bnblion': it needs bitsandbytes and a GPU"),
        ({"optimizer": "nadam", "method": "adams"}, "method adams needs optimizer adam, got nadam"),
        (
            {"optimizer": "nadam", "betas": (0.8, 0.9)},
            "betas is only for adam and sgd: pass options of nadam in optimizer_kwargs",
        ),
        (
            {"optimizer": "nadam", "kernels": "graph"},
            "kernels is 'graph': optimizer nadam does not run in a CUDA graph",
        ),
        ({"optimizer_kwargs": {"eps": 1.0}}, "optimizer_kwargs contains 'eps', which other fields of the run set"),
        (
            {"optimizer": "nadam", "optimizer_kwargs": {"weight_decay": 1}},
            "optimizer_kwargs contains 'weight_decay', which other fields of the run set",
        ),
        (
            {"optimizer": "nadam", "optimizer_kwargs": {"eps": 1e9}},
            "optimizer_kwargs.eps is 1000000000.0: numbers from -4096 to 4096 are allowed",
        ),
        ({"method": "wd", "profile": (0, 1)}, "profile is only for layer-wise methods (lpwd, "),
        ({"profile": ()}, "profile has 0 multipliers: it must have 1 to 64"),
        ({"mean": "drawn"}, "mean is 'drawn': this needs a profile"),
        ({"profile": (0, 0)}, "profile is all zeros: at least one multiplier must be greater than 0"),
        ({"profile": (1, -1)}, "profile contains -1.0: a multiplier must be at least 0 and at most a million"),
        ({"profile": (1, float("nan"))}, "profile contains nan: a multiplier must be at least 0"),
    ],
)
def test_optimizers_and_profiles_that_cannot_be_are_refused_in_one_sentence(bad, sentence):
    with pytest.raises(ConfigError) as caught:
        RunConfig(**bad)
    assert str(caught.value).startswith(sentence)


def test_a_race_gives_its_profile_to_the_layerwise_methods():
    configs = race_configs(["wd", "lpwd"], {"profile": (0, 1), "lr": 0.1})
    assert [config.profile for config in configs] == [None, (0.0, 1.0)]
    drawn = race_configs(["wd", "lpwd", "custom"], {"profile": (0, 3), "mean": "drawn"})
    assert [(config.profile, config.mean) for config in drawn] == [(None, "layers")] * 2 + [((0.0, 3.0), "drawn")]
    with pytest.raises(ConfigError, match=r"profile is only for layer-wise methods .*: method is rwd"):
        race_configs(["rwd"], {"profile": (0, 1)})


@pytest.mark.parametrize(
    ("fields", "start"),
    [
        ({"dataset": "folder:/data/My flowers/"}, "convnext_atto-My-flowers-adam-lpwd-"),
        ({"dataset": "hf:owner/name:small.v1"}, "convnext_atto-owner-name-small.v1-adam-lpwd-"),
        ({"model": "local-dir:/models/../models/net"}, "net-cifar100-adam-lpwd-"),
        ({"model": "hf_hub:owner/net@main"}, "owner-net-main-cifar100-adam-lpwd-"),
        ({"dataset": "folder:/" + "x" * 300, "model": "local-dir:/..." + "y" * 200}, "y" * 57),
    ],
)
def test_a_name_that_holds_a_path_gives_a_valid_run_id(fields, start):
    run_id = RunConfig(**fields).run_id
    assert run_id.startswith(start)
    assert RUN_ID.fullmatch(run_id)


def test_two_spellings_of_a_folder_or_a_repository_are_one_run(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert RunConfig(dataset="folder:x/../data").run_id == RunConfig(dataset=f"folder:{tmp_path}/data").run_id
    assert RunConfig(model="hf_hub:a/b").run_id == RunConfig(model="hf-hub:a/b").run_id
