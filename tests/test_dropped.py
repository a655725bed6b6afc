"""Files that are dropped on the Runs tab: the sentences of `lpwd compare`, within limits, kept by the browser alone."""

import base64
import gzip
import json
import sqlite3
from pathlib import Path

import pandas as pd
import pytest
from browser import CHROMIUM, JSON, open_page, posted

from lpwd.analysis import dropped

EXPORTS = Path(__file__).parent / "data/exports"
SAID = "LPWD is higher than WD in test_top1: +2.20 points, 95% interval +0.89 to +3.51 (n = 5, seeds 0 to 4)."


def ask(app, files, **chosen):
    """The app's answer to these files, contents by name."""
    contents = {name: base64.b64encode(content).decode() for name, content in files.items()}
    return posted(app, "/lpwd/dropped", json.dumps({"files": contents, **chosen}), content_type=JSON).json()


@pytest.mark.parametrize("names", [["mlflow.csv"], ["tensorboard"], ["trackio.parquet", "trackio_configs.parquet"], []])
def test_a_dropped_export_says_what_the_command_line_says_and_so_does_the_table_that_the_page_keeps(app, names):
    paths = [path for name in names for path in ([EXPORTS / name] if "." in name else (EXPORTS / name).iterdir())]
    files = {path.name: path.read_bytes() for path in paths}
    answer = ask(app, files or {"trackio.db": gzip.decompress((EXPORTS / "trackio.db.gz").read_bytes())})
    assert (answer["problem"], answer["refused"], answer["sentences"], answer["runs"]) == ("", "", [SAID], 10)
    assert answer["chosen"]["margin"] == 0.15
    again = ask(app, {"kept.csv": answer["csv"].encode()}, **answer["chosen"])
    assert again["sentences"] == [SAID]


def test_columns_can_be_chosen_and_runs_without_seeds_are_not_paired(app):
    answer = ask(app, {"mlflow.csv": (EXPORTS / "mlflow.csv").read_bytes()}, seed="", margin=5.0)
    assert "not paired, Welch" in answer["sentences"][0]
    assert answer["chosen"] | {"method": "", "value": ""} == {"method": "", "seed": "", "value": "", "margin": 5.0}
    frame = pd.DataFrame({"who": ["a", "b"] * 3, "s": [0, 0, 1, 1, 2, 2], "speed": [1, 2, 1.1, 2.1, 1.2, 2.3]})
    unclear = ask(app, {"mine.csv": frame.to_csv(index=False).encode()})
    assert unclear["refused"].startswith("could not determine the method column")
    assert unclear["columns"] == {"method": ["who", "s", "speed"], "seed": ["s", "speed"], "value": ["s", "speed"]}
    found = ask(app, {"mine.csv": unclear["csv"].encode()}, method="who", seed="s", value="speed", margin=0.1)
    assert found["sentences"][0].startswith("b is higher than a in speed: +1.033")


ENDLESS = """
CREATE VIEW metrics AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)
  SELECT n id, 'a' run_id, 'b' run_name, n step, '{}' metrics FROM r;
CREATE TABLE configs (run_id, config);
"""


def endless(path):
    """A Trackio project whose table of metrics never ends."""
    base = sqlite3.connect(path)
    base.executescript(ENDLESS)
    base.close()
    return path.read_bytes()


def test_what_a_stranger_may_drop_is_read_within_limits_and_refused_in_one_sentence(app, tmp_path, monkeypatch):
    garbage = b"\x00\xff no table" * 20
    wide = pd.DataFrame([range(400), range(400)]).to_csv(index=False).encode()
    refused = {
        "x.db could not be read: file is not a database": {"x.db": garbage},
        "x.parquet could not be read: Could not open Parquet input source 'x.parquet'": {"../../x.parquet": garbage},
        "The table has 400 columns: at most 300": {"x.csv": wide},
        "no files to compare": {"x_configs.parquet": garbage},
        "invalid file name 'a/..'": {"a/..": b"1"},
        "0 files were uploaded": {},
        "x.db could not be read: not a Trackio project": {"x.db": endless(tmp_path / "x.db")},
    }
    for sentence, files in refused.items():
        answer = ask(app, files)
        assert answer["problem"].startswith(sentence), answer
        assert len(answer["problem"].splitlines()) == 1
        assert str(tmp_path.parent) not in answer["problem"]
    assert posted(app, "/lpwd/dropped", '{"files": {"x": "?"}}', content_type=JSON).json()["problem"] == (
        "a file is not in base64"
    )
    monkeypatch.setattr(dropped, "SECONDS", 0.0)
    assert ask(app, {"x.csv": b"a,b"})["problem"] == "The file takes more than 0 s to read."


def test_a_dropped_file_names_nothing_of_the_servers_disk(app, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("method,seed,acc\nsecret,0,1\nother,0,2\n", encoding="utf-8")
    for name in (str(secret), f"../../../..{secret}", "secret.csv"):
        assert "secret" not in json.dumps(ask(app, {name: b"method,acc\na,1\n"}) | {"csv": ""}).replace(
            "secret.csv", ""
        )


DROP = """([name, text]) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([text], name));
  const tab = document.querySelector(".lp-runs");
  for (const type of ["dragover", "drop"]) tab.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true }));
}"""


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_a_file_is_dropped_read_by_other_columns_kept_over_a_reload_and_removed(app, browser):
    seen = open_page(browser, f"{app.url}/?tab=runs")
    page = seen.page
    page.wait_for_selector("#lp-runs tbody tr")
    page.evaluate(DROP, ["mlflow.csv", (EXPORTS / "mlflow.csv").read_text(encoding="utf-8")])
    said = "#lp-runs [data-f=said] li"
    page.wait_for_selector(f"{said}:text('{SAID}')")
    assert page.inner_text("#lp-runs [data-f=kept]") == "10 runs · in this browser only · never published"
    page.wait_for_function("document.querySelectorAll('.lp-imported .main-svg').length >= 2")
    page.select_option("#lp-runs [data-c=seed]", "")
    page.wait_for_selector(f"{said}:text('not paired, Welch')")
    page.reload()
    page.wait_for_selector(f"{said}:text('not paired, Welch')")
    assert page.inner_text("#lp-runs [data-f=file]") == "mlflow.csv"
    page.set_input_files("#lp-runs [data-f=files]", [{"name": "x.db", "mimeType": "", "buffer": b"no table"}])
    page.wait_for_selector("#lp-runs [data-f=refused]:text('x.db could not be read')")
    assert page.is_visible(said)  # what was there stays
    page.click("#lp-runs [data-act=forget]")
    assert page.is_hidden("#lp-runs [data-f=imported]")
    page.reload()
    page.wait_for_selector("#lp-runs tbody tr")
    assert page.is_hidden("#lp-runs [data-f=imported]")
    assert seen.hosts <= {"127.0.0.1", ""}
    assert [text for text in seen.errors if "ERR_ABORTED" not in text] == []
