"""`python -m lpwd`: as a process of its own where that is what counts, else in this one."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from waiting import PATIENCE, wait_until

from lpwd.cli.main import COMMANDS, main
from lpwd.config import RunConfig
from lpwd.events import reproducible
from lpwd.spelled import HIDDEN, command_line
from lpwd.store import RunStore

BASE = shlex.split(
    "--model convnext_atto --dataset digits --lr 0.001 --weight-decay 0.5 --epochs 2 --batch-size 32 "
    "--train-samples 160 --test-samples 50 --precision fp32 --device cpu "
    """--model-kwargs '{"depths": [1, 1, 1, 1], "dims": [8, 16, 16, 32], "patch_size": 2}'"""
)


OLD_RUNS = Path(__file__).parent / "data" / "old_runs"
OLD_RUN = "convnext_atto-digits-adam-wd-lr0.001-wd0.5-s0-123fc5ac"


def lpwd(*arguments, runs_dir, timeout=120):
    command = [sys.executable, "-m", "lpwd", *arguments, "--runs-dir", str(runs_dir)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout)


def here(*arguments, runs_dir):
    """The same in this process: to start one takes up to five seconds of a core."""
    done = CliRunner().invoke(main, [*arguments, "--runs-dir", str(runs_dir)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


def test_train_ends_with_one_json_object_on_stdout(tmp_path):
    done = lpwd("train", "--method", "lpwd", *BASE, runs_dir=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert list(result) == [
        "run_id",
        "state",
        "best10_mean",
        "best10_std",
        "last_top1",
        "val_selected_top1",
        "train_loss",
        "images_per_second",
        "seconds",
    ]
    assert result["state"] == "finished"
    assert "epoch 2" in done.stderr


def test_a_race_equals_its_lanes_trained_alone_and_repeat_confirms_it(tmp_path):
    threads = ["--threads", "1"]  # of a lane
    raced = here("race", "--method", "wd", "--method", "lpwd", *BASE, *threads, runs_dir=tmp_path / "race")
    alone = here("train", "--method", "lpwd", *BASE, *threads, runs_dir=tmp_path / "alone")
    run_id = json.loads(alone.stdout)["run_id"]
    assert [json.loads(line)["run_id"] for line in raced.stdout.splitlines()][1] == run_id
    records = [RunStore(tmp_path / name).read_metrics(run_id)[0] for name in ("race", "alone")]
    assert list(map(reproducible, records[0])) == list(map(reproducible, records[1]))
    repeated = here("repeat", run_id, "--device", "cpu", runs_dir=tmp_path / "race")
    assert repeated.returncode == 0, repeated.stderr
    assert json.loads(repeated.stdout)["identical"] is True


def test_a_finished_run_is_kept_and_again_trains_it_anew(tmp_path):
    first = here("train", "--method", "wd", *BASE, runs_dir=tmp_path)
    run_id = json.loads(first.stdout)["run_id"]
    store = RunStore(tmp_path)
    before, ended = store.read_metrics(run_id)[0], store.status(run_id).ended
    kept = here("train", "--method", "wd", *BASE, runs_dir=tmp_path)
    assert "use --again to retrain it" in kept.stderr
    assert store.status(run_id).ended == ended
    anew = here("train", "--method", "wd", *BASE, "--again", runs_dir=tmp_path)
    assert json.loads(anew.stdout)["state"] == "finished"
    assert store.status(run_id).ended > ended
    assert list(map(reproducible, store.read_metrics(run_id)[0])) == list(map(reproducible, before))


def test_a_diverged_run_leaves_with_exit_code_3(tmp_path):
    wild = ["--optimizer", "sgd", "--lr", "1000", "--weight-decay", "10"]
    done = here("train", "--method", "wd", *BASE, *wild, runs_dir=tmp_path)
    assert done.returncode == 3
    assert json.loads(done.stdout)["state"] == "diverged"


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (["--lr", "0"], "Error: lr is 0: input should be greater than 0"),
        (["--weight-decay", "-1"], "Error: weight_decay is -1: input should be greater than or equal to 0"),
        (["--epochs", "0"], "Error: epochs is 0: input should be greater than or equal to 1"),
        (["--model", "convnext_atoo"], "convnext_atto"),
        (["--train-samples", "99999"], "train_samples is 99999"),
        (["--image-size", "33"], "image_size is 33"),
        (["--device", "cuda:9"], "cuda:9"),
        (["--model-kwargs", "[" * 20_000], "model_kwargs is nested too deeply"),
        (["--model-kwargs", "[1, 2]"], "'[1, 2]' is not a JSON object"),
        (["--model-kwargs", '{"a":' * 200 + "1" + "}" * 200], "nested at most 3 deep"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bad_input_is_one_sentence_and_exit_code_2(tmp_path, bad, sentence):
    done = here("train", "--method", "wd", *BASE, *bad, runs_dir=tmp_path)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert RunStore(tmp_path).ids() == []


@pytest.mark.long
def test_a_refusal_in_a_process_of_its_own_is_the_same(tmp_path):
    words = ["train", "--method", "wd", *BASE, "--model", "convnext_atoo"]
    alone, called = lpwd(*words, runs_dir=tmp_path), here(*words, runs_dir=tmp_path)
    assert (alone.returncode, alone.stdout, alone.stderr) == (called.returncode, called.stdout, called.stderr)


def test_ctrl_c_keeps_what_was_trained_and_resume_goes_on(tmp_path):
    command = [sys.executable, "-m", "lpwd", "race", "--method", "wd", "--method", "lpwd", *BASE, "--epochs", "30"]
    process = subprocess.Popen([*command, "--runs-dir", str(tmp_path)], stderr=subprocess.PIPE, text=True)
    store = RunStore(tmp_path)
    wait_until(lambda: store.ids() and all(store.status(i).step > 5 for i in store.ids()))
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, errors
    assert {store.status(run_id).state for run_id in store.ids()} == {"stopped"}
    first = store.ids()[0]
    done = here("resume", first, "--device", "cpu", runs_dir=tmp_path)
    assert done.returncode == 0, done.stderr
    assert store.status(first).state == "finished"


def test_the_command_line_of_a_configuration_trains_exactly_it(tmp_path, tiny):
    config = tiny(epochs=1, validation_samples=40, exclude_1d=True, betas=(0.8, 0.99), rule="2i/(n+1)")
    words = command_line([config])
    assert words.startswith("python -m lpwd train --method lpwd --model convnext_atto --dataset digits")
    line = f"{words.replace('python', sys.executable, 1)} --device cpu --runs-dir {tmp_path}"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=120, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run_id"] == config.run_id


def test_the_command_line_of_a_race_repeats_the_method(tiny):
    line = command_line([tiny(method="wd"), tiny(method="lpwd")])
    assert line.startswith("python -m lpwd race --method wd --method lpwd ")
    assert "--no-pretrained" not in line
    assert "--pretrained" in command_line([RunConfig(pretrained=True)])


def test_help_names_every_field(tmp_path):
    shown = here("train", "--help", runs_dir=tmp_path).stdout.replace("_", "-")
    fields = RunConfig.model_fields.keys() - HIDDEN
    missing = [name for name in fields if name.replace("_", "-") not in shown]
    assert not missing


def test_the_help_lists_every_command_of_the_table():
    command = [sys.executable, "-m", "lpwd", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert [name for name in COMMANDS if f"\n  {name} " not in shown] == []
    assert shown.startswith("Usage: python -m lpwd ")
    others = {"sweep", "report", "scorecard", "compare", "check", "audit"}
    assert {"train", "race", "resume", "repeat", "pull", "push", "start", "app", "owner"} | others == set(COMMANDS)


def test_the_table_of_commands_loads_nothing_heavy():
    code = (
        "import lpwd.cli.main, sys\n"
        "sys.exit(', '.join({'torch', 'pandas', 'numpy', 'plotly', 'gradio', 'timm', 'ray'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_without_its_packages_the_command_line_says_what_to_install():
    code = "import sys; sys.modules['click'] = None; from lpwd.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr == "Error: the command line needs click: pip install 'lpwd[app]'\n"


def test_waiting_threads_sleep_whichever_way_the_command_line_is_started():
    code = "import os, lpwd.__main__; print(os.environ['OMP_WAIT_POLICY'])"
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout == "PASSIVE\n"


# ---- damaged and read-only folders


@pytest.mark.parametrize("command", ["resume", "repeat"])
@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("config.json", b'{"lr": -1}', ("is damaged", "config.json")),
        ("config.json", b'{"lr": 0.0', ("is damaged", "config.json")),
        ("status.json", b"\xff\xfe", ("is damaged", "status.json")),
        ("status.json", b'{"state": "asleep"}', ("is damaged", "status.json")),
    ],
)
def test_a_damaged_run_is_one_sentence_and_exit_code_2(tmp_path, command, file, content, words):
    shutil.copytree(OLD_RUNS, tmp_path / "runs")
    (tmp_path / "runs" / OLD_RUN / file).write_bytes(content)
    done = here(command, OLD_RUN, "--device", "cpu", runs_dir=tmp_path / "runs")
    assert_one_sentence(done)
    assert [word for word in (OLD_RUN, *words) if word not in done.stderr] == []


@pytest.mark.parametrize(
    ("call", "words"),  # the app takes the signals of its process for good
    [(here, ["owner"]), (here, ["train", "--method", "wd", *BASE]), (lpwd, ["app"]), (here, ["resume", "x"])],
    ids=["owner", "train", "app", "resume"],
)
def test_a_folder_that_cannot_hold_runs_is_one_sentence_and_exit_code_2(call, words):
    done = call(*words, runs_dir="/proc/runs")
    assert_one_sentence(done)
    assert "/proc/runs" in done.stderr


def test_a_report_that_cannot_be_written_is_one_sentence_and_exit_code_2(tmp_path):
    done = here("report", "fig3a", "--out", "/proc/reports", runs_dir=tmp_path)
    assert_one_sentence(done)
    assert "/proc/reports" in done.stderr


def assert_one_sentence(done):
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


# ---- repeat


def test_repeat_trains_with_the_threads_that_the_run_had(tmp_path):
    words = ["--method", "wd", *BASE, "--epochs", "1", "--threads", "1"]
    run_id = json.loads(here("train", *words, runs_dir=tmp_path).stdout)["run_id"]
    repeated = here("repeat", run_id, "--device", "cpu", runs_dir=tmp_path)
    assert json.loads(repeated.stdout)["identical"] is True
    otherwise = here("repeat", run_id, "--device", "cpu", "--threads", "2", runs_dir=tmp_path)
    first = json.loads(otherwise.stdout)["first_difference"]
    assert (first["stored"]["threads"], first["repeated"]["threads"]) == (1, 2)
    assert otherwise.returncode == 1


def test_repeat_compares_what_published_results_hold(tmp_path):
    """A run taken back from the Hub has epochs and results, some without a number, and no steps."""
    words = ["--method", "wd", *BASE, "--epochs", "1"]
    run_id = json.loads(here("train", *words, runs_dir=tmp_path).stdout)["run_id"]
    store = RunStore(tmp_path)
    kept = [record for record in store.read_metrics(run_id)[0] if record["event"] in ("epoch", "finished")]
    kept[0] |= {"lr": float("nan"), "weight_norms": []}
    metrics = tmp_path / run_id / "metrics.jsonl"
    metrics.write_text("".join(json.dumps(record) + "\n" for record in kept))
    repeated = here("repeat", run_id, "--device", "cpu", runs_dir=tmp_path)
    assert json.loads(repeated.stdout) == {"run_id": run_id, "identical": True, "records": 2, "differing": 0}
    assert "restored from published results" in repeated.stderr
    kept[0]["test_top1"] += 2
    metrics.write_text("".join(json.dumps(record) + "\n" for record in kept))
    assert json.loads(here("repeat", run_id, "--device", "cpu", runs_dir=tmp_path).stdout)["differing"] == 1
