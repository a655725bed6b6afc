"""The Benchmark tab: its tables from synthetic runs, and a missing cell that is run by a click."""

import json

import pytest
from browser import CHROMIUM, ROOT, chromium, open_page, running_app
from synthetic import write_run

from lpwd.config import ConfigError
from lpwd.hub.checked import Published, check
from lpwd.hub.pull import Results
from lpwd.hub.rows import from_store
from lpwd.jobs.worker import Machine
from lpwd.paper.findings import find
from lpwd.paper.presets import get_preset
from lpwd.store import RunStore
from lpwd.ui import published
from lpwd.ui.benchmark import bench
from lpwd.ui.benchmark.figures import figures
from lpwd.ui.live import Live
from lpwd.ui.shared import costs

# Loaded by every Python of the app under test: a preset of four cells that train in a second each on digits.
SMALL_PRESET = """
from types import MappingProxyType
from lpwd.paper import presets as paper
from lpwd.config import RunConfig

def plan(scale, seed):
    base = dict(model="test_convnext", dataset="digits", epochs=1, train_samples=64, test_samples=50, batch_size=32)
    for method in ("wd", "lpwd"):
        for lr in (0.001, 0.01):
            yield paper.Cell(RunConfig(**base, method=method, lr=lr, weight_decay=0.5, seed=seed), "digits, Adam", True)

small = paper.Preset("fig4", "Small", "Figure 4", "Does it fill?", "heatmap", plan, (), cpu_seeds=1)
paper.PRESETS = MappingProxyType({**paper.PRESETS, "fig4": small})
"""


@pytest.fixture
def benchmark(store, monkeypatch):
    monkeypatch.setattr(bench, "in_background", lambda work: None)  # nothing is read ahead, nothing asked
    monkeypatch.setattr(published, "in_background", lambda work: None)
    return bench.Bench(store, published.Cached(""))


def write_cells(store, name, seeds, top1=lambda config, epoch: 10 + config.seed):
    cells = [cell for cell in get_preset(name).cells("cpu") if cell.config.seed in seeds]
    return [write_run(store, cell, top1) for cell in cells]


def test_own_numbers_stand_beside_the_papers(store, benchmark):
    ids = write_cells(store, "table3", {0, 1})
    found = benchmark.find("table3", "cpu")
    wd = next(row for row in found["table"] if row["label"] == "WD")
    assert (wd["paper"], wd["ours"], wd["n"], wd["seeds"]) == ("73.88±0.22", "10.50±0.71", 2, [0, 1])
    assert set(wd["runs"]) <= set(ids)
    assert len(wd["runs"]) == 2
    assert found["done"] == len(ids)
    assert {cell["seed"] for cell in found["open"]} == {2}


def test_published_runs_fill_their_own_column(store, benchmark):
    write_cells(store, "table3", {0})
    found = find(get_preset("table3"), published_of(store), "cpu")
    rows = bench.table(found, found.table)
    assert all(row["cached"] == row["ours"] and row["cachedN"] == row["n"] for row in rows)


def test_published_runs_of_another_device_are_left_out_of_the_mean_and_named(store, benchmark, monkeypatch):
    cells = [cell for cell in get_preset("table3").cells("cpu") if cell.row == "wd"]
    for cell, device in zip(cells, ("CPU, 2 cores, 4 GiB", "CPU, 8 cores, 64 GiB", "NVIDIA T4, 15 GiB"), strict=True):
        write_run(store, cell, device=device)
    results = Results("me/results", "hub", check(from_store(store)[0]))
    for run_id in store.ids():
        store.delete(run_id)
    monkeypatch.setattr(published.Cached, "results", results)
    found = benchmark.find("table3", "cpu")
    wd = next(row for row in found["table"] if row["label"] == "WD")
    assert (wd["n"], wd["cachedN"]) == (0, 2)
    assert any(
        text.startswith("Published results: Runs come from several kinds of device") for text in found["warnings"]
    )


def published_of(store):
    """The store's runs as others would get them from the Hub."""
    return Published(check(from_store(store)[0]))


def test_published_runs_are_drawn_apart_from_the_own_ones(store, tmp_path):
    elsewhere = RunStore(tmp_path / "elsewhere")
    write_cells(store, "fig1", {0})
    write_cells(elsewhere, "fig1", {0, 1}, lambda config, epoch: 20 + config.seed)
    own, published = (find(get_preset("fig1"), one, "cpu") for one in (store, published_of(elsewhere)))
    drawn = {figure["caption"]: figure for figure in figures(own, published)}
    top1 = next(figure for caption, figure in drawn.items() if caption.endswith("Swin, Adam: test top-1 (%)"))
    data = {trace["name"]: trace for trace in json.loads(top1["json"])["data"] if trace.get("name")}
    own_ones, theirs = ("WD (n = 1)", "LPWD (n = 1)"), ("WD (n = 2), published, CPU", "LPWD (n = 2), published, CPU")
    assert {*own_ones, *theirs} <= set(data)
    assert data["WD (n = 2), published, CPU"]["marker"]["symbol"] == "circle-open"
    assert data["WD (n = 1)"]["marker"]["symbol"] == "circle"
    assert len(top1["runs"]) == 4
    assert "Weight norm by layer and epoch, WD, one seed (published, CPU)" in drawn
    nothing = find(get_preset("fig1"), RunStore(tmp_path / "nothing"), "cpu")
    alone = {figure["caption"]: figure for figure in figures(nothing, published)}
    loss = next(figure for caption, figure in alone.items() if "Swin, Adam: training loss (published" in caption)
    assert all(text.startswith("Published: ") and "training loss" in text for text in loss["said"])
    assert loss["runs"] == []


def test_each_figure_says_what_its_own_runs_say(store):
    write_cells(store, "fig1", {0, 1}, lambda config, epoch: 10 + config.seed + (config.method == "lpwd"))
    found = find(get_preset("fig1"), store, "cpu")
    said = {figure["caption"]: figure["said"] for figure in figures(found, None)}
    swin = next(texts for caption, texts in said.items() if "Swin" in caption and caption.endswith("top-1 (%)"))
    loss = next(texts for caption, texts in said.items() if "Swin" in caption and caption.endswith("training loss"))
    assert swin[0].startswith("LPWD ")
    assert all("top-1" in text for text in swin)
    assert [("training loss" in text) for text in loss] == [True]
    assert said["Weight norm by layer and epoch, WD, one seed"] == []
    nothing = find(get_preset("fig5"), store, "cpu")
    assert figures(nothing, None) == []


def test_a_long_run_asks_first(store):
    class Resting:
        measured = 5000.0

        def machine(self):
            return Machine("cpu", "CPU, 2 cores, 4 GiB", [], "fp32")

        def measure(self, config, threads):
            return self.measured

    live = Live(store, Resting())
    live.machine.result(5)
    cell = get_preset("table3").cells("paper", 1)[0]
    assert costs.doubt(live, cell.config).startswith("This run takes about 18 min, by the speed measured now")
    live.jobs.measured = None
    assert "5,000,000 images in all, and no run here tells" in costs.doubt(live, cell.config)
    small = get_preset("table3").cells("cpu", 1)[0]
    assert costs.doubt(live, small.config) == ""
    write_run(store, small)
    store.update(small.run_id, seconds=3600.0, threads=1)
    assert costs.doubt(live, small.config) == "This run takes about 60 min, as 1 finished run did here. Run it?"


def test_nothing_is_read_again_until_a_run_ends(store, benchmark):
    first = benchmark.find("table3", "cpu")
    assert benchmark.find("table3", "cpu", first["stamp"]) == {"stamp": first["stamp"], "waiting": False}
    write_cells(store, "table3", {0})
    second = benchmark.find("table3", "cpu", first["stamp"])
    assert (first["done"], second["done"]) == (0, 8)


def test_unknown_presets_scales_and_cells_are_sentences(benchmark):
    for call in (("nope", "cpu", "x"), ("table3", "nope", "x"), ("table3", "cpu", "x")):
        with pytest.raises(ConfigError, match=r"x|allowed"):
            benchmark.config(*call)


# ---- the page


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
@pytest.mark.timeout(150)
def test_run_this_cell_fills_the_heatmap(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(SMALL_PRESET)
    filled = "document.querySelector('.lp-figures .lp-plot')?.data?.filter(t => t.type == 'heatmap').map(t => t.z)"
    with running_app(tmp_path / "runs", PYTHONPATH=f"{tmp_path}:{ROOT}") as app, chromium() as browser:
        seen = open_page(browser, f"{app.url}/?tab=benchmark&preset=fig4")
        page = seen.page
        page.wait_for_function(f"{filled}?.length === 2", timeout=60_000)
        assert "0 of 4 runs done" in page.inner_text("#lp-benchmark [data-f=status]")
        assert "Run a missing cell" in page.inner_text("#lp-benchmark [data-f=sentences]")
        page.select_option("#lp-benchmark [data-f=open]", index=3)
        assert "LPWD" in page.locator("#lp-benchmark [data-f=open] option:checked").inner_text()
        page.click("#lp-benchmark [data-act=run]")
        page.wait_for_function(f"{filled}[1].flat().some(v => v !== null)", timeout=60_000)
        assert page.evaluate(f"{filled}.flat(2).filter(v => v !== null).length") == 1
        assert "1 of 4 runs done" in page.inner_text("#lp-benchmark [data-f=status]")
        page.click("#lp-benchmark .lp-results a:text('seed 0')")
        page.wait_for_selector("#lp-panel h2:text('LPWD')")
        assert seen.hosts <= {"127.0.0.1"}
        assert [text for text in seen.errors if "ERR_ABORTED" not in text] == []
