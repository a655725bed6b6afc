"""Plug-ins: one file that registers a method, a data set or a model, loaded wherever a run is trained or shown."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from plugins_for_tests import EVERYTHING, METHOD, OPTIMIZER, forgetting
from torch import nn

from lpwd import plugins
from lpwd.config import ConfigError, RunConfig
from lpwd.facts import register_dataset
from lpwd.methods import METHODS
from lpwd.networks import register_model
from lpwd.optim.layers import layers_of
from lpwd.plugins import PluginError
from lpwd.runs import batches, setting
from lpwd.store import RunStore

ROOT = Path(__file__).parent.parent
NOISE = {"dataset": "noise", "image_size": 8, "batch_size": 20, "epochs": 2, "model": "small"}


@pytest.fixture(autouse=True)
def forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(plugins.VARIABLE, raising=False)
    with forgetting():
        yield


def write(path, text=METHOD):
    path.write_text(text, encoding="utf-8")
    return path


def lpwd(*words, **environment):
    """Run the command line in a process of its own."""
    given = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    command = [sys.executable, "-m", "lpwd", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, timeout=300, check=False)


def dump(config):
    return config.model_dump(mode="json")


def test_a_run_records_the_plugin_that_it_uses_and_no_other(tmp_path):
    before = RunConfig(method="wd").run_id
    plugin = plugins.load(write(tmp_path / "my.py"))
    mine = RunConfig(method="mine")
    assert mine.plugins == {"method": plugin.record}
    assert RunConfig(method="wd").run_id == before
    assert RunConfig(**mine.model_dump() | {"method": "wd"}).run_id == before
    assert METHODS["mine"].color == "#CC3311"


def test_another_version_of_a_plugin_gives_another_run(tmp_path):
    ids = []
    for version in ("", "\n# changed"):
        with forgetting():
            plugins.load(write(tmp_path / "my.py", METHOD + version))
            ids.append(RunConfig(method="mine").run_id)
    assert ids[0] != ids[1]


def test_a_method_of_a_plugin_is_paired_with_wd_but_never_averaged_with_another_version(tmp_path):
    versions = []
    for version in ("", "\n# changed"):
        with forgetting():
            plugins.load(write(tmp_path / "my.py", METHOD + version))
            versions.append(dump(RunConfig(method="mine")))
    assert batches(versions[0]) == batches(versions[1]) == batches(dump(RunConfig(method="wd")))
    assert setting(versions[0]) != setting(versions[1])


def test_runs_with_another_version_of_a_plugins_model_are_never_paired(tmp_path):
    versions = []
    for version in ("", "\n# changed"):
        with forgetting():
            plugins.load(write(tmp_path / "my.py", EVERYTHING + version))
            versions.append(dump(RunConfig(method="wd", model="small")))
    assert batches(versions[0]) != batches(versions[1])


def test_a_run_whose_plugin_is_absent_or_has_changed_can_be_read_and_not_trained(tmp_path, store):
    with forgetting():
        plugins.load(write(tmp_path / "my.py"))
        run_id = store.create(RunConfig(method="mine"), state="stopped")
    absent = RunStore(store.root).record(run_id)
    assert absent.run_id == run_id
    assert absent.config.read_only.endswith("is not loaded, so this is view only: load it with --plugin my.py")
    plugins.load(write(tmp_path / "my.py", METHOD + "\n# changed"))
    changed = RunStore(store.root).record(run_id)
    assert "plug-in my has changed" in changed.config.read_only
    assert RunConfig(**dump(changed.config)).run_id == run_id


@pytest.mark.parametrize(
    "fields",
    [
        {"method": "../../x", "plugins": {"method": "my@0123456789abcdef"}},
        {"dataset": "folder:/etc", "plugins": {"dataset": "my@0123456789abcdef"}},
        {"plugins": {"method": "my"}},
        {"plugins": {"colour": "my@0123456789abcdef"}},
        {"method": "mine"},
    ],
)
def test_a_record_of_a_plugin_lets_no_other_name_through(fields):
    with pytest.raises(ConfigError):
        RunConfig(**fields)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('import lpwd\nlpwd.register_method("wd", timing="wd")', "line 2: method 'wd' exists already"),
        ('import lpwd\n\nlpwd.register_method("m", timing="wd", color="red")', "line 3: .*color is 'red'"),
        ('import lpwd\nlpwd.register_method("m", timing="later")', "line 2: .*timing is 'later'"),
        ('import lpwd\nlpwd.register_dataset("digits", print, classes=2, train_images=2, test_images=2)', "exists"),
        ('import lpwd\nlpwd.register_model("m", lambda classes: 1)', r"factory must be callable as factory\(num_cl"),
        ('import lpwd\nlpwd.register_model("convnext_atto", print)', "model 'convnext_atto' exists already"),
        ("x = (", "line 1: SyntaxError"),
        ("1 / 0", "line 1: ZeroDivisionError: division by zero"),
    ],
)
def test_a_fault_in_a_plugin_is_one_sentence_that_names_file_and_line(tmp_path, text, sentence):
    path = write(tmp_path / "my.py", text)
    with pytest.raises(PluginError, match=sentence) as fault:
        plugins.load(path)
    assert str(fault.value).startswith(f"plug-in {path}")
    assert "\n" not in str(fault.value)


def test_two_plugins_of_one_name_are_refused_and_one_file_is_loaded_once(tmp_path):
    path = write(tmp_path / "my.py")
    assert plugins.load(path) is plugins.load(path)
    (tmp_path / "other").mkdir()
    with pytest.raises(PluginError, match="another plug-in named my is already loaded"):
        plugins.load(write(tmp_path / "other" / "my.py", METHOD + "\n# another"))
    with pytest.raises(PluginError, match=r"not there\.py cannot be read"):
        plugins.load(tmp_path / "not there.py")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "My Data"}, "a name has up to 64 lower-case letters"),
        ({"classes": 1}, "classes is 1: it must be an integer of at least 2"),
        ({"flip_probability": 2}, "flip_probability is 2"),
        ({"load": lambda where: None}, "load must be callable without arguments"),
    ],
)
def test_what_a_data_set_promises_is_checked_when_it_is_registered(changes, sentence):
    given = {"name": "d", "load": list, "classes": 2, "train_images": 4, "test_images": 2} | changes
    with pytest.raises(ValueError, match=sentence):
        register_dataset(given.pop("name"), given.pop("load"), **given)


def test_a_data_set_that_breaks_its_promise_is_refused_when_it_is_read(tmp_path):
    from lpwd.training.data.own import pin

    plugins.load(write(tmp_path / "my.py", EVERYTHING.replace("train_images=40", "train_images=41")))
    with pytest.raises(ConfigError, match=r"data set noise: 40 images and \(40,\) labels for the training: 41 are"):
        pin([RunConfig(**NOISE)])


def test_a_plugins_data_set_and_model_train_with_the_layers_that_it_names(tmp_path):
    from lpwd import train

    plugins.load(write(tmp_path / "my.py", EVERYTHING))
    events = list(train(RunConfig(**NOISE | {"epochs": 20}, method="lpwd", lr=0.03, weight_decay=0.5), device="cpu"))
    assert events[0].layer_names == ["0", "4"]
    assert events[0].layer_decay_rates == [0.5, 1.0]
    assert events[-1].kind == "finished"
    assert events[-1].last_top1 > 90  # the classes differ in brightness


def test_layers_that_leave_out_a_parameter_are_refused():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model.layer_parameters = [["0.weight", "0.bias"], ["1.weight"]]
    with pytest.raises(ValueError, match=r"parameter '1\.bias' must be in exactly one of them"):
        layers_of(model)
    model.layer_parameters = [["0.weight", "0.bias"], ["1.weight", "1.bias", "0.bias"]]
    with pytest.raises(ValueError, match=r"parameter '0\.bias' must be in exactly one of them"):
        layers_of(model)


def test_a_model_that_is_no_classifier_is_refused(tmp_path):
    from lpwd.training import models

    register_model("odd", lambda num_classes, image_size: nn.Flatten(0))
    with pytest.raises(ConfigError, match=r"its output must be logits \[B, classes\]"):
        models.check(RunConfig(model="odd", dataset="digits"))
    register_model("nothing", lambda num_classes, image_size: None)
    with pytest.raises(ConfigError, match=r"its factory returned NoneType, not an nn\.Module"):
        models.check(RunConfig(model="nothing", dataset="digits"))


def test_a_models_weights_follow_from_the_seed(tmp_path):
    from lpwd.training import models

    plugins.load(write(tmp_path / "my.py", EVERYTHING))
    one, same, other = (models.create(RunConfig(**NOISE, seed=seed), 2)[0].weight for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_the_command_line_trains_what_a_plugin_registers_and_resumes_only_with_it(tmp_path):
    path, runs = write(tmp_path / "my.py", EVERYTHING), tmp_path / "runs"
    home = {"HF_HOME": str(tmp_path / "home")}
    settings = ["--dataset", "noise", "--model", "small", "--image-size", "8", "--batch-size", "20", "--epochs", "2"]
    given = ["--runs-dir", runs, "--device", "cpu"]
    race = lpwd("race", "--plugin", path, "--method", "wd", "--method", "mine", *settings, *given, **home)
    assert race.returncode == 0, race.stderr
    ids = [json.loads(line)["run_id"] for line in race.stdout.splitlines()]
    assert [RunStore(runs).status(run_id).state for run_id in ids] == ["finished", "finished"]
    absent = lpwd("resume", ids[1], *given, **home)
    assert absent.returncode == 2
    assert absent.stderr.splitlines()[-1].endswith("is not loaded, so this is view only: load it with --plugin my.py")
    repeated = lpwd("repeat", ids[1], *given, **home, LPWD_PLUGINS=str(path))
    assert repeated.returncode == 0, repeated.stderr
    assert json.loads(repeated.stdout)["identical"]


def test_a_method_that_breaks_its_own_formula_fails_the_check(tmp_path):
    text = METHOD.replace('order="reversed"', 'reference=f"{__name__}:formula"')
    formula = "\n\ndef formula(theta, eta, lam, f, U):\n    return theta - eta * U(f(theta)) - eta * lam * theta\n"
    failed = lpwd("check", write(tmp_path / "my.py", text + formula))
    assert failed.returncode == 1
    assert "failed its weights differ from its reference by" in failed.stdout
    passed = lpwd("check", write(tmp_path / "right.py", text.replace('"pwd"', '"wd"') + formula))
    assert passed.returncode == 0
    assert "follows its reference with adam and sgd" in passed.stdout


def test_a_run_whose_plugins_are_absent_opens_read_only_everywhere(tmp_path, store):
    from lpwd.analysis.pairs import paired
    from lpwd.analysis.statistics import runs_frame
    from lpwd.hub.rows import config_of, row_of
    from lpwd.jobs.race import run_lanes
    from lpwd.runs import Runs
    from lpwd.training.data.own import pin
    from lpwd.ui import views
    from lpwd.ui.runs import chart, compared, exports, one_run, overlay, runlist

    with forgetting():
        plugins.load(write(tmp_path / "my.py", EVERYTHING + OPTIMIZER))
        mine = {**NOISE, "optimizer": "heavy", "epochs": 1}
        configs = pin([RunConfig(**mine, method=method, seed=seed) for method in ("wd", "mine") for seed in (0, 1)])
        ids = [store.create(config, state="stopped") for config in configs]
        run_lanes(store, ids, device="cpu")
    store, runs = RunStore(store.root), Runs(RunStore(store.root))
    last = ids[-1]
    assert store.damaged() == {}
    about = one_run.about(runs, last)
    assert about["title"] == "mine, small on noise"
    assert not about["canResume"]
    assert about["message"] == f"{store.config(last).read_only.capitalize()}."
    assert dict(about["facts"])["Plug-ins"].startswith("my@")
    assert {"my.py"} == set(re.findall(r"\S+\.py", about["command"]))
    rows = runlist.RunList(runs).since()["rows"]
    assert {row[0] for row in rows} == set(ids)
    view = views.race_view(views.race_records(store, ids[1::2]))
    assert view["title"] == "WD vs mine"
    assert not view["canResume"]
    assert chart.view(overlay.Curves(runs), ids)["figure"]
    assert compared.comparison(runs, ids, "last_top1")["groups"]
    assert "mine" in exports.table(runs, ids, "runs")
    assert paired(runs_frame(runs.records()), "mine", "wd", "last_top1").n == 2
    row, _ = row_of(store.record(last))
    assert config_of(row).run_id == last


def test_a_module_of_an_installed_package_is_a_plugin(tmp_path, monkeypatch):
    info = tmp_path / "their_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[lpwd.plugins]\ntheirs = their_module\n")
    write(tmp_path / "their_module.py")
    monkeypatch.syspath_prepend(tmp_path)
    plugins.load_all()
    record = RunConfig(method="mine").plugins["method"]
    assert record.startswith("theirs@")
    assert plugins.VARIABLE not in os.environ  # other processes find it as this one did
    plugins.load_all()
    assert [plugin.record for plugin in plugins.loaded()] == [record]
