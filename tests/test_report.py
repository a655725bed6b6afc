"""Reports from runs with invented numbers: complete, half done, diverged and empty stores."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pandas as pd
import pytest
from synthetic import write_run

from lpwd.paper.findings import find
from lpwd.paper.numbers import TABLE1, TABLE3
from lpwd.paper.presets import PRESETS
from lpwd.paper.report import render
from lpwd.paper.report import write as write_files
from lpwd.store import RunStore


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")


class Loads(HTMLParser):
    """Every attribute through which a page loads something."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [(tag, name, value) for name, value in attrs if name in ("src", "href", "srcset", "data")]
        self.found += [(tag, name, value) for name, value in attrs if value and "url(" in value]


def write(store, tmp_path, name, **options):
    return write_files(find(PRESETS[name], store, **{"scale": "cpu"} | options), store, tmp_path / "out").read_text()


def fill(store, name, **options):
    for cell in PRESETS[name].cells("cpu"):
        write_run(store, cell, **options)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("scale", ["paper", "cpu"])
def test_an_empty_store_gives_a_report_of_missing_cells(store, tmp_path, name, scale):
    html = write(store, tmp_path, name, scale=scale)
    assert f"0 of {len(PRESETS[name].cells(scale))} cells done" in html
    assert PRESETS[name].question in html
    assert "±" in html or not PRESETS[name].reported


def test_the_papers_columns_are_digit_for_digit(store, tmp_path):
    for name, numbers in (("table1", TABLE1), ("table3", TABLE3)):
        html = write(store, tmp_path, name, scale="paper")
        assert all(str(number) in html for number in numbers.values())
    assert "74.48±0.04" in html


def test_a_complete_table_shows_ours_with_n_seeds_device_versions_and_commit(store, tmp_path):
    fill(store, "table3")
    html = write(store, tmp_path, "table3")
    assert "24 of 24 cells done" in html
    assert "10.65±0.10" in html
    assert "fine-tuning-1" in html
    assert "<h2>Epochs to a target</h2>" in html
    for text in (
        "CPU, 2 cores, 4 GiB",
        "torch 2.14.1",
        "abc123",
        "no difference larger than 0.15 points",
        "not in the paper",
    ):
        assert text in html
    assert "missing" not in re.sub(r"<(style|script)\b.*?</\1>", "", html, flags=re.DOTALL)


def test_a_diverged_and_a_missing_run_are_named_and_counted(store, tmp_path):
    cells = PRESETS["table3"].cells("cpu")
    for cell in cells:
        if cell.row == "lpwd":
            write_run(store, cell, diverged=cell.config.seed == 1)
        elif (cell.row, cell.config.seed) != ("wd", 2):
            write_run(store, cell)
    html = write(store, tmp_path, "table3")
    assert "23 of 24 cells done" in html
    assert "1 LPWD run diverged and is counted as divergence, not averaged." in html
    assert "1 of 24 runs diverged" in html
    assert "1 missing cells" in html
    findings = find(PRESETS["table3"], store, "cpu")
    row = findings.table.set_index("method").loc["lpwd"]
    assert (row.n, row.diverged, row.done, row.cells) == (2, 1, 3, 3)


def test_queued_and_running_cells_are_missing_until_they_end(store, tmp_path):
    for cell in PRESETS["table3"].cells("cpu"):
        if cell.config.seed < 2:
            write_run(store, cell)
        else:
            store.create(cell.config)
    html = write(store, tmp_path, "table3")
    assert "16 of 24 done (16 finished, 8 queued)" in html
    assert "n = 2, seeds 0, 1" in html


def test_a_method_whose_runs_all_diverged_is_shown_as_diverged(store, tmp_path):
    for cell in PRESETS["table3"].cells("cpu"):
        write_run(store, cell, diverged=cell.row == "wd")
    html = write(store, tmp_path, "table3")
    assert "<td>diverged</td>" in html
    assert "LPWD minus WD: no pair of finished runs yet" in html
    assert "3 WD runs diverged" in html


def test_figure_1_has_curves_and_the_layers_norms(store):
    fill(store, "fig1")
    findings = find(PRESETS["fig1"], store, "cpu")
    assert sum("training loss" in caption for caption in findings.figures) == 2
    assert sum("Weight norm" in caption for caption in findings.figures) == 2
    assert any("training loss of the last epoch" in sentence for sentence in findings.sentences)


def test_figure_2_reports_the_range_and_growth_of_the_rate(store):
    fill(store, "fig2", steps=True)
    findings = find(PRESETS["fig2"], store, "cpu")
    assert len(findings.sentences) == 4
    assert all("largest at η = 0" in each and "Rank correlation with η +" in each for each in findings.sentences)
    assert not any("expected best" in caption for caption in findings.figures)  # it compares no accuracies


def test_figure_3a_tells_where_the_accuracy_is_halved(store):
    _, *others = PRESETS["fig3a"].cells("cpu")
    for cell in others:
        write_run(store, cell)
    findings = find(PRESETS["fig3a"], store, "cpu")
    assert findings.done == 5
    assert "top-1 falls from 10.00% to 0.00% and is halved at s = 50%" in findings.sentences[0]


def test_figure_3b_pairs_at_every_lambda(store):
    fill(store, "fig3b")
    findings = find(PRESETS["fig3b"], store, "cpu")
    assert list(findings.contrasts.x) == [0.001, 0.01, 0.1, 0.5]
    assert len(findings.figures) == 1
    assert "the paper claims PWD is higher" in findings.sentences[3]


def test_figure_4_with_half_of_its_cells_is_drawn(store, tmp_path):
    for cell in PRESETS["fig4"].cells("cpu")[:54]:
        write_run(store, cell)
    html = write(store, tmp_path, "fig4")
    assert "54 of 108 cells done" in html
    assert "LPWD is ahead of WD in" in html


def test_figure_5_has_a_point_a_model(store):
    fill(store, "fig5")
    (figure,) = find(PRESETS["fig5"], store, "cpu").figures.values()
    assert list(figure.data[0].x) == ["half atto", "atto", "pico"]


def test_runs_of_another_device_are_left_out_and_said_so(store, tmp_path):
    for cell in PRESETS["table3"].cells("cpu"):
        write_run(store, cell, device="NVIDIA H100, 79 GiB" if cell.config.seed == 2 else "CPU, 2 cores, 4 GiB")
    html = write(store, tmp_path, "table3")
    assert "Only those from CPU are used here" in html
    assert "16 of 24 cells done" in html


def test_the_page_loads_nothing_from_anywhere(store, tmp_path):
    fill(store, "fig3b")
    html = write(store, tmp_path, "fig3b")
    loads = Loads()
    loads.feed(html)
    assert loads.found == []
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style
    assert "@import" not in style[1]
    assert "url(" not in style[1]
    assert "Plotly" in html
    assert "prefers-color-scheme: dark" in html


def test_csv_files_hold_every_cell_and_every_number(store, tmp_path):
    fill(store, "table3")
    write(store, tmp_path, "table3")
    cells = pd.read_csv(tmp_path / "out" / "table3-cpu-cells.csv")
    numbers = pd.read_csv(tmp_path / "out" / "table3-cpu-table.csv").set_index("method")
    assert len(cells) == 24
    assert numbers.loc["lpwd", "best10_mean_mean"] == pytest.approx(10.65)
    assert numbers.loc["lpwd", "paper"] == "74.48±0.04"


def test_text_from_runs_is_escaped(store, tmp_path):
    for cell in PRESETS["table3"].cells("cpu"):
        write_run(store, cell, device="<script>alert(1)</script>, 2 cores")
    assert "<script>alert(1)" not in write(store, tmp_path, "table3")


def test_figures_cannot_close_their_script_element(store):
    fill(store, "fig5")
    findings = find(PRESETS["fig5"], store, "cpu")
    (figure,) = findings.figures.values()
    figure.update_layout(title="</script><script>alert(1)</script>")
    page = render(replace(findings, figures={"<i>": figure}))
    assert "</script><script>alert" not in page
    assert "&lt;i&gt;" in page


@pytest.mark.browser
def test_one_file_opens_without_a_network_and_has_every_run_with_its_command(store, tmp_path, browser):
    fill(store, "table3")
    path = write_files(find(PRESETS["table3"], store, "cpu"), store, tmp_path / "handed/on.html")
    assert list(path.parent.iterdir()) == [path]
    page = browser.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_selector(".main-svg")
    assert asked == [path.as_uri()]
    page.click("summary:has-text('24 runs with commands to repeat them')")
    row = page.locator("details[open] tbody tr").first.inner_text()
    assert "python -m lpwd train --method baseline" in row
    assert "CPU, 2 cores, 4 GiB" in row
    assert "abc123" in row
