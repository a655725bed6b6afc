"""A newcomer's path: a decay of one's own in one file, on one's own images, from the command line and in the page."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from browser import CHROMIUM, open_page, owner_link, running_app
from own_images import encoded, pixels, write_folder
from PIL import Image
from waiting import wait_until

from lpwd.store import RunStore

ROOT = Path(__file__).parent.parent
PLUGIN = ROOT / "examples" / "plugin_decay.py"


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """PNG files of two sizes, some of them grey."""
    folder = write_folder(tmp_path_factory.mktemp("images") / "pets", count=20, size=(32, 40))
    for place, name in enumerate(("cat", "dog")):
        for i in range(10):
            grey = Image.fromarray((pixels(24, 24, high=100) + 100 * place).astype("uint8"))
            (folder / name / f"grey{i}.png").write_bytes(encoded(grey))
    return folder


def test_twenty_lines_and_one_command_give_a_verdict_with_n_and_interval(images, tmp_path):
    assert len(PLUGIN.read_text().splitlines()) < 30  # docstring and formula included
    command = [sys.executable, "-m", "lpwd", "race", "--plugin", PLUGIN, "--method", "wd", "--method", "steep"]
    command += ["--dataset", f"folder:{images}", "--model", "test_convnext", "--batch-size", "16", "--epochs", "2"]
    command += ["--seeds", "3", "--device", "cpu", "--runs-dir", tmp_path / "runs"]
    environment = os.environ | {"HF_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        list(map(str, command)), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [result["state"] for result in results] == ["finished"] * 6
    verdict = done.stderr.strip().splitlines()[-1]
    assert "Steep minus WD" in verdict or "WD and Steep" in verdict
    assert "95% interval" in verdict
    assert "n = 3" in verdict


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.long
def test_the_page_shows_a_plugins_method_as_a_chip_and_trains_it_on_a_folder(images, tmp_path, browser):
    with running_app(tmp_path / "runs", LPWD_PLUGINS=str(PLUGIN)) as app:
        page = open_page(browser, owner_link(app)).page
        page.get_by_role("tab", name="Train").click()
        for name, value in (("dataset", f"folder:{images}"), ("model", "test_convnext")):
            field = page.locator(f"#lp-{name} input")
            field.click()
            field.fill(value)
            field.press("Enter")
        chip = page.locator("#lp-methods label", has_text="Steep")
        assert chip.evaluate("label => getComputedStyle(label).getPropertyValue('--lane').trim()") == "#CC3311"
        chip.click()
        page.locator("#lp-methods label", has_text="PWD, and deep").click()  # LPWD takes no part
        page.get_by_text("More settings").first.click()
        for name, value in (("epochs", "2"), ("batch_size", "16")):
            page.locator(f"#lp-{name} :is(input, textarea)").first.fill(value)
        page.locator("#lp-seeds input").click()
        page.get_by_role("option", name="2", exact=True).click()
        page.wait_for_function("document.querySelector('#lp-plan')?.textContent.includes('48 training and 12 test')")
        page.locator("#lp-start").click()
        store = RunStore(tmp_path / "runs")
        wait_until(lambda: [run.status.state for run in store.records()] == ["finished"] * 4)
        page.wait_for_function("document.querySelector('#lp-panel')?.textContent.includes('n = 2')")
        assert "Steep − WD" in page.locator("#lp-panel").inner_text()
        assert {len(run.config.data_digest) for run in store.records()} == {16}
