import pytest

from lpwd.config import ConfigError, RunConfig


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
    }
    ids = {RunConfig(**base.model_dump() | {name: value}).run_id for name, value in changed.items()}
    assert len(ids | {base.run_id}) == len(changed) + 1
    assert RunConfig(**base.model_dump() | {"scale": "cpu"}).run_id == base.run_id
    untested = set(RunConfig.model_fields) - set(changed) - {"scale", "zero_shot"}
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
        ({"dataset": "mnist"}, "dataset is 'mnist': input should be 'digits', 'cifar10', 'cifar100' or 'tinyimagenet'"),
        ({"optimizer": "sgd", "method": "adams"}, "method adams needs optimizer adam, got sgd"),
        ({"optimizer": "sgd", "method": "adamh"}, "method adamh needs optimizer adam, got sgd"),
        (
            {"method": "lpwd_reversed", "order": "shuffled"},
            "order is shuffled: method lpwd_reversed has its own, reversed",
        ),
        ({"method": "wdlr2"}, "method wdlr2 needs schedule cosine: at a constant learning rate it is exactly wd"),
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
