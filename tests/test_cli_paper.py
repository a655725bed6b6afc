"""`python -m lpwd sweep` and `report`, as far as they go without CIFAR."""

import json

import pytest
from click.testing import CliRunner

from lpwd.cli.main import main
from lpwd.jobs.checking.speed import images_per_second
from lpwd.paper.presets import PRESETS


def lpwd(*arguments):
    """In this process; a sweep has its workers."""
    done = CliRunner().invoke(main, list(map(str, arguments)))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def test_a_plan_names_cells_images_and_hours_and_runs_nothing(tmp_path):
    cells = 2
    done = lpwd("sweep", "fig3a", "--scale", "paper", "--plan", "--device", "cpu", "--runs-dir", tmp_path / "runs")
    assert done.exit_code == 0, done.stderr
    assert f"cells: {cells}, distinct runs: {cells}" in done.stdout
    assert f"images: {cells * 100 * 50_000:,} for training" in done.stdout
    assert "convnext_tiny.fb_in22k: 27.9 M parameters" in done.stdout
    assert "estimated: " in done.stdout
    assert not (tmp_path / "runs").exists()


def test_a_sweep_without_the_hub_says_why_each_cell_failed_and_the_report_shows_them_missing(tmp_path):
    runs = tmp_path / "runs"
    swept = lpwd("sweep", "pretrain", "--limit", 1, "--device", "cpu", "--runs-dir", runs)
    assert swept.exit_code == 1
    assert json.loads(swept.stdout)["states"] == {"failed": 1}
    assert "Hub" in swept.stderr
    assert "Traceback" not in swept.stderr
    report = lpwd("report", "pretrain", "--runs-dir", runs, "--out", tmp_path / "out")
    assert report.exit_code == 0, report.stderr
    assert (
        f"0 of {len(PRESETS['pretrain'].cells('cpu'))} cells done" in (tmp_path / "out/pretrain-cpu.html").read_text()
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["sweep", "fig9"], "Invalid value for '{table1|table3|fig1|fig2|fig3a|fig3b|fig4|fig5|pretrain|settle|scan}'"),
        (["sweep", "fig1", "--seeds", "0"], "0 is not in the range x>=1"),
        (
            ["report", "fig1", "--runs-dir", "no/such/folder"],
            "Error: runs-dir 'no/such/folder' not found",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(words, sentence):
    done = lpwd(*words)
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_the_probe_measures_a_speed_without_any_data(tiny):
    assert images_per_second(tiny(pretrained=True, dataset="cifar100"), "cpu") > 0
