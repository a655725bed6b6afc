"""The Benchmark tab: tiles and tables from synthetic runs, and missing cells that are run by clicks."""

import re
from concurrent.futures import Future
from dataclasses import replace
from random import Random

import publishing
import pytest
from browser import CHROMIUM, open_page
from own_results import CLAIMS
from synthetic import write_run

from lpwd.analysis.inference import spent
from lpwd.config import ConfigError
from lpwd.jobs.costs import work
from lpwd.jobs.rights import HOST, Limits, User
from lpwd.jobs.worker import Machine
from lpwd.paper.findings import find
from lpwd.paper.presets import get_preset
from lpwd.paper.scorecard.claims import tile
from lpwd.paper.scorecard.tiles import holm_adjusted
from lpwd.store import RunStore
from lpwd.ui import published
from lpwd.ui.benchmark import bench
from lpwd.ui.benchmark.figures import figures
from lpwd.ui.benchmark.offers import Offers
from lpwd.ui.live import Live
from lpwd.ui.shared import costs


@pytest.fixture
def benchmark(store, monkeypatch):
    monkeypatch.setattr(published, "in_background", lambda work: Future())  # nothing is read ahead, nothing asked
    return bench.Bench(store, published.Cached(""))


def write_cells(store, name, seeds, top1=lambda config, epoch: 10 + config.seed):
    cells = [cell for cell in get_preset(name).cells("cpu") if cell.config.seed in seeds]
    return [write_run(store, cell, top1) for cell in cells]


def results_of(store):
    """The store's runs as others would get them from the Hub."""
    return replace(publishing.published(store), repo="me/results", source="hub")


def test_own_and_published_runs_fill_one_table_that_says_which_is_which(store, benchmark, tmp_path, monkeypatch):
    elsewhere = RunStore(tmp_path / "elsewhere")
    write_cells(elsewhere, "table3", {0, 1}, lambda config, epoch: 20 + config.seed)
    own = write_cells(store, "table3", {0})
    monkeypatch.setattr(published.Cached, "results", results_of(elsewhere))
    found = benchmark.find("table3", "cpu")
    wd = next(row for row in found["table"] if row["label"] == "WD")
    assert (wd["paper"], wd["ours"], wd["n"], wd["published"]) == ("73.88±0.22", "15.50±7.78", 2, 1)
    assert (wd["seeds"], len(wd["runs"])) == ([0, 1], 1)
    assert found["runs"] == own
    assert found["origin"].startswith("8 own and 8 published runs; 8 cells have a published run too, at most 10 points")
    assert {cell["seed"] for cell in found["open"]} == {2}
    assert {cell["about"] for cell in found["open"]} == {12.0}
    [figure] = [one for one in found["figures"] if "and the paper’s" in one["caption"]]
    assert set(figure["runs"]) == set(own)


def test_published_runs_of_another_device_are_left_out_of_the_mean_and_named(store, benchmark, monkeypatch):
    cells = [cell for cell in get_preset("table3").cells("cpu") if cell.row == "wd"]
    for cell, device in zip(cells, ("CPU, 2 cores, 4 GiB", "CPU, 8 cores, 64 GiB", "NVIDIA T4, 15 GiB"), strict=True):
        write_run(store, cell, device=device)
    monkeypatch.setattr(published.Cached, "results", results_of(store))
    store.delete(cells[2].run_id)
    found = benchmark.find("table3", "cpu")
    assert next(row for row in found["table"] if row["label"] == "WD")["n"] == 2
    assert any(text.startswith("Runs come from several kinds of device") for text in found["warnings"])


def test_tiles_are_made_again_only_where_a_run_ended(store, benchmark):
    first = benchmark.cards("cpu")
    assert [card["verdictText"] for card in first["tiles"]] == ["not run, at scale cpu"] * 9
    assert benchmark.cards("cpu", first["stamp"]) == {"stamp": first["stamp"], "waiting": False}
    before = dict(benchmark._tiles)
    fig2 = benchmark.place("fig2", "cpu")
    write_cells(store, "table3", {0, 1, 2}, lambda config, epoch: 10 + config.seed / 10 - (config.method == "lpwd"))
    second = benchmark.cards("cpu", first["stamp"])
    cards = {card["name"]: card for card in second["tiles"]}
    assert cards["table3"]["verdictText"] == "contradicts, at scale cpu"
    assert cards["table3"]["ours"][0] == "LPWD minus WD: −1.00 points (95% −1.00 to −1.00, n = 3)"
    assert cards["fig2"]["verdict"] == "not run"
    assert benchmark._tiles[fig2][1] is before[fig2][1]


class Resting:
    """A queue on an idle machine whose speed is measured."""

    limits = Limits()
    measured = 5000.0

    def machine(self):
        return Machine("cpu", "CPU, 2 cores, 4 GiB", [], "fp32")

    def measure(self, config, threads):
        return self.measured


@pytest.fixture
def offers(store, benchmark):
    live = Live(store, Resting())
    live.machine.result(5)
    return Offers(live, benchmark, costs.Costs(live))


def label(offers, name):
    return next(tile for tile in offers.scorecard("cpu")["tiles"] if tile["name"] == name)["offer"]["label"]


def test_an_undecided_tile_offers_the_seeds_of_the_next_look_and_is_judged_only_at_looks(store, benchmark, offers):
    noise = lambda config, epoch: 10 + Random(f"{config.method}{config.seed}").gauss(0, 3)  # noqa: E731
    write_cells(store, "table3", {0, 1}, noise)
    assert label(offers, "table3") == "Run 8 missing runs (about 1.6 min at the speed of these runs)"
    write_cells(store, "table3", {2}, noise)
    assert label(offers, "table3").startswith("Add 2 seeds (16 runs, about 3.2 min")

    def add(seeds):
        cells = get_preset("table3").cells("cpu", max(seeds) + 1)
        return [write_run(store, cell, noise) for cell in cells if cell.config.seed in seeds]

    add({3})
    assert label(offers, "table3").startswith("Add 2 seeds (8 runs")
    assert benchmark.place("table3", "cpu").seeds == 3
    for run_id in add({4}):
        store.update(run_id, threads=1)
    place = benchmark.place("table3", "cpu")
    assert (place.seeds, place.look) == (5, 8)
    one = tile("table3", benchmark.runs, "cpu")
    assert (one.n, one.total, one.share) == (5, 40, spent(20)[5] / 0.05)
    (adjusted,) = holm_adjusted([one])
    assert adjusted.alpha == pytest.approx(spent(20)[5])
    assert "16 runs" not in label(offers, "table3")
    assert label(offers, "table3").startswith("Add 3 seeds (24 runs, about")
    assert label(offers, "table3").endswith("here)")


def test_claims_of_a_file_are_a_tile_with_its_plan_and_what_is_wrong_is_one_sentence(offers):
    wanted = {
        "twice.toml": (CLAIMS + "x = 1", "twice.toml: unknown key contrast.0.x"),
        "deep.toml": ("a = " + "[" * 9000, "deep.toml is not TOML"),
        "empty.toml": (" ", "empty.toml is empty"),
        "many.toml": (CLAIMS.replace("margin = 0.5", "seeds = 251"), "many.toml plans 502 runs: at most 500 are"),
        "folder.toml": (CLAIMS.replace('"digits"', '"folder:/etc"'), "folder.toml: the page does not run claims"),
    }
    found = offers.claims(User("stranger"), {name: text for name, (text, _) in wanted.items()} | {"my.toml": CLAIMS})
    for name, (_, sentence) in wanted.items():
        assert found["problems"][name].startswith(sentence)
        assert len(found["problems"][name].splitlines()) == 1
    (own,) = found["tiles"]
    assert (own["claim"], own["verdictText"]) == ("Does LPWD beat WD at once?", "not run, at scale cpu")
    assert own["runs"] == "0 of 6 cells"
    while found["waiting"]:  # the speed is measured in the background
        found = offers.claims(User("stranger"), {"my.toml": CLAIMS})
    assert found["tiles"][0]["offer"]["label"].startswith("Start 6 runs (about ")
    model = {"my.toml": CLAIMS.replace('"test_convnext"', '"local-dir:/etc"')}
    assert "only the owner of this app can" in offers.claims(User("stranger"), model)["problems"]["my.toml"]
    with pytest.raises(ConfigError, match="7 claims files are open: at most 6"):
        offers.claims(HOST, {str(i): CLAIMS for i in range(7)})


def test_each_figure_says_what_its_own_runs_say_and_an_empty_one_is_marked(store, tmp_path):
    write_cells(store, "fig1", {0, 1}, lambda config, epoch: 10 + config.seed + (config.method == "lpwd"))
    said = {one["caption"]: one["said"] for one in figures(find(get_preset("fig1"), store, "cpu"))}
    swin = next(texts for caption, texts in said.items() if "Swin" in caption and caption.endswith("top-1 (%)"))
    loss = next(texts for caption, texts in said.items() if "Swin" in caption and caption.endswith("training loss"))
    assert swin[0].startswith("LPWD ")
    assert all("top-1" in text for text in swin)
    assert [("training loss" in text) for text in loss] == [True]
    assert said["Weight norm by layer and epoch, WD, one seed"] == []
    fig4 = figures(find(get_preset("fig4"), RunStore(tmp_path / "nothing"), "cpu"))
    assert [one["empty"] for one in fig4] == [True, True]
    assert "the paper’s: WD 73.88, LPWD 74.48" in fig4[0]["caption"]


def test_long_runs_and_many_ask_first(store):
    live = Live(store, Resting())
    live.machine.result(5)
    cell = get_preset("table3").cells("paper", 1)[0]
    images = work(cell.config).trained  # fewer if a part of the data set is in this machine's cache
    live.jobs.measured = images / 1000.0
    assert re.match(
        "This run takes about (17|18|19|20) min, by the speed measured now",
        costs.confirmation(live, [cell.config]),
    )
    live.jobs.measured = None
    assert f"{images:,} images in total, and no earlier run here shows" in costs.confirmation(live, [cell.config])
    small = [one.config for one in get_preset("table3").cells("cpu")]
    assert costs.confirmation(live, small[:1]) == ""
    write_run(store, get_preset("table3").cells("cpu")[0])
    store.update(small[0].run_id, seconds=300.0, threads=1)
    assert costs.confirmation(live, small[1:2]) == ""
    asked = costs.confirmation(live, small[1:])
    assert asked == "These 23 runs take about 1.9 h one after the other, as 1 finished run did here. Run them?"
    assert costs.confirmation(live, small[1:2], 1).startswith("This run (the first of them trains a start) takes about")


def test_unknown_presets_scales_and_cells_are_sentences(benchmark):
    for call in (("nope", "cpu", []), ("table3", "nope", []), ("table3", "cpu", ["x"])):
        with pytest.raises(ConfigError, match=r"x|allowed"):
            benchmark.cells(*call)
    with pytest.raises(ConfigError, match="allowed"):
        benchmark.cards("nope")


# ---- the page


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_missing_cells_are_run_by_clicks_and_the_tiles_follow(own_results_app, browser):
    filled = "document.querySelector('.lp-figures .lp-plot')?.data?.filter(t => t.type == 'heatmap').map(t => t.z)"
    seen = open_page(browser, f"{own_results_app.url}/?tab=benchmark")
    page = seen.page
    tile = page.locator(".lp-tile[data-name=table1]")
    tile.wait_for()
    assert "not run, at scale cpu" in tile.inner_text()
    tile.click()
    page.click("#lp-benchmark [data-act=all]:text('Run all missing (2)')")
    page.wait_for_selector("#lp-benchmark [data-f=status]:text('2 of 2 runs done')")
    assert page.is_hidden("#lp-benchmark [data-f=cell]")
    page.wait_for_selector(".lp-tile[data-name=table1][data-verdict=undecided]")
    assert "n = 1" in tile.inner_text()
    page.click("[data-name=offer-table1]:text-matches('Add 2 seeds .4 runs, about .* here')")
    page.wait_for_selector("#lp-benchmark [data-f=queued]:text('Queued: 4 runs.')")
    page.wait_for_function("document.querySelector('.lp-tile[data-name=table1]')?.textContent.includes('n = 3')")

    page.locator(".lp-tile[data-name=fig4]").click()
    page.click("#lp-benchmark summary:text('1 of 1 figure not run')")
    page.wait_for_function(f"{filled}?.length === 2")
    page.locator("[data-f=blanks] .scatterlayer .point").last.click(force=True)
    page.wait_for_selector("#lp-benchmark [data-f=told]:text('Queued: 1 run.')")
    page.wait_for_function(f"{filled}?.flat(2).some(v => v !== null)")
    assert page.evaluate(f"{filled}.flat(2).filter(v => v !== null).length") == 1
    assert page.evaluate(f"{filled}[1].flat().some(v => v !== null)")
    page.click("#lp-benchmark .lp-results a:text('seed 0')")
    page.wait_for_selector("#lp-panel h2:text('LPWD')")
    assert seen.hosts <= {"127.0.0.1"}
    assert [text for text in seen.errors if "ERR_ABORTED" not in text] == []


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_claims_are_chosen_started_and_judged_on_the_page_and_stay_over_a_reload(own_results_app, browser):
    seen = open_page(browser, f"{own_results_app.url}/?tab=benchmark")
    page, chosen = seen.page, "#lp-benchmark [data-f=claims-file]"
    page.locator(".lp-tile[data-name=table1]").wait_for()
    page.set_input_files(chosen, [{"name": "bad.toml", "mimeType": "", "buffer": b"question = 1"}])
    page.wait_for_selector("#lp-benchmark [data-f=refused]:text('bad.toml: ')")
    page.set_input_files(chosen, [{"name": "my.toml", "mimeType": "", "buffer": CLAIMS.encode()}])
    own = page.locator("[data-f=claims] > li")
    page.click("[data-f=claims] button:text-matches('Start 6 runs .about .* here')")
    page.wait_for_selector("[data-f=claims] .lp-tile:not([data-verdict='not run']):has-text('n = 3')")
    assert "6 of 6 cells: 6 own and 0 published runs" in own.inner_text()
    page.reload()
    own.get_by_text("Does LPWD beat WD at once?").wait_for()
    own.get_by_role("button", name="Remove my.toml").click()
    own.wait_for(state="detached")
    assert [text for text in seen.errors if "ERR_ABORTED" not in text] == []
